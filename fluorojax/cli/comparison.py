"""The commands for several runs: `compare` and `benchmark`."""

import argparse

from rich.table import Table

from fluorojax.core.errors import InputError
from fluorojax.core.outputs import check_free
from fluorojax.core.progress import console


def benchmark(options: argparse.Namespace) -> None:
    """Run methods x seeds, and compare them; what is finished is not run again."""
    from fluorojax.compare import folds
    from fluorojax.compare import grid as grids
    from fluorojax.config_file import read_config
    from fluorojax.training.reproduce import config_of, read_record

    if options.jobs < 1:
        raise InputError(f"--jobs {options.jobs}: write a number from 1 up")
    configs = options.configs.split(",")
    cells = grids.grid(configs, whole_numbers("--seeds", options.seeds), options.workdir)
    # Now, and not in the log of every run.
    read = {config: read_config(config, grids.overrides(options.set)) for config in configs}
    runs = cells
    if options.folds is not None:
        folds.check_folds(options.folds, options.set)
        steps = [read[cell.config].training.steps for cell in cells]
        runs = folds.with_folds(cells, options.folds, steps)
    grids.validate_grid_directory(options.workdir, options.set, options.folds or 0)
    grids.run_grid(runs, options.set, options.jobs)
    for cell in cells if options.folds else ():
        folds.pool(cell.workdir, options.folds)
    # The runs score the split that their configurations name, which is one for all.
    options.split = config_of(read_record(cells[0].workdir)).evaluation.split
    options.runs = [cell.workdir for cell in cells]
    options.out = options.workdir / "comparison"
    compare(options)


def whole_numbers(option: str, given: str) -> list[int]:
    """Return the numbers in a list such as `0,1,2`.

    Raises:
        InputError: something else is in it.
    """
    try:
        return [int(part) for part in given.split(",")]
    except ValueError:
        raise InputError(f"{option} {given}: write whole numbers, as in 0,1,2") from None


def compare(options: argparse.Namespace) -> None:
    """Compare methods over seeds: means, paired differences with intervals, corrected p values."""
    from fluorojax import compare as comparison
    from fluorojax.compare import presence
    from fluorojax.compare.rows import cells, head, notes, primary_rows
    from fluorojax.compare.runs import circumstances, methods_of, warning, without_others
    from fluorojax.metrics.case import PAIRED_EMPTY_POLICY

    folders = without_others(options.runs)
    check_free(options.out, comparison.KIND, folders)
    runs = comparison.read_runs(folders, options.split, allow_different=options.allow_different)
    if first := warning(runs):
        console.print(f"warning: {first}")
    if others := [path.name for path in options.runs if path not in folders]:
        console.print(f"left out, no runs: {', '.join(others)}")
    methods = methods_of(runs)
    baseline = options.baseline or methods[0]
    if baseline not in methods:
        raise InputError(f"--baseline {baseline}: there are runs of {', '.join(methods)}")
    rows = comparison.compare(runs, baseline)
    report = comparison.write_comparison(rows, runs, baseline, options.out)
    table = Table("class", "metric", "method", "mean ± seeds", "difference [95 %]", "p")
    for row in primary_rows(rows, runs):
        table.add_row(*head(row), *cells(row))
    console.print(table)
    for said in (*notes(rows), PAIRED_EMPTY_POLICY):
        console.print(said)
    if there := presence.presence_rows(runs):
        table = Table(*presence.HEAD, title="Is it there?")
        for found in there:
            table.add_row(*found.cells)
        console.print(table)
        console.print(presence.DEFINITIONS)
    if different := circumstances(runs):
        console.print(f"note: made with different versions or machines: {'; '.join(different)}")
    console.print(f"all metrics, as CSV, Markdown and LaTeX, and plots: {options.out}")
    console.print(f"report  {report}")
