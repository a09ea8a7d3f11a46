"""Losses of areas: cross entropy and soft Dice. One value an example, float32."""

import jax
import jax.numpy as jnp

SMOOTH = 1.0  # pixels; keeps Dice defined, and its gradient finite, where nothing is there


def cross_entropy(logits: jax.Array, target: jax.Array, weight: jax.Array) -> jax.Array:
    """Return the binary cross entropy, mean over the pixels that count.

    CE = sum w (softplus(z) - y z) / sum w, which equals -y log p - (1 - y) log(1 - p) and neither
    overflows nor takes the logarithm of 0.

    Args:
        logits: [B, H, W], any float type.
        target: [B, H, W] in {0, 1}.
        weight: [B, H, W] >= 0; 0 where a pixel does not count.

    Returns:
        [B] float32 >= 0; 0 where no pixel counts.
    """
    z, y, w = (x.astype(jnp.float32) for x in (logits, target, weight))
    total = (w * (jax.nn.softplus(z) - y * z)).sum((1, 2))
    return total / jnp.maximum(w.sum((1, 2)), 1.0)


def dice(probabilities: jax.Array, target: jax.Array, weight: jax.Array) -> jax.Array:
    """Return 1 - soft Dice over the pixels that count.

    1 - (2 sum w p y + s) / (sum w p + sum w y + s), s = 1 pixel (Milletari et al., 3DV 2016, with
    linear terms in the denominator).

    Args:
        probabilities: [B, H, W] in [0, 1].
        target: [B, H, W] in {0, 1}.
        weight: [B, H, W] >= 0.

    Returns:
        [B] float32 in [0, 1]; 0 where target and prediction are empty.
    """
    p, y, w = (x.astype(jnp.float32) for x in (probabilities, target, weight))
    both = (w * p * y).sum((1, 2))
    sizes = (w * (p + y)).sum((1, 2))
    return 1.0 - (2.0 * both + SMOOTH) / (sizes + SMOOTH)
