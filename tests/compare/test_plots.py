import numpy as np
import pytest
from PIL import Image

from fluorojax.compare.plots import by_threshold, differences, draw_plots, paired, spread
from fluorojax.compare.rows import compare
from fluorojax.compare.runs import primary_scores, read_runs
from tests.compare.constructed import write_sweep

plt = pytest.importorskip("matplotlib.pyplot")


COLOURS = {"multi": "grey", "joint": "blue"}


@pytest.fixture
def axis():
    figure, axis = plt.subplots()
    yield axis
    plt.close(figure)


def test_each_patient_is_a_line_over_the_methods(folders, axis):
    (found,) = primary_scores(read_runs(folders, "test"))
    paired(axis, found, COLOURS)
    joined = [line.get_ydata() for line in axis.lines if len(line.get_ydata()) == 2]
    means = np.stack([found.by_patient[m].mean(0) for m in ("multi", "joint")], axis=1)
    np.testing.assert_allclose(joined, means)
    assert [label.get_text() for label in axis.get_xticklabels()] == ["multi", "joint"]


def test_differences_have_their_intervals_and_named_axes(folders, axis):
    runs = read_runs(folders, "test")
    rows = [row for row in compare(runs, "multi") if not row.stratum and row.metric == "cldice"]
    differences(rows, axis, primary_scores(runs)[0], COLOURS)
    _, interval, dot = axis.lines
    np.testing.assert_allclose(interval.get_xdata(), [rows[1].low, rows[1].high])
    np.testing.assert_allclose(dot.get_xdata(), [rows[1].difference])
    assert dot.get_markerfacecolor() == COLOURS["joint"]  # filled: beyond chance
    assert axis.get_xlabel() == "difference to multi in clDice (of 1)"
    assert [label.get_text() for label in axis.get_yticklabels()] == ["joint"]


def test_a_difference_within_chance_is_a_hollow_dot(folders, axis):
    runs = read_runs(folders, "test")
    rows = [row for row in compare(runs, "multi") if not row.stratum and row.metric == "cldice"]
    rows = [row._replace(p_holm=0.06) for row in rows]
    differences(rows, axis, primary_scores(runs)[0], COLOURS)
    assert axis.lines[-1].get_markerfacecolor() == "white"


def test_every_case_is_a_dot(folders, axis):
    (found,) = primary_scores(read_runs(folders, "test"))
    spread(axis, found, COLOURS)
    dots = [line.get_ydata() for line in axis.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(dots, [found.by_case[m].mean(0) for m in ("multi", "joint")])


def test_threshold_curves_are_means_over_seeds(folders, axis):
    for k, folder in enumerate(folders):
        write_sweep(folder, certainty=(0.3, 0.5, 0.9)[k % 3])
    runs = read_runs(folders, "test")
    by_threshold(runs, axis, primary_scores(runs)[0], COLOURS)
    curve = dict(zip(*axis.lines[0].get_data(), strict=True))
    assert curve[0.2] == 1.0
    assert curve[0.4] == pytest.approx(2 / 3)
    assert curve[0.8] == pytest.approx(1 / 3)


def test_plots_are_files_and_curves_need_probabilities_everywhere(folders, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    runs = read_runs(folders, "test")
    rows = compare(runs, "multi")
    stems = [p.stem for p in draw_plots(rows, runs, out)]
    assert stems == ["differences", "paired", "cases"]
    for folder in folders:
        write_sweep(folder, 0.6)
    runs = read_runs(folders, "test")
    drawn = draw_plots(rows, runs, out)
    assert [p.stem for p in drawn] == ["differences", "paired", "cases", "thresholds"]
    for path in drawn:
        with Image.open(path) as picture:
            assert picture.width > 400
        assert path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    before = (out / "cases.pdf").read_bytes()
    draw_plots(rows, runs, out)
    assert (out / "cases.pdf").read_bytes() == before
