"""Runs of several methods and seeds: as tables, plots and a page."""

from collections.abc import Sequence
from pathlib import Path

from fluorojax.compare.page import write_page
from fluorojax.compare.plots import draw_plots
from fluorojax.compare.rows import ComparisonRow, compare
from fluorojax.compare.runs import Run, read_runs
from fluorojax.compare.tables import write_tables

__all__ = ["compare", "read_runs", "write_comparison"]


def write_comparison(
    rows: Sequence[ComparisonRow], runs: Sequence[Run], baseline: str, out: Path
) -> Path:
    """Write tables, plots and `report.html` into `out`; return the path of the page."""
    write_tables(rows, runs, out)
    plots = draw_plots(runs, out)
    return write_page(rows, runs, baseline, plots, out / "report.html")
