"""The patient behind the instruments: line integrals of trunk or limb.

Bone is given as the depth of compact bone that takes as much: a vertebra of areal density 1 g/cm²
(DXA of a healthy adult) is 8.6 mm of compact bone with 1.16 g of mineral a cm³.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from fluorojax.simulation import materials
from fluorojax.simulation.draw import RATE, SIGN, uniforms
from fluorojax.simulation.geometry import chord, coverage, direction, smooth_noise, smoothstep

BRIMS = 4


class Anatomy(NamedTuple):
    """Line integrals `[H, W]`: `bone` over the soft tissue in its place, and all the rest.

    In the trunk `tissue` moves with the breath and `bone` does not; a limb lies still.
    """

    bone: jax.Array
    tissue: jax.Array


def anatomy(
    patient_key: jax.Array,
    view_key: jax.Array,
    grid: jax.Array,
    pixel: jax.Array,
    *,
    is_limb: jax.Array,
    breath: jax.Array,
    energy_kev: jax.Array,
) -> Anatomy:
    """Return the patient's line integrals.

    A view sees the patient from up to 12 mm off, moved by the table; only the finest texture
    (fat, folds of bowel) is the view's own.

    Args:
        patient_key: draws the patient.
        view_key: draws the place and the texture.
        grid: [H, W, 2] mm.
        pixel: [] mm.
        is_limb: [] bool, long bones and air around, not the trunk.
        breath: [] mm by which the soft organs hang lower than on average.
        energy_kev: [] effective energy.
    """
    move_key, texture_key = jax.random.split(view_key)
    move = uniforms(move_key, (-12.0, 12.0), (-12.0, 12.0))
    bone, tissue = jax.lax.cond(
        is_limb, _limb, _trunk, patient_key, texture_key, grid, move, pixel, breath
    )
    soft = materials.soft_tissue(energy_kev)
    return Anatomy((materials.cortical_bone(energy_kev) - soft) * bone, soft * tissue)


def _trunk(
    patient_key: jax.Array,
    texture_key: jax.Array,
    grid: jax.Array,
    move: jax.Array,
    pixel: jax.Array,
    breath: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Return depths in mm: compact bone of spine and ribs; soft tissue less gas."""
    spine_key, rib_key, tissue_key, gas_key = jax.random.split(patient_key, 4)
    where = grid + move
    bone = _spine(spine_key, where, pixel) + _ribs(rib_key, where, pixel)
    hang = jnp.stack([-breath, 0.0])
    shift = (move + hang) / pixel
    tissue = _tissue(tissue_key, texture_key, where + hang, shift, hang / pixel)
    return bone, tissue - _gas(gas_key, where, shift)


def _spine(key: jax.Array, where: jax.Array, pixel: jax.Array) -> jax.Array:
    """Vertebral bodies with dense end plates, waists, pedicles and spinous processes."""
    lean, along, beside, pitch, half_width, density = uniforms(
        key, (-0.14, 0.14), (-16.0, 16.0), (-40.0, 35.0), (30.0, 36.0), (17.0, 21.0), (0.6, 1.1)
    )
    v = where @ direction(lean) + along
    u = where @ direction(lean + jnp.pi / 2) - beside
    within = jnp.mod(v, pitch) - pitch / 2
    half_height = 0.42 * pitch
    waist = half_width + 1.8 * (within / half_height) ** 2
    edge = jnp.maximum(jnp.abs(within) - half_height, jnp.abs(u) - waist)
    body = coverage(edge, 6 * pixel)
    shell = jnp.exp(-((edge / 1.2) ** 2))
    pedicles = _spot((jnp.abs(u) - 12.0) / 3.5, (within - 2.0) / 4.5)
    process = _spot(u / 3.0, (within + 6.0) / 7.0)
    return density * (8.6 * body + 2.6 * shell + 4.3 * pedicles + 5.2 * process)


def _spot(x: jax.Array, y: jax.Array) -> jax.Array:
    """A round plateau of radius 1 and height 1 with a soft rim."""
    return jnp.exp(-((x * x + y * y) ** 2))


