"""Losses of one value out of several for a whole frame. One value an example, float32."""

import jax
import jax.numpy as jnp
import optax


def softmax_cross_entropy(logits: jax.Array, value: jax.Array) -> jax.Array:
    """Return the cross entropy of the softmax, CE = -log softmax(z)_y; 0 where y is not known.

    Args:
        logits: [B, n], any float type.
        value: [B] integers in {0, ..., n - 1}, or -1: not known.

    Returns:
        [B] float32 >= 0.
    """
    # The one-hot vector of -1 is zero. Not optax's function of integers: it gathers, and the
    # gradient of that is a scatter, which is slow.
    chosen = jax.nn.one_hot(value, logits.shape[-1], dtype=jnp.float32)
    return optax.softmax_cross_entropy(logits.astype(jnp.float32), chosen)
