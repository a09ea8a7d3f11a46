"""What a page shows of thresholds and calibration: two charts a class, and what they say."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from fluorojax.evaluation.probabilities import read_calibration, read_thresholds
from fluorojax.metrics.calibration import SURE
from fluorojax.metrics.case import METRICS, PRIMARY, SWEPT
from fluorojax.report.chart import Point, line_chart
from fluorojax.report.page import element, text
from fluorojax.report.pictures import swatch

Row = dict[str, Any]

EXPLAINED = (
    "A pixel belongs to a class from a probability on, the threshold. The operating point is the "
    "threshold with the best mean over patients on the validation split; no other split has a say. "
    "Calibration: of the pixels given a probability p, how many are of the class; on the diagonal "
    "it is a share of p. The calibration error is the mean distance from the diagonal over pixels "
    f"(ECE), of all pixels and of those of probability {SURE:g} and more: the sure background is "
    "most of every frame."
)


def section(folder: Path, summary: Mapping[str, Any]) -> str:
    """Return the section of a split's evaluation, empty where there are no probabilities.

    Args:
        folder: `evaluation/<split>`; `../validation` is shown too where it is there.
        summary: of the split.
    """
    of = summary.get("confidence", {})
    sweep, bins = read_thresholds(folder), read_calibration(folder)
    if not (of and sweep):
        return ""
    splits = {folder.name: sweep}
    if folder.name != "validation":
        splits["validation"] = read_thresholds(folder.parent / "validation")
    blocks = "".join(
        _class(k, name, splits, bins, summary["thresholds"][name], of[name])
        for k, name in enumerate(of)
    )
    heading = text("h2", f"Thresholds and calibration, {folder.name} split")
    return heading + text("p", EXPLAINED, class_="soft") + blocks


def _class(
    k: int,
    name: str,
    splits: Mapping[str, Sequence[Row]],
    bins: Sequence[Row],
    threshold: float,
    of: Mapping[str, Any],
) -> str:
    rows = {split: [r for r in table if r["class"] == name] for split, table in splits.items()}
    first = next(iter(rows.values()))
    primary = PRIMARY[first[0]["kind"]]
    marks = {"in use": threshold}
    if of["operating_point"] is not None:
        marks["operating point"] = of["operating_point"]
    charts = [_figure(METRICS[primary].label, _lines(rows, primary), marks)]
    parts = {m: _points(first, m) for m in SWEPT[first[0]["kind"]] if m != primary}
    css = dict(zip(parts, ("line0", "line1"), strict=True))
    labels = {m: METRICS[m].label for m in parts}
    charts.append(_figure("Precision and recall", parts, marks, css=css, labels=labels))
    diagram: dict[str, list[Point]] = {
        "diagonal": [(0.0, 0.0), (1.0, 1.0)],
        "calibration": _reliability(bins, name),
    }
    charts.append(_figure("Calibration", diagram, {}, css={"calibration": "line0"}))
    return (
        element("h3", swatch(k) + " " + escape(name))
        + text("p", _said(threshold, of, primary))
        + element("div", "".join(charts), class_="charts")
    )


def _said(threshold: float, of: Mapping[str, Any], primary: str) -> str:
    """Return the operating point with its score, and the calibration errors, in a sentence."""
    said = [f"In use: {threshold:g}."]
    if of["operating_point"] is not None:
        score = of["at_operating_point"].get(primary)
        value = "not scored" if score is None else f"{METRICS[primary].label} {score:.3f}"
        said.append(
            f"Operating point of the validation split: {of['operating_point']:g}; at it, here, "
            f"{value} (mean over patients)."
        )
    errors = [of["calibration_error"], of["calibration_error_found"]]
    shown = ["not defined" if e is None else f"{e:.4f}" for e in errors]
    said.append(
        f"Calibration error: {shown[0]} over all pixels, {shown[1]} over those of probability "
        f"{SURE:g} and more."
    )
    return " ".join(said)


def _points(rows: Sequence[Row], metric: str) -> list[Point]:
    return [(r["threshold"], r["patient_mean"]) for r in rows if r["metric"] == metric]


def _lines(rows: Mapping[str, Sequence[Row]], metric: str) -> dict[str, list[Point]]:
    return {split: points for split, of in rows.items() if (points := _points(of, metric))}


def _reliability(bins: Sequence[Row], name: str) -> list[Point]:
    """Return (mean probability, share of the class) of the bins that hold pixels."""
    return [(b["mean_probability"], b["share"]) for b in bins if b["class"] == name and b["pixels"]]


def _figure(
    title: str,
    series: Mapping[str, Sequence[Point]],
    marks: Mapping[str, float],
    *,
    css: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> str:
    """Return a chart with its key; without any number in it, nothing."""
    series = {n: points for n, points in series.items() if any(y is not None for _, y in points)}
    if not series:
        return ""
    css, labels = dict(css or {}), dict(labels or {})
    keys = "".join(
        element("span", element("i", "", class_=f"key {css.get(n, n)}") + escape(labels.get(n, n)))
        for n in series
    )
    keys += "".join(text("span", f"| {name} {x:g}") for name, x in marks.items())
    chart = line_chart(series, css=css, x_name="threshold", marks=tuple(marks.values()))
    caption = text("b", title) + element("span", keys, class_="keys")
    return element("figure", element("figcaption", caption) + chart)
