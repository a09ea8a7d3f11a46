import numpy as np
import pytest

from fluorojax.metrics import overlap

PREDICTION = np.array([[1, 1, 1, 0]], bool)
REFERENCE = np.array([[0, 1, 1, 1]], bool)


def test_hand_values():
    assert overlap.dice(PREDICTION, REFERENCE) == pytest.approx(4 / 6)
    assert overlap.iou(PREDICTION, REFERENCE) == pytest.approx(2 / 4)
    wide = np.ones((1, 4), bool)
    assert overlap.precision(wide, REFERENCE) == 3 / 4
    assert overlap.recall(wide, REFERENCE) == 1.0
    assert overlap.precision(REFERENCE, wide) == 1.0
    assert overlap.recall(REFERENCE, wide) == 3 / 4


def test_dice_is_the_harmonic_mean_of_precision_and_recall():
    rng = np.random.default_rng(0)
    p, r = rng.random((2, 20, 30)) > 0.6
    precision, recall = overlap.precision(p, r), overlap.recall(p, r)
    assert overlap.dice(p, r) == pytest.approx(2 * precision * recall / (precision + recall))
    iou = overlap.iou(p, r)
    assert overlap.dice(p, r) == pytest.approx(2 * iou / (1 + iou))


def test_a_gap_and_a_shift_of_a_five_pixel_wire_cost_what_the_design_says():
    wire = np.zeros((40, 400), bool)
    wire[18:23] = True
    broken = wire.copy()
    broken[:, 100:120] = False
    assert 0.97 < overlap.dice(broken, wire) < 0.98
    assert overlap.dice(np.roll(wire, 1, axis=0), wire) == pytest.approx(0.8)


@pytest.mark.parametrize("score", [overlap.dice, overlap.iou, overlap.precision, overlap.recall])
def test_nothing_over_nothing_is_refused(score):
    empty = np.zeros((3, 3), bool)
    with pytest.raises(ValueError, match="EMPTY_POLICY"):
        score(empty, empty)
