"""Scores of every case of a split, on the frames' own grids, with a picture of each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fluorojax.core.progress import progress
from fluorojax.datasets.source import Frames, labelled_only
from fluorojax.drawing import archive, overlay
from fluorojax.evaluation.probabilities import Confidence
from fluorojax.inference.predictor import Choice, Prediction, Predictor
from fluorojax.metrics import image_labels
from fluorojax.metrics.case import MetricSettings, score_case
from fluorojax.metrics.summary import summarise, write_cases_csv, write_summary
from fluorojax.models.intensity import normalise
from fluorojax.schema import bitmask, labels
from fluorojax.schema.example import Example
from fluorojax.schema.info import UNKNOWN, DatasetInfo

ONE_LABEL_CASES = "one_label.csv"
"""Scores of all classes as one label: by these a method with one label is held against others."""

Row = dict[str, Any]
Predict = Callable[[Example], Prediction]
"""What is found in an example: probabilities, or masks alone; image labels, where they are told."""

Masks = Callable[[np.ndarray, tuple[float, float]], np.ndarray]
"""Masks [H, W, C] bool of what `Predict` found in a frame of this spacing (mm, NaN: unknown)."""


def as_found(found: np.ndarray, _: tuple[float, float]) -> np.ndarray:
    """Return masks as they are, where nothing else was found."""
    return found


class Case(NamedTuple):
    """A labelled example and what was found in it; classes as predicted.

    Attributes:
        example: the frame.
        found: [H, W, C] float32 probabilities, or bool masks.
        prediction: [H, W, C] bool, the masks that are scored.
        reference: [H, W, C] bool.
        image_labels: what is told of the whole frame, by the image_label's name.
    """

    example: Example
    found: np.ndarray
    prediction: np.ndarray
    reference: np.ndarray
    image_labels: Mapping[str, Choice]

    @property
    def has_probabilities(self) -> bool:
        """Whether more is known than a mask."""
        return self.found.dtype != bool

    @property
    def ignore(self) -> np.ndarray:
        """Pixels that do not count, [H, W] bool."""
        return self.example["ignore"].astype(bool)

    @property
    def spacing(self) -> tuple[float, float]:
        """Millimetres between rows and between columns, NaN where unknown."""
        return spacing_of(self.example)


def spacing_of(example: Example) -> tuple[float, float]:
    """Return (row_mm, col_mm) of a frame, NaN where unknown."""
    row_mm, column_mm = example["spacing_mm"]
    return float(row_mm), float(column_mm)


OnCase = Callable[[Case], None]
Draw = Callable[[Case, Sequence[str], Path], None]  # case, names of the classes, where to


def by_network(predictor: Predictor) -> Predict:
    """Return what a network finds in an example."""
    return lambda example: predictor.find(example["image"])


def cases_of(
    predict: Predict,
    frames: Frames,
    *,
    masks: Masks,
    info: DatasetInfo,
    stored_classes: int,
    doing: str = "evaluate",
) -> Iterator[Case]:
    """Yield every labelled case; unlabelled ones have nothing to be scored against.

    Args:
        predict: see `Predict`; classes as in `info`.
        frames: a split.
        masks: see `Masks`.
        info: the classes as predicted (see `fluorojax.schema.labels`), in that order.
        stored_classes: bits in the masks of `frames`.
        doing: what the progress bar says.
    """
    labelled = labelled_only(frames)
    with progress(doing, len(labelled)) as update:
        for n, example in enumerate(labelled):
            told = predict(example)
            found = told.probabilities
            prediction = masks(found, spacing_of(example))
            reference = reference_of(example, info, stored_classes)
            yield Case(example, found, prediction, reference, told.image_labels)
            update(n + 1)


def score_split(
    predict: Predict,
    frames: Frames,
    *,
    info: DatasetInfo,
    settings: MetricSettings,
    on_case: OnCase | None = None,
    **given: Any,
) -> list[Row]:
    """Predict and score every labelled case.

    Args:
        predict, frames, info: as for `cases_of`, which gets `given` too.
        settings: tolerances of the metrics.
        on_case: called with each case.

    Returns:
        One row a case and class, in the order of `frames`.

    Raises:
        RuntimeError: not every labelled case was scored.
    """
    rows: list[Row] = []
    for case in cases_of(predict, frames, info=info, **given):
        rows += score_example(case, info, settings)
        if on_case:
            on_case(case)
    expected = [row.case for row in frames.rows if row.labelled]
    if [row["case"] for row in rows[:: len(info.classes)]] != expected:
        raise RuntimeError(f"{len(expected)} cases have labels, but others or fewer were scored")
    return rows


def reference_of(example: Example, info: DatasetInfo, stored_classes: int) -> np.ndarray:
    """Return the reference mask `[H, W, C] bool` of a native example, classes as learned."""
    mask = bitmask.unpack(example["mask"], stored_classes).astype(bool)
    return np.asarray(labels.merge(mask, len(info.classes)))


def score_example(case: Case, info: DatasetInfo, settings: MetricSettings) -> list[Row]:
    """Return the rows of one case, one a class, with the case's own fields in front."""
    example = case.example
    about = {
        "case": example["case"],
        "patient": example["patient"],
        "sequence": example["sequence"],
        "stratum": example["stratum"],
    }
    scores = score_case(
        case.prediction,
        case.reference,
        ignore=case.ignore,
        classes=info.classes,
        spacing=case.spacing,
        relation=info.relation,
        attached=int(example["attached"]),
        settings=settings,
    )
    return [about | row for row in scores]


