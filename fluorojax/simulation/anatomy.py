"""The patient behind the instruments: line integrals of spine, ribs, soft tissue and gas.

Attenuation is at 60 keV effective (mass attenuation 0.205 cm²/g for soft tissue, 0.315 for bone).
"""

import jax
import jax.numpy as jnp

from fluorojax.simulation.draw import uniforms
from fluorojax.simulation.geometry import coverage, direction, smooth_noise, smoothstep

SOFT_TISSUE = 0.0205  # per mm
BONE_EXCESS = 0.017  # per mm, trabecular bone over the soft tissue in its place


def anatomy(
    patient_key: jax.Array, frame_key: jax.Array, grid: jax.Array, pixel: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return the line integrals `[H, W]` of bone and of soft tissue with gas, in patient space.

    The frame sees the patient from up to 12 mm off, moved by table and breath; only the finest
    texture (fat, folds of bowel) is the frame's own.

    Args:
        patient_key: draws the patient.
        frame_key: draws the place and the texture.
        grid: [H, W, 2] mm.
        pixel: [] mm.
    """
    spine_key, rib_key, tissue_key, gas_key = jax.random.split(patient_key, 4)
    move_key, texture_key = jax.random.split(frame_key)
    move = uniforms(move_key, (-12.0, 12.0), (-12.0, 12.0))
    where = grid + move
    bone = _spine(spine_key, where, pixel) + _ribs(rib_key, where, pixel)
    tissue = _tissue(tissue_key, texture_key, where, move / pixel)
    return bone, SOFT_TISSUE * (tissue - _gas(gas_key, where, move / pixel))


def _spine(key, where, pixel):
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
    depth = 20.0 * body + 6.0 * shell + 10.0 * pedicles + 12.0 * process
    return BONE_EXCESS * density * depth


def _spot(x, y):
    """A round plateau of radius 1 and height 1 with a soft rim."""
    return jnp.exp(-((x * x + y * y) ** 2))


def _ribs(key, where, pixel):
    """Lower ribs that slope away from the spine on both sides: bands with dense margins."""
    beside, slope, sag, period, lowest, density = uniforms(
        key, (-15.0, 45.0), (0.3, 0.7), (0.001, 0.004), (24.0, 32.0), (-30.0, 50.0), (0.6, 1.3)
    )
    x = where[..., 1] + beside
    reach = jnp.abs(x)
    # Two sides of a patient are never symmetric.
    y = where[..., 0] - slope * reach + sag * reach**2 + 9.0 * (x > 0)
    edge = jnp.abs(jnp.mod(y, period) - period / 2) - 5.0
    depth = 9.0 * coverage(edge, 3 * pixel) + 7.0 * jnp.exp(-((edge / 1.1) ** 2))
    lateral = smoothstep((reach - 22.0) / 12.0)
    above = 1.0 - smoothstep((y - lowest) / 15.0)
    return BONE_EXCESS * density * depth * lateral * above


def _tissue(key, texture_key, where, shift):
    """Thickness, organs, fat and folds (smooth fields of four scales), and the lung: mm."""
    height, width = where.shape[:2]
    thickness_key, organ_key, lung_key = jax.random.split(key, 3)
    fat_key, fold_key = jax.random.split(texture_key)
    thickness = 14.0 * smooth_noise(thickness_key, height, width, 2, shift)
    organs = 5.0 * smooth_noise(organ_key, height, width, 5, shift)
    fat = 2.2 * smooth_noise(fat_key, height, width, 14)
    folds = 0.9 * smooth_noise(fold_key, height, width, 36)
    top, middle = uniforms(lung_key, (-110.0, -45.0), (-40.0, 40.0))
    dome = top + 0.004 * (where[..., 1] - middle) ** 2
    lung = 35.0 * (1.0 - smoothstep((where[..., 0] - dome) / 5.0 + 0.5))
    return thickness + organs + fat + folds - lung


def _gas(key, where, shift):
    """Pockets of bowel gas, where one smooth field rises over a threshold: their depth in mm."""
    field_key, key = jax.random.split(key)
    threshold, depth, edge = uniforms(key, (0.9, 2.4), (8.0, 24.0), (0.2, 0.7))
    height, width = where.shape[:2]
    field = smooth_noise(field_key, height, width, 7, shift)
    return depth * smoothstep((field - threshold) / edge)
