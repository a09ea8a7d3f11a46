"""What a knee's film shows beside the knee: marker, ball, border, and the monitor photographed."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from fluorojax.simulation import materials, physics
from fluorojax.simulation.draw import RATE, SIGN, uniforms
from fluorojax.simulation.geometry import chord, coverage
from fluorojax.simulation.knee.spec import KneeSpec
from fluorojax.simulation.shapes import Frame, box, common, cone, union

LEAD = 6.0  # line integral of a marker's letter: it lets nothing through


class Placing(NamedTuple):
    """Where the leg lies in the frame, [] each: mm of the frame to mm of an average knee."""

    keystone: jax.Array  # [2] relative change of scale a mm, along columns and rows
    mirror: jax.Array  # +1: x of the knee points to the right, -1: to the left
    leg: Frame
    size: jax.Array

    def to_knee(self, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return a place of the frame in the knee."""
        x, y = self.flat(x, y)
        x, y = self.leg.inside(self.mirror * x, y)
        return x / self.size, y / self.size

    def flat(self, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return a place of the frame on the film: a projective map, the identity without tilt."""
        scale = 1.0 + self.keystone[0] * x + self.keystone[1] * y
        return x / scale, y / scale

    def to_frame(self, points: jax.Array) -> jax.Array:
        """Return points `[..., 2]` (x, y) of the knee as (x, y) in the frame, in mm."""
        x, y = self.leg.outside(points[..., 0] * self.size, points[..., 1] * self.size)
        x = self.mirror * x
        scale = 1.0 - self.keystone[0] * x - self.keystone[1] * y
        return jnp.stack([x / scale, y / scale], -1)


def placing(
    key: jax.Array, field: jax.Array, size: jax.Array, mirror: jax.Array, spec: KneeSpec
) -> tuple[Placing, jax.Array]:
    """Lay the leg into a frame `field` mm wide; also return whether the film was photographed."""
    turn, right, down, photo, across, along = uniforms(
        key,
        *(spec.rotation_degrees, spec.shift_mm, spec.shift_mm),
        *(RATE, spec.keystone, spec.keystone),
    )
    is_photo = photo < spec.photo_rate
    tilt = jnp.where(is_photo, jnp.stack([across, along]), 0.0) / (field / 2)
    return Placing(tilt, mirror, Frame(right, down, jnp.deg2rad(turn)), size), is_photo


def letter(x: jax.Array, y: jax.Array, is_right: jax.Array) -> jax.Array:
    """Return the shape of an R or an L, 10 high and 6 wide, its middle at 0."""
    stem = box(x, y, -3.0, -1.4, -5.0, 5.0)
    foot = box(x, y, -3.0, 3.0, 3.4, 5.0)
    bow = box(x, y, -3.0, 3.0, -5.0, 0.6, 2.6)
    bow = jnp.maximum(jnp.abs(bow + 0.8) - 0.8, -2.2 - x)
    leg = cone(x, y, (-0.5, 0.0), (2.2, 4.3), 0.8, 0.8)
    return union(stem, jnp.where(is_right, union(bow, leg), foot))


def objects(
    key: jax.Array,
    x: jax.Array,
    y: jax.Array,
    is_right: jax.Array,
    energy_kev: jax.Array,
    spec: KneeSpec,
    pixel: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Return the line integrals [H, W] of lead marker and of steel ball; 0 where there is none.

    Args:
        key: draws whether there are any, and where.
        x: [H, W] mm on the film, to the right of its middle.
        y: [H, W] mm, below it.
        is_right: [] bool, which letter.
        energy_kev: [] effective energy.
        spec: rates, and the ball's diameter.
        pixel: [] mm.
    """
    marked, has_ball, diameter, aside, height, up, tall, place = uniforms(
        key, *(RATE, RATE, spec.ball_mm, SIGN, (0.24, 0.4), SIGN, (0.8, 1.5), (-0.2, 0.3))
    )
    half_x, half_y = x[0, -1], y[-1, 0]
    side, end = jnp.sign(aside), jnp.sign(up)
    u = (x - side * 0.78 * half_x) / tall
    v = (y - end * 2.0 * height * half_y) / tall
    lead = LEAD * coverage(letter(u, v, is_right) * tall, pixel)
    away = jnp.hypot(x + side * 0.76 * half_x, y - place * half_y)
    ball = materials.steel(energy_kev) * chord(away, diameter / 2)
    return (marked < spec.marker_rate) * lead, (has_ball < spec.ball_rate) * ball


def border(key: jax.Array, x: jax.Array, y: jax.Array, spec: KneeSpec) -> jax.Array:
    """Return where [H, W] the film ends in a white border: bool."""
    there, share = uniforms(key, RATE, spec.border_share)
    half_x, half_y = x[0, -1], y[-1, 0]
    margin = 2.0 * half_x * share
    inside = common(jnp.abs(x) - half_x + margin, jnp.abs(y) - half_y + margin)
    return (inside > 0.0) & (there < spec.border_rate)


def shown(
    key: jax.Array, signal: jax.Array, weight: jax.Array, view: jax.Array, spec: KneeSpec
) -> jax.Array:
    """Return the film's grey [H, W] in [0, 1]: dense is bright, or everything is turned round.

    Args:
        key: draws window, level, gamma, polarity, the shade of the collimator's margins, and if
            the window ends in a sigmoid.
        signal: [H, W], from `physics.detect`.
        weight: [H, W] in [0, 1], what the window is set for: the leg, without metal.
        view: [H, W] in [0, 1], the collimator's opening.
        spec: the ranges.
    """
    window, level, gamma, polarity, shade, dark, light = uniforms(
        key,
        *(spec.window, spec.brightness, spec.gamma, RATE, RATE, (0.0, 0.05), (0.93, 1.0)),
    )
    grey = physics.logarithmic(signal, weight, level, -window)
    # A key of its own: what else is drawn of a film does not depend on how it is shown.
    bent = jax.random.uniform(jax.random.fold_in(key, 1)) < spec.sigmoid_rate
    grey = jnp.where(bent, sigmoid(grey), jnp.clip(grey, 0.0, 1.0)) ** gamma
    grey = view * grey + (1.0 - view) * jnp.where(shade < spec.white_shutter_rate, light, dark)
    return jnp.where(polarity < spec.dark_bone_rate, 1.0 - grey, grey)


def sigmoid(grey: jax.Array) -> jax.Array:
    """Return grey values in (0, 1) of values that a window would clip: the more, the flatter.

    1 / (1 + exp(-4 (grey - 1/2))): the SIGMOID of DICOM (PS3.3, VOI LUT Function) with the window's
    centre and slope, and what the characteristic curve of film is like. What is brighter than the
    window, as cement and metal are, stays apart.
    """
    return jax.nn.sigmoid(4.0 * (grey - 0.5))


def photographed(key: jax.Array, image: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    """Return the picture a camera takes of the monitor: uneven light, glare, moire of two grids."""
    lean, aside, glare, ripple, period, angle = uniforms(
        key, (-0.15, 0.15), (-0.15, 0.15), (0.02, 0.12), (0.005, 0.03), (2.2, 5.0), (0.0, jnp.pi)
    )
    half = x[0, -1]
    u, v = x / half, y / half
    light = 1.0 + aside * u + lean * v - 0.12 * (u * u + v * v)
    # Monitor and sensor differ a little in pitch along either axis: two beats.
    beat = 2 * jnp.pi * jnp.stack([jnp.cos(angle), jnp.sin(angle)]) / (period * half / 40.0)
    moire = jnp.sin(beat[0] * x + beat[1] * y) * jnp.sin(0.8 * (beat[0] * y - beat[1] * x))
    return jnp.clip(glare + (0.95 - glare) * image * light * (1.0 + ripple * moire), 0.0, 1.0)
