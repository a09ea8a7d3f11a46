"""Scores of every case of a split, on the frames' own grids, with a picture of each."""

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fluorojax.core.outputs import results
from fluorojax.core.progress import progress
from fluorojax.data.frames import frame_of
from fluorojax.datasets.source import Frames, labelled_only
from fluorojax.drawing import archive, overlay
from fluorojax.evaluation.probabilities import ProbabilityScores
from fluorojax.inference.predictor import Prediction, Predictor
from fluorojax.metrics import image_labels, presence
from fluorojax.metrics.case import MetricSettings, score_case
from fluorojax.metrics.summary import summarise, write_cases_csv, write_summary
from fluorojax.models.intensity import normalise
from fluorojax.schema import bitmask, labels
from fluorojax.schema.example import Example
from fluorojax.schema.frame import Spacing
from fluorojax.schema.info import UNKNOWN, DatasetInfo

ONE_LABEL_CASES = "one_label.csv"
"""Scores of all classes as one label: by these a method with one label is held against others."""

KIND = "evaluation"
"""What `contents.json` calls the folder of a split's scores."""

Row = dict[str, Any]
Predict = Callable[[Example], Prediction]
"""What is predicted of an example: masks, perhaps probabilities, image labels and presence."""


@dataclasses.dataclass(frozen=True)
class Scoring:
    """What every case of a split is scored as.

    Attributes:
        info: the classes as predicted (see `fluorojax.schema.labels`), in that order.
        stored_classes: bits in the masks of the split's frames.
        settings: tolerances of the metrics.
    """

    info: DatasetInfo
    stored_classes: int
    settings: MetricSettings = dataclasses.field(default_factory=MetricSettings)


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """A labelled example and what was predicted of it; classes as predicted.

    Attributes:
        example: the frame with its annotation.
        prediction: masks, and what else is known.
        reference: [H, W, C] bool.
    """

    example: Example
    prediction: Prediction
    reference: np.ndarray

    @property
    def ignore(self) -> np.ndarray:
        """Pixels that do not count, [H, W] bool."""
        return self.example["ignore"].astype(bool)

    @property
    def spacing(self) -> Spacing:
        """Millimetres between rows and between columns, NaN where unknown."""
        return frame_of(self.example).spacing_mm


OnCase = Callable[[Case], None]
Draw = Callable[[Case, Sequence[str], Path], None]  # case, names of the classes, where to


def by_network(predictor: Predictor) -> Predict:
    """Return what a network predicts of an example: of its frame, with its spacing."""
    return lambda example: predictor.predict(frame_of(example))


def cases_of(
    predict: Predict, frames: Frames, scoring: Scoring, *, doing: str = "evaluate"
) -> Iterator[Case]:
    """Yield every labelled case; unlabelled ones have nothing to be scored against.

    Args:
        predict: see `Predict`; classes as in `scoring.info`.
        frames: a split.
        scoring: its classes.
        doing: what the progress bar says.
    """
    labelled = labelled_only(frames)
    with progress(doing, len(labelled)) as update:
        for n, example in enumerate(labelled):
            reference = reference_of(example, scoring.info, scoring.stored_classes)
            yield Case(example, predict(example), reference)
            update(n + 1)


def score_split(
    predict: Predict, frames: Frames, scoring: Scoring, *, on_case: OnCase | None = None
) -> list[Row]:
    """Predict and score every labelled case.

    Args:
        predict, frames, scoring: as for `cases_of`.
        on_case: called with each case.

    Returns:
        One row a case and class, in the order of `frames`.

    Raises:
        RuntimeError: not every labelled case was scored.
    """
    rows: list[Row] = []
    for case in cases_of(predict, frames, scoring):
        rows += score_example(case, scoring)
        if on_case:
            on_case(case)
    expected = [row.case for row in frames.rows if row.labelled]
    if [row["case"] for row in rows[:: len(scoring.info.classes)]] != expected:
        raise RuntimeError(f"{len(expected)} cases have labels, but others or fewer were scored")
    return rows


def reference_of(example: Example, info: DatasetInfo, stored_classes: int) -> np.ndarray:
    """Return the reference mask `[H, W, C] bool` of a native example, classes as learned."""
    mask = bitmask.unpack(example["mask"], stored_classes).astype(bool)
    return np.asarray(labels.merge(mask, len(info.classes)))


