"""How far a network's answer can be trusted: the film shown in other ways, and what stays the same.

A network gives probabilities near 1 for films unlike those it learned from, too (Guo et al., ICML
2017), so its own certainty says little there. Mirrored, smaller or with another contrast a film
shows the same knee: what is then found elsewhere, or called something else, was not known. The
spread of a value over these ways goes into its standard error; a wide one refuses it.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fluorojax.inference.tta import TtaSpec
from fluorojax.knee.measure import KneeReport, KneeSettings, Measurement
from fluorojax.knee.measure.scene import COMPONENT, is_stray
from fluorojax.schema.frame import Frame

if TYPE_CHECKING:
    from fluorojax.inference.predictor import Prediction, Predictor

CANNOT_SAY = "cannot be said"
"""Stands for an image label on which the ways disagree, or which is not probable enough."""
LEAST_PROBABILITY = {"view": 0.7}
"""Of an image label, below which it cannot be said; a film is not measured without its view."""
MARGIN = 0.125  # of the film's sides, added at each: the knee is then 0.8 times as large
GAMMA = 0.7  # exponent of the grey value in [0, 1]


class Look(NamedTuple):
    """What a network finds in a film that is shown in another way.

    Attributes:
        name: the way, as it stands in a sentence: "mirrored".
        fields: [h, w, C] bool, on the film's own grid.
        image_labels: name -> the most probable value. None of those that the way changes.
    """

    name: str
    fields: np.ndarray
    image_labels: Mapping[str, str]


def looks(model: "Predictor", frame: Frame) -> Iterator[Look]:
    """Yield what a network finds in a film that is mirrored, smaller, or of another contrast.

    Each is one answer, and no mean over views: a mean with the mirrored film is the same for both.
    """
    model = model.with_rules(tta=TtaSpec())
    chiral = {label.name for label in model.image_labels if label.chiral}
    for name, (show, back) in _WAYS.items():
        shown = dataclasses.replace(
            frame,
            pixels=show(frame.pixels),
            hidden=None if frame.hidden is None else show(frame.hidden),
        )
        prediction = model.predict(shown)
        values = {
            label: choice.value
            for label, choice in prediction.image_labels.items()
            if name != "mirrored" or label not in chiral
        }
        yield Look(name, back(prediction.masks, frame.shape), values)


def _mirrored(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels[:, ::-1])


def _margins(shape: Sequence[int]) -> tuple[int, int]:
    return max(1, round(MARGIN * shape[0])), max(1, round(MARGIN * shape[1]))


def _smaller(pixels: np.ndarray) -> np.ndarray:
    down, right = _margins(pixels.shape)
    return np.pad(pixels, ((down, down), (right, right)), "edge")


def _inner(masks: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Undo `_smaller` of a film of this shape."""
    down, right = _margins(shape)
    return masks[down : down + shape[0], right : right + shape[1]]


def _flatter(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype == bool:
        return pixels
    values = pixels.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    grey = (values - low) / max(high - low, 1e-6)
    return low + (high - low) * grey**GAMMA


_Show = Callable[[np.ndarray], np.ndarray]
_Back = Callable[[np.ndarray, tuple[int, int]], np.ndarray]
_WAYS: dict[str, tuple[_Show, _Back]] = {
    "mirrored": (_mirrored, lambda masks, _: _mirrored(masks)),
    "smaller": (_smaller, _inner),
    "of another contrast": (_flatter, lambda masks, _: masks),
}


def agreed_labels(
    prediction: "Prediction", others: Sequence[Look], class_names: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """Return what can be said of a whole film: name -> (value, its source), or why it cannot.

    An implant's type that says native is not believed where the masks show a component.
    """
    found = {}
    for name, choice in prediction.image_labels.items():
        source = f"predicted with probability {choice.probability:.2f}"
        values = {"as it is": choice.value} | {
            look.name: look.image_labels[name] for look in others if name in look.image_labels
        }
        if len(set(values.values())) > 1:
            said = ", ".join(f"{value} {way}" for way, value in values.items())
            found[name] = (CANNOT_SAY, f"{CANNOT_SAY}: {said}")
        elif others and choice.probability < LEAST_PROBABILITY.get(name, 0.0):
            found[name] = (CANNOT_SAY, f"{CANNOT_SAY}: {choice.value} {source}")
        else:
            found[name] = (choice.value, source)
    if others and found.get("type", ("",))[0] == "native" and _metal(prediction, class_names):
        found["type"] = (CANNOT_SAY, "native as predicted, and the masks show a component")
    return found


def _metal(prediction: "Prediction", class_names: Sequence[str]) -> bool:
    """Return whether more than a stray piece of a component was found."""
    settings = KneeSettings()
    names = list(class_names)
    for bone, component in COMPONENT.items():
        if bone in names and component in names:
            metal, own = (prediction.masks[..., names.index(n)] for n in (component, bone))
            if not is_stray(metal, own, settings):
                return True
    return False


def doubted(
    report: KneeReport, others: Mapping[str, KneeReport], settings: KneeSettings
) -> KneeReport:
    """Return a report whose errors hold the spread over other ways to show the film.

    error' = sqrt(error^2 + mean over the ways of (value there - value)^2). A value is refused where
    it is not measured in most of the ways, or is farther off in one of them than `settings` allow.

    Args:
        report: of the film as it is.
        others: of the film shown in other ways, by their names; none: nothing changes.
        settings: `most_disagreement_deg`, `most_disagreement_mm`.
    """
    if not others:
        return report
    found = tuple(_doubted(one, others, settings) for one in report.measurements)
    return dataclasses.replace(report, measurements=found)


def _doubted(
    one: Measurement, others: Mapping[str, KneeReport], settings: KneeSettings
) -> Measurement:
    if one.value is None:
        return one
    values = {way: value_of(report, one.name) for way, report in others.items()}
    there = {way: value for way, value in values.items() if value is not None}
    if 2 * len(there) < len(values):
        missing = " and ".join(way for way in values if way not in there)
        return _refused(one, f"it cannot be measured when the film is shown {missing}")
    differences = {way: value - one.value for way, value in there.items()}
    most = {"deg": settings.most_disagreement_deg, "mm": settings.most_disagreement_mm}
    way = max(differences, key=lambda way: abs(differences[way]))
    if abs(differences[way]) > most.get(one.unit, math.inf):
        told = f"{one.value:.1f} {one.unit}, and {there[way]:.1f} {one.unit} when it is shown {way}"
        return _refused(one, f"it is {told}")
    spread = math.sqrt(sum(d * d for d in differences.values()) / len(differences))
    return dataclasses.replace(one, uncertainty=math.hypot(one.uncertainty or 0.0, spread))


def value_of(report: KneeReport, name: str) -> float | None:
    """Return a value of a report, or None where it was refused, or not even tried."""
    return next((m.value for m in report.measurements if m.name == name), None)


def _refused(one: Measurement, why: str) -> Measurement:
    return dataclasses.replace(
        one,
        value=None,
        uncertainty=None,
        scale_source="",
        note="",
        refused=f"the network is not sure of what it found: {why}; look at its masks, or draw them",
    )
