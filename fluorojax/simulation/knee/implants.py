"""Knee implants as solids, of no maker in particular: closed meshes whose shape is drawn.

Millimetres of an average knee: x medially, y anteriorly, z proximally. A femoral component's most
distal point is at z = 0 in extension, the top of a tray at z = 0. The parts of a component touch
and do not overlap, so that a ray's path through it is the sum of its paths through them. Sizes
follow the flat knees of `fluorojax.simulation.knee.ap`; shapes are drawn freely around what the
outlines of components in published films look like.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fluorojax.simulation.draw import uniforms
from fluorojax.simulation.knee.parts import REVISION, UKA, Case
from fluorojax.simulation.mesh import Mesh, block, joined, turned
from fluorojax.simulation.shapes import Number

LONGEST_EDGE_MM = 5.4  # of a face, for an average knee and the largest of components
ALONG, ACROSS, THROUGH = 68, 10, 8  # points of a condyle: along its curve, across it, in its depth
NOTCH_STARTS = 42  # of ALONG: in front of it both condyles are one
ROUND = 24  # points around a stem
KNOTS = 8  # of the sagittal outline, from the posterior end round below to the anterior one


class Implant(NamedTuple):
    """Both components, each in a frame of its own."""

    femoral: Mesh
    tibial: Mesh
    pivot: jax.Array  # [3] what the femur turns about, in the femoral component's frame


def implant(key: jax.Array, case: Case) -> Implant:
    """Draw an implant of the case's type; a native knee's has no extent."""
    femoral_key, tibial_key = jax.random.split(key)
    femur, pivot = _femoral(femoral_key, case)
    tibia = _tibial(tibial_key, case)
    # Without the barrier all of this is fused into each of its uses, and compiles for minutes.
    vertices = jax.lax.optimization_barrier((femur.vertices, tibia.vertices))
    return Implant(Mesh(vertices[0], femur.faces), Mesh(vertices[1], tibia.faces), pivot)


def _catmull_rom(samples: int) -> np.ndarray:
    """Return weights [samples, KNOTS] of a curve through all knots: cubic, its ends repeated."""
    t = np.linspace(0.0, KNOTS - 1.0, samples)
    first = np.minimum(t.astype(int), KNOTS - 2)
    u = t - first
    of_four = np.stack(
        [
            -0.5 * u + u**2 - 0.5 * u**3,
            1 - 2.5 * u**2 + 1.5 * u**3,
            0.5 * u + 2 * u**2 - 1.5 * u**3,
            -0.5 * u**2 + 0.5 * u**3,
        ]
    )
    weights = np.zeros((samples, KNOTS))
    for offset, weight in zip((-1, 0, 1, 2), of_four, strict=True):
        np.add.at(weights, (np.arange(samples), np.clip(first + offset, 0, KNOTS - 1)), weight)
    return weights.astype(np.float32)


def _linear(samples: int) -> np.ndarray:
    """Return weights [samples, KNOTS] of straight lines between the knots: cuts by a saw."""
    t = np.linspace(0.0, KNOTS - 1.0, samples)
    return np.maximum(1.0 - np.abs(t[:, None] - np.arange(KNOTS)), 0.0).astype(np.float32)


CURVE, CUTS = _catmull_rom(ALONG), _linear(ALONG)


def _femoral(key: jax.Array, case: Case) -> tuple[Mesh, jax.Array]:
    """A shell along a J-shaped curve: a flange in front, two condyles below and behind."""
    drawn = uniforms(
        key,
        *((27.0, 36.0), (4.0, 9.0), (26.0, 34.0), (7.0, 10.0), (4.0, 7.0), (7.0, 10.0)),
        *((30.0, 37.0), (6.5, 11.0), (0.6, 0.9), (0.1, 0.55), (0.0, 0.5), (-2.5, 2.5)),
    )
    half, low, top, distal, front, behind, wide, notch, narrow, crown, groove, swing = drawn
    height = case.flange
    outer = jnp.array(
        [
            (2.0 - half, top),
            (-half, 0.6 * top),
            (low - half, 0.2 * top),
            (swing - 4.0, 0.0),
            (0.5 * half, 3.0),
            (half - 6.0, 14.0),
            (half - 2.0, 0.7 * height),
            (half - 7.0, height),
        ]
    )
    back, face = behind - half, half - front - 2.0
    inner = jnp.array(
        [
            (back, top - 1.0),
            (back, 0.6 * top + 1.0),
            (back + 1.0, distal + 5.0),
            (back + 8.0, distal),
            (face - 12.0, distal),
            (face - 4.0, distal + 9.0),
            (face, 0.7 * height),
            (face - 4.0, height - 1.0),
        ]
    )
    outer, inner = jnp.asarray(CURVE) @ outer, jnp.asarray(CUTS) @ inner
    s = jnp.linspace(0.0, 1.0, ALONG)
    # The flange narrows towards its top.
    edge = wide * (1.0 - (1.0 - narrow) * jnp.clip((s - 0.55) / 0.45, 0.0, 1.0) ** 1.5)
    is_half = case.kind == UKA
    rails = []
    for side in (1.0, -1.0):
        there = jnp.where(is_half, case.uka_side == side, case.kind > 0)
        part = slice(0, NOTCH_STARTS + 1)
        ends = (side * notch * jnp.ones(ALONG), side * edge)
        low_x, high_x = (ends[0], ends[1]) if side > 0 else (ends[1], ends[0])
        middle, width = (notch + wide) / 2, (wide - notch) / 2
        x = _across(low_x[part], high_x[part], ACROSS)
        bulge = 1.0 - crown * jnp.abs((jnp.abs(x) - middle) / width) ** 3
        rails.append(_kept(_shell(x, outer[part], inner[part], bulge), there))
    part = slice(NOTCH_STARTS, ALONG)
    x = _across(-edge[part], edge[part], 2 * ACROSS)
    bulge = 1.0 - groove * jnp.exp(-((x / 9.0) ** 2)) - crown * jnp.abs(x / wide) ** 4
    flange = _kept(_shell(x, outer[part], inner[part], bulge), case.is_total)
    house = _kept(_box(notch, back, 0.35 * half, distal), case.has_box)
    stem = _cylinder(6.8, 5.8, 27.0, 27.0 + case.stems[0], 40)
    stem = _kept(stem, case.kind == REVISION)
    pivot = jnp.array([0.0, 0.75 * top - half, 0.75 * top])
    return joined([*rails, flange, house, stem]), pivot


def _across(low: jax.Array, high: jax.Array, count: int) -> jax.Array:
    """Return x [U, count] from one edge to the other."""
    return low[:, None] + (high - low)[:, None] * jnp.linspace(0.0, 1.0, count)


def _shell(x: jax.Array, outer: jax.Array, inner: jax.Array, bulge: jax.Array) -> Mesh:
    """Return what lies between the curves `outer`, `inner`: [U, 2] (y, z).

    Args:
        x: [U, V] mm.
        outer, inner: the surface that glides, and the one that lies on the bone.
        bulge: [U, V] in (0, 1], which share of the thickness there is.
    """
    share = jnp.linspace(0.0, 1.0, THROUGH) * bulge[..., None]  # from the bone outwards
    yz = inner[:, None, None] + share[..., None] * (outer - inner)[:, None, None]
    x = jnp.broadcast_to(x[..., None, None], (*yz.shape[:3], 1))
    return block(jnp.concatenate([x, yz], -1))


def _box(notch: jax.Array, back: jax.Array, front: jax.Array, distal: jax.Array) -> Mesh:
    """Return walls, roof and cam of what fills the notch."""
    y, roof = (back + 3.0, front), distal + 16.0
    walls = [
        _cuboid((low, low + 1.5), y, (distal, roof), (2, 10, 6)) for low in (-notch, notch - 1.5)
    ]
    inside = (1.5 - notch, notch - 1.5)
    top = _cuboid(inside, y, (roof - 1.5, roof), (7, 10, 2))
    cam = _cuboid((-notch, notch), (back - 7.0, back), (distal + 4.0, distal + 13.0), (7, 3, 4))
    return joined([*walls, top, cam])


def _tibial(key: jax.Array, case: Case) -> Mesh:
    """A tray, whole or half, on a keel with wings, a peg or a stem; a hinge's yoke on top."""
    wide, deep, power, waist, slant = uniforms(
        key, (31.0, 40.0), (20.0, 27.0), (2.0, 3.2), (0.0, 0.35), (-0.1, 0.5)
    )
    is_half, is_any = case.kind == UKA, case.kind > 0
    angle = 2 * jnp.pi * jnp.arange(84) / 84
    c, s = jnp.cos(angle), jnp.sin(angle)
    # A superellipse, by its polar form, whose points lie about as far apart everywhere.
    radius = (jnp.abs(c) ** power + jnp.abs(s) ** power) ** (-1 / power)
    x, y = radius * c, radius * s
    # Behind, a notch for the cruciate ligament.
    y *= 1.0 - jnp.where(y < 0, waist, 0.0) * jnp.exp(-((x / 0.3) ** 2))
    half_wide = (wide - 2.0) / 2
    across = jnp.where(is_half, half_wide * x, wide * x)
    outline = jnp.stack([across, deep * y], -1)
    shares = jnp.linspace(0.0, 1.0, 14)
    under, over = jnp.full(14, -case.tray), jnp.zeros(14)
    profile = jnp.concatenate([jnp.stack([shares, under], -1), jnp.stack([shares, over], -1)[::-1]])
    plate = turned(profile, outline)
    middle = jnp.where(is_half, case.uka_side * (2.0 + half_wide), 0.0)
    plate = _kept(_moved(plate, jnp.array([middle, 0.0, 0.0])), is_any)

    depth = jnp.where(case.kind == REVISION, case.stems[1], case.keel)
    keel = _cylinder(7.0, 5.0, -case.tray - depth, -case.tray, 40)
    parts = [plate, _kept(keel, case.is_total)]
    for side in (1.0, -1.0):
        parts.append(_kept(_wing(side, case, slant), case.is_total))
    peg = _cuboid((-1.5, 1.5), (-12.0, 12.0), (-case.tray - 9.0, -case.tray), (2, 8, 4))
    peg = _moved(peg, jnp.array([middle, 0.0, 0.0]))
    yoke = _cuboid((-9.0, 9.0), (-9.0, 9.0), (0.0, 22.0), (6, 6, 8))
    return joined([*parts, _kept(peg, is_half), _kept(yoke, case.has_hinge & is_any)])


