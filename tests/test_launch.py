import pytest

import fluorojax.launch
import launch
from fluorojax.configs import joint
from fluorojax.core.errors import InputError
from fluorojax.launch import no_gpu


def status_of(arguments):
    with pytest.raises(SystemExit) as left:
        launch.main(arguments)
    return left.value.code


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config=configs/jont.py"], "did you mean 'configs/joint.py'?"),
        (["--config", "configs/joint.py:quik"], "unknown variant 'quik'"),
        (["--config=configs/joint.py", "--config.seeds=1"], "did you mean 'seed'?"),
        (["--config=configs/joint.py", "--workdi=x"], "--workdi is no option"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_status_two(arguments, message, capsys):
    assert status_of(arguments) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


def test_a_size_for_a_gpu_is_told_its_small_one():
    assert no_gpu("joint").endswith("the small size is --config=configs/joint.py:quick")
    assert no_gpu("own").endswith(
        "--config=configs/own.py:VARIANT-quick, such as own:regions-quick"
    )


def test_the_warning_comes_before_anything_is_built(tmp_path, monkeypatch, capsys):
    from fluorojax.core import environment, parallel
    from fluorojax.datasets import source

    def stop(*_):
        raise InputError("built")

    called = []
    monkeypatch.setattr(environment, "prepare", lambda *_: called.append("prepare"))
    monkeypatch.setattr(environment, "keep_compiled", lambda: called.append("keep_compiled"))
    monkeypatch.setattr(parallel, "has_accelerator", lambda: False)
    monkeypatch.setattr(source, "open_dataset", stop)
    with pytest.raises(InputError, match="built"):
        fluorojax.launch.launch(joint.get_config(), tmp_path / "run")
    assert "meant for a GPU, and there is none" in capsys.readouterr().out
    assert called == ["prepare", "keep_compiled"]


def test_all_that_is_wrong_with_the_fields_is_said_at_once(capsys):
    fields = ["--config.training.steps=0", "--config.training.batch_size=0"]
    assert status_of(["--config=configs/joint.py", *fields]) == 2
    printed = capsys.readouterr().err
    assert "training.steps is 0" in printed
    assert "training.batch_size is 0" in printed
