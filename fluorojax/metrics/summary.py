"""From rows of cases to means of classes, over cases and over patients; the tables on disk."""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from fluorojax.geometry.surface import Unit
from fluorojax.metrics.case import EMPTY_POLICY, METRICS, MetricSettings, Status
from fluorojax.metrics.tables import check_once_each, number, read_table, word, write_table
from fluorojax.schema.frame import ORIGINS, SpacingOrigin
from fluorojax.schema.info import Kind
from fluorojax.schema.renamed import COLUMNS as RENAMED

Row = dict[str, Any]

COLUMNS = ("case", "patient", "sequence", "stratum", "class", "kind", "status", "unit", *METRICS)


def _mean_and_std(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Return mean and sample standard deviation (n - 1); None where there are too few values."""
    mean = float(np.mean(values)) if len(values) else None
    return mean, float(np.std(values, ddof=1)) if len(values) > 1 else None


def aggregate(rows: Sequence[Row], metric: str) -> dict[str, Any]:
    """Return mean and std of a metric over cases, and over patients (their own means first)."""
    of_patient: dict[str, list[float]] = {}
    for row in rows:
        if row.get(metric) is not None:
            of_patient.setdefault(row["patient"], []).append(row[metric])
    values = [value for of_one in of_patient.values() for value in of_one]
    mean, std = _mean_and_std(values)
    patient_mean, patient_std = _mean_and_std([float(np.mean(v)) for v in of_patient.values()])
    return {
        "mean": mean,
        "std": std,
        "n": len(values),
        "patient_mean": patient_mean,
        "patient_std": patient_std,
        "patients": len(of_patient),
    }


def _names(rows: Sequence[Row]) -> list[str]:
    """Return the metrics of one class: those of its kind, and of a relation where one is scored."""
    return [
        name
        for name, metric in METRICS.items()
        if rows[0]["kind"] in metric.kinds
        and (not metric.of_relation or any(r.get(name) is not None for r in rows))
    ]


def _metrics(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Aggregate each metric of one class; millimetres and pixels are never averaged together."""
    units = sorted({row["unit"] for row in rows})
    metrics = {}
    for name in _names(rows):
        if not METRICS[name].is_distance:
            metrics[name] = aggregate(rows, name)
            continue
        for unit in units:
            key = name if len(units) == 1 else f"{name} [{unit}]"
            metrics[key] = {"unit": unit} | aggregate([r for r in rows if r["unit"] == unit], name)
    return metrics


def false_alarm_rate(rows: Iterable[Row]) -> float | None:
    """Return the share of the cases without a class in which anything of it is found, in [0, 1].

    None where every case has it.

    Args:
        rows: of one class.
    """
    alarms = [row["status"] == "false_alarm" for row in rows if _is_without(row)]
    return sum(alarms) / len(alarms) if alarms else None


def _is_without(row: Row) -> bool:
    """Say whether the reference of a case is empty."""
    return row["status"] in ("false_alarm", "both_empty")


def _class_summary(rows: Sequence[Row]) -> dict[str, Any]:
    counts = {s: sum(r["status"] == s for r in rows) for s in ("scored", "missed")}
    return {
        "kind": rows[0]["kind"],
        "cases": len(rows),
        **counts,
        "false_alarms": sum(r["status"] == "false_alarm" for r in rows),
        "both_empty": sum(r["status"] == "both_empty" for r in rows),
        "without": sum(map(_is_without, rows)),
        "false_alarm_rate": false_alarm_rate(rows),
        "metrics": _metrics(rows),
    }


def _foreground_mean(classes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Average the classes' means, for the metrics that all classes have.

    A class in which nothing could be scored has no mean; `classes` names those that went in.
    """
    shared = [m for m in METRICS if all(m in c["metrics"] for c in classes.values())]
    means = {}
    for metric in shared:
        of = {n: c["metrics"][metric] for n, c in classes.items()}
        if len({entry.get("unit") for entry in of.values()}) > 1:
            continue
        of = {name: entry for name, entry in of.items() if entry["n"]}
        means[metric] = {
            "mean": _mean_and_std([e["mean"] for e in of.values()])[0],
            "patient_mean": _mean_and_std([e["patient_mean"] for e in of.values()])[0],
            "classes": list(of),
        }
    return means


def summarise(rows: Sequence[Row], settings: MetricSettings | None = None) -> dict[str, Any]:
    """Summarise the rows of a split; plain values, ready for strict JSON.

    Args:
        rows: what `score_case` returned for every case, each row with the caller's `case` and
            `patient`.
        settings: the tolerances that the rows were scored with, kept beside the numbers.

    Returns:
        `cases`, `patients` (counts), `empty_policy`, `settings`, `classes`, `foreground_mean` and
        `strata`: for each stratum of difficulty that the rows name, its cases' classes.
        Each class has `kind`, the counts `cases`, `scored`, `missed`, `false_alarms`, `both_empty`
        and `without` (cases without the class: the last two together), `false_alarm_rate` (the
        share of these in which anything is found; None: there are none) and `metrics`: name ->
        `mean`, `std`, `n` over cases and `patient_mean`, `patient_std`, `patients` over the
        patients' own means; std with n - 1; None where there is nothing to average. Distances have
        a `unit`; in a class with both units they stand apart, as "hd95 [mm]" and "hd95 [px]".
        `foreground_mean` is the mean of the classes' means.

    Raises:
        ValueError: no rows, or two rows of one case and class.
    """
    if not rows:
        raise ValueError("no rows to summarise")
    keys = [(r["case"], r["class"]) for r in rows]
    if len(set(keys)) < len(keys):
        twice = next(k for k in keys if keys.count(k) > 1)
        raise ValueError(f"case {twice[0]}, class {twice[1]}: scored twice")
    classes = _class_summaries(rows)
    strata = sorted({stratum for r in rows if (stratum := r.get("stratum"))})
    return {
        "cases": len({r["case"] for r in rows}),
        "patients": len({r["patient"] for r in rows}),
        "empty_policy": EMPTY_POLICY,
        "settings": dataclasses.asdict(settings) if settings else None,
        "classes": classes,
        "foreground_mean": _foreground_mean(classes),
        "strata": {
            stratum: _class_summaries([r for r in rows if r.get("stratum") == stratum])
            for stratum in strata
        },
    }


def _class_summaries(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Return the summary of each class, by its name."""
    names = list(dict.fromkeys(r["class"] for r in rows))
    return {n: _class_summary([r for r in rows if r["class"] == n]) for n in names}


def metric_names(summary: dict[str, Any]) -> list[str]:
    """Return every name that `lookup` knows: `class/metric`, and `mean/metric`."""
    names = [f"{c}/{m}" for c, of in summary["classes"].items() for m in of["metrics"]]
    return names + [f"mean/{m}" for m in summary["foreground_mean"]]


def lookup(summary: dict[str, Any], name: str) -> float:
    """Return the mean over cases of `class/metric`, or over classes too: `mean/metric`.

    Examples: `guidewire/cldice`, `mean/dice`. NaN where no case could be scored, which is never
    better than anything.

    Raises:
        KeyError: no such class or metric; its one argument lists the names there are.
    """
    known = metric_names(summary)
    if name not in known:
        raise KeyError(f"no metric {name!r} among the scores; choose one of: {', '.join(known)}")
    of, metric = name.rsplit("/", 1)
    if of in summary["classes"]:
        entry = summary["classes"][of]["metrics"][metric]
    else:
        entry = summary["foreground_mean"][metric]
    return float("nan") if entry["mean"] is None else entry["mean"]


def spacings_in_words(summary: Mapping[str, Any]) -> str:
    """Return where the millimetres of a split come from; '' where nothing is known of them."""
    counts: Mapping[SpacingOrigin, int] = summary.get("spacings") or {}
    return "; ".join(f"{ORIGINS[origin]} ({n} cases)" for origin, n in counts.items())


def write_summary(summary: dict[str, Any], path: Path) -> None:
    """Write `summary.json`, strict JSON.

    Raises:
        ValueError: a number that is not finite.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_cases_csv(rows: Iterable[Row], path: Path) -> None:
    """Write `cases.csv`: a line for each case and class; an empty cell is "does not apply"."""
    write_table(path, COLUMNS, rows)


def read_cases_csv(path: Path) -> list[Row]:
    """Read what `write_cases_csv` wrote: metrics as numbers, None where they do not apply.

    Raises:
        InputError: the file cannot be read, lacks a column, a number in it is none or impossible,
            an empty or unknown word stands in it, or a case and class stand there twice.
    """
    rows = [_read_row(path, row) for row in read_table(path, COLUMNS, RENAMED)]
    check_once_each(path, rows)
    return rows


WORDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("case", "patient", "class"), ()),
    "kind": get_args(Kind),
    "status": get_args(Status),
    "unit": get_args(Unit),
}
"""Columns of words that are never empty, and the words that may stand there; (): any."""


def _read_row(path: Path, text: dict[str, str]) -> Row:
    """Return a row of `cases.csv` with its numbers as such."""
    of = f"{path}: case {text['case']}, class {text['class']}"
    row: Row = dict(text)
    for name, known in WORDS.items():
        word(text[name], f"{of}: {name}", known)
    for name, metric in METRICS.items():
        row[name] = number(text[name], f"{of}: {name}", 0.0, metric.most)
    return row


def _cell(entry: dict[str, Any], metric: str, prefix: str = "") -> str:
    mean, std = entry[f"{prefix}mean"], entry.get(f"{prefix}std")
    if mean is None:
        return "-"
    digits = 3 if "unit" not in entry else 2
    return f"{mean:.{digits}f}" + (f" ± {std:.{digits}f}" if std is not None else "")


def as_text(summary: dict[str, Any]) -> str:
    """Return the summary as a plain table for a terminal, with EMPTY_POLICY beneath it."""
    lines = []
    for name, of in summary["classes"].items():
        lines.append(
            f"{name} ({of['kind']}): {of['cases']} cases, {of['scored']} scored, {of['missed']} "
            f"missed, {of['false_alarms']} false alarms, {of['both_empty']} both empty"
        )
        lines.append(f"  {'metric':<24}{'over patients':>18}{'over cases':>18}{'n':>6}")
        for metric, entry in of["metrics"].items():
            unit = f" [{entry['unit']}]" if "unit" in entry and "[" not in metric else ""
            lines.append(
                f"  {metric + unit:<24}{_cell(entry, metric, 'patient_'):>18}"
                f"{_cell(entry, metric):>18}{entry['n']:>6}"
            )
    return "\n".join([*lines, summary["empty_policy"]])
