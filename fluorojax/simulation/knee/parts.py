"""What both views of a knee share: what is drawn for it, what a view hands back, bone in depth.

Knees are drawn in millimetres of an average knee and scaled as a whole, so a `Case` holds lengths
already divided by the knee's size.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from fluorojax.simulation.draw import RATE, register, uniforms
from fluorojax.simulation.geometry import coverage
from fluorojax.simulation.knee.spec import SHARES, KneeSpec
from fluorojax.simulation.shapes import Frame, Number, flare

register(KneeSpec)

Edges = Callable[[jax.Array], tuple[jax.Array, jax.Array]]

TYPES = ("native", "tka_cr", "tka_ps", "uka", "revision")
NATIVE, CR, PS, UKA, REVISION = range(5)
ZONES = 10  # 7 of the AP tibia or the lateral femur, 3 of the lateral tibia
OSTEOPHYTES = 4  # places a view


class Case(NamedTuple):
    """A knee before it is projected, [] each unless noted; lengths of an average knee."""

    kind: jax.Array  # index into TYPES
    uka_side: jax.Array  # +1 medial, -1 lateral
    femoral_angle: jax.Array  # radians: alpha or gamma
    tibial_angle: jax.Array  # radians: beta or sigma
    flexion: jax.Array  # radians
    gap: jax.Array  # [2] medial, lateral: condyle over the line of the tray
    joint_space: jax.Array  # [2] where a compartment is native
    overhang: jax.Array  # [2] medial, lateral
    cement: jax.Array  # 0 without
    zones: jax.Array  # [ZONES] width of the radiolucent line, 0 for none
    osteophytes: jax.Array  # [OSTEOPHYTES] length, 0 for none
    has_hinge: jax.Array
    has_button: jax.Array  # patella resurfaced
    tray: jax.Array  # thickness of its metal
    keel: jax.Array  # length
    wings: jax.Array  # half the width of the keel's wings
    flange: jax.Array  # height of the femoral component's front
    stems: jax.Array  # [2] femoral, tibial, of a revision
    bend: jax.Array  # [2] where the shaft's axis passes the joint's middle: femur, tibia
    stout: jax.Array  # [2] how much thicker than on average the shafts' halves are: femur, tibia

    @property
    def is_total(self) -> jax.Array:
        """Whether both compartments are replaced."""
        return (self.kind == CR) | (self.kind == PS) | (self.kind == REVISION)

    @property
    def has_box(self) -> jax.Array:
        """Whether the femoral component fills the notch."""
        return (self.kind == PS) | (self.kind == REVISION)


class Bones(NamedTuple):
    """Outlines, [H, W] each: as they were, and what is left of them."""

    whole_femur: jax.Array
    femur: jax.Array
    whole_tibia: jax.Array
    tibia: jax.Array
    fibula: jax.Array
    patella: jax.Array
    spurs: jax.Array  # osteophytes


class Shadow(NamedTuple):
    """A view of a knee: shapes, depths and what is true of them; lengths of an average knee.

    Points are (x, y): x medially (AP) or posteriorly (lateral), y distally from the tray's top.
    """

    shapes: tuple[jax.Array, ...]  # [H, W] signed distances, in the order of CLASSES
    cortical: jax.Array  # [H, W] depth
    trabecular: jax.Array  # [H, W] depth
    cobalt: jax.Array  # [H, W] depth of cobalt-chromium
    titanium: jax.Array  # [H, W] depth
    cement: jax.Array  # [H, W] depth
    polyethylene: jax.Array  # [H, W] depth
    skin: jax.Array  # [H, W] signed distance to the leg's outline
    axes: jax.Array  # [2, 2, 2] femur, tibia: two points of the shaft's midline
    lines: jax.Array  # [2, 2, 2] femur, tibia: two points of the component's line, or NaN
    thickness: jax.Array  # [2] medial, lateral, or NaN
    lucency: jax.Array  # [7] by zone, or NaN
    tibial_lucency: jax.Array  # [3] by zone of the lateral tibia, or NaN
    overhang: jax.Array  # [2] medial, lateral, or NaN


def draw_case(key: jax.Array, size: jax.Array, is_lateral: jax.Array, spec: KneeSpec) -> Case:
    """Draw a knee of `size` (1 is average): [] each."""
    kind_key, angle_key, space_key, zone_key, place_key = jax.random.split(key, 5)
    which, uka, hinged, buttoned, cemented, loose = uniforms(kind_key, *[RATE] * 6)
    shares = jnp.stack([jnp.asarray(getattr(spec, name), jnp.float32) for name in SHARES])
    # Strictly: a first type of share 0 is never drawn by a 0.
    kind = (which >= jnp.cumsum(shares)[:-1] / shares.sum()).sum()
    alpha, beta, gamma, sigma, flexion, *shafts = uniforms(
        angle_key,
        *(spec.alpha_degrees, spec.beta_degrees, spec.gamma_degrees, spec.sigma_degrees),
        *(spec.flexion_degrees, (-3.0, 3.0), (-2.0, 2.0), (-1.5, 2.0), (-1.5, 1.5)),
    )
    thickness, tilt, *lengths = uniforms(
        space_key,
        *(spec.thickness_mm, spec.tilt_mm, spec.joint_space_mm, spec.joint_space_mm),
        *(spec.overhang_mm, spec.overhang_mm, spec.cement_mm),
        *((3.0, 5.0), (26.0, 42.0), (6.0, 14.0), (42.0, 50.0), (60.0, 140.0), (60.0, 140.0)),
    )
    medial_space, lateral_space, medial, lateral, cement, *design = lengths
    tray, keel, wings, flange, *stems = design
    joint_space = jnp.stack([medial_space, lateral_space])
    side = jnp.where(uka < spec.uka_lateral_rate, -1.0, 1.0)
    both = jnp.maximum(thickness + tilt / 2 * jnp.array([1.0, -1.0]), 2.0)
    has_cement = (cemented < spec.cement_rate) & (kind != NATIVE)
    zones = jnp.stack(uniforms(zone_key, *[RATE] * ZONES, *[spec.lucency_mm] * ZONES))
    is_loose = (zones[:ZONES] < spec.zone_rate) & (loose < spec.lucency_rate)
    places = uniforms(place_key, *[RATE] * OSTEOPHYTES, *[spec.osteophyte_mm] * OSTEOPHYTES)
    rate = spec.osteophyte_rate * jnp.where((kind == NATIVE) | (kind == UKA), 1.0, 0.5)
    return Case(
        kind=kind,
        uka_side=side,
        femoral_angle=jnp.deg2rad(jnp.where(is_lateral, gamma, alpha)),
        tibial_angle=jnp.deg2rad(jnp.where(is_lateral, sigma, beta)),
        flexion=jnp.deg2rad(flexion),
        gap=jnp.where(kind == NATIVE, joint_space, both) / size,
        joint_space=joint_space / size,
        overhang=jnp.stack([medial, lateral]) / size,
        cement=jnp.where(has_cement, cement, 0.0) / size,
        zones=jnp.where(is_loose, zones[ZONES:], 0.0) / size,
        osteophytes=jnp.where(places[:OSTEOPHYTES] < rate, places[OSTEOPHYTES:], 0.0) / size,
        has_hinge=(hinged < spec.hinge_rate) & (kind == REVISION),
        has_button=buttoned < spec.patella_rate,
        tray=tray,
        keel=keel,
        wings=wings,
        flange=flange,
        stems=jnp.stack(stems),
        bend=jnp.stack(shafts[:2]),
        stout=jnp.stack(shafts[2:]),
    )


def through(shape: jax.Array, radius: float | jax.Array) -> jax.Array:
    """Return the depth [H, W] of what is round: a rod, a bone, a leg.

    A ray `d` inside the outline of a cylinder of radius R passes 2 sqrt(d (2R - d)) of it; past R
    the depth stays.

    Args:
        shape: [H, W] signed distance.
        radius: R.
    """
    depth = jnp.clip(-shape, 0.0, radius)
    return 2.0 * jnp.sqrt(depth * (2.0 * radius - depth))


def shell(
    shape: jax.Array, radius: float | jax.Array, wall: float | jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return the depth of wall and of content [H, W] of a round shape: compact and spongy bone.

    Args:
        shape: [H, W] signed distance.
        radius: as in `through`.
        wall: its thickness.
    """
    inner = through(shape + wall, radius)
    return through(shape, radius) - inner, inner


