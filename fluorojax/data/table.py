"""The table of cases as text: rows of values under known columns, whatever program wrote it."""

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from fluorojax.core.errors import InputError
from fluorojax.core.files import read_text
from fluorojax.data.description import NEEDED_COLUMNS, OPTIONAL_COLUMNS
from fluorojax.data.problems import MAX_PROBLEMS, perhaps, refuse, said, unseen
from fluorojax.schema.info import DatasetInfo
from fluorojax.schema.renamed import COLUMNS

LINE = "#line"
"""Under this name a row holds its line in the file, for messages."""
MOST_COLUMNS = 1000

_SEP = re.compile(r'"?sep=(.)"?[ \t,;]*(\r\n|\n|\r|$)', re.IGNORECASE)
_SEPARATORS = {";": "';'", "\t": "tabs", "|": "'|'"}

Record = tuple[int, list[str]]  # line, values


def read_rows(path: Path, info: DatasetInfo) -> list[dict[str, str]]:
    """Return the rows by column, stripped of blanks around the values, with their line as `#line`.

    A byte order mark, a first line `sep=,`, blank lines and commas behind the last value are left
    out; old names of columns are replaced.

    Raises:
        InputError: not UTF-8, not separated by commas, other columns than those of `dataset.json`,
            a row of more or fewer values, a character that cannot be seen, or no row.
    """
    header, rows = read_records(path)
    header = [COLUMNS.get(name, name) for name in header]
    columns = len(header)
    while columns and not header[columns - 1] and not any(any(r[columns - 1 :]) for _, r in rows):
        columns -= 1
    header = header[:columns]
    refuse(path, _wrong_columns(header, info))
    if not rows:
        raise InputError(f"{path}: no cases; write one line a frame under the header")
    rows = [(line, _without_commas(row, columns)) for line, row in rows]
    refuse(path, _wrong_rows(rows, header))
    return [{**dict(zip(header, row, strict=True)), LINE: str(line)} for line, row in rows]


def read_records(path: Path, case: str = "") -> tuple[list[str], list[Record]]:
    """Return the first line that is not blank, and the others with their numbers in the file.

    Blanks around values are removed, and a byte order mark and a first line `sep=,` left out.

    Raises:
        InputError: not UTF-8, or no table separated by commas.
    """
    text, skipped = _without_sep(read_text(path, case=case), path)
    records = [(line + skipped, row) for line, row in _records(text, path, skipped) if any(row)]
    return (records[0][1], records[1:]) if records else ([], [])


def separator_of(header: Sequence[str]) -> str:
    """Return in words what the columns of a header are separated by that has a single one."""
    return next((name for text in header for c, name in _SEPARATORS.items() if c in text), "")


def _without_sep(text: str, path: Path) -> tuple[str, int]:
    """Return the text without Excel's line `sep=,`, and how many lines that were."""
    found = _SEP.match(text)
    if not found:
        return text, 0
    if found[1] != ",":
        raise InputError(
            f"{path}: line 1 says that columns are separated by "
            f"{_SEPARATORS.get(found[1], said(repr(found[1])))}; save it separated by commas"
        )
    return text[found.end() :], 1


def _records(text: str, path: Path, skipped: int) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    began = 1 + skipped
    try:
        for row in reader:
            yield reader.line_num, [value.strip() for value in row]
            began = reader.line_num + 1 + skipped
    except csv.Error as error:
        raise InputError(f"{path}: line {began}: {_in_words(error)}") from error


def _in_words(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return 'a quote (") is opened here and never closed; close or remove it'
    if "field limit" in text:
        return f'a value of more than {csv.field_size_limit()} characters; is a quote (") missing?'
    if "expected after" in text:
        return 'text behind a closing quote ("); write a quote within a value twice, or remove it'
    return f"not a csv file ({text}); save it as one"


def _without_commas(row: list[str], columns: int) -> list[str]:
    """Return a row without the empty values beyond the last column."""
    return row[:columns] if len(row) > columns and not any(row[columns:]) else row


def _wrong_rows(rows: Sequence[Record], header: Sequence[str]) -> list[str]:
    problems = [
        f"line {line}: {len(row)} values under {len(header)} columns; write every comma, put "
        "values with a comma in quotes, and write numbers with a point"
        for line, row in rows
        if len(row) != len(header)
    ]
    return problems or [
        f"line {line}: column '{name}' holds {_character(odd)}, which nobody sees; write "
        f"'{said(value)}' without it"
        for line, row in rows
        for name, value in zip(header, row, strict=True)
        if (odd := unseen(value))
    ]


def _character(c: str) -> str:
    if c in "\r\n":
        return "a line break"
    return f"U+{ord(c):04X} ({unicodedata.name(c, 'a control character').lower()})"


def _wrong_columns(header: Sequence[str], info: DatasetInfo) -> list[str]:
    known = (*NEEDED_COLUMNS, *OPTIONAL_COLUMNS, *(a.name for a in info.image_labels))
    if not header:
        return [f"the file is empty; write a header ({', '.join(NEEDED_COLUMNS)}, ...) and cases"]
    if len(header) > MOST_COLUMNS:
        return [f"{len(header)} columns; is it the right file?"]
    if not set(header) & set(NEEDED_COLUMNS) and (name := separator_of(header)):
        return [f"columns are separated by {name}; save it separated by commas"]
    unknown = [name for name in header if name and name not in known]
    problems = [
        f"no column '{name}'; add it (needed: {', '.join(NEEDED_COLUMNS)})"
        for name in NEEDED_COLUMNS
        if name not in header
    ]
    problems += [
        f"unknown column '{said(name)}'; correct or remove it (known: {', '.join(known)})"
        f"{perhaps(name, known) if n < MAX_PROBLEMS else ''}"
        for n, name in enumerate(unknown)
    ]
    problems += [
        f"column {n} has no name; write it into the header, or remove the column"
        for n, name in enumerate(header, 1)
        if not name
    ]
    problems += [
        f"column '{said(name)}' stands there {n} times; remove one"
        for name, n in Counter(header).items()
        if n > 1 and name
    ]
    return problems
