"""The tables, and the page that they stand in: `benchmarks/{page,tables,kept}.py`."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.pages import page, tables
from benchmarks.pages.kept import NotKeptError, Results
from fluorojax.compare import compare, read_runs
from fluorojax.configs import base
from fluorojax.core.errors import InputError
from tests.compare.constructed import rows_of, write_run

ROOT = Path(__file__).parents[2]
UNION = "instruments"
SHIFTS = {"multi": 0.05, "separate": 0.1, "joint": 0.2}  # of the wire's clDice
RECORD = {
    "machine": {"cores": 2, "processor": "a processor"},
    "devices": ["cpu:0"],
    "versions": {"jax": "1.2"},
}
PAGE = "By hand.\n\n<!-- table: main -->\nold\n<!-- end -->\n\nMore.\n"


def rows(shift, seed):
    """Rows of both classes; in each second frame nothing is left of the wire but a false alarm."""
    wires = [
        row | {"betti0_error": 1.0 - shift, "attachment": 0.5 + shift, "tip_error": 9.0 - shift}
        for row in rows_of(shift, seed, tables.WIRE)
    ]
    for row in wires[::4]:
        row["status"] = "false_alarm" if shift < 0.2 else "both_empty"
        row["cldice"] = 0.0 if shift < 0.2 else None
    return [*region(rows_of(0.0, seed, tables.SCOPE)), *wires]


def region(of_curve):
    return [row | {"kind": "region", "dice": row["cldice"], "cldice": None} for row in of_curve]


def write(root, method, seed, shift=None, **about):
    shift = SHIFTS.get(method, 0.0) if shift is None else shift
    union = region(rows_of(shift, seed, UNION))
    if method == "single":
        folder = write_run(root, method, seed, union, **about)
    else:
        folder = write_run(root, method, seed, rows(shift, seed), as_one=union, **about)
    path = folder / "config.json"
    record = json.loads(path.read_text()) | RECORD
    record["config"] = base.get_config("quick").to_dict() | record["config"]
    path.write_text(json.dumps(record))
    return folder


@pytest.fixture
def grid(tmp_path):
    root = tmp_path / "results" / "ercp"
    for method in ("joint", "multi", "separate", "single"):
        for seed in range(2):
            write(root, method, seed)
    return root


def cells_of(text, first, second=None):
    """Return the cells of the row that begins so."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] == first and second in (None, cells[1]):
            return cells[1:]
    raise AssertionError(f"no row {first} {second or ''} in\n{text}")


def test_the_numbers_are_those_of_compare_with_the_sign_of_joint_minus_other(grid):
    text = tables.main_table(Results(grid))
    lines = compare(read_runs(sorted(grid.iterdir()), "test"), "joint")
    made = sum(not np.isnan(line.p) for line in lines)
    everywhere = [line for line in lines if not line.stratum]
    lines = {(line.class_name, line.metric, line.method): line for line in everywhere}
    for other in ("multi", "separate"):
        line = lines[tables.WIRE, "cldice", other]
        _, apart, p = cells_of(text, "guidewire clDice ↑", f"joint − {other}")
        assert apart == f"{-line.difference:+.3f} [{-line.high:+.3f}, {-line.low:+.3f}]"
        # In a quarter of the frames joint rightly finds nothing, and the other invents a wire.
        expected = 0.75 * (0.2 - SHIFTS[other]) + 0.25
        assert float(apart.split()[0]) == pytest.approx(expected, abs=0.02)
        assert p == f"{line.p_holm:.3f}"
    of_joint = [lines[(*measure, "joint")] for measure in (*tables.MAIN, (UNION, "dice"))]
    shown = [float(cell.split()[0]) for cell in cells_of(text, "joint")]
    assert shown == pytest.approx([*(line.mean for line in of_joint), 0.0], abs=0.0051)
    tip = cells_of(text, "guidewire Tip error, mm ↓", "joint − separate")[1]
    assert tip.startswith("-0.10 [")
    assert f"over all {made} comparisons" in text


def test_one_label_is_held_against_joint_by_the_union_alone(grid):
    text = tables.main_table(Results(grid))
    single = cells_of(text, "single")
    assert [bool(cell) for cell in single] == [False] * len(tables.MAIN) + [True, False]
    assert text.count("joint − single") == 1
    assert cells_of(text, "instruments Dice ↑", "joint − single")
    assert cells_of(text, "separate")[-1] == "1.000 ± 0.000"
    assert "frames without a guidewire (4)" in text


def test_levels_are_those_of_compare(grid):
    text = tables.strata_table(Results(grid))
    lines = compare(read_runs(sorted(grid.iterdir()), "test"), "joint")
    wanted = [
        line
        for line in lines
        if (line.class_name, line.metric, line.method) == (tables.WIRE, "cldice", "separate")
        and line.stratum
    ]
    assert len(wanted) == 2
    for line in wanted:
        apart = cells_of(text, line.stratum, "joint − separate")[1]
        assert apart == f"{-line.difference:+.3f} [{-line.high:+.3f}, {-line.low:+.3f}]"