def _ribs(key: jax.Array, where: jax.Array, pixel: jax.Array) -> jax.Array:
    """Lower ribs that slope away from the spine on both sides: bands with dense margins."""
    beside, slope, sag, period, lowest, density = uniforms(
        key, (-15.0, 45.0), (0.3, 0.7), (0.001, 0.004), (24.0, 32.0), (-30.0, 50.0), (0.6, 1.3)
    )
    x = where[..., 1] + beside
    reach = jnp.abs(x)
    # Two sides of a patient are never symmetric.
    y = where[..., 0] - slope * reach + sag * reach**2 + 9.0 * (x > 0)
    edge = jnp.abs(jnp.mod(y, period) - period / 2) - 5.0
    depth = 3.8 * coverage(edge, 3 * pixel) + 3.0 * jnp.exp(-((edge / 1.1) ** 2))
    lateral = smoothstep((reach - 22.0) / 12.0)
    above = 1.0 - smoothstep((y - lowest) / 15.0)
    return density * depth * lateral * above


def _tissue(
    key: jax.Array, texture_key: jax.Array, where: jax.Array, shift: jax.Array, hang: jax.Array
) -> jax.Array:
    """Thickness, organs, fat and folds (smooth fields of four scales), psoas, and the lung: mm."""
    height, width = where.shape[:2]
    thickness_key, organ_key, lung_key, psoas_key = jax.random.split(key, 4)
    fat_key, fold_key = jax.random.split(texture_key)
    thickness = 14.0 * smooth_noise(thickness_key, height, width, 2, shift)
    organs = 5.0 * smooth_noise(organ_key, height, width, 5, shift)
    fat = 2.2 * smooth_noise(fat_key, height, width, 14, hang)
    folds = 0.9 * smooth_noise(fold_key, height, width, 36, hang)
    top, middle = uniforms(lung_key, (-110.0, -45.0), (-40.0, 40.0))
    dome = top + 0.004 * (where[..., 1] - middle) ** 2
    lung = 35.0 * (1.0 - smoothstep((where[..., 0] - dome) / 5.0 + 0.5))
    return thickness + organs + fat + folds + _psoas(psoas_key, where) - lung


def _psoas(key: jax.Array, where: jax.Array) -> jax.Array:
    """Two muscles that leave the spine downwards: wedges with a straight lateral margin."""
    beside, begin, slope, depth = uniforms(
        key, (-40.0, 35.0), (-20.0, 40.0), (0.25, 0.5), (0.0, 9.0)
    )
    below = where[..., 0] - begin
    margin = 18.0 + slope * below - jnp.abs(where[..., 1] - beside)
    return depth * smoothstep(margin / 4.0) * smoothstep(below / 30.0)


def _gas(key: jax.Array, where: jax.Array, shift: jax.Array) -> jax.Array:
    """Pockets of bowel gas, where one smooth field rises over a threshold: their depth in mm."""
    field_key, key = jax.random.split(key)
    threshold, depth, edge = uniforms(key, (0.9, 2.4), (8.0, 24.0), (0.2, 0.7))
    height, width = where.shape[:2]
    field = smooth_noise(field_key, height, width, 7, shift)
    return depth * smoothstep((field - threshold) / edge)


