import jax
import jax.numpy as jnp
import numpy as np
from scipy import ndimage

from fluorojax.losses.overlap import boundary, cross_entropy, dice, distance, focal, tversky

ONES = np.ones((1, 2, 2), np.float32)


def test_cross_entropy_by_hand():
    logits = np.float32([[[0.0, 2.0], [-1.0, 0.0]]])
    target = np.float32([[[1, 1], [0, 0]]])
    p = 1 / (1 + np.exp(-logits))
    expected = -(target * np.log(p) + (1 - target) * np.log(1 - p)).mean()
    np.testing.assert_allclose(cross_entropy(logits, target, ONES), [expected], rtol=1e-6)


def test_cross_entropy_of_extreme_logits_is_finite_and_has_a_gradient():
    logits = np.float32([[[1e4, -1e4], [1e4, -1e4]]])
    target = np.float32([[[0, 1], [1, 0]]])
    value, gradient = jax.value_and_grad(lambda z: cross_entropy(z, target, ONES)[0])(logits)
    np.testing.assert_allclose(value, 5e3, rtol=1e-5)
    np.testing.assert_allclose(gradient[0, 0], [0.25, -0.25], rtol=1e-5)


def test_dice_by_hand():
    p = np.float32([[[0.5, 1.0], [0.0, 0.0]]])
    target = np.float32([[[1, 1], [1, 0]]])
    expected = 1 - (2 * 1.5 + 1) / (1.5 + 3 + 1)
    np.testing.assert_allclose(dice(p, target, ONES), [expected], rtol=1e-6)


def test_a_smoother_dice_by_hand_and_what_it_does_where_the_class_is_absent():
    p = np.full((1, 2, 2), 0.25, np.float32)
    np.testing.assert_allclose(dice(p, 0 * ONES, ONES, 9.0), [1 - 9 / 10], rtol=1e-6)
    np.testing.assert_allclose(dice(p, 0 * ONES, ONES), [1 / 2], rtol=1e-6)
    slope = jax.grad(lambda p: dice(p, 0 * ONES, ONES, 9.0)[0])(p)
    np.testing.assert_allclose(slope, np.full((1, 2, 2), 9 / 10**2), rtol=1e-5)


def test_dice_is_zero_where_nothing_is_there_and_nothing_is_found():
    np.testing.assert_array_equal(dice(0 * ONES, 0 * ONES, ONES), [0.0])


def test_pixels_of_weight_zero_change_nothing():
    rng = np.random.default_rng(0)
    p, q = rng.random((2, 1, 4, 4)).astype(np.float32)
    target = (rng.random((1, 4, 4)) < 0.5).astype(np.float32)
    weight = np.ones((1, 4, 4), np.float32)
    weight[0, :2] = 0
    other = np.where(weight > 0, p, q)
    for loss in (cross_entropy, dice):
        np.testing.assert_array_equal(loss(p, target, weight), loss(other, target, weight))
        nothing = loss(p, target, 0 * weight)
        np.testing.assert_array_equal(nothing, [0.0])


def test_bfloat16_is_summed_in_float32():
    logits = jnp.full((1, 256, 256), -4.0, jnp.bfloat16)
    target = np.zeros((1, 256, 256), np.float32)
    value = cross_entropy(logits, target, np.ones_like(target))
    assert value.dtype == jnp.float32
    np.testing.assert_allclose(value, np.log1p(np.exp(-4.0)), rtol=1e-4)


def test_focal_by_hand_and_cross_entropy_at_gamma_zero():
    logits = np.float32([[[0.0, 2.0], [-1.0, 3.0]]])
    target = np.float32([[[1, 1], [0, 0]]])
    p = 1 / (1 + np.exp(-logits))
    true = np.where(target > 0, p, 1 - p)
    expected = (-((1 - true) ** 2) * np.log(true)).sum() / target.sum()
    np.testing.assert_allclose(focal(logits, target, ONES, 2.0), [expected], rtol=1e-5)
    plain = 4 / 2 * cross_entropy(logits, target, ONES)
    np.testing.assert_allclose(focal(logits, target, ONES, 0.0), plain, rtol=1e-6)


