"""What a knee's film shows beside the knee: marker, ball, border, and the monitor photographed."""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from fluorojax.schema.limits import Range
from fluorojax.simulation import materials, physics
from fluorojax.simulation.draw import RATE, SIGN, uniforms
from fluorojax.simulation.geometry import chord, coverage
from fluorojax.simulation.knee.parts import through
from fluorojax.simulation.knee.spec import KneeSpec
from fluorojax.simulation.shapes import Frame, box, common, cone, union

LEAD = 6.0  # line integral of a marker's letter: it lets nothing through


FLUOROSCOPY: dict[str, float | Range] = {
    # No grid, and an intensifier whose glare spreads the light of the air beside the leg: metal is
    # grey there, and little darker than what it hides.
    "energy_kev": (48.0, 70.0),
    "scatter_ratio": (0.3, 3.0),
    "metal_limit": (0.6, 4.5),
    "linear_rate": 0.6,
    "dark_bone_rate": 0.9,
    "white_shutter_rate": 0.9,  # so that beside the round field it is black, dense being dark
    "round_rate": 0.75,
    "text_rate": 0.1,
    "border_rate": 0.0,
    "narrow_rate": 0.1,
    "photo_rate": 0.0,
}


def fluoroscopic(spec: KneeSpec, is_fluoroscopy: jax.Array) -> KneeSpec:
    """Return the spec with other rates and ranges where a film is a frame of fluoroscopy.

    Air is white, metal dark, the field mostly round in a black frame.
    """
    values: dict[str, Any] = {  # arrays, while JAX traces
        name: jax.tree.map(
            lambda here, else_: jnp.where(is_fluoroscopy, here, else_), value, getattr(spec, name)
        )
        for name, value in FLUOROSCOPY.items()
    }
    return dataclasses.replace(spec, **values)


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
    # Keys of their own: what else is drawn of a film does not depend on these.
    turned, anyhow, aside, low = uniforms(
        jax.random.fold_in(key, 1), RATE, (-180.0, 180.0), spec.shift_share, spec.shift_share
    )
    turn = jnp.where(turned < spec.turned_rate, anyhow, turn)
    right, down = right + aside * field, down + low * field
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
    grey = jnp.where(bent, sigmoid(grey), jnp.clip(grey, 0.0, 1.0))
    kind, bright = uniforms(jax.random.fold_in(key, 2), RATE, (0.2, 0.55))
    linear = 1.0 - jnp.clip(bright * signal, 0.0, 1.0)
    grey = jnp.where(kind < spec.linear_rate, linear, grey) ** gamma
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


def clutter(key: jax.Array, x: jax.Array, y: jax.Array, spec: KneeSpec) -> jax.Array:
    """Return the depth [H, W] in mm of metal lying about: staples, screws, wires, cables."""
    half_x, half_y = x[0, -1], y[-1, 0]

    def one(total: jax.Array, key: jax.Array) -> tuple[jax.Array, None]:
        there, along, down, angle, length, width, bend = uniforms(
            key,
            *(RATE, SIGN, SIGN, (0.0, 2 * math.pi), (math.log(2.0), math.log(90.0))),
            *((0.2, 2.2), (-0.02, 0.02)),
        )
        frame = Frame(along * half_x, down * half_y, angle)
        u, v = frame.inside(x, y)
        reach = jnp.exp(length)
        shape = cone(u, v + bend * u * u, (-reach / 2, 0.0), (reach / 2, 0.0), width, width)
        return total + (there < spec.clutter_rate) * through(shape, width), None

    return jax.lax.scan(one, jnp.zeros_like(x), jax.random.split(key, 6))[0]


def text(key: jax.Array, x: jax.Array, y: jax.Array, spec: KneeSpec) -> jax.Array:
    """Return where [H, W] letters are burnt in: rows of small blocks near a corner, bool."""
    block_key, number_key = jax.random.split(key)
    there, aside, up, size, lines = uniforms(
        number_key, RATE, SIGN, SIGN, (0.012, 0.03), (1.0, 4.0)
    )
    half_x, half_y = x[0, -1], y[-1, 0]
    letter_size = 2 * size * half_x
    column = (x + half_x * jnp.where(aside > 0, 0.95, -0.2)) / letter_size
    row = (y + half_y * jnp.where(up > 0, 0.95, -0.75)) / (1.6 * letter_size)
    is_line = (row >= 0) & (row < jnp.floor(lines)) & (row % 1.0 < 0.65)
    is_letter = (column >= 0) & (column < 14) & (column % 1.0 < 0.75)
    # Five by three dots a letter, about half of them set.
    dots = jax.random.bernoulli(block_key, 0.55, (64, 64))
    dot = dots[(row * 5 / 0.65).astype(int) % 64, (column * 3 / 0.75).astype(int) % 64]
    return is_line & is_letter & dot & (there < spec.text_rate)


def narrowed(key: jax.Array, spec: KneeSpec) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return which row and column [H], [W] each of the frame shows, and what is film [H, W].

    A film that is not square is laid into the frame, and the rest repeats its edge: as
    `fluorojax.data.grid` does with frames.
    """
    there, share, lying = uniforms(key, RATE, spec.narrow_share, RATE)
    share = jnp.where(there < spec.narrow_rate, share, 1.0)

    def along(size: int, part: jax.Array) -> tuple[jax.Array, jax.Array]:
        index, middle = jnp.arange(size), (size - 1) / 2
        low, high = jnp.ceil(middle - part * middle), jnp.floor(middle + part * middle)
        return jnp.clip(index, low, high).astype(int), (index >= low) & (index <= high)

    is_lying = lying < 0.3
    rows, is_row = along(spec.height, jnp.where(is_lying, share, 1.0))
    columns, is_column = along(spec.width, jnp.where(is_lying, 1.0, share))
    return rows, columns, is_row[:, None] & is_column
