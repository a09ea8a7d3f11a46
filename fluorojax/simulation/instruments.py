"""What the instruments take from the beam: line integrals `[H, W]` (mu times length, >= 0).

Attenuation is at 60 keV effective: nitinol 7.6 /cm, contrast medium at 150 mgI/mL 1.14 /cm; the
endoscope's parts are effective values of meshes and bundles, not of solid metal.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from fluorojax.simulation.draw import RATE, SIGN, Range, uniforms
from fluorojax.simulation.geometry import (
    chord,
    coverage,
    curve,
    direction,
    distance_to_curve,
    smoothstep,
    thin_chord,
)

NITINOL, CONTRAST = 0.76, 0.114  # per mm
LEAD_SEGMENTS, BRANCH_SEGMENTS = 12, 7


class Track(NamedTuple):
    """A curve's shadow: signed `distance: [H, W]` and `along: [H, W]` from its start, in mm."""

    distance: jax.Array
    along: jax.Array


def track(grid: jax.Array, points: jax.Array) -> Track:
    """Return the shadow on `grid: [H, W, 2]` of the evenly spaced `points: [K + 1, 2]`, in mm."""
    distance, along = distance_to_curve(grid, points)
    return Track(distance, along * jnp.linalg.norm(points[1] - points[0]))


def endoscope_edge(
    scope: Track, grid: jax.Array, tip: jax.Array, tip_heading: jax.Array, radius: jax.Array
) -> jax.Array:
    """Return the signed distance [H, W] in mm to the tube's outline, cut flat at the `tip: [2]`."""
    ahead = (grid - tip) @ direction(tip_heading)
    end = jnp.where(scope.along <= 0.0, ahead, -jnp.inf)
    return jnp.maximum(jnp.abs(scope.distance) - radius, end)


def endoscope(
    key: jax.Array, scope: Track, edge: jax.Array, radius: jax.Array, pixel: jax.Array
) -> jax.Array:
    """Metal mesh and coil around light guides and a working channel; an opaque housing at the tip.

    Args:
        key: draws pitch of the coils, the channel's side and the density.
        scope: from the tip backwards.
        edge: [H, W] mm, from `endoscope_edge`.
        radius: [] mm.
        pixel: [] mm.
    """
    lean, until, rings, close, density = uniforms(
        key, SIGN, (55.0, 85.0), (5.0, 7.0), (2.4, 3.4), (0.8, 1.2)
    )
    outer = chord(scope.distance, radius)
    inner = chord(scope.distance, 0.78 * radius)
    beside = 0.25 * radius * jnp.sign(lean)
    channel = chord(scope.distance - beside, 0.34 * radius)
    # The bending section has wide rings; the rest of the tube a close coil.
    bending = scope.along < until
    pitch = jnp.where(bending, rings, close)
    coil = 1.0 + jnp.where(bending, 0.45, 0.3) * jnp.cos(2 * jnp.pi * scope.along / pitch)
    housing = 0.25 * outer * (1.0 - smoothstep((scope.along - 12.0) / 3.0))
    depth = 0.22 * coil * (outer - inner) + 0.09 * inner - 0.08 * channel + housing
    return density * depth * coverage(edge, pixel)


def guidewire(
    key: jax.Array,
    wire: Track,
    distance: jax.Array,
    length: jax.Array,
    radius: jax.Array,
    pixel: jax.Array,
) -> jax.Array:
    """Nitinol, denser over the last centimetres; often a faint catheter around its beginning.

    Where a loop crosses itself the wire counts once.

    Args:
        key: draws density, length of the opaque tip and reach of the catheter.
        wire: from the exit on.
        distance: [H, W] mm to the wire in all, which may run on behind the exit.
        length: [] mm.
        radius: [] mm.
        pixel: [] mm.
    """
    opaque, density, sheathed, reach = uniforms(key, (20.0, 50.0), (0.75, 1.05), RATE, (8.0, 45.0))
    tip = smoothstep((wire.along - length + opaque) / 3.0)
    mu = NITINOL * density * (1.0 + 0.5 * tip)
    catheter = (sheathed < 0.5) & (wire.along > 0.0) & (wire.along < reach)
    sheath = 0.06 * chord(wire.distance, jnp.float32(0.95))  # 5.7 French
    return mu * thin_chord(distance, radius, pixel) + catheter * sheath


def filled_duct(key: jax.Array, main: jax.Array, grid: jax.Array, diameter_mm: Range) -> jax.Array:
    """A tapering duct along `main: [K + 1, 2]` mm, a branch on either side, one narrow place."""
    main_key, right_key, left_key = jax.random.split(key, 3)
    diameter, narrow, stricture, filling = uniforms(
        main_key, diameter_mm, (0.25, 0.8), (0.0, 0.6), (0.6, 1.1)
    )
    radius = diameter / 2

    def depth(points, first, last, stricture=0.0):
        distance, along = distance_to_curve(grid, points)
        t = along / (points.shape[0] - 1)
        r = (first + (last - first) * t) * (
            1.0 - stricture * jnp.exp(-(((t - narrow) / 0.06) ** 2))
        )
        return chord(distance, r)

    # The lumina are one cavity: the deeper counts, not the sum.
    deepest = depth(main, radius, 0.45 * radius, stricture)
    segments = main.shape[0] - 1
    for branch_key, at, to in (
        (right_key, segments // 2, 1.0),
        (left_key, 2 * segments // 3, -1.0),
    ):
        branch = depth(_branch(branch_key, main, at, to), 0.55 * radius, 0.2 * radius)
        deepest = jnp.maximum(deepest, branch)
    return CONTRAST * filling * deepest


def _branch(key, main, at, to):
    """Leave the main duct at vertex `at`, to the right (+1) or left (-1), in a gentle curve."""
    spread, bend, step = uniforms(key, (0.5, 1.05), (-0.7, 0.7), (2.0, 4.5))
    down, right = main[at + 1] - main[at]
    base = jnp.arctan2(right, -down) + to * spread
    return curve(main[at], base + bend * jnp.linspace(0.0, 1.0, BRANCH_SEGMENTS), step)


def lead(key: jax.Array, grid: jax.Array, pixel: jax.Array) -> jax.Array:
    """A cable on the skin, from border to border: a thin core in a faint sheath."""
    heading, bow, down, right, mu = uniforms(
        key, (0.0, 2 * jnp.pi), (-0.9, 0.9), (-0.35, 0.35), (-0.35, 0.35), (0.2, 0.4)
    )
    field = grid[-1, -1, 0] - grid[0, 0, 0]
    start = field * (jnp.stack([down, right]) - 0.75 * direction(heading))
    headings = heading + bow * jnp.linspace(-1.0, 1.0, LEAD_SEGMENTS)
    distance, _ = distance_to_curve(grid, curve(start, headings, 1.5 * field / LEAD_SEGMENTS))
    core = mu * thin_chord(distance, jnp.float32(0.4), pixel)
    return core + 0.03 * chord(distance, jnp.float32(1.3))
