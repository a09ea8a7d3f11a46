"""From line integrals to the picture on the monitor: collimator, beam, scatter, noise, window."""

from typing import Protocol

import jax
import jax.numpy as jnp

from fluorojax.simulation.draw import RATE, uniforms
from fluorojax.simulation.geometry import blur, coverage
from fluorojax.simulation.spec import Spec

SCATTER_MM = 18.0  # standard deviation of the scattered beam's spread


class Collimated(Protocol):
    """The rates of a spec for its collimator: a round field, or a rectangular one."""

    @property
    def round_rate(self) -> float:
        """Probability of a round field."""

    @property
    def blades_rate(self) -> float:
        """Probability of a rectangular field."""


def collimation(key: jax.Array, grid: jax.Array, pixel: jax.Array, spec: Collimated) -> jax.Array:
    """Return the open part of each pixel, [H, W] in [0, 1]: full, round or rectangular field.

    Args:
        key: of the frame.
        grid: [H, W, 2] mm.
        pixel: [] mm.
        spec: how often the field is round or rectangular.
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
    other = jnp.where(kind < spec.round_rate + spec.blades_rate, blades, -1.0)
    edge = size * jnp.where(kind < spec.round_rate, circle, other)
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
    focus_px: jax.Array,
    blur_px: jax.Array,
    glare: jax.Array,
    glare_px: jax.Array,
    pixel: jax.Array,
) -> jax.Array:
    """Return what the detector counts, [H, W] >= 0, 1 on average inside the field.

    signal = exp(-integral) + ratio * (exp(-integral) blurred broadly), blurred by the focal spot;
    quantum noise of standard deviation sqrt(signal / quanta) (the normal law for Poisson's: sound
    at hundreds of quanta a pixel); then a blur of two Gaussians, narrow and wide, so that the noise
    is correlated, as it is in real frames.

    Args:
        key: of the noise.
        integral: [H, W], mu times length; only differences matter, the exposure is automatic.
        view: [H, W] in [0, 1], the collimator's opening; or the part of it behind which the
            patient lies, where there is air beside: it sets the exposure, and scatters.
        scatter_ratio: [] scattered over primary.
        quanta: [] a pixel, at the mean.
        focus_px: [] standard deviation in pixels, before the noise.
        blur_px: [] standard deviation in pixels, after it.
        glare: [] share of the light that spreads wider.
        glare_px: [] standard deviation of that share's spread, in pixels.
        pixel: [] mm.
    """
    primary = jnp.exp(-(integral - mean_inside(integral, view)))
    signal = primary + scatter_ratio * blur(primary * view, SCATTER_MM / pixel)
    signal = blur(signal / mean_inside(signal, view), focus_px)
    noise = jax.random.normal(key, signal.shape)
    counted = signal + jnp.sqrt(signal / quanta) * noise
    spread = (1.0 - glare) * blur(counted, blur_px) + glare * blur(counted, glare_px)
    return jnp.maximum(spread, 0.0)


def logarithmic(
    signal: jax.Array, view: jax.Array, level: jax.Array, window: jax.Array
) -> jax.Array:
    """Return grey values [H, W], not clipped: level + window * standardised logarithm.

    Args:
        signal: [H, W], from `detect`.
        view: [H, W] in [0, 1], where the logarithm's mean is to be 0 and its variance 1.
        level: [] grey of the mean.
        window: [] grey of one standard deviation.
    """
    log = jnp.log(jnp.maximum(signal, 1e-2))
    log -= mean_inside(log, view)
    spread = jnp.sqrt(mean_inside(log**2, view)) + 1e-3
    return level + window * log / spread


def display(key: jax.Array, signal: jax.Array, view: jax.Array, spec: Spec) -> jax.Array:
    """Return the picture [H, W] float32 in [0, 1]; dark outside the field.

    (level + window * standardised logarithm)^gamma, or (level * signal)^gamma where the display is
    linear; clipped, so that air saturates.

    Args:
        key: draws kind of display, level, window, gamma and polarity.
        signal: [H, W], from `detect`.
        view: [H, W] in [0, 1].
        spec: the ranges.
    """
    window, level, gamma, polarity, kind, closed = uniforms(
        key, spec.window, spec.brightness, spec.gamma, RATE, RATE, (0.02, 0.03)
    )
    tone = jnp.where(
        kind < spec.linear_rate, level * signal, logarithmic(signal, view, level, window)
    )
    tone = jnp.clip(tone, 0.0, 1.0) ** gamma
    tone = jnp.where(polarity < spec.inverted_rate, 1.0 - tone, tone)
    return (view * tone + (1.0 - view) * closed).astype(jnp.float32)
