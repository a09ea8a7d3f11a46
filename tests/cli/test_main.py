import pytest

import fluorojax
from fluorojax.cli import main as cli
from fluorojax.config.procedures import PROCEDURES
from fluorojax.core.errors import InputError


@pytest.mark.parametrize(
    "command",
    [
        *("check", "prepare", "train", "predict", "measure", "evaluate", "compare", "benchmark"),
        *("simulate", "export", "reproduce", "init", "latency", "report-bug"),
    ],
)
def test_every_command_has_help_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main([command, "--help"])
    assert left.value.code == 0
    assert f"example: fluorojax {command} " in capsys.readouterr().out


def test_what_the_user_can_mend_is_one_message_and_status_two(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["predict", str(tmp_path), "x.png", "--out", str(tmp_path)])
    assert left.value.code == 2
    assert "manifest.json does not exist" in capsys.readouterr().err


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"fluorojax {fluorojax.__version__}\n"


def test_only_train_takes_fields_of_a_configuration(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["check", "frames", "--config.seed=1"])
    assert left.value.code == 2
    assert "unrecognized arguments: --config.seed=1" in capsys.readouterr().err


def test_fields_of_the_simulation_can_be_set():
    spec = cli.changed("carm", 64, ["quanta=300,900", "lead_rate=1"])
    assert (spec.height, spec.width) == (64, 64)
    assert spec.quanta == (300.0, 900.0)
    assert spec.lead_rate == 1.0
    assert spec.pin_rate == PROCEDURES["carm"].spec.pin_rate
    assert cli.changed("knee", 64, ["lucency_mm=1,2"]).lucency_mm == (1.0, 2.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("quants=3,4", "did you mean 'quanta'"),
        ("quanta=many", "write numbers"),
        ("quanta=0,300", "must lie in 10 to"),
        ("quanta=300", "write two numbers|two numbers, low and high"),
    ],
)
def test_a_field_that_cannot_be_set_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        cli.changed("ercp", 64, [text])


def test_each_procedure_has_its_own_fields():
    with pytest.raises(InputError, match="no field 'wire_diameter_mm'"):
        cli.changed("knee", 64, ["wire_diameter_mm=1,2"])


@pytest.mark.slow
def test_simulate_writes_frames_and_galleries(tmp_path, capsys):
    out = tmp_path / "gallery"
    cli.main(["simulate", "--n", "2", "--frames", "2", "--side", "48", "--out", str(out)])
    assert {p.name for p in out.iterdir()} == {
        *("images", "masks", "cases.csv", "dataset.json", "truth.json"),
        *("gallery.png", "gallery_labels.png", "contents.json"),
    }
    assert "gallery.png" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["simulate", "--n", "0", "--out", str(tmp_path / "none")])
    assert not (tmp_path / "none").exists()
