import pytest

from fluorojax.cli import main as cli
from fluorojax.cli.comparison import whole_numbers
from fluorojax.core.errors import InputError


def test_seeds_are_whole_numbers():
    assert whole_numbers("--seeds", "3,0") == [3, 0]
    with pytest.raises(InputError, match="--seeds 0,x"):
        whole_numbers("--seeds", "0,x")


def test_a_field_that_is_not_there_is_refused_before_a_run_starts(tmp_path, capsys):
    given = ["--configs=joint:quick,multi:quick", "--set=training.step=3"]
    with pytest.raises(SystemExit) as left:
        cli.main(["benchmark", *given, f"--workdir={tmp_path / 'grid'}"])
    assert left.value.code == 2
    assert "did you mean 'training.steps'?" in capsys.readouterr().err
    assert not (tmp_path / "grid").exists()
