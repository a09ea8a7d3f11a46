"""Losses of thin classes: what holds a wire together. One value an example, float32."""

import jax
import jax.numpy as jnp


def skeleton_recall(probabilities: jax.Array, skeleton: jax.Array, weight: jax.Array) -> jax.Array:
    """Return the share of the reference centreline that the prediction misses.

    1 - sum w p s / sum w s (Kirchhoff et al., "Skeleton Recall Loss", ECCV 2024). The centreline
    is computed when the data set is built and dilated twice, so the loss costs one product.

    Args:
        probabilities: [B, H, W] in [0, 1].
        skeleton: [B, H, W] in {0, 1}, the dilated centreline.
        weight: [B, H, W] >= 0; 0 where a pixel does not count.

    Returns:
        [B] float32 in [0, 1]; 0 where there is no centreline.
    """
    p, s, w = (x.astype(jnp.float32) for x in (probabilities, skeleton, weight))
    length = (w * s).sum((1, 2))
    missed = (w * (1.0 - p) * s).sum((1, 2))
    return missed / jnp.maximum(length, 1.0)
