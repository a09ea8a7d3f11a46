"""Kept results as docs/benchmark.md needs them: a grid, its ablations, and it with fewer patients.

Beside the grid's folder are looked for `ablations` (runs VARIANT-seedN) and `little-10`,
`little-25`, `little-50` (the same grid on a share of the training patients). Where methods lack
seeds, only those that all have are used.
"""

import contextlib
import functools
import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.studies.stress import OURS
from fluorojax.compare import compare
from fluorojax.compare.rows import ComparisonRow
from fluorojax.compare.runs import EVALUATION, Run, check, methods_of, read_run, with_shared_classes
from fluorojax.core.errors import InputError

ORDER = ("single", "multi", "separate", "cascade", OURS)
SHARES = {0.1: "little-10", 0.25: "little-25", 0.5: "little-50", 1.0: ""}
"""Share of the training patients -> folder beside the grid; '': the grid itself."""

VARIANT = re.compile(r"(.+)-seed\d+")

CONFIGS = ",".join(f"{method}:quick" for method in ORDER)
MAKE_GRID = (
    f"fluorojax benchmark --configs {CONFIGS} --seeds 0,1,2,3,4 --workdir runs/ercp\n"
    "python -m benchmarks.pages.keep runs/ercp --out benchmarks/results/ercp"
)
MAKE_STRESS = (
    "python -m benchmarks.studies.stress runs/ercp --frames 120    # of a finished grid\n"
    "rm -r benchmarks/results/ercp\n"
    "python -m benchmarks.pages.keep runs/ercp --out benchmarks/results/ercp"
)
MAKE_ABLATIONS = (
    "python launch.py --config=configs/joint.py:quick --config.seed=N --config.FIELD=VALUE "
    "--workdir=runs/ablations/VARIANT-seedN\n"
    "python -m benchmarks.pages.keep runs/ablations --out benchmarks/results/ablations"
)
MAKE_SHARES = (
    f"fluorojax benchmark --configs {CONFIGS} --seeds 0,1,2,3,4 --set data.train_share=0.25 "
    "--workdir runs/little-25\n"
    "python -m benchmarks.pages.keep runs/little-25 --out benchmarks/results/little-25"
    "    # and 10, 50"
)


class NotKeptError(Exception):
    """Results that a table needs are not kept yet; the arguments are why, and commands for them."""


class Results:
    """The kept grid, and what stands beside it."""

    def __init__(self, grid: Path):
        self.grid = grid

    @functools.cached_property
    def runs(self) -> list[Run]:
        """The grid's runs on the test split, of the seeds that all methods have."""
        return complete(read(self.grid, "test"), MAKE_GRID)

    @functools.cached_property
    def lines(self) -> list[ComparisonRow]:
        """All comparisons; the differences are *other - joint*."""
        return compare(self.runs, OURS)

    @functools.cached_property
    def shares(self) -> dict[float, list[Run]]:
        """Runs by the share of the training patients that they were trained on.

        Raises:
            InputError: a run that was trained on another share than its folder says.
        """
        found = {}
        for share, name in SHARES.items():
            runs = read(self.grid.parent / name if name else self.grid, "test")
            for run in (run for run in runs if run.train_share != share):
                raise InputError(
                    f"{run.folder} was trained with data.train_share={run.train_share}, and its "
                    f"folder stands for {share}; move it to where it belongs"
                )
            with contextlib.suppress(NotKeptError):
                found[share] = complete(runs, MAKE_SHARES)
        return found


def read(folder: Path, split: str) -> list[Run]:
    """Return the runs in a folder that are scored on a split, the five methods in their order."""
    there = [path.parent for path in sorted(folder.glob("*/config.json"))]
    scored = [run for run in there if (run / EVALUATION / split / "cases.csv").is_file()]
    runs = with_shared_classes([read_run(run, split) for run in scored])
    last = len(ORDER)
    return sorted(runs, key=lambda r: ORDER.index(r.method) if r.method in ORDER else last)


def complete(runs: Sequence[Run], commands: str) -> list[Run]:
    """Return the runs of the seeds that all methods have, checked to be comparable.

    Raises:
        NotKeptError: there are none, or none of `joint`, or of no other method.
        InputError: they cannot be compared.
    """
    methods = methods_of(runs)
    if OURS not in methods or len(methods) < 2:
        there = f"only runs of {', '.join(methods)}" if methods else "no runs"
        raise NotKeptError(f"{there} are kept", commands)
    shared = set.intersection(*(seeds_of_method(runs, method) for method in methods))
    if not shared:
        raise NotKeptError("no seed is kept of all methods", commands)
    chosen = [run for run in runs if run.seed in shared]
    check(chosen)
    return chosen


def seeds_of_method(runs: Sequence[Run], method: str) -> set[int]:
    """Return the seeds that a method was trained with."""
    return {run.seed for run in runs if run.method == method}


def variants_in(folder: Path, whole: Sequence[Run]) -> dict[str, list[Run]]:
    """Return variant -> its runs and those of joint, of the seeds that both have."""
    runs = [
        run._replace(method=found.group(1))
        for run in read(folder, "test")
        if (found := VARIANT.fullmatch(run.folder.name))
    ]
    chosen = {}
    for name in sorted(methods_of(runs)):
        shared = seeds_of_method(runs, name) & seeds_of_method(whole, OURS)
        if shared:
            both = [*whole, *(run for run in runs if run.method == name)]
            chosen[name] = [run for run in both if run.seed in shared]
            check(chosen[name], allow_different=True)  # in the part that is taken off
    return chosen
