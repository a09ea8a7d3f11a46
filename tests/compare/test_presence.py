import csv
import json
import math
from html import unescape

import pytest

from fluorojax.cli import main as cli
from fluorojax.compare import compare, read_runs, write_comparison
from fluorojax.compare.presence import COLUMNS, HEAD, presence_rows
from tests.compare.constructed import one_label_and_two, rows_of, without_a_wire, write_run

RATES = {"multi": (0.5, 0.75), "joint": (0.0, 0.25)}
AREAS = {"multi": (0.6, 0.8), "joint": (0.9, 1.0)}


def edit(folder, change):
    path = folder / "evaluation" / "test" / "summary.json"
    summary = json.loads(path.read_text())
    change(summary)
    path.write_text(json.dumps(summary))


def with_area(area):
    def change(summary):
        interval = {"auroc_interval": [0.5, 1.0], "false_alarms_at_95": 0.5}
        of = {"auroc": area, **interval, "with": 12, "without": 4}
        summary["presence"] = {"wire": of}

    return change


def before_there_was_a_rate(summary):
    summary.pop("presence", None)
    for of in summary["classes"].values():
        del of["false_alarm_rate"], of["without"]


@pytest.fixture
def runs(tmp_path):
    """Two methods, two seeds each; four of sixteen frames show no wire, some invent one."""
    folders = []
    for method, rates in RATES.items():
        for seed, rate in enumerate(rates):
            rows = without_a_wire(rows_of(0.0, seed), 2, found=False)
            alarms = iter([True] * int(4 * rate) + [False] * 4)
            rows = [
                r | {"status": "false_alarm", "cldice": 0.0, "length_error": 12.0}
                if r["status"] == "both_empty" and next(alarms)
                else r
                for r in rows
            ]
            folders.append(write_run(tmp_path / "runs", method, seed, rows))
            edit(folders[-1], with_area(AREAS[method][seed]))
    return folders


def test_areas_and_rates_are_means_with_their_spread_over_seeds(runs):
    multi, joint = presence_rows(read_runs(runs, "test"))
    assert (multi.class_name, multi.method, multi.seeds) == ("wire", "multi", 2)
    assert multi.auroc == pytest.approx((0.7, 0.2 / math.sqrt(2)))
    assert multi.false_alarm_rate == pytest.approx((0.625, 0.25 / math.sqrt(2)))
    assert joint.cells == ("wire", "joint", "0.950 ± 0.071", "0.125 ± 0.177", "12", "4")


def test_one_seed_has_no_spread(runs):
    multi, _ = presence_rows(read_runs([runs[0], runs[2]], "test"))
    assert multi.cells == ("wire", "multi", "0.600", "0.500", "12", "4")


def test_a_method_of_which_a_seed_has_no_score_has_no_mean(runs):
    edit(runs[3], lambda summary: summary.pop("presence"))
    multi, joint = presence_rows(read_runs(runs, "test"))
    assert multi.auroc.mean == pytest.approx(0.7)
    assert joint.cells == ("wire", "joint", "–", "0.125 ± 0.177", "12", "4")


def written(folders, out):
    runs = read_runs(folders, "test")
    page = write_comparison(compare(runs, "multi"), runs, "multi", out)
    return unescape(page.read_text("utf-8")), {p.name for p in out.iterdir()}


def test_runs_from_before_show_nothing(runs, tmp_path):
    for folder in runs:
        edit(folder, before_there_was_a_rate)
    words, files = written(runs, tmp_path / "out")
    assert "Is it there?" not in words
    assert "presence.csv" not in files
    for name in ("table.md", "table.tex"):
        assert "AUROC" not in (tmp_path / "out" / name).read_text("utf-8")


def test_beside_them_a_newer_run_is_shown(runs):
    for folder in runs[:2]:
        edit(folder, before_there_was_a_rate)
    multi, joint = presence_rows(read_runs(runs, "test"))
    assert multi.cells == ("wire", "multi", "–", "0.625 ± 0.177", "12", "4")
    assert joint.auroc.mean == pytest.approx(0.95)


def test_a_class_that_every_frame_shows_has_no_row(folders):
    assert presence_rows(read_runs(folders, "test")) == []


def test_a_class_that_methods_do_not_share_has_no_row_of_the_others(tmp_path):
    folders = one_label_and_two(tmp_path)
    empty = without_a_wire(rows_of(0.0, 0, "instruments"), 2, found=True)
    for seed in range(2):
        write_run(tmp_path, "single", seed, empty)
        for method in ("multi", "joint"):
            write_run(tmp_path, method, seed, rows_of(0.0, seed), as_one=empty)
    found = [row.cells[:4] for row in presence_rows(read_runs(folders, "test"))]
    assert found == [
        ("instruments", method, "–", "1.000 ± 0.000") for method in ("single", "multi", "joint")
    ]


def test_tables_and_page_show_them(runs, tmp_path):
    words, files = written(runs, tmp_path / "out")
    shown = ("0.950 ± 0.071", "0.125 ± 0.177", "Is it there?", *HEAD)
    assert [part for part in shown if part not in words] == []
    assert "presence.csv" in files
    with (tmp_path / "out" / "presence.csv").open(newline="") as file:
        multi, joint = csv.DictReader(file)
    assert tuple(multi) == COLUMNS
    assert (multi["method"], joint["with"], joint["without"]) == ("multi", "12", "4")
    assert float(joint["auroc"]) == pytest.approx(0.95)
    assert float(multi["false_alarm_rate_std"]) == pytest.approx(0.25 / math.sqrt(2))
    line = "| wire | joint | 0.950 ± 0.071 | 0.125 ± 0.177 | 12 | 4 |"
    assert line in (tmp_path / "out" / "table.md").read_text("utf-8").splitlines()
    tex = (tmp_path / "out" / "table.tex").read_text("utf-8")
    assert r"wire & joint & 0.950 $\pm$ 0.071 & 0.125 $\pm$ 0.177 & 12 & 4 \\" in tex
    assert tex.count(r"\begin{tabular}") == tex.count(r"\bottomrule") == 2


def test_an_empty_cell_does_not_apply(runs, tmp_path):
    edit(runs[3], lambda summary: summary.pop("presence"))
    written(runs, tmp_path / "out")
    last = (tmp_path / "out" / "presence.csv").read_text().splitlines()[-1]
    assert last.startswith("wire,joint,2,,,0.125,0.17677")


def test_the_command_prints_them(runs, tmp_path, capsys):
    cli.main(["compare", *map(str, runs), "--baseline", "multi", "--out", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    (line,) = (line for line in printed.split("Is it there?")[1].splitlines() if "joint" in line)
    assert "0.950 ± 0.071" in line
    assert "0.125 ± 0.177" in line
