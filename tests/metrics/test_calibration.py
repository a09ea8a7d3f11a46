import numpy as np
import pytest

from fluorojax.metrics.calibration import BINS, SURE, calibration_error, reliability


def test_by_hand():
    probability = np.array([[0.0, 0.02, 0.52, 0.53], [0.97, 1.0, 0.5, 0.2]])
    reference = np.array([[0, 0, 1, 0], [1, 1, 0, 1]], bool)
    counts = np.array([[1, 1, 1, 1], [1, 1, 1, 0]], bool)
    table = reliability(probability, reference, counts)
    assert table.shape == (BINS, 3)
    np.testing.assert_allclose(table[0], [2, 0.02, 0])
    np.testing.assert_allclose(table[10], [3, 1.55, 1])  # 0.5 belongs to the bin it starts
    np.testing.assert_allclose(table[19], [2, 1.97, 2])  # and 1 to the last
    assert not table[[k for k in range(BINS) if k not in (0, 10, 19)]].any()
    assert calibration_error(table) == pytest.approx((0.02 + 0.55 + 0.03) / 7)
    assert calibration_error(table, SURE) == pytest.approx((0.55 + 0.03) / 5)


def test_calibrated_pixels_have_no_error_and_sure_ones_have_theirs():
    rng = np.random.default_rng(0)
    probability = rng.uniform(size=(600, 600))
    reference = rng.uniform(size=probability.shape) < probability
    assert calibration_error(reliability(probability, reference)) < 0.01
    sure = np.full((100, 100), 0.9)
    half = rng.uniform(size=sure.shape) < 0.5
    assert calibration_error(reliability(sure, half)) == pytest.approx(0.4, abs=0.02)


def test_what_is_found_begins_at_the_threshold_and_not_below():
    probability = np.array([[0.3, 0.3, 0.9]])
    table = reliability(probability, np.array([[False, False, True]]))
    assert calibration_error(table, 0.5) == pytest.approx(0.1)


def test_background_hides_nothing_from_the_part_above_it():
    probability = np.zeros((100, 100))
    probability[:2] = 0.8  # of which none belongs to the class
    table = reliability(probability, np.zeros(probability.shape, bool))
    assert calibration_error(table) == pytest.approx(0.016)
    assert calibration_error(table, SURE) == pytest.approx(0.8)


def test_tables_of_cases_add_up():
    rng = np.random.default_rng(1)
    probability, reference = rng.uniform(size=(40, 9)), rng.uniform(size=(40, 9)) < 0.3
    halves = sum(reliability(probability[s], reference[s]) for s in (slice(15), slice(15, None)))
    np.testing.assert_allclose(halves, reliability(probability, reference))


def test_where_nothing_counts_there_is_no_error():
    nothing = reliability(np.zeros((4, 4)), np.zeros((4, 4), bool), np.zeros((4, 4), bool))
    assert calibration_error(nothing) is None
    assert calibration_error(reliability(np.zeros((4, 4)), np.zeros((4, 4), bool)), SURE) is None


@pytest.mark.parametrize("wrong", [1.5, -0.1, np.nan])
def test_what_is_no_probability_is_refused(wrong):
    with pytest.raises(ValueError, match="outside"):
        reliability(np.full((2, 2), wrong), np.zeros((2, 2), bool))
