import math

import numpy as np
import pytest

from benchmarks.studies import cines
from benchmarks.studies.cines import Shot
from fluorojax.core.errors import InputError
from fluorojax.inference.follow import FollowRules
from fluorojax.simulation.spec import ERCP
from tests.inference.test_follow import SHAPE, frame_of, network


def shot(end=70, faint=(0, 0), there=True):
    """Return a frame of a wire 60 px long, one pixel 0.5 mm, and what the network says of it."""
    mask = frame_of(end) > 0.5
    mask[..., 1] &= there
    length = 0.5 * (end - 10) if there else 0.0
    return Shot(frame_of(end, faint), mask, 1 if there else -1, length, 0.5)


def test_frames_are_as_far_apart_as_asked():
    spec = cines.spec_of((64, 96), (80.0, 200.0), 0.1)  # of 0.5 s: a fifth
    assert (spec.height, spec.width, spec.quanta) == (64, 96, (80.0, 200.0))
    assert spec.breathing_s == tuple(5 * s for s in ERCP.breathing_s)
    assert spec.wire_advance_mm_s == tuple(v / 5 for v in ERCP.wire_advance_mm_s)


def test_the_length_in_view_leaves_out_what_is_not_labelled():
    line = np.stack([np.zeros(6), np.arange(6.0)], -1)
    assert cines.length_in_view(line, np.array([0, 0, 1, 1, 1, 0], bool)) == 2.0
    assert cines.length_in_view(line, np.zeros(6, bool)) == 0.0


def row(length, true, found=1.0, there=1.0):
    return {
        **{"tip_mm": 1.0, "cldice": 0.9, "found": found, "there": there},
        **{"length_mm": length, "true_mm": true},
    }


def test_flicker_is_what_changes_in_the_prediction_and_not_in_truth():
    steady = cines.measured([row(30, 33), row(32, 35), row(35, 38)])
    assert (steady["flicker_mm"], steady["flips"]) == (0.0, 0.0)
    shaking = cines.measured([row(30, 30), row(20, 30), row(31, 31)])
    assert shaking["flicker_mm"] == pytest.approx(10.0)
    gone = cines.measured([row(30, 30), row(0, 30, found=0.0), row(30, 30), row(30, 30)])
    assert gone["flips"] == pytest.approx(2 / 3)
    # The wire itself goes away: nobody's flicker.
    assert math.isnan(cines.measured([row(30, 30), row(0, 0, 0.0, 0.0)])["flicker_mm"])


@pytest.fixture(scope="module")
def model():
    return network(SHAPE)


def test_the_frame_before_steadies_a_wire_that_is_faint_now_and_then(model):
    sequence = [shot(), shot(faint=(28, 52)), shot()]
    without, led = (cines.all_measured(model, [sequence], r) for r in (None, FollowRules()))
    assert without["flicker_mm"].item() > 10
    assert led["flicker_mm"].item() < 1
    assert led["tip_mm"].item() < 2 < without["tip_mm"].item()
    found = cines.compared(without, led)
    assert found["flicker_mm"]["difference"] == pytest.approx(
        led["flicker_mm"].item() - without["flicker_mm"].item()
    )
    assert found["cldice"]["sequences"] == 1


def test_harmless_settings_of_least_flicker_are_chosen(model, monkeypatch):
    monkeypatch.setattr(cines, "GRID", ((0.1, 1.0, 4.0), (6.0, 1.0, 4.0)))
    rules, tried = cines.choose(model, [[shot(), shot(faint=(28, 52)), shot()]])
    assert (rules.gain, rules.shift_mm, rules.advance_mm) == (6.0, 1.0, 4.0)
    assert [one["gain"] for one in tried] == [0.1, 6.0]
    assert tried[0]["flicker_mm"] == 0  # too little to matter


def test_settings_that_all_do_harm_are_refused(model, monkeypatch):
    monkeypatch.setattr(cines, "GRID", ((6.0, 1.0, 4.0),))
    # What the frame before makes of this shimmer is no wire.
    ghost = shot(faint=(10, 80), there=False)
    ghost.probabilities[19:22, 10:71, 1] = 0.2
    with pytest.raises(InputError, match="no settings of the prior do no harm"):
        cines.choose(model, [[shot(), ghost, ghost]])


def test_no_patient_is_there_twice(model, monkeypatch):
    asked = []
    monkeypatch.setattr(
        cines,
        "sequence_of",
        lambda model, spec, seed, number, frames: asked.append((spec.quanta, seed, number)) or [],
    )
    made = cines.sequences_of(model, 7, 2, 8)
    assert {light: len(shots) for light, shots in made.items()} == dict.fromkeys(cines.LIGHT, 2)
    usual, little = cines.LIGHT.values()
    assert asked == [(usual, 7, 0), (usual, 7, 1), (little, 7, 2), (little, 7, 3)]
