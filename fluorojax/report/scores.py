"""The scores of one split: a card a class, means by stratum and over all, and definitions."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.core.outputs import check_whole
from fluorojax.metrics import statistics
from fluorojax.metrics.case import EMPTY_POLICY, METRICS, PRIMARY
from fluorojax.metrics.saved import read_summary
from fluorojax.metrics.summary import aggregate, read_cases_csv, spacings_in_words
from fluorojax.report.page import css_colour
from fluorojax.schema.renamed import KEYS, with_new_names

CARD_METRICS = ("dice", "cldice", "hd95", "attachment")

BETTER = {"higher": "Higher is better.", "lower": "Lower is better."}

Row = dict[str, Any]


def read_json(path: Path) -> dict[str, Any]:
    """Return what a JSON file holds, an empty dict where there is no file.

    Raises:
        InputError: the file is not JSON.
    """
    if not path.is_file():
        return {}
    try:
        return with_new_names(json.loads(path.read_text("utf-8")), KEYS)
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); delete it and run again") from error


class Evaluation:
    """What stands in `evaluation/<split>/`: the summary and the rows of the cases.

    Attributes:
        split, folder: its name, and where it is.
        summary: of `summary.json`; empty without the file.
        rows: of `cases.csv`, a row a case and class; empty without the file.
        classes: names, in the order of the colours.
        metrics_shown: names of all metrics with a value.
    """

    def __init__(self, folder: Path):
        """Read the files of a folder.

        Raises:
            InputError: a file is damaged or missing.
        """
        check_whole(folder)
        self.split = folder.name
        self.folder = folder
        there = {name: folder / name for name in ("summary.json", "cases.csv")}
        there = {name: path for name, path in there.items() if path.exists()}
        self.summary = read_summary(there["summary.json"]) if "summary.json" in there else {}
        self.rows = read_cases_csv(there["cases.csv"]) if "cases.csv" in there else []
        summarised = self.summary.get("classes", {})
        self.classes = list(dict.fromkeys([*summarised, *(r["class"] for r in self.rows)]))
        self.metrics_shown = {m for row in self.rows for m in METRICS if row.get(m) is not None}
        self.metrics_shown |= {
            m.split(" ")[0] for scores in summarised.values() for m in scores["metrics"]
        }


def number(value: float | None, metric: str) -> str:
    """Return a score as text, with the digits that its metric deserves."""
    if value is None:
        return "–"
    if metric == "betti0_error":
        return f"{value:.2g}" if value % 1 else f"{value:.0f}"
    return f"{value:.2f}" if METRICS[metric].is_distance else f"{value:.3f}"


# Cards and means


@dataclass(frozen=True)
class Card:
    """The box of one class: its main score large, then what one asks for next.

    `interval` of the mean over patients, 95 %, is empty where there is none; `warning` says what
    is missed and what is invented, `lines` the rest.
    """

    name: str
    colour: str
    metric: str
    value: str
    interval: str
    lines: Sequence[str]
    warning: str


class MeanRow(NamedTuple):
    """One metric of one class: its name and formula, and mean, count, mean, count as text."""

    label: str
    text: str
    cells: Sequence[str]


@dataclass(frozen=True)
class Means:
    """All scores of one class."""

    name: str
    rows: Sequence[MeanRow]


class StratumRow(NamedTuple):
    """The first score of each class in one stratum (difficulty)."""

    stratum: str
    cells: Sequence[str]


@dataclass(frozen=True)
class Scores:
    """The scores of one split."""

    split: str
    count: str
    cards: Sequence[Card]
    classes: Sequence[str]
    strata: Sequence[StratumRow]
    means: Sequence[Means]


def scores(evaluation: Evaluation) -> Scores | None:
    """Return a card a class, and the means of all scores; None without a summary."""
    summary = evaluation.summary
    if not summary:
        return None
    classes = summary["classes"]
    return Scores(
        split=evaluation.split,
        count=counted(summary),
        cards=[
            _card(k, name, classes[name], [r for r in evaluation.rows if r["class"] == name])
            for k, name in enumerate(classes)
        ],
        classes=list(classes),
        strata=[
            StratumRow(stratum, [_stratum_cell(by_class.get(name)) for name in classes])
            for stratum, by_class in summary.get("strata", {}).items()
        ],
        means=[Means(name, _mean_rows(classes[name])) for name in classes],
    )


def counted(summary: Mapping[str, Any]) -> str:
    """Return of how many cases and patients the scores of a split are."""
    count = f"{summary['cases']} cases of {_count(summary['patients'], 'patient')}"
    if summary.get("unlabelled"):
        count += f"; {summary['unlabelled']} more have no annotation and no score"
    return count


def _card(k: int, name: str, of_class: Mapping[str, Any], rows: Sequence[Row]) -> Card:
    main, metrics = PRIMARY[of_class["kind"]], of_class["metrics"]
    entry = metrics[main]
    interval = _interval(rows, main)
    lines = (
        f"mean over {_count(entry['patients'], 'patient')}"
        + (" [95 % interval]" if interval else ""),
        " · ".join(_short(metrics[m], m) for m in CARD_METRICS if m != main and m in metrics),
        _on_frames_with_it(of_class, rows, main),
    )
    return Card(
        name=name,
        colour=css_colour(k),
        metric=METRICS[main].label,
        value=number(entry["patient_mean"], main),
        interval=interval,
        lines=[line for line in lines if line],
        warning=_wrong(of_class),
    )


def _interval(rows: Sequence[Row], metric: str) -> str:
    """Return the 95 % interval of a class's mean over patients, as text; empty where none is."""
    scored = [row for row in rows if row.get(metric) is not None]
    if not scored:
        return ""
    values = np.array([[row[metric] for row in scored]], np.float64)
    of_patients = statistics.patient_means(values, [row["patient"] for row in scored])
    low, high = statistics.mean_interval(of_patients)
    return "" if math.isnan(low) else f"[{number(low, metric)}, {number(high, metric)}]"