def score_example(case: Case, scoring: Scoring) -> list[Row]:
    """Return the rows of one case, one a class, with the case's own fields in front."""
    example = case.example
    about = {
        "case": example["case"],
        "patient": example["patient"],
        "sequence": example["sequence"],
        "stratum": example["stratum"],
    }
    scores = score_case(
        case.prediction.masks,
        case.reference,
        ignore=case.ignore,
        classes=scoring.info.classes,
        spacing=case.spacing,
        relation=scoring.info.relation,
        attached=int(example["attached"]),
        settings=scoring.settings,
    )
    return [about | row for row in scores]


def as_one_label(case: Case, scoring: Scoring) -> list[Row]:
    """Return the row of all classes as one label, as `single` learns them."""
    masks, reference = (
        np.asarray(labels.merge(m, 1)) for m in (case.prediction.masks, case.reference)
    )
    union = Case(case.example, Prediction(masks), reference)
    return score_example(union, dataclasses.replace(scoring, info=labels.all_as_one(scoring.info)))


def image_label_rows(case: Case, info: DatasetInfo) -> list[Row]:
    """Return the rows of a case's image labels, of those that are predicted and `info` has."""
    example, predicted = case.example, case.prediction.image_labels
    about = {name: example[name] for name in ("case", "patient", "sequence")}
    values = [int(value) for value in example["image_labels"]]
    return [
        about
        | {
            "image_label": image_label.name,
            "reference": "" if value == UNKNOWN else image_label.values[value],
            "predicted": predicted[image_label.name].value,
            "probability": predicted[image_label.name].probability,
        }
        for image_label, value in zip(info.image_labels, values, strict=True)
        if image_label.name in predicted
    ]


def presence_rows(case: Case, info: DatasetInfo) -> list[Row]:
    """Return the rows of a case's scores of presence, of the classes that have one.

    A class counts as there where its reference, less ignored pixels, is not empty.
    """
    scores = case.prediction.presence
    about = {name: case.example[name] for name in ("case", "patient")}
    there = (case.reference.astype(bool) & ~case.ignore[..., None]).any((0, 1))
    return [
        about | {"class": name, "reference": int(is_there), "score": float(scores[name])}
        for name, is_there in zip(info.class_names, there, strict=True)
        if name in scores
    ]


def draw_case(case: Case, names: Sequence[str], folder: Path) -> None:
    """Write the pictures of a case: `overlays/<case>.png` and `maps/<case>.png`."""
    name = f"{overlay.file_name(case.example['case'])}.png"
    overlay.save_png(picture_of(case, names), folder / "overlays" / name)
    prediction = case.prediction
    maps = prediction.masks if prediction.probabilities is None else prediction.probabilities
    archive.save(folder / "maps" / name, image_of(case), case.ignore, maps, case.reference)


def draw_nothing(case: Case, names: Sequence[str], folder: Path) -> None:
    """Leave a case without pictures, where only its scores are wanted."""


@dataclasses.dataclass
class _Collected:
    """What is gathered of a split, case by case, besides the rows of its scores."""

    scoring: Scoring
    probabilities: ProbabilityScores
    with_probabilities: int = 0
    spacings: Counter[str] = dataclasses.field(default_factory=Counter)
    one_label: list[Row] = dataclasses.field(default_factory=list)
    image_labels: list[Row] = dataclasses.field(default_factory=list)
    presence: list[Row] = dataclasses.field(default_factory=list)

    def add(self, case: Case) -> None:
        self.spacings[frame_of(case.example).spacing_origin] += 1
        if len(self.scoring.info.classes) > 1:
            self.one_label.extend(as_one_label(case, self.scoring))
        self.image_labels.extend(image_label_rows(case, self.scoring.info))
        self.presence.extend(presence_rows(case, self.scoring.info))
        self.with_probabilities += add_case(self.probabilities, case)


def write_evaluation(
    predict: Predict,
    frames: Frames,
    folder: Path,
    scoring: Scoring,
    *,
    thresholds: Sequence[float] = (),
    points: Mapping[str, float] | None = None,
    draw: Draw = draw_case,
    notes: Mapping[str, Any] | None = None,
    reads: Iterable[Path] = (),
    owned: bool = False,
) -> dict[str, Any]:
    """Score a split and write into `folder` all that is known of it; return the summary.

    The folder takes its place when it is whole (see `fluorojax.core.outputs.results`).

    Written are `cases.csv`, `summary.json` and what `draw` makes of a case; where there are several
    classes, `one_label.csv`; where there are probabilities, `thresholds.csv` and
    `calibration.csv`; where image labels are predicted, `image_labels.csv`; and where there are
    scores of presence, `presence.csv`.

    Args:
        predict, frames, scoring: as for `score_split`.
        folder: new, or of an earlier evaluation, which it replaces.
        thresholds: those that the masks were made at, one a class, for the summary; empty where
            there are masks alone.
        points: class -> operating point, chosen on a validation split; the summary gives the
            scores there beside those at the thresholds in use.
        draw: writes the pictures of a case.
        notes: what else is kept in the summary.
        reads, owned: as for `results`.

    Raises:
        InputError: something else stands in `folder`, or it cannot be written.
    """
    with results(folder, KIND, reads, owned=owned) as draft:
        collect = (predict, frames, draft, scoring, thresholds, points or {}, draw)
        return _write_evaluation(*collect, notes or {})


