"""Plane shapes as signed distances `[...]` in mm, negative inside, and frames to draw them in.

A point is (x, y); y points down (distally). Unions are minima, intersections maxima and what is cut
away is negated, so that a distance is exact near the edges and a bound elsewhere.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from fluorojax.simulation.geometry import smoothstep

Number = jax.Array | float
Point = tuple[Number, Number]  # x, y


class Frame(NamedTuple):
    """A frame of its own at (x, y), [] each, turned by `angle` [] radians from x towards y."""

    x: Number
    y: Number
    angle: Number

    def inside(self, x: Number, y: Number) -> tuple[jax.Array, jax.Array]:
        """Return in this frame what `x` and `y` are outside."""
        c, s = jnp.cos(self.angle), jnp.sin(self.angle)
        x, y = x - self.x, y - self.y
        return c * x + s * y, c * y - s * x

    def outside(self, x: Number, y: Number) -> tuple[jax.Array, jax.Array]:
        """Return outside what `x` and `y` are in this frame."""
        c, s = jnp.cos(self.angle), jnp.sin(self.angle)
        return self.x + c * x - s * y, self.y + s * x + c * y


def union(*shapes: jax.Array) -> jax.Array:
    """Return the distance to what lies in any of the shapes."""
    return functools.reduce(jnp.minimum, shapes)


def common(*shapes: jax.Array) -> jax.Array:
    """Return the distance to what lies in all of the shapes."""
    return functools.reduce(jnp.maximum, shapes)


def blended(one: jax.Array, other: jax.Array, width: float) -> jax.Array:
    """Return a union whose inner corner is filled over `width` mm: a polynomial smooth minimum."""
    near = jnp.maximum(width - jnp.abs(one - other), 0.0) / width
    return jnp.minimum(one, other) - near * near * width / 4


def rounded(one: jax.Array, other: jax.Array, width: float) -> jax.Array:
    """Return an intersection whose corner is taken off over `width` mm, as `blended`."""
    return -blended(-one, -other, width)


def box(
    x: Number,
    y: Number,
    left: Number,
    right: Number,
    top: Number,
    bottom: Number,
    corner: Number = 0.0,
) -> jax.Array:
    """A rectangle with corners of radius `corner`."""
    dx = jnp.abs(x - (left + right) / 2) - (right - left) / 2 + corner
    dy = jnp.abs(y - (top + bottom) / 2) - (bottom - top) / 2 + corner
    beyond = jnp.hypot(jnp.maximum(dx, 0.0), jnp.maximum(dy, 0.0))
    return beyond + jnp.minimum(jnp.maximum(dx, dy), 0.0) - corner


def disc(x: Number, y: Number, centre_x: Number, centre_y: Number, radius: Number) -> jax.Array:
    """A disc."""
    return jnp.hypot(x - centre_x, y - centre_y) - radius


def cone(
    x: Number, y: Number, start: Point, end: Point, start_radius: Number, end_radius: Number
) -> jax.Array:
    """The convex hull of two discs; neither may hold the other.

    Args:
        x: [...] mm.
        y: [...] mm.
        start: centre (x, y) of one disc.
        end: centre of the other.
        start_radius: mm.
        end_radius: mm.
    """
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = jnp.hypot(dx, dy)
    along = ((x - start[0]) * dx + (y - start[1]) * dy) / length
    across = jnp.abs((y - start[1]) * dx - (x - start[0]) * dy) / length
    # The nearest disc's centre lies where a normal of the straight side meets the axis.
    slope = (end_radius - start_radius) / length
    t = along + across * slope / jnp.sqrt(jnp.maximum(1.0 - slope**2, 1e-6))
    t = jnp.clip(t / length, 0.0, 1.0)
    return jnp.hypot(along - t * length, across) - start_radius - t * (end_radius - start_radius)


def half_plane(x: Number, y: Number, through: Point, normal_degrees: Number) -> jax.Array:
    """What lies behind a line `through` (x, y), seen along its normal (0: +x, 90: +y)."""
    angle = jnp.deg2rad(normal_degrees)
    return (x - through[0]) * jnp.cos(angle) + (y - through[1]) * jnp.sin(angle)


def flare(height: jax.Array, start: float, end: float, amount: float) -> jax.Array:
    """Return `amount` up to height `start`, nothing from `end` on, smoothly between: [...] mm."""
    return amount * (1.0 - smoothstep((height - start) / (end - start)))


def ellipse(
    x: Number, y: Number, centre_x: Number, centre_y: Number, half_x: Number, half_y: Number
) -> jax.Array:
    """An ellipse; the distance is to first order."""
    u, v = (x - centre_x) / half_x, (y - centre_y) / half_y
    size = jnp.hypot(u, v)
    slope = jnp.hypot(u / half_x, v / half_y) / jnp.maximum(size, 1e-3)
    return (size - 1.0) / jnp.maximum(slope, 1e-3)
