"""Centrelines in a table as masks: a point a row, a width a point or a line."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.core.numbers import hint, number
from fluorojax.data import shapes
from fluorojax.data.label_rules import Subject
from fluorojax.data.leaks import grouped
from fluorojax.data.problems import perhaps, said
from fluorojax.data.shapes import Outline
from fluorojax.data.table import LINE, read_records, separator_of

COLUMNS = ("x", "y", "width_px", "class", "line")
NEEDED = ("x", "y")

Row = Mapping[str, str]


def read_line_table(path: Path, subject: Subject) -> np.ndarray:
    """Draw the lines of a table `x,y[,width_px][,class][,line]`, a mask a class.

    Points are in pixels, as in LabelMe, in their order along the line. Rows with one value under
    `line` (and one class) are a line. `width_px` stands in every row of a line, and changes evenly
    from point to point; or in its first alone; or nowhere, where `dataset.json` has a width for the
    class. `class` may be left out where there is one curve. A table without rows is an empty mask.

    Returns:
        [*shape, C] bool.

    Raises:
        InputError: not such a table, a value that is no number, a line without width or class, or
            one that cannot be drawn.
    """
    named = f"{path}: case {subject.case}"
    count = shapes.Count()
    lines = [
        (class_index, _outline(rows, class_index, subject, named))
        for label, rows in lines_of(path, subject.case)
        if (class_index := _class_of(label, subject, f"{named}: line {rows[0][LINE]}")) is not None
    ]
    count.shapes(len(lines), named)
    canvas = shapes.Canvas(subject.shape, len(subject.info.classes))
    for class_index, outline in lines:
        canvas.draw(class_index, count.add(outline))
    return canvas.mask


def is_line_table(path: Path) -> bool:
    """Say whether a table has columns for points, whatever separates them."""
    try:
        header, _ = read_records(path)
    except InputError:
        return False
    names = {name for text in header for name in re.split(r"[;\t|]", text)}
    return set(NEEDED) <= names


def lines_of(path: Path, case: str = "") -> list[tuple[str, Sequence[Row]]]:
    """Return the rows of each line, with the name of its class; '' where it has none.

    Raises:
        InputError: not such a table.
    """
    named = f"{path}: case {case}" if case else f"{path}"
    header, records = read_records(path, case)
    _check_header(header, named)
    rows = [_row(header, values, line, named) for line, values in records]
    if "line" in header:
        of_line = _classes_of_lines(rows, named)
    else:
        of_line = grouped(rows, lambda row: ("", row.get("class", "")))
    return [(label, members) for (_, label), members in of_line.items()]


def says_width(rows: Sequence[Row]) -> bool:
    """Say whether a line's rows say its width."""
    return any(row.get("width_px") for row in rows)


def _classes_of_lines(rows: Sequence[Row], named: str) -> dict[tuple[str, str], list[Row]]:
    """Group the rows by their line, each of one class, which its first row may say alone."""
    lines = {}
    for line, members in grouped(rows, lambda row: row["line"]).items():
        labels = [row.get("class", "") for row in members]
        odd = next((n for n, label in enumerate(labels) if label not in ("", labels[0])), None)
        if odd is not None:
            raise InputError(
                f"{named}: line {members[odd][LINE]}: class '{said(labels[odd])}' in the line "
                f"'{said(line)}', which began as '{said(labels[0])}'; give each its own line"
            )
        lines[line, labels[0]] = members
    return lines


def _check_header(header: Sequence[str], named: str) -> None:
    if name := separator_of(header):
        raise InputError(f"{named}: columns are separated by {name}; save it separated by commas")
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise InputError(
            f"{named}: no column '{missing[0]}'; the first line names the columns, of which x and "
            f"y must be there ({', '.join(COLUMNS)})"
        )
    for name in header:
        if name not in COLUMNS or header.count(name) > 1:
            raise InputError(
                f"{named}: column '{said(name)}' is unknown or stands there twice; the columns are "
                f"{', '.join(COLUMNS)}{perhaps(name, COLUMNS) if name not in COLUMNS else ''}"
            )


def _row(header: Sequence[str], values: Sequence[str], line: int, named: str) -> Row:
    if len(values) != len(header):
        raise InputError(
            f"{named}: line {line}: {len(values)} values under {len(header)} columns; write every "
            "comma, and numbers with a point"
        )
    return {**dict(zip(header, values, strict=True)), LINE: str(line)}


def _class_of(label: str, subject: Subject, where: str) -> int | None:
    curves = subject.info.curves
    if label:
        return subject.class_of(label, where, "class")
    if len(curves) != 1:
        raise InputError(
            f"{where}: no class, and dataset.json has {len(curves)} of kind curve; write the "
            "class's name into the column 'class'"
        )
    return curves[0]


def _outline(rows: Sequence[Row], class_index: int, subject: Subject, named: str) -> Outline:
    where = f"{named}: line {rows[0][LINE]} ({subject.info.class_names[class_index]})"
    places = [[_number(row, name, named) for name in NEEDED] for row in rows]
    points = shapes.points_of(places, where)
    shapes.check_count("linestrip", points, where)
    return Outline("linestrip", points, where, _widths(rows, class_index, subject, where))


def _number(row: Row, name: str, named: str) -> float:
    value = number(row[name])
    if np.isnan(value):
        raise InputError(
            f"{named}: line {row[LINE]}: {name} '{said(row[name])}' is no number{hint(row[name])}; "
            "write pixels from the frame's upper left corner"
        )
    return value


def _widths(
    rows: Sequence[Row], class_index: int, subject: Subject, where: str
) -> float | np.ndarray:
    """Return the width of a line, or one a point."""
    given = [row.get("width_px", "") for row in rows]
    if not any(given[1:]):
        return subject.line_width(given[0], class_index, where)
    for row, text in zip(rows, given, strict=True):
        if not text:
            raise InputError(
                f"{where}: no width_px in line {row[LINE]}; write it in every row of a line, or "
                "in its first alone"
            )
    return np.array([subject.line_width(text, class_index, where) for text in given])
