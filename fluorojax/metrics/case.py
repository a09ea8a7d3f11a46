"""All scores of one case, and what stands where a mask is empty."""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from fluorojax.geometry import centreline, surface
from fluorojax.geometry.skeleton import skeleton
from fluorojax.geometry.surface import Scale, Unit
from fluorojax.metrics import overlap
from fluorojax.metrics import relation as relations
from fluorojax.schema.info import ClassInfo, Kind, Relation

Status = Literal["both_empty", "missed", "false_alarm", "scored"]

_ONE_EMPTY = (
    "Reference "
    "only (missed): every share (Dice, IoU, precision, recall, NSD, clDice, detection, attachment) "
    "is 0, so is false attachment, and HD95, ASSD and tip error are the diagonal of the image. "
    "Prediction only (false alarm): Dice, IoU, precision, NSD, clDice and centreline precision are "
    "0 and the case is counted; what is measured on the reference alone (recall, detection, "
    "distances, tip, attachment) has nothing to measure and its n says so. Length error and "
    "Betti-0 error keep their formula with nothing as 0. Ignored pixels are taken out of "
    "prediction and reference first, so the edge of an ignored area is an ordinary edge: contours "
    "run along it, and centrelines end at it, in both alike."
)

EMPTY_POLICY = (
    "Empty masks. Both empty: the case is left out of that class's means and counted. " + _ONE_EMPTY
)

PAIRED_EMPTY_POLICY = (
    "Empty masks. Both empty (rightly nothing there): Dice, IoU, precision, NSD, clDice and "
    "centreline precision are 1, length error and Betti-0 error 0, and the case counts, so that a "
    "method pays for what it invents there and another does not; the means of a single run leave "
    "it out. " + _ONE_EMPTY
)
"""The policy where methods are compared: all of them on the same cases."""


@dataclasses.dataclass(frozen=True)
class MetricSettings:
    """Tolerances: in millimetres where the spacing of a case is known, in pixels where it is not.

    The tolerance is that of NSD, of centreline precision and recall, and of the attachment.
    A wire counts as detected from `detection_recall` of its centreline on.
    """

    tolerance_mm: float = 1.0
    tolerance_px: float = 2.0
    detection_recall: float = 0.5

    def tolerance(self, unit: Unit) -> float:
        """Return the tolerance in `unit`."""
        return self.tolerance_mm if unit == "mm" else self.tolerance_px


@dataclasses.dataclass(frozen=True)
class Metric:
    """What a column means: `label` for tables, `text` its definition, and how to read it.

    `kinds` of class it is measured for; `better` which end is good; `is_distance` whether it has
    the row's unit (mm or px), `is_count` whether it is a number of things; `of_relation` whether
    only the child of a relation has it.

    A new metric is an entry in METRICS with `of`, which computes it of two masks that are not
    empty, and the tolerance; `missed`, `false_alarm` and `both_empty` are what it is worth where
    one is, or both are (None: not scored). Of the others several are computed together, below.
    """

    label: str
    text: str
    better: Literal["higher", "lower"] = "higher"
    is_distance: bool = False
    is_count: bool = False
    of_relation: bool = False
    kinds: tuple[Kind, ...] = ("region", "curve")
    of: Callable[["Pair", float], float] | None = None
    missed: float | None = None
    false_alarm: float | None = None
    both_empty: float | None = None

    @property
    def most(self) -> float:
        """The greatest value there can be: 1 of a share, without limit of lengths and counts."""
        return math.inf if self.is_distance or self.is_count else 1.0


_CURVE: tuple[Kind, ...] = ("curve",)

