from fluorojax.cli import main as cli
from tests.folders import write_folder


def test_check_says_what_is_in_a_folder(tmp_path, capsys):
    cli.main(["check", str(write_folder(tmp_path / "frames"))])
    assert "toy" in capsys.readouterr().out


def test_prepare_builds_the_data_set_once(tmp_path, capsys):
    folder = write_folder(tmp_path / "frames")
    for _ in range(2):
        cli.main(["prepare", str(folder), "--built-dir", str(tmp_path / "built")])
    assert capsys.readouterr().out.count("toy is built") == 2
    assert len(list((tmp_path / "built/xray_folder").iterdir())) == 1
