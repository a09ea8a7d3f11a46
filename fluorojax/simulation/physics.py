"""From line integrals to the picture on the monitor: collimator, beam, scatter, noise, window."""

import jax
import jax.numpy as jnp

from fluorojax.simulation.draw import RATE, uniforms
from fluorojax.simulation.geometry import blur, coverage

SCATTER_MM = 18.0  # standard deviation of the scattered beam's spread


def collimation(key: jax.Array, grid: jax.Array, pixel: jax.Array) -> jax.Array:
    """Return the open part of each pixel, [H, W] in [0, 1]: full, round or rectangular field.

    Args:
        key: of the frame.
        grid: [H, W, 2] mm.
        pixel: [] mm.
    """
    cut = (0.36, 0.54)
    down, aside, radius, angle, kind, top, bottom, left, right = uniforms(
        key, (-0.02, 0.02), (-0.02, 0.02), (0.47, 0.58), (-0.09, 0.09), RATE, cut, cut, cut, cut
    )
    size = (grid[-1, -1] - grid[0, 0]).min()
    y, x = grid[..., 0] / size, grid[..., 1] / size
    circle = jnp.hypot(y - down, x - aside) - radius
    v, u = y * jnp.cos(angle) - x * jnp.sin(angle), y * jnp.sin(angle) + x * jnp.cos(angle)
    blades = jnp.maximum(jnp.maximum(-v - top, v - bottom), jnp.maximum(-u - left, u - right))
    edge = size * jnp.where(kind < 0.35, circle, jnp.where(kind < 0.6, blades, -1.0))
    return coverage(edge, 1.5 * pixel)


def mean_inside(image: jax.Array, view: jax.Array) -> jax.Array:
    """Return the mean of `image: [H, W]` weighted by the collimator's opening `view: [H, W]`."""
    return (image * view).sum() / jnp.maximum(view.sum(), 1.0)


def detect(
    key: jax.Array,
    integral: jax.Array,
    view: jax.Array,
    *,
    scatter_ratio: jax.Array,
    quanta: jax.Array,
    blur_px: jax.Array,
    pixel: jax.Array,
) -> jax.Array:
    """Return what the detector counts, [H, W] >= 0, 1 on average inside the field.

    signal = exp(-integral) + ratio * (exp(-integral) blurred broadly); quantum noise of standard
    deviation sqrt(signal / quanta) (the normal law for Poisson's: sound at hundreds of quanta a
    pixel); then a blur, so that the noise is correlated, as real frames' is.

    Args:
        key: of the noise.
        integral: [H, W], mu times length; only differences matter, the exposure is automatic.
        view: [H, W] in [0, 1], the collimator's opening.
        scatter_ratio: [] scattered over primary.
        quanta: [] a pixel, at the mean.
        blur_px: [] standard deviation in pixels.
        pixel: [] mm.
    """
    primary = jnp.exp(-(integral - mean_inside(integral, view)))
    signal = primary + scatter_ratio * blur(primary * view, SCATTER_MM / pixel)
    signal = signal / mean_inside(signal, view)
    noise = jax.random.normal(key, signal.shape)
    return jnp.maximum(blur(signal + jnp.sqrt(signal / quanta) * noise, blur_px), 0.0)


def display(
    key: jax.Array, signal: jax.Array, view: jax.Array, inverted_rate: float = 0.0
) -> jax.Array:
    """Return the picture [H, W] float32 in [0, 1]: logarithm, window, gamma; dark outside.

    Args:
        key: draws window, gamma and polarity.
        signal: [H, W], from `detect`.
        view: [H, W] in [0, 1].
        inverted_rate: probability that dense is shown bright.
    """
    window, level, gamma, polarity, closed = uniforms(
        key, (0.16, 0.26), (0.5, 0.65), (0.8, 1.25), RATE, (0.02, 0.03)
    )
    tone = jnp.log(jnp.maximum(signal, 1e-2))
    tone -= mean_inside(tone, view)
    spread = jnp.sqrt(mean_inside(tone**2, view)) + 1e-3
    tone = jnp.clip(level + window * tone / spread, 0.0, 1.0) ** gamma
    tone = jnp.where(polarity < inverted_rate, 1.0 - tone, tone)
    return (view * tone + (1.0 - view) * closed).astype(jnp.float32)
