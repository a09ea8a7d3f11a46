"""Methods against a baseline: mean, spread over seeds, difference, and what luck would do."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from fluorojax.compare.runs import Run, kinds_of, methods_of, scores_of
from fluorojax.metrics import statistics
from fluorojax.metrics.case import METRICS, PRIMARY
from fluorojax.metrics.summary import Row

DEFINITIONS = (
    "Mean: over seeds, then over patients (each the mean of its cases). ±: standard deviation "
    "over seeds of the mean over patients. Difference: to the baseline, paired by patient; 95 % "
    "interval by bootstrap over seeds and patients. p: two-sided paired permutation test over "
    "patients of the means over seeds, Holm-corrected over all of this table."
)


class ComparisonRow(NamedTuple):
    """One method's score of a class, by a metric, at a stratum ('' = all cases)."""

    class_name: str
    metric: str
    stratum: str
    method: str
    seeds: int
    patients: int
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
        metrics = [m for m in METRICS if any(r.get(m) is not None for r in _of_class(runs, name))]
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


def _of_class(runs: Sequence[Run], name: str) -> Iterable[Row]:
    return (row for run in runs for row in run.rows if row["class"] == name)


def _rows(
    runs: Sequence[Run], baseline: str, name: str, metric: str, stratum: str
) -> list[ComparisonRow]:
    """Return a row a method, without the correction of p."""
    methods = methods_of(runs, name)
    baseline = baseline if baseline in methods else methods[0]
    scores = {method: scores_of(runs, method, name, metric, stratum) for method in methods}
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
                mean=statistics.mean(ours),
                seed_std=statistics.seed_spread(ours),
                p_holm=math.nan,
                **found,
            )
        )
    return rows


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
