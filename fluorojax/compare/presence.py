"""Is the class there? How well each method tells frames with it from frames without it."""

import csv
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fluorojax.compare.runs import Run, kinds_of, methods_of
from fluorojax.metrics import presence
from fluorojax.metrics.summary import false_alarm_rate

FILE = presence.FILE
DEFINITIONS = f"{presence.DEFINITIONS} Mean ± standard deviation over seeds."
COLUMNS = (
    *("class", "method", "seeds", "auroc", "auroc_std", "false_alarm_rate"),
    *("false_alarm_rate_std", "with", "without"),
)
HEAD = ("class", "method", "AUROC", "false alarm rate", "with it", "without it")


class Spread(NamedTuple):
    """A mean over seeds and its standard deviation (n - 1); NaN where there is none."""

    mean: float
    std: float

    def __str__(self) -> str:
        if math.isnan(self.mean):
            return "–"
        return f"{self.mean:.3f}" + ("" if math.isnan(self.std) else f" ± {self.std:.3f}")


class PresenceRow(NamedTuple):
    """One method's answer for one class; `with_it` and `without` are numbers of frames.

    A spread is NaN where a seed of the method has no such number.
    """

    class_name: str
    method: str
    seeds: int
    auroc: Spread
    false_alarm_rate: Spread
    with_it: int
    without: int

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands under HEAD, as text."""
        spreads = (str(self.auroc), str(self.false_alarm_rate))
        return (self.class_name, self.method, *spreads, str(self.with_it), str(self.without))


def presence_rows(runs: Sequence[Run]) -> list[PresenceRow]:
    """Return a row for each class that some frames do not show, and method that has it.

    There is none for a class of which no run says whether it is there: of runs scored before
    evaluations did.

    Args:
        runs: of two methods or more, as `fluorojax.compare.runs.check` wants them.
    """
    return [
        _row(name, method, [run for run in runs if run.method == method])
        for name in kinds_of(runs)
        if any(_says(run, name) for run in runs)
        for method in methods_of(runs, name)
    ]


def _says(run: Run, name: str) -> bool:
    """Say whether a run's summary has a class's false alarm rate."""
    return run.summary["classes"].get(name, {}).get("false_alarm_rate") is not None


def _row(name: str, method: str, runs: Sequence[Run]) -> PresenceRow:
    rows = [row for row in runs[0].rows if row["class"] == name]
    with_it = sum(row["status"] in ("scored", "missed") for row in rows)
    return PresenceRow(
        class_name=name,
        method=method,
        seeds=len(runs),
        auroc=_spread(runs, name, _auroc),
        false_alarm_rate=_spread(runs, name, _false_alarm_rate),
        with_it=with_it,
        without=len(rows) - with_it,
    )


def _auroc(run: Run, name: str) -> float | None:
    return run.summary.get("presence", {}).get(name, {}).get("auroc")


def _false_alarm_rate(run: Run, name: str) -> float | None:
    # Of the rows, which have the one label of several classes too.
    return false_alarm_rate(row for row in run.rows if row["class"] == name)


def _spread(runs: Sequence[Run], name: str, measure: Callable[[Run, str], float | None]) -> Spread:
    """Return mean and spread over seeds of what every one of them has."""
    found = [value for run in runs if (value := measure(run, name)) is not None]
    if len(found) < len(runs):
        return Spread(math.nan, math.nan)
    return Spread(float(np.mean(found)), float(np.std(found, ddof=1)) if found[1:] else math.nan)


def write_presence(rows: Sequence[PresenceRow], path: Path, first: str = "") -> None:
    """Write the rows as CSV, behind `first`, a line of comment; an empty cell does not apply."""
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(first)
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            numbers = (*row.auroc, *row.false_alarm_rate)
            shown = ("" if math.isnan(value) else value for value in numbers)
            about = (row.class_name, row.method, row.seeds)
            writer.writerow((*about, *shown, row.with_it, row.without))
