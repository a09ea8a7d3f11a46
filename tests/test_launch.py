import pytest

import launch


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


def test_all_that_is_wrong_with_the_fields_is_said_at_once(capsys):
    fields = ["--config.training.steps=0", "--config.training.batch_size=0"]
    assert status_of(["--config=configs/joint.py", *fields]) == 2
    printed = capsys.readouterr().err
    assert "training.steps is 0" in printed
    assert "training.batch_size is 0" in printed
