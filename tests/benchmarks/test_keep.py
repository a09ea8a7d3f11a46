import json
import sys

import pytest

from benchmarks.pages import keep
from fluorojax.cli import main as cli
from fluorojax.core.errors import InputError
from fluorojax.evaluation.probabilities import THRESHOLDS
from tests.compare.constructed import one_label_and_two, write_sweep


@pytest.fixture
def grid(tmp_path):
    """A grid of three methods, one of them with one label, as it stands on a machine."""
    root = tmp_path / "grid"
    for folder in one_label_and_two(root):
        write_sweep(folder, 0.6, "instruments" if "single" in folder.name else "wire")
        (folder / "evaluation" / "test" / "maps").mkdir()
        (folder / "evaluation" / "test" / "maps" / "other.png").write_bytes(b"picture")
        (folder / "evaluation" / "validation").mkdir()
        (folder / "evaluation" / "validation" / THRESHOLDS).write_text("alone")
        (folder / "export").mkdir()
        path = folder / "config.json"
        record = json.loads(path.read_text())
        record["config"]["data"] |= {"built_dir": "/home/someone/built data", "dir": "../frames"}
        record["config"]["init_from"] = "/home/someone/runs/joint/export"
        record["config"]["simulation"] = {"quanta": [300.0, 3000.0], "names": ["/home/someone/x"]}
        record["machine"] = {"cores": 2, "xla_flags": "--xla_dump_to=/home/someone/dump --xla_b=1"}
        path.write_text(json.dumps(record))
        folder.with_name(folder.name + ".log").write_text("printed")
    (root / "benchmark.json").write_text("{}")
    (root / "comparison").mkdir()
    return root


def compared(folders, out):
    cli.main(["compare", *map(str, folders), "--baseline", "multi", "--out", str(out)])
    # The page names the folders of the runs, and contents.json has its checksum.
    same = (p for p in out.iterdir() if p.suffix != ".html" and p.name != "contents.json")
    return {p.name: p.read_bytes() for p in same}


def test_what_is_kept_gives_the_same_tables_and_plots_to_the_byte(grid, tmp_path, capsys):
    assert keep.keep(grid, tmp_path / "kept") == 6
    theirs = compared(sorted(grid.iterdir()), tmp_path / "of-grid")
    assert "left out, no runs: benchmark.json, comparison," in capsys.readouterr().out
    ours = compared(sorted((tmp_path / "kept").iterdir()), tmp_path / "of-kept")
    assert "left out, no runs" not in capsys.readouterr().out
    assert ours == theirs
    assert {"table.csv", "patients.csv", "thresholds.png"} < set(ours)
    assert "a run has no maps/ beside its scores" in (tmp_path / "of-kept/report.html").read_text()


def test_scores_are_kept_and_nothing_else(grid, tmp_path):
    out = tmp_path / "kept"
    keep.keep(grid, out)
    scores = {f"evaluation/test/{name}" for name in (*keep.NEEDED, THRESHOLDS)}
    one = {f"evaluation/test/{keep.ONE_LABEL_CASES}"}
    for run in out.iterdir():
        found = {str(p.relative_to(run)) for p in run.rglob("*") if p.is_file()}
        assert found == {"config.json"} | scores | (set() if "single" in run.name else one)


def test_scores_of_presence_are_kept(grid, tmp_path):
    (grid / "multi-seed0/evaluation/test/presence.csv").write_text("case,patient\n")
    keep.keep(grid, tmp_path / "kept")
    kept = tmp_path / "kept/multi-seed0/evaluation/test/presence.csv"
    assert kept.read_text() == "case,patient\n"


def test_no_path_of_the_machine_is_kept(grid, tmp_path):
    out = tmp_path / "kept"
    keep.keep(grid, out)
    record = json.loads((out / "joint-seed0" / "config.json").read_text())
    assert record["config"]["data"] == {
        "train_share": 1.0,
        "built_dir": "built data",
        "dir": "../frames",
    }
    assert record["config"]["init_from"] == "export"
    assert record["config"]["simulation"] == {"quanta": [300.0, 3000.0], "names": ["x"]}
    assert record["machine"] == {"cores": 2, "xla_flags": "--xla_dump_to=dump --xla_b=1"}
    assert not any("someone" in p.read_text() for p in out.rglob("*") if p.is_file())


def test_every_split_that_is_scored_is_kept(grid, tmp_path):
    for run in grid.glob("*-seed*/"):
        test = run / "evaluation" / "test"
        for name in keep.NEEDED:
            target = test.with_name("counter") / name
            target.parent.mkdir(exist_ok=True)
            target.write_bytes((test / name).read_bytes())
    keep.keep(grid, tmp_path / "kept")
    counter = {p.name for p in (tmp_path / "kept/multi-seed0/evaluation/counter").iterdir()}
    assert counter == set(keep.NEEDED)


def test_an_unfinished_run_is_refused_by_name_and_nothing_is_copied(grid, tmp_path):
    (grid / "joint-seed1" / "evaluation" / "test" / "cases.csv").unlink()
    with pytest.raises(InputError, match=r"joint-seed1 has no evaluation.*finish it"):
        keep.keep(grid, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_a_folder_with_something_in_it_is_left_alone(grid, tmp_path, monkeypatch):
    (tmp_path / "mine.txt").write_text("mine")
    monkeypatch.setattr(sys, "argv", ["keep", str(grid), "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match="is not empty"):
        keep.main()


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no run"):
        keep.keep(tmp_path, tmp_path / "kept")
