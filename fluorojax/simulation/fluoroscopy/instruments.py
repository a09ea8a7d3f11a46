"""What the instruments take from the beam: line integrals `[H, W]` (mu times length, >= 0).

Guidewire, pin, tool and contrast medium take what their materials do at the beam's energy; the
endoscope's parts are effective values of meshes and bundles, not of solid metal.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from fluorojax.simulation.draw import RATE, SIGN, uniforms
from fluorojax.simulation.geometry import (
    chord,
    coverage,
    curve,
    direction,
    distance_to_curve,
    smoothstep,
    thin_chord,
)
from fluorojax.simulation.spec import Spec

LEAD_SEGMENTS, BRANCH_SEGMENTS, RETRACTOR_SEGMENTS = 12, 7, 12
CLIPS = 3


class Track(NamedTuple):
    """A curve's shadow: signed `distance: [H, W]` and `along: [H, W]` from its start, in mm."""

    distance: jax.Array
    along: jax.Array


def track(grid: jax.Array, points: jax.Array) -> Track:
    """Return the shadow on `grid: [H, W, 2]` of the evenly spaced `points: [K + 1, 2]`, in mm."""
    distance, along = distance_to_curve(grid, points)
    return Track(distance, along * jnp.linalg.norm(points[1] - points[0]))


def outline(
    shaft: Track, grid: jax.Array, tip: jax.Array, tip_heading: jax.Array, radius: jax.Array
) -> jax.Array:
    """Return the signed distance [H, W] in mm to a shaft's outline, cut flat at the `tip: [2]`.

    `radius` in mm is one number, or [H, W] where the shaft is not equally thick.
    """
    ahead = (grid - tip) @ direction(tip_heading)
    end = jnp.where(shaft.along <= 0.0, ahead, -jnp.inf)
    return jnp.maximum(jnp.abs(shaft.distance) - radius, end)


def endoscope(
    key: jax.Array, scope: Track, edge: jax.Array, radius: jax.Array, pixel: jax.Array
) -> jax.Array:
    """Metal mesh and coil around light guides and a working channel; an opaque housing at the tip.

    Args:
        key: draws pitch of the coils, the channel's side and the density.
        scope: from the tip backwards.
        edge: [H, W] mm, from `outline`.
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


def tool_radius(key: jax.Array, along: jax.Array, behind: jax.Array) -> jax.Array:
    """Return half the width [H, W] of a drill, guide or handle: narrow tip, then `behind` mm."""
    tip, neck, taper, wave, phase, depth = uniforms(
        key, (0.15, 1.0), (0.0, 25.0), (2.0, 35.0), (6.0, 25.0), (0.0, 2 * jnp.pi), (-0.15, 0.15)
    )
    front = jnp.maximum(tip * behind, 1.5)
    profile = front + (behind - front) * smoothstep((along - neck) / taper)
    return profile * (1.0 + jnp.maximum(depth, 0.0) * jnp.sin(along / wave + phase))


def tool(
    key: jax.Array,
    shaft: Track,
    edge: jax.Array,
    radius: jax.Array,
    steel: jax.Array,
    pixel: jax.Array,
) -> jax.Array:
    """A solid or hollow metal tool, from black to half transparent, often slotted lengthwise.

    Args:
        key: draws how much metal there is and how it is slotted.
        shaft: from the tip backwards.
        edge: [H, W] mm, from `outline`.
        radius: [H, W] mm, from `tool_radius`.
        steel: [] attenuation per mm.
        pixel: [] mm.
    """
    metal, flat, slotted, slots, phase = uniforms(
        key, (0.8, 6.0), RATE, RATE, (0.8, 4.0), (0.0, 2 * jnp.pi)
    )
    across = jnp.clip(shaft.distance / radius, -1.0, 1.0)
    profile = jnp.where(flat < 0.5, 1.0, jnp.sqrt(1.0 - across**2))
    cut = 1.0 + 0.6 * (slotted < 0.4) * jnp.cos(2 * jnp.pi * slots * across + phase)
    return steel * metal * profile * cut * coverage(edge, pixel)


def retractor(
    key: jax.Array, grid: jax.Array, steel: jax.Array, pixel: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """A curved metal plate that reaches in from outside; no wire comes out of it.

    Returns:
        Its line integral, and the signed distance to its outline in mm, [H, W] each.
    """
    heading, bow, down, right, width, bulge, metal = uniforms(
        key,
        (0.0, 2 * jnp.pi),
        (-0.9, 0.9),
        (-0.2, 0.2),
        (-0.2, 0.2),
        (3.0, 13.0),
        (0.6, 1.4),
        (0.6, 3.0),
    )
    field = grid[-1, -1, 0] - grid[0, 0, 0]
    tip = field * (jnp.stack([down, right]) + 0.22 * direction(heading))
    headings = heading + bow * jnp.linspace(-0.3, 1.0, RETRACTOR_SEGMENTS)
    shaft = track(grid, curve(tip, headings, 0.8 * field / RETRACTOR_SEGMENTS))
    radius = width * (1.0 + (bulge - 1.0) * jnp.exp(-(((shaft.along - 20.0) / 12.0) ** 2)))
    edge = jnp.abs(shaft.distance) - radius
    return steel * metal * coverage(edge, pixel), edge


def guidewire(
    key: jax.Array,
    wire: Track,
    distance: jax.Array,
    length: jax.Array,
    radius: jax.Array,
    nitinol: jax.Array,
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
        nitinol: [] attenuation per mm.
        pixel: [] mm.
    """
    opaque, density, sheathed, reach = uniforms(key, (20.0, 50.0), (0.75, 1.05), RATE, (8.0, 45.0))
    tip = smoothstep((wire.along - length + opaque) / 3.0)
    mu = nitinol * density * (1.0 + 0.5 * tip)
    catheter = (sheathed < 0.5) & (wire.along > 0.0) & (wire.along < reach)
    sheath = 0.06 * chord(wire.distance, jnp.float32(0.95))  # 5.7 French
    return mu * thin_chord(distance, radius, pixel) + catheter * sheath


