"""What `fluorojax measure` prints."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.table import Table

from fluorojax.core.errors import InputError
from fluorojax.core.progress import console
from fluorojax.knee.measure.result import DETECTOR_PLANE, by_reason
from fluorojax.knee.write import PROGRESSION, Row

SHOWN = 6  # films, of each of which a table is printed
IN_FILES = ("_width_mean", "_extent")  # of a zone: on the screen its greatest width is enough


def show(record: Row, out: Path) -> None:
    """Print a table a film, or one of all films where they are many.

    Raises:
        InputError: some film was not measured; what was is printed before.
    """
    if len(record["films"]) > SHOWN:
        _show_all(record["films"])
    else:
        for film in record["films"]:
            _show_film(film["film"], film["measurements"])
            assumptions = "; ".join(f"{name} {text}" for name, text in film["assumptions"].items())
            console.print(f"assumed: {assumptions}")
    if PROGRESSION in record:
        _show_film("later less earlier", record[PROGRESSION])
    console.print(f"measurements.csv, measurements.json and pictures are in {out}")
    if failed := record["failed"]:
        count = len(failed) + len(record["films"])
        lines = by_reason((film["film"], film["reason"]) for film in failed)
        raise InputError("\n  ".join([f"{len(failed)} of {count} films not measured:", *lines]))


def _show_film(title: str, rows: Sequence[Row]) -> None:
    """Print values, of the lucencies only what was found, and refusals, each reason once."""
    found = [row for row in rows if row["value"] is not None]
    clear = [row for row in found if "radiolucency" in row["name"] and row["value"] == 0]
    found = [row for row in found if row not in clear and not row["name"].endswith(IN_FILES)]
    table = _table(title, "value", "±", "unit", "tolerance")
    for row in found:
        value = [f"{row[name]:.2f}" for name in ("value", "uncertainty")]
        table.add_row(row["name"], *value, _unit(row), _verdict(row))
    console.print(table)
    if zones := sum(row["name"].endswith("_extent") for row in clear if not _is_change(row)):
        console.print(f"no lucency in {zones} zones that were read")
    for line in by_reason((row["name"], row["refused"]) for row in rows if row["refused"]):
        console.print(f"refused: {line}")
    _show_texts(found, ("scale_source", "note"))


def _show_texts(rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Print each text that stands in these columns once."""
    for column in columns:
        for text in dict.fromkeys(row[column] for row in rows if row[column]):
            console.print(f"{column.removesuffix('_source')}: {text}")


def _unit(row: Row) -> str:
    """Return the unit of a value, and its plane where that is not the knee's."""
    return f"{row['unit']} at detector" if DETECTOR_PLANE in row["scale_source"] else row["unit"]


def _is_change(row: Row) -> bool:
    return row["name"].startswith("change_")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    # A name is what --tolerance and the CSV file call it: never cut short.
    table.add_column("measurement", overflow="fold")
    for column in columns:
        table.add_column(column)
    return table


def _verdict(row: Row) -> str:
    if not row["tolerance"]:
        return ""
    low, high = row["tolerance_low"], row["tolerance_high"]
    if low is None or high is None:
        return f"{row['tolerance']} {f'up to {high:g}' if low is None else f'from {low:g}'}"
    return f"{row['tolerance']} {low:g} to {high:g}"


def _show_all(films: Sequence[Row]) -> None:
    """Print of each measurement on how many films it was read, its median, how many are outside."""
    rows: dict[str, list[Row]] = {}
    for film in films:
        for row in film["measurements"]:
            rows.setdefault(row["name"], []).append(row)
    table = _table(f"{len(films)} films", "measured", "refused", "median", "unit", "outside")
    for name, of in rows.items():
        values = [row["value"] for row in of if row["value"] is not None]
        # No line for a zone that is clear on all films.
        if any(values) and not name.endswith(IN_FILES):
            outside = sum(row["tolerance"] == "outside" for row in of)
            counts = [str(len(values)), str(len(of) - len(values))]
            units = dict.fromkeys(_unit(row) for row in of if row["value"] is not None)
            unit = " or ".join(units)
            table.add_row(name, *counts, f"{np.median(values):.2f}", unit, str(outside))
    console.print(table)
    _show_texts([row for of in rows.values() for row in of], ("scale_source",))