METRICS: dict[str, Metric] = {
    "dice": Metric("Dice", "2 |P ∩ R| / (|P| + |R|)"),
    "iou": Metric("IoU", "|P ∩ R| / |P ∪ R|"),
    "precision": Metric("Precision", "|P ∩ R| / |P|, in pixels"),
    "recall": Metric("Recall", "|P ∩ R| / |R|, in pixels"),
    "nsd": Metric(
        "NSD", "normalised surface Dice: share of both contours within the tolerance of the other"
    ),
    "hd95": Metric(
        "HD95",
        "the larger of the two directed 95th percentiles of the distance between contours",
        "lower",
        is_distance=True,
    ),
    "assd": Metric(
        "ASSD",
        "average symmetric surface distance: mean over all contour pixels of both",
        "lower",
        is_distance=True,
    ),
    "cldice": Metric(
        "clDice",
        "harmonic mean of the share of the predicted centreline inside the reference mask and the "
        "share of the reference centreline inside the prediction; centrelines by scikit-image "
        "skeletonize (Zhang and Suen)",
        kinds=_CURVE,
    ),
    "centreline_precision": Metric(
        "Centreline precision",
        "share of the predicted centreline within the tolerance of the reference's",
        kinds=_CURVE,
    ),
    "centreline_recall": Metric(
        "Centreline recall",
        "share of the reference centreline within the tolerance of the predicted one",
        kinds=_CURVE,
    ),
    "length_error": Metric(
        "Length error",
        "absolute difference of the lengths of the two centrelines",
        "lower",
        is_distance=True,
        kinds=_CURVE,
    ),
    "betti0_error": Metric(
        "Betti-0 error",
        "absolute difference of the numbers of 8-connected components",
        "lower",
        is_count=True,
        kinds=_CURVE,
    ),
    "tip_error": Metric(
        "Tip error",
        "distance between the tips; a tip is the end of the longest path along the centreline that "
        "lies farther from the reference mask of the class it comes out of; only where the "
        "annotation says that it is attached",
        "lower",
        is_distance=True,
        of_relation=True,
        kinds=_CURVE,
    ),
    "detection": Metric(
        "Detection",
        "1 where the centreline recall reaches the detection threshold; its mean is a rate",
        kinds=_CURVE,
    ),
    "attachment": Metric(
        "Attachment",
        "1 where the largest predicted component comes within the tolerance of the "
        "predicted class it comes out of; its mean is a rate; only where the annotation says that "
        "it is attached",
        of_relation=True,
    ),
    "attached_share": Metric(
        "Attached share",
        "share of the predicted pixels in components within the tolerance of the predicted "
        "class they come out of; only where the annotation says that it is attached",
        of_relation=True,
    ),
    "false_attachment": Metric(
        "False attachment",
        "1 where the largest predicted component comes within the tolerance of the predicted class "
        "it should come out of, though the annotation says that it is not attached; its mean is a "
        "rate",
        "lower",
        of_relation=True,
    ),
}

PRIMARY: dict[Kind, str] = {"region": "dice", "curve": "cldice"}
"""The score by which cases of a kind are ordered from worst to best."""

SWEPT: dict[Kind, tuple[str, ...]] = {
    "region": ("dice", "precision", "recall"),
    "curve": ("cldice", "centreline_precision", "centreline_recall"),
}
"""The scores of a threshold sweep: the primary one, and what it is made of."""

# What a case is worth that has only a reference, or only a prediction: see EMPTY_POLICY.
_MISSED_ZERO: tuple[str, ...] = (
    *("dice", "iou", "precision", "recall", "nsd", "cldice"),
    *("centreline_precision", "centreline_recall", "detection"),
)
_MISSED_DIAGONAL: tuple[str, ...] = ("hd95", "assd")
_FALSE_ALARM_ZERO: tuple[str, ...] = (
    *("dice", "iou", "precision", "nsd", "cldice", "centreline_precision"),
)

_BOTH_EMPTY: dict[str, float] = {
    **dict.fromkeys(_FALSE_ALARM_ZERO, 1.0),
    **{"length_error": 0.0, "betti0_error": 0.0},
}
"""What a case is worth, where methods are compared, that has neither: see PAIRED_EMPTY_POLICY."""

Scores = dict[str, float | None]


@dataclasses.dataclass(frozen=True)
class Mask:
    """A mask of one class, [H, W] bool, with its contour and skeleton on demand."""

    pixels: np.ndarray

    @functools.cached_property
    def contour(self) -> np.ndarray:
        """The pixels at its edge, [H, W] bool."""
        return surface.contour(self.pixels)

    @functools.cached_property
    def skeleton(self) -> np.ndarray:
        """Its centreline, [H, W] bool."""
        return skeleton(self.pixels)


