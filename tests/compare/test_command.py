import csv

import pytest

from fluorojax.cli import main as cli
from tests.compare.constructed import PATIENTS, rows_of, write_run


def test_the_command_writes_tables_and_a_plot(folders, tmp_path, capsys):
    out = tmp_path / "out"
    cli.main(["compare", *map(str, folders), "--baseline", "multi", "--out", str(out)])
    assert {p.name for p in out.iterdir()} == {
        *("table.csv", "table.md", "table.tex", "patients.csv", "report.html", "contents.json"),
        *("differences.png", "differences.pdf"),
        *("paired.png", "paired.pdf", "cases.png", "cases.pdf"),
    }
    with (out / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    whole = [row for row in rows if row["metric"] == "cldice" and not row["stratum"]]
    assert [row["method"] for row in whole] == ["multi", "joint"]
    assert whole[0]["difference"] == ""
    assert float(whole[1]["difference"]) == pytest.approx(0.1, abs=0.01)
    with (out / "patients.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 2 * 3 * PATIENTS
    assert "Both empty" in (out / "table.md").read_text()
    printed = capsys.readouterr().out
    assert "clDice, over" in printed  # the stratum goes on in the next line of its cell
    assert "paired permutation" in printed


def test_runs_that_were_trained_otherwise_need_a_word_and_the_first_line_says_so(
    folders, tmp_path, capsys
):
    other = write_run(tmp_path, "third", 0, rows_of(0.0, 1), config={"training": {"steps": 99}})
    given = ["compare", str(folders[0]), str(other), "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit):
        cli.main(given)
    assert "training.steps is 99" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()
    cli.main([*given, "--allow-different"])
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith("warning: These runs differ in more than method and seed")
    assert "99 (third)" in printed
