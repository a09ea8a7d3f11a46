import subprocess
import sys


def test_train_refuses_an_unknown_field_in_one_line():
    command = [sys.executable, "-m", "fluorojax", "train", "joint", "--config.training.step=3"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        "error: --config.training.step: unknown field 'training.step'; "
        "did you mean 'training.steps'?\n"
    )