@dataclasses.dataclass(frozen=True)
class Pair:
    """The two masks of one class, and the size of a pixel."""

    predicted: Mask
    true: Mask
    scale: Scale

    @property
    def prediction(self) -> np.ndarray:
        """The predicted mask, [H, W] bool."""
        return self.predicted.pixels

    @property
    def reference(self) -> np.ndarray:
        """The reference mask, [H, W] bool."""
        return self.true.pixels

    @property
    def status(self) -> Status:
        """Which of the two is empty."""
        if self.reference.any():
            return "scored" if self.prediction.any() else "missed"
        return "false_alarm" if self.prediction.any() else "both_empty"

    @property
    def diagonal(self) -> float:
        """The length of the image's diagonal."""
        return surface.diagonal(self.reference.shape, self.scale)

    @property
    def skeletons(self) -> tuple[np.ndarray, np.ndarray]:
        """Predicted and reference centreline, [H, W] bool."""
        return self.predicted.skeleton, self.true.skeleton


def _area_scores(pair: Pair) -> Scores:
    functions = (overlap.dice, overlap.iou, overlap.precision, overlap.recall)
    return {f.__name__: f(pair.prediction, pair.reference) for f in functions}


def _contour_scores(pair: Pair, tolerance: float) -> Scores:
    between = surface.distances(pair.predicted.contour, pair.true.contour, pair.scale)
    return {
        "nsd": surface.nsd(between, tolerance),
        "hd95": surface.hd95(between),
        "assd": surface.assd(between),
    }


def _centreline_scores(pair: Pair, tolerance: float, detection_recall: float) -> Scores:
    between = surface.distances(*pair.skeletons, pair.scale)
    recall = centreline.centreline_recall(between, tolerance)
    return {
        "cldice": centreline.cldice(pair.prediction, pair.reference, *pair.skeletons),
        "centreline_precision": centreline.centreline_precision(between, tolerance),
        "centreline_recall": recall,
        "detection": centreline.detection(recall, detection_recall),
    }


def _shape_scores(pair: Pair) -> Scores:
    """Return what is defined even where one mask is empty: its length and component count are 0."""
    return {
        "length_error": centreline.length_error(*pair.skeletons, pair.scale),
        "betti0_error": float(centreline.betti0_error(pair.prediction, pair.reference)),
    }


def _one_side_empty(pair: Pair) -> Scores:
    """Return the scores of a missed object or of a false alarm by EMPTY_POLICY."""
    if pair.status == "false_alarm":
        return dict.fromkeys(_FALSE_ALARM_ZERO, 0.0)
    return {**dict.fromkeys(_MISSED_ZERO, 0.0), **dict.fromkeys(_MISSED_DIAGONAL, pair.diagonal)}


def _class_scores(pair: Pair, kind: Kind, unit: Unit, settings: MetricSettings) -> Scores:
    """Score one class of which at least one mask is not empty."""
    tolerance = settings.tolerance(unit)
    scores: Scores = {}
    if pair.status == "scored":
        scores |= _area_scores(pair) | _contour_scores(pair, tolerance)
        if kind == "curve":
            scores |= _centreline_scores(pair, tolerance, settings.detection_recall)
    else:
        scores |= _one_side_empty(pair)
    if kind == "curve":
        scores |= _shape_scores(pair)
    scores |= _own_scores(pair, tolerance)
    return {name: value for name, value in scores.items() if kind in METRICS[name].kinds}


def _own_scores(pair: Pair, tolerance: float) -> Scores:
    """Return the scores that a metric computes by itself."""
    if pair.status == "scored":
        return {n: float(metric.of(pair, tolerance)) for n, metric in METRICS.items() if metric.of}
    return {n: getattr(metric, pair.status) for n, metric in METRICS.items() if metric.of}


def brief_scores(pair: Pair, kind: Kind, unit: Unit, settings: MetricSettings) -> Scores:
    """Score one class by SWEPT alone, which takes a fraction of the time of all metrics."""
    scores: Scores = {}
    if pair.status == "scored" and kind == "region":
        scores = _area_scores(pair)
    elif pair.status == "scored":
        tolerance = settings.tolerance(unit)
        scores = _centreline_scores(pair, tolerance, settings.detection_recall)
    elif pair.status != "both_empty":
        scores = _one_side_empty(pair)
    return {name: scores.get(name) for name in SWEPT[kind]}


