import dataclasses
import math

import numpy as np
import pytest

from fluorojax.inference.predictor import Choice, Prediction
from fluorojax.knee.doubt import CANNOT_SAY, Look, agreed_labels, doubted, looks
from fluorojax.knee.measure import CLASSES, KneeReport, KneeSettings, Measurement
from fluorojax.schema.frame import Frame
from fluorojax.schema.info import ImageLabelInfo
from tests.knee.measure.scenes import Ap, Pose, film

VALUES = {"view": ("ap", "lateral"), "side": ("left", "right"), "type": ("native", "tka_cr")}
LABELS = tuple(ImageLabelInfo(n, v, chiral=n == "side") for n, v in VALUES.items())


class Reader:
    """Finds the grey values 40 to 60 of a frame; what it calls the film is a function's choice."""

    image_labels = LABELS

    def __init__(self, call=lambda pixels: "ap"):
        self.call = call

    def with_rules(self, **rules):
        assert not rules["tta"].mirror
        return self

    def predict(self, frame):
        low, high = frame.pixels.min(), frame.pixels.max()
        grey = (frame.pixels - low) / (high - low)
        found = (grey >= 0.35) & (grey <= 0.75)
        return Prediction(
            found[..., None], image_labels={"view": choice("view", self.call(frame.pixels))}
        )


def choice(name, value, probability=0.9):
    rest = (1 - probability) / (len(VALUES[name]) - 1)
    return Choice(
        value, probability, {v: probability if v == value else rest for v in VALUES[name]}
    )


@pytest.mark.parametrize("shape", [(40, 56), (41, 57), (3, 100)])
def test_what_moves_with_the_film_is_found_where_it_was(shape):
    rng = np.random.default_rng(3)
    pixels = rng.choice([0, 50, 100], shape).astype(np.uint8)
    pixels[0, :2] = 0, 100
    frame = Frame(pixels, hidden=pixels == 0)
    found = {look.name: look for look in looks(Reader(), frame)}
    assert list(found) == ["mirrored", "smaller", "of another contrast"]
    for look in found.values():
        np.testing.assert_array_equal(look.fields[..., 0], pixels == 50)
        assert look.image_labels == {"view": "ap"}


def test_labels_are_said_where_all_ways_agree():
    prediction = Prediction(
        np.zeros((4, 4, 1), bool),
        image_labels={"view": choice("view", "ap"), "side": choice("side", "left")},
    )
    alike = [Look("mirrored", prediction.masks, {"view": "ap"})]
    found = agreed_labels(prediction, alike, ["femur"])
    assert found["view"] == ("ap", "predicted with probability 0.90")
    assert found["side"][0] == "left"  # nobody can say it of the mirrored film
    other = [*alike, Look("smaller", prediction.masks, {"view": "lateral", "side": "left"})]
    found = agreed_labels(prediction, other, ["femur"])
    assert found["view"] == (
        CANNOT_SAY,
        "cannot be said: ap as it is, ap mirrored, lateral smaller",
    )
    unsure = dataclasses.replace(prediction, image_labels={"view": choice("view", "ap", 0.6)})
    assert agreed_labels(unsure, alike, ["femur"])["view"][0] == CANNOT_SAY
    assert agreed_labels(unsure, [], ["femur"])["view"][0] == "ap"


def test_a_native_knee_with_metal_is_not_believed():
    masks = np.zeros((10, 10, len(CLASSES)), bool)
    masks[..., CLASSES.index("femur")] = True
    prediction = Prediction(masks, image_labels={"type": choice("type", "native")})
    alike = [Look("mirrored", masks, {"type": "native"})]
    assert agreed_labels(prediction, alike, CLASSES)["type"][0] == "native"
    masks[:2, :2, CLASSES.index("femoral_component")] = True
    assert agreed_labels(prediction, alike, CLASSES)["type"][0] == CANNOT_SAY


def report_of(**values):
    """Return a report of values in degrees, with an error of 0.3; None: refused."""
    found = [
        Measurement(name, "deg", "", *((value, 0.3) if value is not None else (None, None)))
        for name, value in values.items()
    ]
    found = [dataclasses.replace(m, refused="too short") if m.value is None else m for m in found]
    knee = film(Ap().shapes(), Pose(spacing=(4.0, 4.0)), "ap")
    return KneeReport(knee, tuple(found))


def test_the_spread_over_the_ways_goes_into_the_error():
    base = report_of(alpha=96.0, beta=90.0, hka=None)
    others = {"mirrored": report_of(alpha=97.0, beta=90.0), "smaller": report_of(alpha=94.0)}
    found = doubted(base, others, KneeSettings())
    assert found["alpha"].value == 96.0
    assert found["alpha"].uncertainty == pytest.approx(math.sqrt(0.09 + (1 + 4) / 2))
    assert found["beta"].uncertainty == pytest.approx(0.3)  # measured in half of the ways
    assert found["hka"].refused == "too short"
    assert doubted(base, {}, KneeSettings()) is base


def test_a_value_that_changes_with_the_way_is_refused():
    base = report_of(alpha=96.0, beta=90.0)
    others = {"mirrored": report_of(alpha=96.0), "smaller": report_of(alpha=101.0)}
    found = doubted(base, others, KneeSettings())
    assert "96.0 deg, and 101.0 deg when it is shown smaller" in found["alpha"].refused
    assert found["alpha"].value is None
    assert "cannot be measured when the film is shown mirrored and smaller" in found["beta"].refused
    more = KneeSettings(most_disagreement_deg=6.0)
    assert doubted(base, others, more)["alpha"].value == 96.0