def _limb(
    patient_key: jax.Array,
    texture_key: jax.Array,
    grid: jax.Array,
    move: jax.Array,
    pixel: jax.Array,
    breath: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Return depths in mm: a long bone with neck and head, its neighbour; muscle, skin and air.

    Compact bone lies in a shell around a marrow of spongy bone, a seventh as dense. A smooth warp
    makes walls and rims as crooked as bones are: dark lines that are no wire.
    """
    del breath  # a limb lies still
    pose_key, bone_key, mate_key, flesh_key, field_key = jax.random.split(patient_key, 5)
    heading, flip, radius, wall, neck, head = uniforms(
        pose_key, (-0.9, 0.9), SIGN, (10.0, 16.0), (0.15, 0.45), (0.6, 1.2), (20.0, 26.0)
    )
    where = _warped(bone_key, grid + move, move / pixel)
    joint = uniforms(jax.random.fold_in(bone_key, 1), (-45.0, 20.0), (-25.0, 25.0))
    down = direction(heading + jnp.pi)
    aside = direction(heading + jnp.pi + jnp.sign(flip) * (jnp.pi - neck))
    shaft = _hollow(where, joint, joint + 200.0 * down, radius, wall)
    throat = _hollow(where, joint - 5.0 * down, joint + 45.0 * aside, 0.95 * radius, 0.12)
    ball = _hollow(where, joint + 45.0 * aside, joint + 47.0 * aside, head, 0.06)
    # The deepest counts where parts of one bone overlap; the neighbour lies before or behind it.
    bone = jnp.maximum(jnp.maximum(shaft, throat), ball) + _mate(mate_key, where, joint, aside)
    height, width = grid.shape[:2]
    texture = smooth_noise(texture_key, height, width, 60, move / pixel)
    return bone * (1.0 + 0.08 * texture), _flesh(flesh_key, field_key, where, heading, move / pixel)


def _warped(key: jax.Array, where: jax.Array, shift: jax.Array) -> jax.Array:
    """Move every point by a smooth random field of up to 6 mm (standard deviation)."""
    down_key, right_key, size_key = jax.random.split(key, 3)
    height, width = where.shape[:2]
    (size,) = uniforms(size_key, (1.0, 6.0))
    fields = [smooth_noise(k, height, width, 5, shift) for k in (down_key, right_key)]
    return where + size * jnp.stack(fields, -1)


def _hollow(
    where: jax.Array, start: jax.Array, end: jax.Array, radius: jax.Array, wall: jax.Array | float
) -> jax.Array:
    """A capsule from `start` to `end` with a shell of `wall` radii: mm of compact bone."""
    span = end - start
    t = jnp.clip((where - start) @ span / (span @ span), 0.0, 1.0)
    distance = jnp.linalg.norm(where - start - t[..., None] * span, axis=-1)
    inner = chord(distance, radius * (1.0 - wall))
    return chord(distance, radius) - inner + inner / 7.0


def _mate(key: jax.Array, where: jax.Array, joint: jax.Array, aside: jax.Array) -> jax.Array:
    """The bone on the other side of the joint: a broad plate with a dense rim and brims."""
    plate_key, brim_key = jax.random.split(key)
    depth, offset, size, bend = uniforms(
        plate_key, (1.0, 6.0), (20.0, 40.0), (35.0, 80.0), (-0.6, 0.6)
    )
    centre = joint + (45.0 + offset + size) * aside
    y, x = jnp.moveaxis(where - centre, -1, 0)
    edge = jnp.hypot(y + bend * x, x) - size
    total = depth * coverage(edge, 4.0) + 0.7 * depth * jnp.exp(-((edge / 2.0) ** 2))
    # Walls of compact bone seen on edge: dark lines of some length anywhere in the frame.
    for k in jax.random.split(brim_key, BRIMS):
        heading, down, right, bow, length, half_width, depth = uniforms(
            k,
            *((0.0, jnp.pi), (-70.0, 70.0), (-70.0, 70.0), (-0.012, 0.012)),
            *((10.0, 45.0), (0.6, 2.5), (0.0, 8.0)),
        )
        away = where - jnp.stack([down, right])
        v, u = away @ direction(heading), away @ direction(heading + jnp.pi / 2)
        ridge = jnp.exp(-(((u - bow * v**2) / half_width) ** 2))
        total += depth * ridge * (1.0 - smoothstep((jnp.abs(v) - length) / 10.0))
    return total


def _flesh(
    key: jax.Array, field_key: jax.Array, where: jax.Array, heading: jax.Array, shift: jax.Array
) -> jax.Array:
    """A round limb: full depth along the axis, nothing beyond the skin; fat and muscle within."""
    size, aside, depth, planes = uniforms(key, (70.0, 140.0), (-50.0, 50.0), (60.0, 130.0), RATE)
    u = where @ direction(heading + jnp.pi / 2) - aside
    height, width = where.shape[:2]
    bulk = smooth_noise(field_key, height, width, 5, shift)
    inside = jnp.maximum(1.0 - ((u + 4.0 * bulk) / size) ** 2, 0.0)
    muscle = 6.0 * planes * smoothstep((jnp.abs(u - 0.4 * size) - 0.15 * size) / 3.0)
    return depth * jnp.sqrt(inside) + (5.0 * bulk - muscle) * smoothstep(inside / 0.2)
