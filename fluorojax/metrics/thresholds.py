"""Scores as a function of the threshold, and the operating point: the best one on validation."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fluorojax.geometry import surface
from fluorojax.metrics.case import PRIMARY, SWEPT, Mask, MetricSettings, Pair, brief_scores
from fluorojax.metrics.summary import aggregate
from fluorojax.schema.info import ClassInfo

THRESHOLDS = (0.01, 0.02, *(k / 20 for k in range(1, 20)), 0.98, 0.99)
"""Probabilities from which a pixel belongs to a class; closer together at both ends."""

Row = dict[str, Any]


def sweep_case(
    probabilities: np.ndarray,
    reference: np.ndarray,
    *,
    classes: Sequence[ClassInfo],
    spacing: tuple[float, float],
    ignore: np.ndarray | None = None,
    settings: MetricSettings | None = None,
) -> list[Row]:
    """Score each class of a case at each of THRESHOLDS, by the few metrics in `case.SWEPT`.

    Args:
        probabilities: [H, W, C] in [0, 1].
        reference, classes, spacing, ignore, settings: as for `case.score_case`.

    Returns:
        One row a class and threshold: `class`, `kind`, `status`, `threshold` and the metrics; the
        rules for empty masks are those of `case.EMPTY_POLICY`.
    """
    settings = settings or MetricSettings()
    scale, unit = surface.scale_and_unit(spacing)
    counts = np.True_ if ignore is None else ~ignore.astype(bool)
    rows = []
    for k, info in enumerate(classes):
        truth = Mask(reference[..., k].astype(bool) & counts)
        for threshold in THRESHOLDS:
            pair = Pair(Mask((probabilities[..., k] >= threshold) & counts), truth, scale)
            about: Row = {"class": info.name, "kind": info.kind, "status": pair.status}
            scores = brief_scores(pair, info.kind, unit, settings)
            rows.append(about | {"threshold": threshold} | scores)
    return rows


def sweep_table(rows: Sequence[Row]) -> list[Row]:
    """Return the means of a split's sweep: one row a class and threshold.

    Args:
        rows: of `sweep_case` for every case, each with the caller's `patient`.

    Returns:
        `class`, `kind`, `threshold`, `metric` (its name), `mean` over cases, `patient_mean` over
        patients' own means (None: nothing to average), `n` cases in it, and the counts `missed`
        and `false_alarms`: a false alarm counts as 0 until the threshold is so high that nothing is
        left of it; then the case has both masks empty and leaves the mean.
    """
    groups: dict[tuple[str, float], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["class"], row["threshold"]), []).append(row)
    table = []
    for (name, threshold), group in groups.items():
        kind = group[0]["kind"]
        counts = {
            "missed": sum(r["status"] == "missed" for r in group),
            "false_alarms": sum(r["status"] == "false_alarm" for r in group),
        }
        for metric in SWEPT[kind]:
            found = aggregate(group, metric)
            means = {key: found[key] for key in ("mean", "patient_mean", "n")}
            about = {"class": name, "kind": kind, "threshold": threshold, "metric": metric}
            table.append(about | means | counts)
    return table


def operating_points(table: Sequence[Row]) -> dict[str, float]:
    """Return each class's best threshold: that of the greatest mean over patients of its PRIMARY.

    Of equally good ones the nearest to 0.5, and of those the lower. A class that could not be
    scored at any keeps 0.5. Only a validation split's table gives an honest operating point.

    Args:
        table: of `sweep_table`.
    """
    points = {}
    for name, kind in {row["class"]: row["kind"] for row in table}.items():
        scored = [
            row
            for row in table
            if (row["class"], row["metric"]) == (name, PRIMARY[kind])
            and row["patient_mean"] is not None
        ]
        best = max(
            scored,
            key=lambda row: (row["patient_mean"], -abs(row["threshold"] - 0.5)),
            default={"threshold": 0.5},
        )
        points[name] = best["threshold"]
    return points


def at(table: Sequence[Row], points: Mapping[str, float]) -> dict[str, dict[str, float | None]]:
    """Return class -> metric -> mean over patients at the class's own threshold in `points`."""
    found: dict[str, dict[str, float | None]] = {name: {} for name in points}
    for row in table:
        if points.get(row["class"]) == row["threshold"]:
            found[row["class"]][row["metric"]] = row["patient_mean"]
    return found
