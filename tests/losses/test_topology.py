import jax
import numpy as np
import pytest

from fluorojax.losses.topology import skeleton_recall, soft_cldice, soft_skeleton


def test_half_of_the_centreline_missed_is_a_half():
    skeleton = np.zeros((1, 4, 8), np.float32)
    skeleton[0, 2] = 1
    p = np.zeros_like(skeleton)
    p[0, 2, :4] = 1
    np.testing.assert_allclose(skeleton_recall(p, skeleton, np.ones_like(p)), [0.5])


def test_a_false_piece_elsewhere_costs_nothing():
    skeleton = np.zeros((1, 4, 8), np.float32)
    skeleton[0, 2] = 1
    p = skeleton.copy()
    p[0, 0] = 1
    np.testing.assert_array_equal(skeleton_recall(p, skeleton, np.ones_like(p)), [0.0])


def test_without_a_centreline_it_is_zero():
    p = np.full((1, 4, 8), 0.7, np.float32)
    np.testing.assert_array_equal(skeleton_recall(p, 0 * p, np.ones_like(p)), [0.0])


def test_the_ignored_part_of_the_centreline_does_not_count():
    skeleton = np.ones((1, 1, 8), np.float32)
    p = np.zeros_like(skeleton)
    p[0, 0, :4] = 1
    weight = p.copy()
    np.testing.assert_array_equal(skeleton_recall(p, skeleton, weight), [0.0])


def bar(width, columns=slice(4, 36)):
    mask = np.zeros((1, 24, 40), np.float32)
    mask[0, 12 - width // 2 : 12 - width // 2 + width, columns] = 1
    return mask


def test_a_soft_skeleton_of_a_bar_is_its_middle_row():
    skeleton = np.asarray(soft_skeleton(bar(5), 5))[0]
    np.testing.assert_array_equal(skeleton[:, 10:30].argmax(0), np.full(20, 12))
    np.testing.assert_array_equal(skeleton[12, 10:30], 1)
    assert skeleton[[10, 11, 13, 14], 10:30].max() == 0


def test_the_number_of_iterations_is_used():
    wide = bar(9)
    assert np.asarray(soft_skeleton(wide, 2))[0, :, 15:25].sum() == 0  # not yet thin enough
    assert np.asarray(soft_skeleton(wide, 5))[0, :, 15:25].sum() == 10


def test_soft_cldice_of_one_channel_sees_a_gap_and_forgives_width():
    whole, ones = bar(5), np.ones((1, 24, 40), np.float32)
    broken = whole.copy()
    broken[0, :, 16:24] = 0
    assert soft_cldice(whole, whole, ones, 5) == 0
    gap = float(soft_cldice(broken, whole, ones, 5)[0])
    # A quarter of the target's centreline is not in the prediction; one pixel smooths.
    assert gap == pytest.approx(1 - 2 / (1 + 1 / 0.757), abs=0.03)
    assert float(soft_cldice(bar(3), whole, ones, 5)[0]) < 0.02
    assert float(soft_cldice(bar(5, slice(4, 12)), whole, ones, 5)[0]) > gap


def test_soft_cldice_of_two_bars_apart_by_hand():
    upper, lower = np.zeros((2, 1, 24, 40), np.float32)
    upper[0, 4, 4:14], lower[0, 16, 4:24] = 1, 1
    # Bars of one row are their own centrelines: a = 1 / (10 + 1), b = 1 / (20 + 1).
    a, b = 1 / 11, 1 / 21
    found = soft_cldice(upper, lower, np.ones_like(upper), 2)
    np.testing.assert_allclose(found, [1 - 2 * a * b / (a + b)], rtol=1e-6)


def test_soft_cldice_of_empty_masks():
    nothing, whole = np.zeros((1, 24, 40), np.float32), bar(5)
    ones = np.ones_like(nothing)
    assert soft_cldice(nothing, nothing, ones, 5) == 0
    assert 0.5 < soft_cldice(nothing, whole, ones, 5) < 1
    assert 0.5 < soft_cldice(whole, nothing, ones, 5) < 1
    gradient = jax.grad(lambda p: soft_cldice(p, whole, ones, 5).sum())(0.1 + 0 * whole)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


def test_ignored_pixels_belong_to_neither_skeleton():
    whole = bar(5)
    broken, weight = whole.copy(), np.ones_like(whole)
    broken[0, :, 16:24] = weight[0, :, 16:24] = 0
    assert soft_cldice(broken, whole, weight, 5) == 0


def test_a_ridge_that_is_found_again_adds_only_to_what_is_left():
    """A blurred wire: each erosion finds 0.4, 0.4 and 0.2 of its crest; S = 1 - prod (1 - d)."""
    blurred = np.zeros((1, 24, 40), np.float32)
    blurred[0, 10:15] = np.float32([0.2, 0.6, 1.0, 0.6, 0.2])[:, None]
    skeleton = np.asarray(soft_skeleton(blurred, 5))[0]
    np.testing.assert_allclose(skeleton[12, 10:30], 1 - 0.6 * 0.6 * 0.8, rtol=1e-5)
