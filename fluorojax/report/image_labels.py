"""What a page shows of the image labels of whole frames: how many are right, and which are not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluorojax.core.errors import InputError
from fluorojax.metrics.image_labels import FILE, Row, read_image_labels_csv
from fluorojax.report.page import Table, table


@dataclass(frozen=True)
class ImageLabel:
    """One image label: a sentence on its accuracy, its confusion matrix, and its mistakes."""

    name: str
    summary: str
    confusion: Table
    mistakes: Table | None


@dataclass(frozen=True)
class ImageLabels:
    """The image labels of one split."""

    split: str
    labels: Sequence[ImageLabel]


def image_labels(
    folder: Path, summary: Mapping[str, Any], numbers: Callable[[Row], Row] | None = None
) -> ImageLabels | None:
    """Return the image labels of a split's evaluation; None where none are predicted.

    Args:
        folder: `evaluation/<split>`.
        summary: of the split.
        numbers: puts numbers in the place of names; None: names are shown.

    Raises:
        InputError: the file of the single frames is damaged.
    """
    scored = summary.get("image_labels")
    if not scored:
        return None
    rows = mistakes(folder / FILE)
    rows = [numbers(row) for row in rows] if numbers else rows
    labels = [
        ImageLabel(
            name,
            _in_words(scores),
            _confusion(scores),
            _mistakes([r for r in rows if r["image_label"] == name]),
        )
        for name, scores in scored.items()
    ]
    return ImageLabels(folder.name, labels)


def mistakes(path: Path) -> list[Row]:
    """Return the rows with a wrong prediction, the surest first; none where there is no file.

    Raises:
        InputError: the file is damaged.
    """
    if not path.is_file():
        return []
    try:
        rows = read_image_labels_csv(path)
        wrong = [r for r in rows if r["reference"] and r["reference"] != r["predicted"]]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged ({error!r}); evaluate again") from error
    return sorted(wrong, key=lambda row: -row["probability"])


def _in_words(scores: Mapping[str, Any]) -> str:
    unknown = f" Of {scores['unknown']} more the value is not known." if scores["unknown"] else ""
    if not scores["cases"]:
        return f"No frame has a known value.{unknown}"
    right = sum(line[k] for k, line in enumerate(scores["confusion"]))
    low, high = scores["interval"]
    return (
        f"Right in {right} of {scores['cases']} frames ({scores['accuracy']:.3f}); mean over "
        f"{scores['patients']} patients {scores['patient_accuracy']:.3f}, interval {low:.3f} to "
        f"{high:.3f}.{unknown}"
    )


def _confusion(scores: Mapping[str, Any]) -> Table:
    lines = zip(scores["values"], scores["confusion"], strict=True)
    rows = [[value, *map(str, line)] for value, line in lines]
    return table(["annotated, predicted as", *scores["values"]], rows, words=1)


def _mistakes(rows: Sequence[Row]) -> Table | None:
    if not rows:
        return None
    cells = [
        [r["case"], r["patient"], r["reference"], r["predicted"], f"{r['probability']:.3f}"]
        for r in rows
    ]
    columns = ["wrong case", "patient", "annotated", "predicted", "probability"]
    return table(columns, cells, words=4)