def _on_frames_with_it(of_class: Mapping[str, Any], rows: Sequence[Row], metric: str) -> str:
    """Return the mean without false alarms, each of which counts as 0; empty where none is."""
    if not of_class["false_alarms"]:
        return ""
    there = aggregate([row for row in rows if row["status"] != "false_alarm"], metric)
    if there["patient_mean"] is None:
        return ""
    shown = number(there["patient_mean"], metric)
    return f"{shown} without the false alarms, which count as 0"


def _wrong(of_class: Mapping[str, Any]) -> str:
    """Return how often a class is missed, and how often it is found where it is not."""
    without = of_class["false_alarms"] + of_class["both_empty"]
    present = of_class["cases"] - without
    return " · ".join(
        [
            f"missed: {of_class['missed']} of {present} frames with it",
            f"false alarms: {of_class['false_alarms']} of {without} without it"
            if without
            else "no frame without it",
        ]
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _short(entry: Mapping[str, Any], metric: str) -> str:
    unit = f" {entry['unit']}" if "unit" in entry else ""
    return f"{METRICS[metric].label} {number(entry['patient_mean'], metric)}{unit}"


def _stratum_cell(of_class: Mapping[str, Any] | None) -> str:
    """Return the first score of a class, nothing where the stratum has none."""
    metric = PRIMARY[of_class["kind"]] if of_class else ""
    entry = of_class["metrics"].get(metric, {}) if of_class else {}
    mean = entry.get("patient_mean")
    return "" if mean is None else f"{METRICS[metric].label} {mean:.3f} ({entry['n']})"


def _mean_rows(of_class: Mapping[str, Any]) -> list[MeanRow]:
    rows = []
    for key, entry in of_class["metrics"].items():
        metric = key.split(" ")[0]
        unit = f" ({entry['unit']})" if "unit" in entry else ""
        cells = (
            _spread(entry, metric, "patient_"),
            str(entry["patients"]),
            _spread(entry, metric),
            str(entry["n"]),
        )
        rows.append(MeanRow(METRICS[metric].label + unit, METRICS[metric].text, cells))
    return rows


def _spread(entry: Mapping[str, Any], metric: str, prefix: str = "") -> str:
    mean, std = entry[f"{prefix}mean"], entry[f"{prefix}std"]
    return number(mean, metric) + (f" ± {number(std, metric)}" if std is not None else "")


# Definitions


@dataclass(frozen=True)
class Definitions:
    """The formulas of the metrics shown, their tolerances, and the policy for empty masks."""

    metrics: Sequence[tuple[str, str]]
    tolerances: str
    spacings: str
    policy: str


def definitions(evaluations: Sequence[Evaluation]) -> Definitions | None:
    """Return what the scores of a page mean; None where there are none."""
    if not evaluations:
        return None
    used = [m for m in METRICS if any(m in e.metrics_shown for e in evaluations)]
    settings = (e.summary["settings"] for e in evaluations if e.summary.get("settings"))
    spacings = [words for e in evaluations if (words := spacings_in_words(e.summary))]
    return Definitions(
        metrics=[
            (METRICS[m].label, f"{METRICS[m].text}. {BETTER[METRICS[m].better]}") for m in used
        ],
        tolerances=" ".join(dict.fromkeys(map(_tolerances, settings))),
        spacings=" ".join(f"Spacing: {words}." for words in dict.fromkeys(spacings)),
        policy=next((e.summary.get("empty_policy") for e in evaluations if e.summary), None)
        or EMPTY_POLICY,
    )


def _tolerances(settings: Mapping[str, float]) -> str:
    return (
        f"Tolerance {settings['tolerance_mm']:g} mm, or {settings['tolerance_px']:g} px where the "
        f"spacing is unknown; detected from a centreline recall of "
        f"{settings['detection_recall']:g} on."
    )
