"""How often the image labels of whole frames are right: rows, accuracy, confusion, on disk."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fluorojax.metrics.statistics import Interval
from fluorojax.metrics.tables import write_table
from fluorojax.schema.info import ImageLabelInfo
from fluorojax.schema.renamed import COLUMNS as RENAMED
from fluorojax.schema.renamed import with_new_names

Row = dict[str, Any]

FILE = "image_labels.csv"
COLUMNS = ("case", "patient", "sequence", "image_label", "reference", "predicted", "probability")
NORMAL_95 = 1.959964  # quantile of the normal distribution at 97.5 %


def wilson_interval(share: float, n: int) -> Interval:
    """Return the 95 % score interval of a share found in n trials (Wilson, JASA 1927).

    (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n); it keeps its width where
    all trials went right.

    Args:
        share: in [0, 1].
        n: number of independent trials, >= 1.
    """
    z2 = NORMAL_95**2
    centre = share + z2 / (2 * n)
    half = NORMAL_95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Interval((centre - half) / (1 + z2 / n), (centre + half) / (1 + z2 / n))


def summarise_image_labels(
    rows: Iterable[Row], image_labels: Sequence[ImageLabelInfo]
) -> dict[str, dict[str, Any]]:
    """Return how often each image label is right, by name; only labels that the rows contain.

    Args:
        rows: one a case and image label, with the fields COLUMNS; `reference` is '' where unknown.
        image_labels: all there are.

    Returns:
        `values`; `cases` whose value is known and `unknown` others; `accuracy` over cases;
        `patient_accuracy`, the mean over `patients` of each one's cases, with its 95 % `interval`;
        and `confusion`, [reference][predicted] number of cases. Frames of one patient may be right
        or wrong together, so the interval counts patients. Where nothing is known: None.
    """
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(row["image_label"], []).append(row)
    return {a.name: _summary(by_name[a.name], a.values) for a in image_labels if a.name in by_name}


def _summary(rows: Sequence[Row], values: Sequence[str]) -> dict[str, Any]:
    known = [row for row in rows if row["reference"]]
    of_patient: dict[str, list[bool]] = {}
    confusion = [[0] * len(values) for _ in values]
    for row in known:
        confusion[values.index(row["reference"])][values.index(row["predicted"])] += 1
        of_patient.setdefault(row["patient"], []).append(row["reference"] == row["predicted"])
    summary: dict[str, Any] = {
        "values": list(values),
        "cases": len(known),
        "unknown": len(rows) - len(known),
        "patients": len(of_patient),
        "confusion": confusion,
    }
    if not known:
        return summary | dict.fromkeys(("accuracy", "patient_accuracy", "interval"))
    right = [sum(of) / len(of) for of in of_patient.values()]
    mean = sum(right) / len(right)
    return summary | {
        "accuracy": sum(sum(of) for of in of_patient.values()) / len(known),
        "patient_accuracy": mean,
        "interval": list(wilson_interval(mean, len(right))),
    }


def write_image_labels_csv(
    rows: Iterable[Mapping[str, Any]], path: Path, columns: Sequence[str] = COLUMNS
) -> None:
    """Write a line for each case and image label; an empty reference is not known."""
    write_table(path, columns, rows)


def read_image_labels_csv(path: Path) -> list[Row]:
    """Read what `write_image_labels_csv` wrote; probabilities as numbers.

    Raises:
        ValueError: a probability is no number.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = [with_new_names(row, RENAMED) for row in csv.DictReader(file)]
    return [row | {"probability": float(row["probability"])} for row in rows]
