import math

import jax
import jax.numpy as jnp
import numpy as np

from fluorojax.losses.softmax import softmax_cross_entropy

LOGITS = jnp.array([[0.0, 0.0], [math.log(3.0), 0.0], [math.log(3.0), 0.0], [5.0, 7.0]])


def test_by_hand():
    found = softmax_cross_entropy(LOGITS, jnp.array([0, 0, 1, -1]))
    expected = [math.log(2), -math.log(0.75), -math.log(0.25), 0.0]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_gradient_is_probability_less_truth_and_none_where_it_is_not_known():
    gradient = jax.grad(lambda z: softmax_cross_entropy(z, jnp.array([0, 0, 1, -1])).sum())(LOGITS)
    expected = [[-0.5, 0.5], [-0.25, 0.25], [0.75, -0.75], [0, 0]]
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_far_off_it_is_finite():
    loss = softmax_cross_entropy(jnp.array([[0.0, 1e4]], jnp.bfloat16), jnp.array([0]))
    np.testing.assert_allclose(loss, [1e4], rtol=1e-2)
    assert loss.dtype == jnp.float32
