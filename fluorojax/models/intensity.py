"""What a network sees of grey values: scaled to the frame's own range, or their local contrast."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

LEAST_CONTRAST = 0.02
"""Standard deviation, of grey values in [0, 1], below which a place is flat: noise stays small."""
WIDER = 3
"""How much farther the second of the local contrasts reaches."""


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


def seen(image: jax.Array, reach: int) -> jax.Array:
    """Return what a network is given of `image: [B, H, W, 1]` in [0, 1].

    With a reach of 0 the grey values, in [-1, 1], `[B, H, W, 1]`. Else the local contrast within
    that reach and within one WIDER times as far, `[B, H, W, 2]`: what is bright or dark in the
    frame as a whole, by exposure, window or the air beside a leg, is not seen.
    """
    if not reach:
        return 2.0 * image - 1.0
    return jnp.concatenate([local_contrast(image, far) for far in (reach, WIDER * reach)], -1)


def local_contrast(image: jax.Array, reach: int) -> jax.Array:
    """Return (x - mean) / sqrt(variance + LEAST_CONTRAST^2), both over a square around each pixel.

    The local contrast normalisation of Jarrett et al., ICCV 2009, with a square in place of their
    Gaussian window.

    Args:
        image: [B, H, W, C], float32.
        reach: the square has 2 reach + 1 pixels a side; what lies outside the frame is left out.
    """
    away = image - _box_mean(image, reach)
    # Of what is left, not of the values: a difference of two large means would be rounding.
    variance = _box_mean(away * away, reach)
    return away / jnp.sqrt(variance + LEAST_CONTRAST**2)


def _box_mean(x: jax.Array, reach: int) -> jax.Array:
    """Return the mean over a square around each pixel, first along columns, then along rows."""
    for axis in (1, 2):
        window, margins = [1] * 4, [(0, 0)] * 4
        window[axis], margins[axis] = 2 * reach + 1, (reach, reach)
        total = jax.lax.reduce_window(x, 0.0, jax.lax.add, window, (1,) * 4, margins)
        place, last = jax.lax.broadcasted_iota(jnp.int32, x.shape, axis), x.shape[axis] - 1
        # How many of the window's pixels are of the frame.
        count = jnp.minimum(place + reach, last) - jnp.maximum(place - reach, 0) + 1
        x = total / count
    return x
