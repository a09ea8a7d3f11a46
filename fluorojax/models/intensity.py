"""Grey values scaled to a frame's own range, on the device: the network's first step."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike


def normalise(image: ArrayLike, low: ArrayLike, high: ArrayLike) -> jax.Array:
    """Scale grey values linearly so that low -> 0 and high -> 1, clipped to [0, 1].

    Args:
        image: [..., H, W], any integer or float type.
        low, high: [...], the frame's `intensity_range`.

    Returns:
        [..., H, W] float32 in [0, 1].
    """
    low, high = (jnp.asarray(end, jnp.float32)[..., None, None] for end in (low, high))
    return jnp.clip((jnp.asarray(image, jnp.float32) - low) / (high - low), 0.0, 1.0)
