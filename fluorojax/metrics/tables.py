"""Tables of scores on disk, read back and held to what was written."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fluorojax.core.errors import InputError
from fluorojax.core.files import read_text

AGAIN = "evaluate again"
ROUNDING = 1e-9
"""By so much may a share be above 1."""


def write_table(
    path: Path,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    *,
    errors: str = "strict",
) -> None:
    """Write rows as CSV, into a folder that is made if missing; a cell that a row lacks is empty.

    Args:
        path: of the file.
        columns: the heads; a row must have no others.
        rows: by column.
        errors: what is done with text that UTF-8 cannot hold, as of `open`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8", errors=errors) as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_table(
    path: Path, columns: Sequence[str], renamed: Mapping[str, str] | None = None
) -> list[dict[str, str]]:
    """Return the rows of a CSV file as text, by column.

    Args:
        path: of the file.
        columns: that must be there; others are left out.
        renamed: old name of a column -> today's.

    Raises:
        InputError: the file cannot be read, lacks a column or has one twice, or a row has more or
            fewer cells than there are columns.
    """
    head, *rows = _lines(path) or [[]]
    names = [(renamed or {}).get(name, name) for name in head]
    if missing := [name for name in columns if name not in names]:
        raise InputError(f"{path} is damaged (no column {', '.join(missing)}); {AGAIN}")
    if twice := [name for name in columns if names.count(name) > 1]:
        raise InputError(f"{path} is damaged (column {twice[0]} stands there twice); {AGAIN}")
    for number, row in enumerate(rows, 2):
        if len(row) != len(names):
            raise InputError(
                f"{path} is damaged (row {number} has {len(row)} cells, there are {len(names)} "
                f"columns); {AGAIN}"
            )
    places = [names.index(name) for name in columns]
    return [dict(zip(columns, (row[k] for k in places), strict=True)) for row in rows]


def _lines(path: Path) -> list[list[str]]:
    """Return the cells of each line that is not empty."""
    text = read_text(path)
    try:
        return [row for row in csv.reader(text.splitlines(keepends=True), strict=True) if row]
    except csv.Error as error:
        raise InputError(f"{path} is damaged ({error}); {AGAIN}") from error


def number(text: str, where: str, low: float = -math.inf, high: float = math.inf) -> float | None:
    """Return the number in a cell; None of an empty one, which does not apply.

    Args:
        text: of the cell.
        where: file, case and column, for the message.
        low, high: what it must lie within, both included.

    Raises:
        InputError: text, NaN, an infinite number, or one outside of the limits.
    """
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        raise InputError(f"{where} is {text[:40]!r}, which is no finite number; {AGAIN}")
    if not low - ROUNDING <= value <= high + ROUNDING:
        limits = f"from {low:g} to {high:g}" if high < math.inf else f"at least {low:g}"
        raise InputError(f"{where} is {value:g}, and must be {limits}; {AGAIN}")
    return value


def word(text: str, where: str, known: Sequence[str] = ()) -> str:
    """Return the text in a cell that must not be empty, and be one of `known` where these are.

    Raises:
        InputError: it is empty, or another word.
    """
    if not text.strip():
        raise InputError(f"{where} is empty; {AGAIN}")
    if known and text not in known:
        raise InputError(f"{where} is {text[:40]!r}, not one of {', '.join(known)}; {AGAIN}")
    return text


def check_once_each(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Check that no case and class have two rows.

    Raises:
        InputError: names the two.
    """
    seen = set()
    for row in rows:
        if (key := (row["class"], row["case"])) in seen:
            raise InputError(
                f"{path}: case {row['case']}, class {row['class']}: stands there twice; {AGAIN}"
            )
        seen.add(key)