def _wing(side: float, case: Case, slant: jax.Array) -> Mesh:
    """Return a wing of the keel: a plate that is lower the farther out it reaches."""
    out = jnp.linspace(0.0, 1.0, 8)[:, None, None]
    thick = jnp.linspace(-1.0, 1.0, 2)[None, :, None]
    up = jnp.linspace(0.0, 1.0, 12)[None, None, :]
    reach = 7.2 + case.wings * out
    depth = (0.75 * case.keel) * (1.0 - 0.75 * out)
    x = side * reach + 0.0 * up + 0.0 * thick
    y = side * thick - slant * reach + 0.0 * up
    z = -case.tray - depth * (1.0 - up) + 0.0 * thick
    return block(jnp.stack(jnp.broadcast_arrays(x, y, z), -1))


def _cylinder(
    bottom_radius: float, top_radius: float, low: Number, high: Number, rows: int
) -> Mesh:
    """Return a stem along z, wider or narrower at its ends."""
    angle = 2 * jnp.pi * jnp.arange(ROUND) / ROUND
    outline = jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1)
    caps = jnp.array([0.0, 0.5])
    t = jnp.linspace(0.0, 1.0, rows)
    radius = jnp.concatenate(
        [
            caps * bottom_radius,
            bottom_radius + t * (top_radius - bottom_radius),
            caps[::-1] * top_radius,
        ]
    )
    z = low + (high - low) * jnp.concatenate([jnp.zeros(2), t, jnp.ones(2)])
    return turned(jnp.stack([radius, z], -1), outline)


def _cuboid(
    x: tuple[jax.Array | float, jax.Array | float],
    y: tuple[jax.Array | float, jax.Array | float],
    z: tuple[jax.Array | float, jax.Array | float],
    counts: tuple[int, int, int],
) -> Mesh:
    """Return a box from low to high along each axis, of so many points."""
    axes = [
        low + (high - low) * jnp.linspace(0.0, 1.0, n)
        for (low, high), n in zip((x, y, z), counts, strict=True)
    ]
    return block(jnp.stack(jnp.meshgrid(*axes, indexing="ij"), -1))


def _moved(mesh: Mesh, by: jax.Array) -> Mesh:
    return mesh._replace(vertices=mesh.vertices + by)


def _kept(mesh: Mesh, there: jax.Array) -> Mesh:
    """Return the mesh, or all of it in one point, where no ray meets it."""
    return mesh._replace(vertices=jnp.where(there, mesh.vertices, 0.0))
