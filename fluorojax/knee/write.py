"""The files that `fluorojax measure` writes."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fluorojax.core.errors import writing
from fluorojax.drawing import overlay
from fluorojax.knee.drawing import draw_knee
from fluorojax.knee.measure import KneeReport, Progress, Tolerances
from fluorojax.knee.measure.result import DETECTOR_PLANE

DRAWN = ("lines_px", "points_px")  # of a row, in the JSON file alone
PROGRESSION = "progression"  # in the record, and the stem of what a comparison writes

Row = dict[str, Any]


class Measured(NamedTuple):
    """A film with its measurements.

    Attributes:
        name: the film's.
        image: [H, W] in [0, 1], the film itself; the masks' grid may be coarser.
        report: of `measure_knee`.
        assumptions: what was not measured but assumed, and where it comes from.
    """

    name: str
    image: np.ndarray
    report: KneeReport
    assumptions: Mapping[str, str]


def picture_name(film: str) -> str:
    """Return the file name of a film's picture."""
    return f"{overlay.file_name(film)}.png"


def write_picture(measured: Measured, tolerances: Tolerances, out: Path) -> np.ndarray:
    """Write `FILM.png`, the film with its lines, arcs, zones and values; return it [h, w, 3]."""
    picture = draw_knee(measured.image, measured.report, tolerances)
    with writing(out):
        overlay.save_png(picture, out / picture_name(measured.name))
    return picture


def write_pair(pictures: Sequence[np.ndarray], title: str, change: Progress, out: Path) -> None:
    """Write `progression.png`: two films side by side, the earlier first, and what changed."""
    height = max(len(p) for p in pictures)
    first, second = (np.pad(p, ((0, height - len(p)), (0, 0), (0, 0))) for p in pictures)
    sheet = np.concatenate([np.pad(first, ((0, 0), (0, 16), (0, 0))), second], axis=1)
    strips = [overlay.legend(sheet.shape[1], (), line) for line in (title, *_changes(change))]
    with writing(out):
        overlay.save_png(np.concatenate([sheet, *strips]), out / f"{PROGRESSION}.png")


def _changes(change: Progress) -> list[str]:
    return [
        f"{m.name.replace('_', ' ')}  {m.value:+.2f} {m.unit} ± {m.uncertainty:.2f}"
        + (f" {DETECTOR_PLANE}" if m.at_detector else "")
        for m in change.changes
        if m.value is not None and not ("radiolucency" in m.name and m.value == 0)
    ]


def rows_of(measured: Measured, tolerances: Tolerances) -> list[Row]:
    """Return the rows of a film's measurements, lines and points in the film's own pixels."""
    finer = np.array(measured.image.shape) / measured.report.film.masks.shape[:2]
    rows = measured.report.rows(tolerances)
    for row in rows:
        row["lines_px"] = [_finer(line, finer) for line in row["lines_px"]]
        row["points_px"] = _finer(row["points_px"], finer)
    return rows


def _finer(points: Sequence[Sequence[float]], finer: np.ndarray) -> list[list[float]]:
    places = (np.reshape(points, (-1, 2)) + 0.5) * finer - 0.5
    return places.round(2).tolist()


def write_tables(record: Row, out: Path) -> None:
    """Write `measurements.json`, its rows as `measurements.csv`, and changes where there are any.

    In the CSV files an empty cell is "none"; where the lines lie is in the JSON file alone.
    """
    rows = [{"film": f["film"]} | row for f in record["films"] for row in f["measurements"]]
    with writing(out):
        text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
        (out / "measurements.json").write_text(text + "\n", "utf-8")
        _write_csv(rows, out / "measurements.csv")
        if PROGRESSION in record:
            _write_csv(record[PROGRESSION], out / f"{PROGRESSION}.csv")


def _write_csv(rows: Sequence[Row], path: Path) -> None:
    columns = [name for name in (rows[0] if rows else {"film": ""}) if name not in DRAWN]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def bands(tolerances: Tolerances) -> dict[str, list[float | None]]:
    """Return name -> [low, high], ready for JSON; None: no limit on that side."""
    return {
        name: [limit if math.isfinite(limit) else None for limit in band]
        for name, band in tolerances.bands.items()
    }
