import jax
import jax.numpy as jnp
import numpy as np

from fluorojax.losses.overlap import cross_entropy, dice

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