def test_focal_of_a_class_that_is_absent_or_tiny_is_divided_by_the_least_share():
    logits, nothing = np.float32([[[0.0, 2.0], [-1.0, 3.0]]]), 0 * ONES
    whole = focal(logits, nothing, ONES, 2.0, least=1.0)
    np.testing.assert_allclose(focal(logits, nothing, ONES, 2.0, least=0.25), 4 * whole, rtol=1e-6)
    np.testing.assert_array_equal(focal(logits, nothing, nothing, 2.0), [0.0])


def test_focal_pulls_at_a_small_object_that_is_not_found_where_dice_does_not():
    logits = jnp.full((1, 64, 64), -12.0)
    target = np.zeros((1, 64, 64), np.float32)
    target[0, 30:34, 30:40] = 1.0
    weight = np.ones_like(target)

    def pull(loss):
        return -float((jax.grad(lambda z: loss(z).sum())(logits) * target).sum())

    assert pull(lambda z: focal(z, target, weight, 2.0)) > 0.99
    assert pull(lambda z: dice(jax.nn.sigmoid(z), target, weight)) < 1e-4


def test_tversky_by_hand_and_what_a_miss_costs():
    p = np.float32([[[0.5, 1.0], [0.25, 0.0]]])
    target = np.float32([[[1, 1], [0, 0]]])
    expected = 1 - (1.5 + 1) / (1.5 + 0.3 * 0.25 + 0.7 * 0.5 + 1)
    np.testing.assert_allclose(tversky(p, target, ONES, 0.7), [expected], rtol=1e-6)
    np.testing.assert_array_equal(tversky(0 * ONES, 0 * ONES, ONES, 0.7), [0.0])
    assert tversky(0 * ONES, ONES, ONES, 0.9) > tversky(0 * ONES, ONES, ONES, 0.1)


def test_the_distance_is_scipys_chessboard_up_to_its_reach():
    rng = np.random.default_rng(2)
    mask = (rng.random((2, 20, 30)) < 0.02).astype(np.float32)
    for of, found in zip(mask, np.asarray(distance(mask, 6)), strict=True):
        expected = ndimage.distance_transform_cdt(1 - of, "chessboard")
        np.testing.assert_array_equal(found, np.minimum(expected, 6))
    assert (np.asarray(distance(0 * mask, 6)) == 6).all()


def test_the_boundary_loss_is_kervadecs_less_its_value_for_the_truth():
    rng = np.random.default_rng(3)
    target = np.zeros((1, 24, 24), np.float32)
    target[0, 6:15, 4:20] = 1
    p = rng.random(target.shape).astype(np.float32)
    outside = ndimage.distance_transform_cdt(1 - target[0], "chessboard")
    inside = ndimage.distance_transform_cdt(target[0], "chessboard")
    phi = np.minimum(outside, 5) - np.minimum(inside, 5).astype(float)
    expected = (phi * (p[0] - target[0])).mean() / 5
    found = boundary(p, target, np.ones_like(target), 5)
    np.testing.assert_allclose(found, [expected], rtol=1e-5)
    np.testing.assert_array_equal(boundary(target, target, np.ones_like(target), 5), [0.0])


def test_the_farther_from_the_contour_the_more_an_error_costs():
    target = np.zeros((1, 24, 24), np.float32)
    target[0, :, :4] = 1
    costs = []
    for column in (5, 9, 20):
        p = target.copy()
        p[0, 12, column] = 1
        costs.append(float(boundary(p, target, np.ones_like(p), 8)[0]))
    assert costs[0] < costs[1] < costs[2]


def test_focal_takes_a_tiny_object_for_the_least_share_of_what_counts():
    logits, one = np.float32([[[0.0, 2.0], [-1.0, 3.0]]]), 0 * ONES
    one[0, 0, 0] = 1
    own = focal(logits, one, ONES, 2.0)  # divided by its one pixel
    np.testing.assert_allclose(focal(logits, one, ONES, 2.0, least=0.5), own / 2, rtol=1e-6)
    # Of a frame of which one pixel counts, the least share is a quarter of a pixel.
    loss = focal(0 * ONES, 0 * ONES, one, 2.0, least=0.25)
    np.testing.assert_allclose(loss, 0.5**2 * np.log(2) / 0.25, rtol=1e-6)
