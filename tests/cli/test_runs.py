import subprocess
import sys

import fluorojax.launch
from fluorojax.cli import main as cli


def test_train_refuses_an_unknown_field_in_one_line():
    command = [sys.executable, "-m", "fluorojax", "train", "joint", "--config.training.step=3"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        "error: --config.training.step: unknown field 'training.step'; "
        "did you mean 'training.steps'?\n"
    )


def test_train_says_by_which_command_without_a_path(monkeypatch):
    given = []
    monkeypatch.setattr(fluorojax.launch, "launch", lambda *arguments: given.append(arguments))
    cli.main(["train", "own:regions-quick", "--config.data.dir=/home/me/ward", "--workdir=runs/x"])
    ((config, _, _, command),) = given
    assert config.data.dir == "/home/me/ward"
    assert command == "python launch.py --config=configs/own.py:regions-quick --config.data.dir=..."