def as_one_label(case: Case, info: DatasetInfo, settings: MetricSettings) -> list[Row]:
    """Return the row of all classes as one label, as `single` learns them."""
    masks = (case.prediction, case.reference)
    prediction, reference = (np.asarray(labels.merge(m, 1)) for m in masks)
    union = case._replace(prediction=prediction, reference=reference)
    return score_example(union, labels.all_as_one(info), settings)


def image_label_rows(case: Case, info: DatasetInfo) -> list[Row]:
    """Return the rows of a case's image labels, one for each that is told and that `info` has."""
    example = case.example
    about = {name: example[name] for name in ("case", "patient", "sequence")}
    values = [int(value) for value in example["image_labels"]]
    return [
        about
        | {
            "image_label": image_label.name,
            "reference": "" if value == UNKNOWN else image_label.values[value],
            "predicted": case.image_labels[image_label.name].value,
            "probability": case.image_labels[image_label.name].probability,
        }
        for image_label, value in zip(info.image_labels, values, strict=True)
        if image_label.name in case.image_labels
    ]


def draw_case(case: Case, names: Sequence[str], folder: Path) -> None:
    """Write the pictures of a case: `overlays/<case>.png` and `maps/<case>.png`."""
    name = f"{overlay.file_name(case.example['case'])}.png"
    overlay.save_png(picture_of(case, names), folder / "overlays" / name)
    archive.save(folder / "maps" / name, image_of(case), case.ignore, case.found, case.reference)


def draw_nothing(case: Case, names: Sequence[str], folder: Path) -> None:
    """Leave a case without pictures, where only its scores are wanted."""


def write_evaluation(
    predict: Predict,
    frames: Frames,
    folder: Path,
    *,
    thresholds: Sequence[float] = (),
    points: Mapping[str, float] | None = None,
    draw: Draw = draw_case,
    **scoring: Any,
) -> dict[str, Any]:
    """Score a split and write into `folder` all that is known of it; return the summary.

    Written are `cases.csv`, `summary.json` and what `draw` makes of a case; where there are several
    classes, `one_label.csv`; where there are probabilities, `thresholds.csv` and
    `calibration.csv`; and where image labels are told, `image_labels.csv`.

    Args:
        predict, frames: as for `score_split`, which gets `scoring` too.
        folder: made if missing.
        thresholds: those that `scoring["masks"]` uses, one a class, to be told with the scores;
            empty where there are masks alone.
        points: class -> operating point, chosen on a validation split; the summary tells the
            scores there beside those at the thresholds in use.
        draw: writes the pictures of a case.
    """
    info, settings = scoring["info"], scoring["settings"]
    confidence = Confidence(info.classes, settings)
    seen: set[bool] = set()
    together: list[Row] = []
    told: list[Row] = []

    def keep(case: Case) -> None:
        draw(case, info.class_names, folder)
        if len(info.classes) > 1:
            together.extend(as_one_label(case, info, settings))
        told.extend(image_label_rows(case, info))
        seen.add(case.has_probabilities)
        if case.has_probabilities:
            add_case(confidence, case)

    rows = score_split(predict, frames, on_case=keep, **scoring)
    unlabelled = sum(not row.labelled for row in frames.rows)
    summary = summarise(rows, settings) | {"unlabelled": unlabelled}
    if seen == {True}:
        used = dict(zip(info.class_names, map(float, thresholds), strict=True))
        summary |= {"thresholds": used, "confidence": confidence.summary(points or {})}
        confidence.write(folder)
    if told:
        summary |= {"image_labels": image_labels.summarise_image_labels(told, info.image_labels)}
        image_labels.write_image_labels_csv(told, folder / image_labels.FILE)
    write_cases_csv(rows, folder / "cases.csv")
    if together:
        write_cases_csv(together, folder / ONE_LABEL_CASES)
    write_summary(summary, folder / "summary.json")
    return summary


def write_confidence(
    predict: Predict, frames: Frames, folder: Path, *, settings: MetricSettings, **given: Any
) -> dict[str, float]:
    """Write only `thresholds.csv` and `calibration.csv` of a split; return each class's best.

    Args as for `write_evaluation`.
    """
    confidence = Confidence(given["info"].classes, settings)
    for case in cases_of(predict, frames, doing="thresholds", **given):
        add_case(confidence, case)
    confidence.write(folder)
    return confidence.points


def add_case(confidence: Confidence, case: Case) -> None:
    """Give a case to what collects probabilities."""
    confidence.add(
        case.found,
        case.reference,
        patient=case.example["patient"],
        ignore=case.ignore,
        spacing=case.spacing,
    )


def image_of(case: Case) -> np.ndarray:
    """Return the frame as it is looked at, [H, W] in [0, 1]."""
    example = case.example
    return np.asarray(normalise(example["image"], example["low"], example["high"]))


def picture_of(case: Case, names: Sequence[str]) -> np.ndarray:
    """Return frame, prediction and reference as one RGB picture [H, W, 3] uint8."""
    return overlay.overlay(image_of(case), case.prediction, case.reference, case.ignore, names)
