"""Runs of several methods and seeds: as tables, plots and a page."""

from collections.abc import Sequence
from pathlib import Path

from fluorojax.compare.page import write_page
from fluorojax.compare.plots import draw_plots
from fluorojax.compare.rows import ComparisonRow, compare
from fluorojax.compare.runs import Run, read_runs
from fluorojax.compare.tables import write_tables
from fluorojax.core.outputs import results

KIND = "comparison"
"""What `contents.json` calls the folder of a comparison."""

__all__ = ["compare", "read_runs", "write_comparison"]


def write_comparison(
    rows: Sequence[ComparisonRow], runs: Sequence[Run], baseline: str, out: Path
) -> Path:
    """Write tables, plots and `report.html` into `out`; return the path of the page.

    The folder takes its place when it is whole.

    Raises:
        InputError: something else than an earlier comparison stands there, or it cannot be written.
    """
    with results(out, KIND, [run.folder for run in runs]) as draft:
        write_tables(rows, runs, draft)
        plots = draw_plots(rows, runs, draft)
        write_page(rows, runs, baseline, plots, draft / "report.html")
    return out / "report.html"
