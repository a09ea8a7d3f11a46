"""Scores of every case of a split, on the frames' own grids, with a picture of each."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fluorojax import overlay
from fluorojax.data import bitmask, labels
from fluorojax.data.info import DatasetInfo
from fluorojax.data.intensity import normalise
from fluorojax.data.source import Example, Frames, labelled_only
from fluorojax.metrics.case import MetricSettings, score_case
from fluorojax.metrics.summary import summarise, write_cases_csv, write_summary
from fluorojax.predict import Predictor
from fluorojax.progress import progress

Row = dict[str, Any]
Segment = Callable[[Example], np.ndarray]
OnCase = Callable[[Example, np.ndarray, np.ndarray], None]  # example, prediction, reference


def by_network(predictor: Predictor, threshold: float) -> Segment:
    """Return what segments an example by a network: its probabilities, from `threshold` on."""
    return lambda example: predictor(example["image"]) >= threshold


def score_split(
    segment: Segment,
    frames: Frames,
    *,
    info: DatasetInfo,
    stored_classes: int,
    settings: MetricSettings,
    on_case: OnCase | None = None,
) -> list[Row]:
    """Segment and score every labelled case; unlabelled ones have nothing to be scored against.

    Args:
        segment: returns the predicted mask `[H, W, C] bool` of an example, classes as in `info`.
        frames: a split.
        info: the classes as predicted (see `fluorojax.data.labels`), in that order.
        stored_classes: bits in the masks of `frames`.
        settings: tolerances of the metrics.
        on_case: called with each example, its prediction and its reference `[H, W, C] bool`.

    Returns:
        One row a case and class, in the order of `frames`.

    Raises:
        RuntimeError: not every labelled case was scored.
    """
    rows: list[Row] = []
    labelled = labelled_only(frames)
    with progress("evaluate", len(labelled)) as update:
        for n, example in enumerate(labelled):
            prediction = segment(example)
            reference = reference_of(example, info, stored_classes)
            rows += score_example(example, prediction, reference, info, settings)
            if on_case:
                on_case(example, prediction, reference)
            update(n + 1)
    expected = [row.case for row in frames.rows if row.labelled]
    if [row["case"] for row in rows[:: len(info.classes)]] != expected:
        raise RuntimeError(f"{len(expected)} cases have labels, but others or fewer were scored")
    return rows


def reference_of(example: Example, info: DatasetInfo, stored_classes: int) -> np.ndarray:
    """Return the reference mask `[H, W, C] bool` of a native example, classes as learned."""
    mask = bitmask.unpack(example["mask"], stored_classes).astype(bool)
    return np.asarray(labels.merge(mask, len(info.classes)))


def score_example(
    example: Example,
    prediction: np.ndarray,
    reference: np.ndarray,
    info: DatasetInfo,
    settings: MetricSettings,
) -> list[Row]:
    """Return the rows of one case, one a class, with the case's own fields in front."""
    about = {
        "case": example["case"],
        "patient": example["patient"],
        "sequence": example["sequence"],
        "level": example["level"],
    }
    row_mm, column_mm = example["spacing_mm"]
    scores = score_case(
        prediction,
        reference,
        ignore=example["ignore"].astype(bool),
        classes=info.classes,
        spacing=(float(row_mm), float(column_mm)),
        relation=info.relation,
        attached=int(example["attached"]),
        settings=settings,
    )
    return [about | row for row in scores]


def write_evaluation(
    segment: Segment,
    frames: Frames,
    folder: Path,
    **scoring: Any,
) -> dict[str, Any]:
    """Score a split and write `cases.csv`, `summary.json` and `overlays/<case>.png` into `folder`.

    `segment` and `scoring` go to `score_split`. Returns the summary.
    """
    pictures = folder / "overlays"
    pictures.mkdir(parents=True, exist_ok=True)
    names = list(scoring["info"].class_names)

    def draw(example: Example, prediction: np.ndarray, reference: np.ndarray) -> None:
        overlay.save_png(
            picture_of(example, prediction, reference, names),
            pictures / f"{overlay.file_name(example['case'])}.png",
        )

    rows = score_split(segment, frames, on_case=draw, **scoring)
    unlabelled = sum(not row.labelled for row in frames.rows)
    summary = summarise(rows, scoring["settings"]) | {"unlabelled": unlabelled}
    write_cases_csv(rows, folder / "cases.csv")
    write_summary(summary, folder / "summary.json")
    return summary


def picture_of(
    example: Example, prediction: np.ndarray, reference: np.ndarray, names: Sequence[str]
) -> np.ndarray:
    """Return frame, prediction and reference as one RGB picture [H, W, 3] uint8."""
    image = np.asarray(normalise(example["image"], example["low"], example["high"]))
    return overlay.overlay(image, prediction, reference, example["ignore"].astype(bool), names)
