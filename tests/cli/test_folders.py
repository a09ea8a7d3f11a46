import pytest

from fluorojax.cli import main as cli
from fluorojax.core.errors import InputError
from fluorojax.data.folder import read_folder
from fluorojax.datasets.source import open_folder
from fluorojax.training import setup
from tests.data.test_nnunet import write_raw
from tests.folders import edit_csv, write_folder


def test_check_says_what_is_in_a_folder(tmp_path, capsys):
    cli.main(["check", str(write_folder(tmp_path / "frames")), "--no-trial"])
    assert "toy" in capsys.readouterr().out


def test_init_and_check_end_in_a_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FLUOROJAX_SALT", "salt")
    folder = write_folder(tmp_path / "frames", size=160)
    for name in ("dataset.json", "cases.csv"):
        (folder / name).unlink()
    cli.main(["init", str(folder)])
    told = capsys.readouterr().out
    assert "relation: class_2 comes out of class_1" in told
    assert f"fluorojax check {folder}" in told
    page = tmp_path / "page.html"
    cli.main(["check", str(folder), "--no-trial", "--page", str(page)])
    told = capsys.readouterr().out
    command = next(line for line in told.splitlines() if line.startswith("  fluorojax train own:"))
    assert f"--config.data.dir={folder}" in command
    assert "own:relation-quick" in command
    assert page.read_text().startswith("<!doctype html>")


def test_a_folder_for_evaluation_alone_is_fine(tmp_path, capsys):
    folder = write_folder(tmp_path / "frames")
    edit_csv(folder / "cases.csv", lambda rows: [r | {"split": "test"} for r in rows])
    cli.main(["check", str(folder)])
    told = capsys.readouterr().out
    assert "for evaluation alone" in told
    assert "has no pixel in any case of train" not in told
    assert "fluorojax train" not in told
    with pytest.raises(InputError, match=r"toy: all 10 frames are of the split test"):
        setup.check_splits(open_folder(folder, "cases.csv", tmp_path / "built"))


def test_prepare_builds_the_data_set_once(tmp_path, capsys):
    folder = write_folder(tmp_path / "frames")
    for _ in range(2):
        cli.main(["prepare", str(folder), "--built-dir", str(tmp_path / "built")])
    assert capsys.readouterr().out.count("toy is built") == 2
    assert len(list((tmp_path / "built/xray_folder").iterdir())) == 1


def test_prepare_writes_for_other_tools(tmp_path, capsys):
    folder = str(write_folder(tmp_path / "frames", cases=5))
    raw, coco = str(tmp_path / "Dataset501_toy"), str(tmp_path / "coco")
    cli.main(["prepare", folder, "--to-nnunet", raw, "--to-coco", coco])
    out = " ".join(capsys.readouterr().out.split())
    assert "nnU-Net: 5 cases" in out
    assert "COCO: 5 cases" in out
    for written in (raw, coco):
        assert [case.case for case in read_folder(written).cases] == [f"c{n}" for n in range(5)]
    with pytest.raises(SystemExit):
        cli.main(["prepare", folder, "--to-coco", str(tmp_path / "frames")])


def test_prepare_builds_a_raw_folder_and_says_what_it_guessed(tmp_path, capsys):
    raw = write_raw(tmp_path / "Dataset501_toy", cases=5)
    cli.main(["prepare", str(raw), "--built-dir", str(tmp_path / "built")])
    out = " ".join(capsys.readouterr().out.split())
    assert "note: class wire is taken for a curve" in out
    assert "Dataset501_toy is built" in out


def test_what_the_user_wrote_is_no_markup(tmp_path, capsys):
    folder = write_folder(tmp_path / "frames")
    edit_csv(folder / "cases.csv", lambda rows: rows[0].update(patient="[/red] 1"))
    edit_csv(folder / "cases.csv", lambda rows: rows[4].update(patient="[/RED] 01"))
    cli.main(["check", str(folder), "--no-trial"])
    assert "'[/red] 1'" in " ".join(capsys.readouterr().out.replace("│", " ").split())
    cli.main(["prepare", str(folder), "--built-dir", str(tmp_path / "built")])
    assert "note: patients '[/red] 1' (train, case c0) and '[/RED] 01'" in capsys.readouterr().out