def pin(
    wire: Track,
    distance: jax.Array,
    length: jax.Array,
    radius: jax.Array,
    steel: jax.Array,
    pixel: jax.Array,
) -> jax.Array:
    """A straight steel wire, ground to a point over its last 7 mm; arguments as of `guidewire`."""
    point = 1.0 - 0.35 * smoothstep((wire.along - length + 7.0) / 7.0)
    return steel * thin_chord(distance / point, radius, pixel / point) * point


def filled_duct(
    key: jax.Array, main: jax.Array, grid: jax.Array, contrast: jax.Array, spec: Spec
) -> jax.Array:
    """Contrast medium in the ducts along `main: [K + 1, 2]` mm, and perhaps in the gallbladder.

    The main duct tapers, has one narrow place and a branch on either side; in a third of the
    frames the medium has not yet reached its end.

    Args:
        key: draws width, stricture, branches, filling and gallbladder.
        main: axis of the main duct, from the endoscope on.
        grid: [H, W, 2] mm.
        contrast: [] attenuation of the medium per mm.
        spec: diameter of the duct, rate of the gallbladder.
    """
    main_key, right_key, left_key, bladder_key = jax.random.split(key, 4)
    diameter, narrow, stricture, filling, partly, reach = uniforms(
        main_key, spec.duct_diameter_mm, (0.25, 0.8), (0.0, 0.6), (0.6, 1.1), RATE, (0.3, 0.9)
    )
    radius = diameter / 2
    reached = jnp.where(partly < 0.35, reach, 2.0)

    def depth(
        points: jax.Array,
        first: jax.Array,
        last: jax.Array,
        stricture: jax.Array | float = 0.0,
        begin: float = 0.0,
        share: float = 1.0,
    ) -> jax.Array:
        distance, along = distance_to_curve(grid, points)
        t = along / (points.shape[0] - 1)
        r = (first + (last - first) * t) * (
            1.0 - stricture * jnp.exp(-(((t - narrow) / 0.06) ** 2))
        )
        return chord(distance, r) * (1.0 - smoothstep((begin + share * t - reached) / 0.08))

    # The lumina are one cavity: the deeper counts, not the sum.
    deepest = depth(main, radius, 0.45 * radius, stricture)
    segments = main.shape[0] - 1
    for branch_key, at, to in (
        (right_key, segments // 2, 1.0),
        (left_key, 2 * segments // 3, -1.0),
    ):
        points = _branch(branch_key, main, at, to)
        branch = depth(points, 0.55 * radius, 0.2 * radius, begin=at / segments, share=0.3)
        deepest = jnp.maximum(deepest, branch)
    bladder = _gallbladder(bladder_key, main[segments // 3], grid, spec)
    return contrast * filling * jnp.maximum(deepest, bladder)


def _gallbladder(key: jax.Array, near: jax.Array, grid: jax.Array, spec: Spec) -> jax.Array:
    """A pear beside the duct, partly filled: an ellipsoid 2 to 3 cm wide and 4 to 7 cm long."""
    there, aside, down, turn, width, length, filled = uniforms(
        key, RATE, (-45.0, -25.0), (5.0, 25.0), (-0.6, 0.6), (9.0, 14.0), (22.0, 34.0), (0.2, 0.6)
    )
    where = grid - near - jnp.stack([down, aside])
    v, u = where @ direction(turn), where @ direction(turn + jnp.pi / 2)
    inside = 1.0 - (v / length) ** 2 - (u / (width * (1.0 - 0.25 * v / length))) ** 2
    shape = 2.0 * width * jnp.sqrt(jnp.maximum(inside, 0.0))
    return (there < spec.gallbladder_rate) * filled * shape


def _branch(key: jax.Array, main: jax.Array, at: int, to: float) -> jax.Array:
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


def clips(key: jax.Array, grid: jax.Array, steel: jax.Array, pixel: jax.Array) -> jax.Array:
    """Surgical clips, or staples, in a group: bars of 4 to 9 mm."""
    down, right = uniforms(key, (-0.4, 0.4), (-0.4, 0.4)) * (grid[-1, -1, 0] - grid[0, 0, 0])
    total = jnp.zeros(grid.shape[:2])
    for clip_key in jax.random.split(key, CLIPS):
        y, x, heading, length, radius = uniforms(
            clip_key, (-14.0, 14.0), (-14.0, 14.0), (0.0, jnp.pi), (4.0, 9.0), (0.3, 0.7)
        )
        where = grid - jnp.stack([down + y, right + x])
        ahead = jnp.abs(where @ direction(heading)) - length / 2
        across = where @ direction(heading + jnp.pi / 2)
        total += coverage(ahead, pixel) * thin_chord(across, radius, pixel)
    return 0.5 * steel * total  # titanium and steel alike: between the two


def table(key: jax.Array, grid: jax.Array, pixel: jax.Array, soft: jax.Array) -> jax.Array:
    """The straight edge of table, cushion or drape: a step, often with a denser seam."""
    heading, place, depth, softness, seam = uniforms(
        key, (0.0, 2 * jnp.pi), (-0.4, 0.4), (2.0, 14.0), (0.3, 2.5), (-6.0, 8.0)
    )
    across = grid @ direction(heading) - place * (grid[-1, -1, 0] - grid[0, 0, 0])
    step = depth * coverage(across, jnp.maximum(softness, pixel))
    return soft * (step + jnp.maximum(seam, 0.0) * jnp.exp(-((across / 0.8) ** 2)))
