"""What `fluorojax init` writes: a new dataset.json, and rows behind those of a table."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fluorojax.core.errors import InputError
from fluorojax.core.files import read_text
from fluorojax.core.outputs import written_aside
from fluorojax.data.label_rules import PLAIN, LabelRules
from fluorojax.schema.info import DatasetInfo, Encoding
from fluorojax.schema.renamed import COLUMNS

Row = Mapping[str, str]
COLUMNS_WRITTEN = (
    *("case", "image", "annotation", "ignore", "patient", "sequence", "frame", "attached", "split"),
)
IF_THERE = ("ignore", "attached")
"""Columns of a new table; the latter only where a row has a value in them."""


def write_description(
    path: Path,
    info: DatasetInfo,
    encoding: Encoding | None,
    rules: LabelRules = PLAIN,
) -> None:
    """Write a dataset.json, where there is none, with the names and widths of `rules`.

    Raises:
        InputError: one is there, or it cannot be written.
    """
    _refuse_there(path)
    fields: dict[str, object] = {
        "name": info.name,
        "classes": [
            {
                "name": c.name,
                "kind": c.kind,
                **({"mask_value": c.mask_value} if c.mask_value else {}),
            }
            for c in info.classes
        ],
    }
    if encoding:
        fields["mask_encoding"] = encoding
    if rules.names:
        fields["label_names"] = dict(rules.names)
    if rules.widths:
        fields["line_width_px"] = dict(rules.widths)
    if info.relation:
        fields["relation"] = {"child": info.relation.child, "parent": info.relation.parent}
    if info.split_unit != "patient":
        fields["split_unit"] = info.split_unit
    with written_aside(path) as draft:
        draft.write_text(json.dumps(fields, indent=1, ensure_ascii=False) + "\n", "utf-8")
        _refuse_there(path)


def _refuse_there(path: Path) -> None:
    if path.exists():
        raise InputError(f"{path} came to be there meanwhile; run the same command again")


class Table(NamedTuple):
    """A table that is there already: its text, its columns and its rows."""

    text: str
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]


def read_table(path: Path) -> Table:
    """Return a table as it is, whatever columns it has.

    Raises:
        InputError: it is no text, or has no columns `case` and `image` separated by commas.
    """
    text = read_text(path)
    lines = text.splitlines(keepends=True)
    body = "".join(lines[1:]) if lines and lines[0].casefold().startswith("sep=") else text
    try:
        records = [row for row in csv.reader(io.StringIO(body, newline="")) if any(row)]
    except csv.Error as error:
        raise InputError(f"{path}: no table separated by commas ({error}); correct it") from error
    columns = (
        tuple(COLUMNS.get(name.strip(), name.strip()) for name in records[0]) if records else ()
    )
    if not {"case", "image"} <= set(columns):
        raise InputError(
            f"{path}: no columns 'case' and 'image' separated by commas in its first line; correct "
            "it, or move it away and init writes a new one"
        )
    rows = tuple(
        dict(zip(columns, (value.strip() for value in row), strict=False)) for row in records[1:]
    )
    return Table(text, columns, rows)


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write a new table, where there is none.

    Raises:
        InputError: one is there, or it cannot be written.
    """
    _refuse_there(path)
    used = {name for row in rows for name, value in row.items() if value}
    columns = [name for name in COLUMNS_WRITTEN if name in used or name not in IF_THERE]
    with written_aside(path) as draft:
        draft.write_text(_text([columns]) + _lines(columns, rows), "utf-8", newline="")
        _refuse_there(path)


def append_rows(path: Path, table: Table, rows: Sequence[Row]) -> list[str]:
    """Write rows behind those of a table, whose every byte stays; return what has no column there.

    Raises:
        InputError: the table was changed meanwhile, or cannot be written.
    """
    end = "\r\n" if "\r\n" in table.text else "\n"
    new = _lines(table.columns, rows).replace("\n", end)
    before = path.read_bytes()
    joint = b"" if before.endswith((b"\n", b"\r")) else end.encode()
    with written_aside(path) as draft:
        draft.write_bytes(before + joint + new.encode())
        if path.read_bytes() != before:
            raise InputError(f"{path} was changed meanwhile; run the same command again")
    return sorted(
        {name for row in rows for name, value in row.items() if value} - set(table.columns)
    )


def _lines(columns: Sequence[str], rows: Iterable[Row]) -> str:
    return _text([[row.get(name, "") for name in columns] for row in rows])


def _text(records: Iterable[Sequence[str]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(records)
    return file.getvalue()
