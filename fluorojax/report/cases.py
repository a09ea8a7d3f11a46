"""The cases of one split from worst to best: a table a class, and the pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from fluorojax.drawing.overlay import file_name
from fluorojax.metrics.case import METRICS, PRIMARY
from fluorojax.report.page import css_colour
from fluorojax.report.pictures import Layer, Picture, Viewer, viewer
from fluorojax.report.scores import Evaluation, Row, number

MOST_PICTURES = 60
"""A page with more would be too heavy to send or to open; the worst cases come first."""

STATUS = {"missed": "missed", "false_alarm": "false alarm", "both_empty": "both empty"}


class MetricColumn(NamedTuple):
    """A column of scores; the main one orders the table, and has bars."""

    label: str
    text: str
    main: bool


class Score(NamedTuple):
    """A score as shown and as sorted by; `bar`: its value where a bar stands below it."""

    shown: str
    sort: str
    bar: str | None


class CaseRow(NamedTuple):
    """One case of one class; `picture` is the id of its picture, None without."""

    case: str
    picture: str | None
    fields: Sequence[str]
    status: str
    status_text: str
    scores: Sequence[Score]
    unit: str


@dataclass(frozen=True)
class CaseTable:
    """The cases of one class; columns without any entry are left out.

    `unit_column`: distances are in several units, so that each row must say its own.
    """

    name: str
    colour: str
    fields: list[str]
    metrics: Sequence[MetricColumn]
    unit_column: bool
    rows: Sequence[CaseRow]


@dataclass(frozen=True)
class Cases:
    """The cases of one split; `left_out`: how many more pictures there are than shown."""

    split: str
    tables: Sequence[CaseTable]
    viewer: Viewer | None
    left_out: int


def cases(evaluation: Evaluation, *, pictures: bool = True) -> Cases | None:
    """Return the cases from worst to best; None without `cases.csv`.

    Args:
        evaluation: of a split.
        pictures: show them too.

    Raises:
        InputError: a picture cannot be read.
    """
    if not evaluation.rows:
        return None
    ids = picture_ids(evaluation) if pictures else {}
    tables = []
    for k, name in enumerate(evaluation.classes):
        rows = from_worst_to_best([r for r in evaluation.rows if r["class"] == name])
        if rows:
            tables.append(_table(k, rows, ids))
    left_out = len(_pictured(evaluation)) - len(ids) if pictures else 0
    return Cases(evaluation.split, tables, _gallery(evaluation, ids), left_out)


# Order


def from_worst_to_best(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of one class by its kind's score (PRIMARY); those not scored come last."""
    return sorted(rows, key=lambda row: (*_order(row), row["case"]))


def _order(row: Row) -> tuple[bool, float]:
    value = row.get(PRIMARY[row["kind"]])
    return value is None, value if value is not None else 0.0


def _order_of_case(rows: Sequence[Row]) -> tuple[bool, float]:
    """Return the place of a case: by the mean of its classes' scores."""
    values = [value for missing, value in map(_order, rows) if not missing]
    return not values, sum(values) / len(values) if values else 0.0


# Pictures


def map_path(folder: Path, case: str) -> Path:
    """Return where the map of a case is, in the folder of a split's evaluation."""
    return folder / "maps" / f"{file_name(case)}.png"


def picture_ids(evaluation: Evaluation) -> dict[str, str]:
    """Return the cases whose pictures are shown, from worst to best, and the id of each."""
    shown = list(_pictured(evaluation))[:MOST_PICTURES]
    return {case: f"picture-{evaluation.split}-{file_name(case)}" for case in shown}


def layers(evaluation: Evaluation) -> list[Layer]:
    """Return the classes as they are drawn."""
    kinds = {row["class"]: row["kind"] for row in evaluation.rows}
    thresholds = evaluation.summary.get("thresholds", {})
    return [Layer(name, kind == "curve", thresholds.get(name, 0.5)) for name, kind in kinds.items()]


def in_words(evaluation: Evaluation, case: str) -> str:
    """Return the first score of each class in a case, as a line of text."""
    return ", ".join(
        f"{row['class']}: {STATUS.get(row['status']) or _first_score(row)}"
        for row in evaluation.rows
        if row["case"] == case
    )


def _first_score(row: Row) -> str:
    metric = PRIMARY[row["kind"]]
    value = row.get(metric)
    return f"{METRICS[metric].label} {value:.3f}" if value is not None else "not scored"


def _pictured(evaluation: Evaluation) -> dict[str, tuple[bool, float]]:
    """Return the cases with a map, from worst to best, and the place of each."""
    by_case: dict[str, list[Row]] = {}
    for row in evaluation.rows:
        by_case.setdefault(row["case"], []).append(row)
    places = {
        case: _order_of_case(rows)
        for case, rows in by_case.items()
        if map_path(evaluation.folder, case).is_file()
    }
    return dict(sorted(places.items(), key=lambda item: item[1]))


def scored_cases(evaluation: Evaluation) -> list[str]:
    """Return the cases with a map and any score, from worst to best."""
    return [case for case, (nothing, _) in _pictured(evaluation).items() if not nothing]


def _gallery(evaluation: Evaluation, ids: Mapping[str, str]) -> Viewer | None:
    if not ids:
        return None
    pictures = [
        Picture(
            id=ids[case],
            path=map_path(evaluation.folder, case),
            label=f"Case {case} with prediction and reference",
            title=case,
            scores=in_words(evaluation, case),
        )
        for case in ids
    ]
    return viewer(pictures, layers(evaluation), adjustable="thresholds" in evaluation.summary)


# Tables


def _table(k: int, rows: Sequence[Row], pictures: Mapping[str, str]) -> CaseTable:
    main = PRIMARY[rows[0]["kind"]]
    fields = [f for f in ("patient", "sequence", "stratum") if any(r.get(f) for r in rows)]
    metrics = [m for m in METRICS if any(r.get(m) is not None for r in rows)]
    metrics.sort(key=lambda m: m != main)  # the score that orders the table stands first
    units = {r["unit"] for r in rows}
    unit = f" ({next(iter(units))})" if len(units) == 1 else ""
    return CaseTable(
        name=rows[0]["class"],
        colour=css_colour(k),
        fields=fields,
        metrics=[_column(m, unit, m == main) for m in metrics],
        unit_column=not unit,
        rows=[_row(row, pictures.get(row["case"]), fields, metrics) for row in rows],
    )


def _column(metric: str, unit: str, main: bool) -> MetricColumn:
    label = METRICS[metric].label + (unit if METRICS[metric].is_distance else "")
    return MetricColumn(label, METRICS[metric].text, main)


def _row(row: Row, picture: str | None, fields: Sequence[str], metrics: Sequence[str]) -> CaseRow:
    return CaseRow(
        case=row["case"],
        picture=picture,
        fields=[row[f] for f in fields],
        status=row["status"],
        status_text=STATUS.get(row["status"]) or row["status"],
        scores=[_score(row.get(m), m, m == PRIMARY[row["kind"]]) for m in metrics],
        unit=row["unit"],
    )


def _score(value: float | None, metric: str, main: bool) -> Score:
    """Return a number, sorted by its full precision; the main score has a bar."""
    if value is None:
        return Score(number(None, metric), "", None)
    return Score(number(value, metric), repr(value), f"{value:.3f}" if main else None)
