"""Grey values: a robust range for each frame, on the host, and the scaling to it, on the device."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

PERCENTILES = (0.5, 99.5)


def intensity_range(image: np.ndarray) -> tuple[float, float]:
    """Return the 0.5th and 99.5th percentile of `image: [H, W]`, at least one grey value apart.

    Percentiles, because a single dead or saturated pixel must not set the scale of a frame.
    """
    low, high = np.percentile(image, PERCENTILES)
    return float(low), float(max(high, low + 1.0))


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


def shown(image: np.ndarray) -> np.ndarray:
    """Return `image: [H, W]` as it is looked at, [H, W] float32 in [0, 1]; as `normalise` does."""
    low, high = intensity_range(image)
    return np.clip((image.astype(np.float32) - np.float32(low)) / np.float32(high - low), 0, 1)
