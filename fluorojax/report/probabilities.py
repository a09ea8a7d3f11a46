"""What a page shows of thresholds and calibration: three charts a class, and a sentence on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fluorojax.core.errors import InputError
from fluorojax.evaluation.probabilities import THRESHOLDS, read_calibration, read_thresholds
from fluorojax.metrics.calibration import SURE
from fluorojax.metrics.case import METRICS, PRIMARY, SWEPT
from fluorojax.report.chart import Chart, Point, line_chart
from fluorojax.report.page import css_colour
from fluorojax.schema.info import Kind

Row = dict[str, Any]
Series = dict[str, list[Point]]


class Key(NamedTuple):
    """The name of a line, and its CSS class."""

    label: str
    css: str


@dataclass(frozen=True)
class Figure:
    """A chart with its title, the keys of its lines, and the names of its upright lines."""

    title: str
    keys: Sequence[Key]
    marks: Sequence[str]
    chart: Chart


@dataclass(frozen=True)
class ClassProbabilities:
    """One class: the thresholds and calibration errors in a sentence, and the charts."""

    name: str
    colour: str
    summary: str
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Probabilities:
    """Thresholds and calibration of one split."""

    split: str
    sure: str
    classes: Sequence[ClassProbabilities]


def probabilities(folder: Path, summary: Mapping[str, Any]) -> Probabilities | None:
    """Return thresholds and calibration of a split's evaluation; None without probabilities.

    Args:
        folder: `evaluation/<split>`; `../validation` is shown too where it is there.
        summary: of the split.

    Raises:
        InputError: a table of the evaluation is damaged.
    """
    scored = summary.get("confidence", {})
    sweep, bins = read_thresholds(folder), read_calibration(folder)
    if not (scored and sweep):
        return None
    if lacking := scored.keys() - {row["class"] for row in sweep}:
        raise InputError(
            f"{folder / THRESHOLDS} has no class {min(lacking)}, which the summary has; evaluate "
            "again"
        )
    sweeps = {folder.name: sweep}
    if folder.name != "validation":
        sweeps["validation"] = read_thresholds(folder.parent / "validation")
    classes = [
        _class(k, name, sweeps, bins, summary["thresholds"][name], scored[name])
        for k, name in enumerate(scored)
    ]
    return Probabilities(folder.name, f"{SURE:g}", classes)


def _class(
    k: int,
    name: str,
    sweeps: Mapping[str, Sequence[Row]],
    bins: Sequence[Row],
    threshold: float,
    scores: Mapping[str, Any],
) -> ClassProbabilities:
    rows = {split: [r for r in sweep if r["class"] == name] for split, sweep in sweeps.items()}
    kind = next(iter(rows.values()))[0]["kind"]
    marks = {"in use": threshold}
    if scores["operating_point"] is not None:
        marks["operating point"] = scores["operating_point"]
    figures = [
        _primary_figure(rows, PRIMARY[kind], marks),
        _parts_figure(next(iter(rows.values())), kind, marks),
        _calibration_figure(bins, name),
    ]
    return ClassProbabilities(
        name,
        css_colour(k),
        _in_words(threshold, scores, PRIMARY[kind]),
        [figure for figure in figures if figure],
    )


def _in_words(threshold: float, scores: Mapping[str, Any], primary: str) -> str:
    """Return the operating point with its score, and the calibration errors, in a sentence."""
    sentences = [f"In use: {threshold:g}."]
    if scores["operating_point"] is not None:
        score = scores["at_operating_point"].get(primary)
        value = "not scored" if score is None else f"{METRICS[primary].label} {score:.3f}"
        sentences.append(
            f"Operating point of the validation split: {scores['operating_point']:g}; at it, here, "
            f"{value} (mean over patients)."
        )
    errors = [scores["calibration_error"], scores["calibration_error_found"]]
    shown = ["not defined" if e is None else f"{e:.4f}" for e in errors]
    sentences.append(
        f"Calibration error: {shown[0]} over all pixels, {shown[1]} over those of probability "
        f"{SURE:g} and more."
    )
    return " ".join(sentences)


def _primary_figure(
    rows: Mapping[str, Sequence[Row]], primary: str, marks: Mapping[str, float]
) -> Figure | None:
    """Return the class's first score by threshold, a line a split."""
    series = {split: _points(of_split, primary) for split, of_split in rows.items()}
    return _figure(METRICS[primary].label, series, marks, y_name="mean over patients (0 to 1)")


def _parts_figure(rows: Sequence[Row], kind: Kind, marks: Mapping[str, float]) -> Figure | None:
    """Return what the first score is made of, precision and recall, by threshold."""
    parts = [metric for metric in SWEPT[kind] if metric != PRIMARY[kind]]
    series = {METRICS[metric].label: _points(rows, metric) for metric in parts}
    css = dict(zip(series, ("line0", "line1"), strict=True))
    return _figure("Precision and recall", series, marks, css, y_name="mean over patients (0 to 1)")


def _calibration_figure(bins: Sequence[Row], name: str) -> Figure | None:
    """Return the share of the class by mean probability, over the bins that hold pixels."""
    series = {
        "diagonal": [(0.0, 0.0), (1.0, 1.0)],
        "calibration": [
            (b["mean_probability"], b["share"]) for b in bins if b["class"] == name and b["pixels"]
        ],
    }
    return _figure(
        "Calibration",
        series,
        {},
        {"calibration": "line0"},
        x_name="mean probability of pixels (0 to 1)",
        y_name="share of the class (0 to 1)",
    )


def _points(rows: Sequence[Row], metric: str) -> list[Point]:
    return [(r["threshold"], r["patient_mean"]) for r in rows if r["metric"] == metric]


def _figure(
    title: str,
    series: Mapping[str, Sequence[Point]],
    marks: Mapping[str, float],
    css: Mapping[str, str] | None = None,
    *,
    x_name: str = "threshold of the probability (0 to 1)",
    y_name: str,
) -> Figure | None:
    """Return a chart with its keys; None without any number in it."""
    series = {n: points for n, points in series.items() if any(y is not None for _, y in points)}
    if not series:
        return None
    keys = [Key(name, (css or {}).get(name, name)) for name in series]
    named = [f"{name} {x:g}" for name, x in marks.items()]
    places = tuple(marks.values())
    chart = line_chart(series, x_name=x_name, y_name=y_name, css=css, marks=places)
    return Figure(title, keys, named, chart)
