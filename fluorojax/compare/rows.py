"""Methods against a baseline: mean, spread over seeds, difference, and what luck would do."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from fluorojax.compare.runs import Run, kinds_of, shared_scores
from fluorojax.metrics import statistics
from fluorojax.metrics.case import METRICS, PRIMARY, paired_score
from fluorojax.metrics.summary import Row

DEFINITIONS = (
    "Mean: over seeds, then over patients (each the mean of its cases). ±: standard deviation "
    "over seeds of the mean over patients. Difference: to the baseline, paired by patient; 95 % "
    "interval by bootstrap over seeds and patients. p: two-sided paired permutation test over "
    "patients of the means over seeds, Holm-corrected over all of this table. All methods have "
    "their means over the same cases."
)


class ComparisonRow(NamedTuple):
    """One method's score of a class, by a metric, at a stratum ('' = all cases).

    `cases` and `patients` are those compared, the same for every method; `left_out` are cases that
    have a score of some runs and none of others, and so count for none.
    """

    class_name: str
    metric: str
    stratum: str
    method: str
    seeds: int
    patients: int
    cases: int
    left_out: int
    mean: float
    seed_std: float
    difference: float
    low: float
    high: float
    p: float
    p_holm: float


def compare(runs: Sequence[Run], baseline: str) -> list[ComparisonRow]:
    """Return a row for each class, metric, stratum and method; the baseline's come first.

    All metrics are compared over all cases, each class's primary one also stratum by stratum. p
    values are Holm-corrected over all that are returned.

    Args:
        runs: of two methods or more, as `check` wants them.
        baseline: the method that the others are held against; in a class that it does not have,
            the first that has it is.
    """
    rows = []
    for name, kind in kinds_of(runs).items():
        strata = sorted({row["stratum"] for row in _of_class(runs, name)})
        # One stratum alone is all cases, which would count twice in the correction of p.
        strata = [stratum for stratum in strata if stratum and len(strata) > 1]
        metrics = [m for m in METRICS if _is_scored(runs, name, m)]
        for metric in metrics:
            rows += _rows(runs, baseline, name, metric, "")
        for stratum in strata:
            rows += _rows(runs, baseline, name, PRIMARY[kind], stratum)
    corrected = statistics.holm([row.p for row in rows])
    return [row._replace(p_holm=p) for row, p in zip(rows, corrected, strict=True)]


def primary_rows(rows: Sequence[ComparisonRow], runs: Sequence[Run]) -> list[ComparisonRow]:
    """Return the rows of each class's first metric, the one that its kind is judged by."""
    kinds = kinds_of(runs)
    return [row for row in rows if row.metric == PRIMARY[kinds[row.class_name]]]


LEVEL = 0.05
"""Of the tests: a corrected p below it is beyond chance."""


def is_beyond_chance(row: ComparisonRow) -> bool:
    """Say whether a corrected test finds a difference; the baseline's row has none."""
    return row.p_holm < LEVEL


def _is_scored(runs: Sequence[Run], name: str, metric: str) -> bool:
    return any(paired_score(row, metric) is not None for row in _of_class(runs, name))


def _of_class(runs: Sequence[Run], name: str) -> Iterable[Row]:
    return (row for run in runs for row in run.rows if row["class"] == name)


def _rows(
    runs: Sequence[Run], baseline: str, name: str, metric: str, stratum: str
) -> list[ComparisonRow]:
    """Return a row a method, without the correction of p."""
    shared = shared_scores(runs, name, metric, stratum)
    scores = shared.by_patient
    baseline = baseline if baseline in scores else next(iter(scores))
    order = [baseline, *(method for method in scores if method != baseline)]
    rows = []
    for method in order:
        ours, theirs = scores[method], scores[baseline]
        found: dict[str, float] = dict.fromkeys(("difference", "low", "high", "p"), math.nan)
        if method != baseline and not np.isnan(statistics.difference(ours, theirs)):
            low, high = statistics.bootstrap_interval(ours, theirs)
            found = {
                "difference": statistics.difference(ours, theirs),
                "low": low,
                "high": high,
                "p": statistics.permutation_p(ours, theirs),
            }
        rows.append(
            ComparisonRow(
                class_name=name,
                metric=metric,
                stratum=stratum,
                method=method,
                seeds=len(ours),
                patients=int((~np.isnan(ours)).any(0).sum()),
                cases=shared.compared,
                left_out=shared.left_out,
                mean=statistics.mean(ours),
                seed_std=statistics.seed_spread(ours),
                p_holm=math.nan,
                **found,
            )
        )
    return rows


def notes(rows: Sequence[ComparisonRow]) -> list[str]:
    """Return what a reader of the rows has to know: definitions, and how many cases are left out.

    A case is left out where some runs have a score of it and others have none.
    """
    lines = {
        f"{', '.join(head(row)[:2])}: {row.left_out} of {row.cases + row.left_out} cases"
        for row in rows
        if row.left_out
    }
    said = f"In no mean, because some runs have no score of them: {'; '.join(sorted(lines))}."
    return [DEFINITIONS, *([said] if lines else [])]


def cells(row: ComparisonRow) -> tuple[str, str, str]:
    """Return mean ± spread, difference with interval, and corrected p, as text."""
    digits = 2 if METRICS[row.metric].is_distance else 3
    if math.isnan(row.mean):
        return "", "", ""
    mean = f"{row.mean:.{digits}f}"
    if not math.isnan(row.seed_std):
        mean += f" ± {row.seed_std:.{digits}f}"
    if math.isnan(row.difference):
        return mean, "", ""
    apart = f"{row.difference:+.{digits}f} [{row.low:+.{digits}f}, {row.high:+.{digits}f}]"
    return mean, apart, f"{row.p_holm:.3f}" if row.p_holm >= 0.001 else "< 0.001"


def head(row: ComparisonRow) -> tuple[str, str, str]:
    """Return class, metric with its stratum, and method, as text."""
    stratum = f", {row.stratum}" if row.stratum else ""
    return row.class_name, METRICS[row.metric].label + stratum, row.method