def _write_evaluation(
    predict: Predict,
    frames: Frames,
    folder: Path,
    scoring: Scoring,
    thresholds: Sequence[float],
    points: Mapping[str, float],
    draw: Draw,
    notes: Mapping[str, Any],
) -> dict[str, Any]:
    names = scoring.info.class_names
    collected = _Collected(scoring, ProbabilityScores(scoring.info.classes, scoring.settings))

    def keep(case: Case) -> None:
        draw(case, names, folder)
        collected.add(case)

    rows = score_split(predict, frames, scoring, on_case=keep)
    unlabelled = sum(not row.labelled for row in frames.rows)
    summary = summarise(rows, scoring.settings) | {"unlabelled": unlabelled, **notes}
    summary["spacings"] = dict(sorted(collected.spacings.items()))
    if collected.with_probabilities:
        summary["thresholds"] = dict(zip(names, map(float, thresholds), strict=True))
        summary["confidence"] = collected.probabilities.summary(points)
        collected.probabilities.write(folder)
    if rows_of_labels := collected.image_labels:
        known = scoring.info.image_labels
        summary["image_labels"] = image_labels.summarise_image_labels(rows_of_labels, known)
        image_labels.write_image_labels_csv(rows_of_labels, folder / image_labels.FILE)
    if collected.presence:
        summary["presence"] = presence.summarise_presence(collected.presence)
        presence.write_presence_csv(collected.presence, folder / presence.FILE)
    write_cases_csv(rows, folder / "cases.csv")
    if collected.one_label:
        write_cases_csv(collected.one_label, folder / ONE_LABEL_CASES)
    write_summary(summary, folder / "summary.json")
    return summary


def write_probability_scores(
    predict: Predict, frames: Frames, folder: Path | None, scoring: Scoring
) -> dict[str, float]:
    """Write only `thresholds.csv` and `calibration.csv` of a split; return each class's best.

    Args as for `write_evaluation`; `folder` is a part of a run, None: nothing is written.
    """
    scores = ProbabilityScores(scoring.info.classes, scoring.settings)
    for case in cases_of(predict, frames, scoring, doing="thresholds"):
        add_case(scores, case)
    if folder is not None:
        with results(folder, KIND, owned=True) as draft:
            scores.write(draft)
    return scores.sweep.operating_points


def least_presence(predict: Predict, frames: Frames, scoring: Scoring) -> tuple[float, ...]:
    """Return how much must speak for each class for it to be in a frame, chosen on a split.

    By `presence.least_score`, of log(1 + score): what scores are a matter of is size, and the
    middle between a small one and a large one is nearer to the small. 0, which asks for nothing,
    where the split does not have frames with the class and without it.

    Args as for `score_split`.
    """
    rows = [
        row
        for case in cases_of(predict, frames, scoring, doing="presence")
        for row in presence_rows(case, scoring.info)
    ]
    chosen = []
    for name in scoring.info.class_names:
        of_class = [row for row in rows if row["class"] == name]
        there = [bool(row["reference"]) for row in of_class]
        scores = [math.log1p(max(row["score"], 0.0)) for row in of_class]
        both = any(there) and not all(there)
        least = presence.least_score(scores, there) if both else None
        chosen.append(math.expm1(least) if least else 0.0)
    return tuple(chosen)


def add_case(scores: ProbabilityScores, case: Case) -> bool:
    """Give a case to what collects probabilities; return whether it has any."""
    if case.prediction.probabilities is None:
        return False
    scores.add(
        case.prediction.probabilities,
        case.reference,
        patient=case.example["patient"],
        ignore=case.ignore,
        spacing=case.spacing,
    )
    return True


def image_of(case: Case) -> np.ndarray:
    """Return the frame as it is looked at, [H, W] in [0, 1]."""
    example = case.example
    return np.asarray(normalise(example["image"], example["low"], example["high"]))


def picture_of(case: Case, names: Sequence[str]) -> np.ndarray:
    """Return frame, prediction and reference as one RGB picture [H, W, 3] uint8."""
    return overlay.overlay(
        image_of(case), case.prediction.masks, case.reference, case.ignore, names
    )