def _relation_scores(
    child: Pair, parent: Pair, kind: Kind, attached_truly: bool, tolerance: float
) -> Scores:
    """Score a child that is in the reference, and attached or not according to the annotation."""
    attached, share = relations.attachment(
        child.prediction, parent.prediction, child.scale, tolerance
    )
    if not attached_truly:
        return {"false_attachment": attached}
    scores: Scores = {"attachment": attached, "attached_share": share}
    if kind == "curve" and parent.reference.any():
        scores["tip_error"] = (
            child.diagonal
            if child.status == "missed"
            else centreline.tip_error(*child.skeletons, parent.reference, child.scale)
        )
    return scores


def paired_score(row: Mapping[str, Any], metric: str) -> float | None:
    """Return what a row of `score_case` is worth where methods are compared.

    By PAIRED_EMPTY_POLICY: whether a case has a score depends on its reference alone, not on what a
    method found, so two methods have their means over the same cases.

    Args:
        row: with `status` and `kind`.
        metric: a name in METRICS.

    Returns:
        The score; None where there is nothing to measure.
    """
    defined = row["kind"] in METRICS[metric].kinds
    if row["status"] == "both_empty" and defined:
        return _BOTH_EMPTY.get(metric, METRICS[metric].both_empty)
    return row.get(metric)


def _defined(kind: Kind, is_child: bool) -> Scores:
    """Return every metric that a class can have, as not (yet) applicable."""
    return {
        name: None
        for name, metric in METRICS.items()
        if kind in metric.kinds and (is_child or not metric.of_relation)
    }


def _check(prediction: np.ndarray, reference: np.ndarray, classes: Sequence[ClassInfo]) -> None:
    if prediction.shape != reference.shape or prediction.ndim != 3:
        raise ValueError(
            f"prediction {prediction.shape} and reference {reference.shape} must both be [H, W, C]"
        )
    if prediction.shape[-1] != len(classes):
        raise ValueError(f"masks of {prediction.shape[-1]} classes, {len(classes)} class names")


def score_case(
    prediction: np.ndarray,
    reference: np.ndarray,
    *,
    ignore: np.ndarray | None = None,
    classes: Sequence[ClassInfo],
    spacing: tuple[float, float],
    relation: Relation | None = None,
    attached: int = -1,
    settings: MetricSettings | None = None,
) -> list[dict[str, Any]]:
    """Score every class of one case on its native grid.

    Args:
        prediction, reference: [H, W, C] bool (or {0, 1}); classes may overlap.
        ignore: [H, W] bool, pixels that do not count; None: all count.
        classes: names and kinds, in the order of the last axis.
        spacing: (row_mm, col_mm); NaN where unknown: distances are then in pixels.
        relation: which class comes out of which; None: no attachment and no tip.
        attached: 1 the relation holds in this frame (attachment and tip are scored), 0 it does not
            (false attachment is), -1 unknown.
        settings: tolerances; None: the defaults of `MetricSettings`.

    Returns:
        One row a class: `class`, `kind`, `status` ("scored", "missed", "false_alarm",
        "both_empty"; see EMPTY_POLICY), `unit` of its distances ("mm" or "px"), and each metric of
        METRICS that is defined for the class: a finite number, or None where it does not apply.

    Raises:
        ValueError: shapes that do not fit together.
    """
    _check(prediction, reference, classes)
    settings = settings or MetricSettings()
    scale, unit = surface.scale_and_unit(spacing)
    counts = np.True_ if ignore is None else ~ignore.astype(bool)
    pairs = {
        info.name: Pair(
            Mask(prediction[..., k].astype(bool) & counts),
            Mask(reference[..., k].astype(bool) & counts),
            scale,
        )
        for k, info in enumerate(classes)
    }
    rows = []
    for info in classes:
        pair = pairs[info.name]
        is_child = relation is not None and relation.child == info.name
        scores = _defined(info.kind, is_child)
        if pair.status != "both_empty":
            scores |= _class_scores(pair, info.kind, unit, settings)
        if relation and is_child and attached >= 0 and pair.reference.any():
            parent, tolerance = pairs[relation.parent], settings.tolerance(unit)
            scores |= _relation_scores(pair, parent, info.kind, attached == 1, tolerance)
        about = {"class": info.name, "kind": info.kind, "status": pair.status, "unit": unit}
        rows.append(about | scores)
    return rows