def marrow(height: jax.Array, start: float, end: float) -> jax.Array:
    """Return how much of the inside is spongy bone: 1 at the end of a bone, 0.3 in its shaft."""
    return 0.3 + flare(height, start, end, 0.7)


def lucent(shape: jax.Array, width: jax.Array, pixel: jax.Array) -> jax.Array:
    """Return the label's shape of a strip `shape` that is `width` wide: none where that is 0.

    A line narrower than a pixel is widened to one, or it would fall between their centres.
    """
    wider = jnp.maximum(pixel - width, 0.0) / 2
    return jnp.where(width > 0.0, shape - wider, jnp.inf)


def film(shape: jax.Array, depth: float | jax.Array, pixel: jax.Array) -> jax.Array:
    """Return the depth [H, W] of a plate face on: `depth` inside the shape, soft over a pixel."""
    return depth * coverage(shape, pixel)


def growth(cones: jax.Array, bone: jax.Array, lengths: jax.Array) -> jax.Array:
    """Return the shape of the osteophytes: `cones: [N, H, W]` of some length, outside the bone."""
    there = jnp.where(lengths[:, None, None] > 0.0, cones, jnp.inf).min(0)
    return jnp.maximum(there, -bone)


def pairs(*points: tuple[Number, Number]) -> jax.Array:
    """Return points `[N, 2]`."""
    return jnp.stack([jnp.stack(jnp.broadcast_arrays(*point)) for point in points])


def between(x: jax.Array, edges: tuple[jax.Array, jax.Array]) -> jax.Array:
    """Return the shape of what lies between two edges, `x` each."""
    low, high = edges
    return jnp.maximum(x - high, low - x)


def edge_at(frame: Frame, edges: Edges, y: jax.Array, index: int) -> jax.Array:
    """Return x where an edge of a bone (0: low x, 1: high x) meets the line at `y`.

    Args:
        frame: of the bone, whose y axis its heights are measured along.
        edges: the bone's outline: x of both edges at a height, in the frame.
        y: [] outside the frame.
        index: of the edge.
    """
    c, s = jnp.cos(frame.angle), jnp.sin(frame.angle)

    def nearer(_: int, x: jax.Array) -> jax.Array:
        edge = edges(frame.inside(x, y)[1])[index]
        return frame.x + (edge - s * (y - frame.y)) / c

    # Each step leaves less than a tenth of the error. A loop, because it compiles faster.
    return jax.lax.fori_loop(0, 8, nearer, jnp.float32(30.0 * (2 * index - 1)))
