"""What a split says of the probabilities themselves: calibration, and scores by threshold, on disk.

`calibration.csv` has a line for each class and bin of probability, `thresholds.csv` one for each
class, threshold and metric.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.metrics.calibration import BINS, SURE, calibration_error, reliability
from fluorojax.metrics.case import METRICS, MetricSettings
from fluorojax.metrics.tables import AGAIN, number, read_table, word, write_table
from fluorojax.metrics.thresholds import Row, at, operating_points, sweep_case, sweep_table
from fluorojax.schema.frame import Spacing
from fluorojax.schema.info import ClassInfo, Kind

CALIBRATION, THRESHOLDS = "calibration.csv", "thresholds.csv"
BIN_COLUMNS = ("class", "low", "high", "pixels", "mean_probability", "share")
SWEEP_COLUMNS = (
    *("class", "kind", "threshold", "metric", "patient_mean", "mean", "n"),
    *("missed", "false_alarms"),
)


class Calibration:
    """Collects how often pixels of each probability are of their class, case by case."""

    def __init__(self, classes: Sequence[ClassInfo]):
        self.bins = {c.name: np.zeros((BINS, 3)) for c in classes}

    def add(self, probabilities: np.ndarray, reference: np.ndarray, ignore: np.ndarray) -> None:
        """Take one case: [H, W, C] float and bool, and [H, W] bool of pixels that do not count."""
        for k, bins in enumerate(self.bins.values()):
            bins += reliability(probabilities[..., k], reference[..., k].astype(bool), ~ignore)

    def write(self, folder: Path) -> None:
        """Write `calibration.csv` into `folder`."""
        rows = [row for name, bins in self.bins.items() for row in bin_rows(name, bins)]
        write_table(folder / CALIBRATION, BIN_COLUMNS, rows)


class ThresholdSweep:
    """Collects the scores of masks made at each of many thresholds, case by case."""

    def __init__(self, classes: Sequence[ClassInfo], settings: MetricSettings):
        self._classes, self._settings = tuple(classes), settings
        self._rows: list[Row] = []

    def add(
        self,
        probabilities: np.ndarray,
        reference: np.ndarray,
        *,
        patient: str,
        ignore: np.ndarray,
        spacing: Spacing,
    ) -> None:
        """Take one case; arguments as for `metrics.thresholds.sweep_case`."""
        rows = sweep_case(
            probabilities,
            reference,
            classes=self._classes,
            spacing=spacing,
            ignore=ignore,
            settings=self._settings,
        )
        self._rows += [{"patient": patient} | row for row in rows]

    @property
    def table(self) -> list[Row]:
        """The means of each class at each threshold (`metrics.thresholds.sweep_table`)."""
        return sweep_table(self._rows)

    @property
    def operating_points(self) -> dict[str, float]:
        """Each class's best threshold on these cases."""
        return operating_points(self.table)

    def write(self, folder: Path) -> None:
        """Write `thresholds.csv` into `folder`."""
        write_table(folder / THRESHOLDS, SWEEP_COLUMNS, self.table)


class ProbabilityScores:
    """Both of a split: the threshold sweep and the calibration of its probabilities."""

    def __init__(self, classes: Sequence[ClassInfo], settings: MetricSettings):
        self.sweep, self.calibration = ThresholdSweep(classes, settings), Calibration(classes)

    def add(
        self,
        probabilities: np.ndarray,
        reference: np.ndarray,
        *,
        patient: str,
        ignore: np.ndarray,
        spacing: Spacing,
    ) -> None:
        """Take one case; arguments as for `metrics.thresholds.sweep_case`."""
        self.calibration.add(probabilities, reference, ignore)
        self.sweep.add(probabilities, reference, patient=patient, ignore=ignore, spacing=spacing)

    def summary(self, points: Mapping[str, float]) -> dict[str, dict[str, Any]]:
        """Return, by class, what a summary says: calibration errors, and scores at `points`.

        Args:
            points: class -> threshold, chosen elsewhere: on the validation split.

        Returns:
            `calibration_error` over all pixels, `calibration_error_found` over those of
            probability SURE or more (None: there are none), `operating_point` (None: not chosen)
            and `at_operating_point`: metric -> mean over patients.
        """
        scores = at(self.sweep.table, points)
        return {
            name: {
                "calibration_error": calibration_error(bins),
                "calibration_error_found": calibration_error(bins, SURE),
                "operating_point": points.get(name),
                "at_operating_point": scores.get(name, {}),
            }
            for name, bins in self.calibration.bins.items()
        }

    def write(self, folder: Path) -> None:
        """Write both tables into `folder`, which is made if missing."""
        folder.mkdir(parents=True, exist_ok=True)
        self.calibration.write(folder)
        self.sweep.write(folder)


def bin_rows(name: str, bins: np.ndarray) -> list[Row]:
    """Return the lines of a class's reliability table; an empty bin has neither mean nor share."""
    rows = []
    for k, (pixels, probability, positive) in enumerate(bins):
        row: Row = {"class": name, "low": k / BINS, "high": (k + 1) / BINS, "pixels": int(pixels)}
        if pixels:
            row |= {"mean_probability": probability / pixels, "share": positive / pixels}
        rows.append(row)
    return rows


def read_thresholds(folder: Path) -> list[Row]:
    """Return what `write` wrote of the sweep in `folder`; nothing where there is no such file.

    Raises:
        InputError: the file cannot be read, lacks a column, has a number that is none or
            impossible, or a row twice.
    """
    return _read(folder / THRESHOLDS, SWEEP_COLUMNS, ("class", "metric", "threshold"))


def read_calibration(folder: Path) -> list[Row]:
    """Return the bins of all classes in `folder`; nothing where there is no such file.

    Raises:
        InputError: as for `read_thresholds`; or a bin with pixels has no mean or no share.
    """
    rows = _read(folder / CALIBRATION, BIN_COLUMNS, ("class", "low"))
    for row in rows:
        if row["pixels"] and None in (row["mean_probability"], row["share"]):
            raise InputError(
                f"{folder / CALIBRATION}: class {row['class']}, bin from {row['low']:g}: pixels "
                f"without mean_probability or share; {AGAIN}"
            )
    return rows


WORDS: dict[str, tuple[str, ...]] = {"class": (), "kind": get_args(Kind), "metric": tuple(METRICS)}
"""Columns of words, and the words that may stand there; (): any."""
NEEDED = ("threshold", "n", "missed", "false_alarms", "low", "high", "pixels")
"""Columns of numbers that are never empty."""
COUNTS = ("n", "missed", "false_alarms", "pixels")


def _read(path: Path, columns: Sequence[str], key: Sequence[str]) -> list[Row]:
    """Return the rows of a table, none of which has the `key` of another."""
    if not path.exists():
        return []
    seen, rows = set(), []
    for place, text in enumerate(read_table(path, columns), 2):
        row = {name: _cell(name, cell, f"{path}: row {place}") for name, cell in text.items()}
        if (names := tuple(row[name] for name in key)) in seen:
            raise InputError(f"{path}: row {place}: {names} stands there twice; {AGAIN}")
        seen.add(names)
        rows.append(row)
    return rows


def _cell(name: str, text: str, row: str) -> str | float | None:
    """Return what stands in a cell: a word, or a number of [0, 1], or one of things."""
    where = f"{row}: {name}"
    if name in WORDS:
        return word(text, where, WORDS[name])
    if name in NEEDED:
        word(text, where)
    return number(text, where, 0.0, math.inf if name in COUNTS else 1.0)