def test_only_seeds_that_all_methods_have_are_used(grid):
    write(grid, "joint", 7, shift=-0.3)
    results = Results(grid)
    assert {run.seed for run in results.runs} == {0, 1}
    assert "which not all methods have: joint 7." in tables.runs_text(results)
    shutil.rmtree(grid / "separate-seed0")
    shutil.rmtree(grid / "separate-seed1")
    write(grid, "separate", 5)
    with pytest.raises(NotKeptError, match="no seed is kept of all methods"):
        tables.main_table(Results(grid))


def test_counter_examples_are_summed_up_as_the_stress_command_does(grid):
    for run in grid.iterdir():
        shutil.copytree(run / "evaluation" / "test", run / "evaluation" / "counter")
    text = tables.stress_table("counter", Results(grid))
    assert cells_of(text, "separate")[-2:] == ["1.000 ± 0.000", "0.000 ± 0.000"]
    # Against multi, then against separate: neither is quiet where there is no wire.
    assert cells_of(text, "false alarms") == ["-1.000 [-1.000, -1.000]"] * 2
    assert "single" not in text


def test_ablations_are_held_against_joint_over_the_seeds_that_both_have(grid):
    folder = grid.parent / "ablations"
    for seed, name in ((0, "joint"), (1, "joint"), (9, "joint")):
        write(folder, name, seed, shift=0.15).rename(folder / f"no-spatial_prior-seed{seed}")
    write(folder, "joint", 1, shift=0.05).rename(folder / "no-attachment-seed1")
    text = tables.ablations_table(Results(grid))
    seeds, mean = cells_of(text, "no-spatial_prior")[:2]
    assert (seeds, cells_of(text, "no-attachment")[0]) == ("0, 1", "1")
    whole = float(cells_of(text, "joint")[1].split()[0])
    apart = float(cells_of(text, "no-spatial_prior − joint")[0].split()[0])
    # The variant invents a wire in a quarter of the frames, where joint rightly finds none.
    assert apart == pytest.approx(-0.75 * 0.05 - 0.25, abs=0.01)
    assert apart == pytest.approx(float(mean.split()[0]) - whole, abs=0.0011)


def test_little_data_has_a_column_a_share_and_a_plot(grid, tmp_path):
    little = grid.parent / "little-25"
    for method, shift in (("separate", -0.1), ("joint", 0.0)):
        for seed in range(2):
            write(little, method, seed, shift=shift, train_share=0.25)
    results = Results(grid)
    text = tables.shares_table(results)
    quarter, whole = (float(cell.split()[0]) for cell in cells_of(text, "joint − separate"))
    # With a quarter of the patients both invent wires in a quarter of the frames, with all joint
    # does not.
    assert quarter == pytest.approx(0.75 * 0.1, abs=0.01)
    assert whole == pytest.approx(0.75 * 0.1 + 0.25, abs=0.01)
    assert cells_of(text, "multi")[0] == ""
    assert "Seeds: 25 %: 0, 1; 100 %: 0, 1. Not there yet" in text
    assert "little-10, little-50." in text
    page.draw_shares(results, tmp_path / "images" / "plot.png")
    with Image.open(tmp_path / "images" / "plot.png") as picture:
        assert picture.size == (676, 468)
    (grid.parent / "little-25").rename(grid.parent / "little-50")
    with pytest.raises(InputError, match=r"train_share=0.25, and its folder stands for 0.5"):
        tables.shares_table(Results(grid))


def test_what_is_by_hand_stays_and_what_is_missing_is_told(grid, tmp_path):
    written = page.rewritten(PAGE, Results(grid))
    assert written.startswith("By hand.\n\n<!-- table: main -->\n\n| method |")
    assert written.endswith("\n\n<!-- end -->\n\nMore.\n")
    assert page.rewritten(written, Results(grid)) == written
    nothing = Results(tmp_path / "nothing")
    for name in tables.TABLES:
        text = page.written(name, nothing)
        assert text.startswith("Not there yet: no")
        assert "```bash\n" in text
    page.draw_shares(nothing, tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


def test_an_unknown_marker_is_refused(grid):
    with pytest.raises(InputError, match=r"no table else; the names are runs, main"):
        page.rewritten(PAGE.replace("main", "else"), Results(grid))


@pytest.mark.slow  # reads all kept results: it guards the document, not the code
def test_the_page_is_what_the_command_would_write():
    text = (ROOT / "docs" / "benchmark.md").read_text("utf-8")
    assert {name for _, name, _ in page.BLOCK.findall(text)} == set(tables.TABLES)
    assert page.rewritten(text, Results(ROOT / "benchmarks" / "results" / "ercp")) == text
    for shown in re.findall(r"!\[[^]]*\]\(([^)]+)\)", text):
        assert (ROOT / "docs" / shown).is_file()
