"""The knee from the front: x points medially, y distally from the top of tray or plateau."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from fluorojax.simulation.knee.parts import (
    NATIVE,
    REVISION,
    UKA,
    Bones,
    Case,
    Shadow,
    between,
    edge_at,
    film,
    growth,
    lucent,
    marrow,
    pairs,
    shell,
    through,
)
from fluorojax.simulation.shapes import (
    Frame,
    Number,
    blended,
    box,
    common,
    cone,
    disc,
    ellipse,
    flare,
    rounded,
    union,
)

CONDYLE = 23.0  # from the middle to where a condyle is most distal
CORONAL_RADIUS = 32.0  # of a condyle there
DISTAL_CUT = 9.0  # thickness of the femoral component
WALL = 2.0  # the tray's edge towards the spines, from the middle, in unicompartmental knees
INSERT_LIP = 3.0  # how far the label of the insert reaches over the condyles' tangent


class Frames(NamedTuple):
    """Frames of the bones, each with y distally along what it is named after."""

    tibia: Frame  # the shaft, from the middle of the tray
    condyles: Frame  # their tangent is its x axis
    femur: Frame  # the shaft, from the same origin


def frames(case: Case) -> Frames:
    """Lay the bones so that gap and angles come out as drawn."""
    medial, lateral = case.gap
    # The gap under each condyle turns the tangent against the tray.
    turn = jnp.arcsin((lateral - medial) / (2 * CONDYLE))
    drop = CORONAL_RADIUS
    condyles = Frame(
        -drop * jnp.sin(turn), -(medial + lateral) / 2 - drop + drop * jnp.cos(turn), turn
    )
    shaft = Frame(case.bend[0], jnp.float32(0.0), jnp.pi / 2 - case.femoral_angle)
    x, y = condyles.outside(shaft.x, shaft.y)
    return Frames(
        Frame(case.bend[1], jnp.float32(0.0), case.tibial_angle - jnp.pi / 2),
        condyles,
        Frame(x, y, turn + shaft.angle),
    )


def femur_edges(stout: jax.Array, height: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return x of the lateral and the medial edge at a height over the joint, in the shaft."""
    shaft = 14.5 + stout + flare(height, 40.0, 120.0, 8.0) - flare(height, 4.0, 30.0, 4.0)
    tubercle = 1.5 * jnp.exp(-(((height - 40.0) / 9.0) ** 2))
    flared = shaft + flare(height, 28.0, 72.0, 17.0)
    return -flared, flared + tubercle


def tibia_edges(stout: jax.Array, depth: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return x of the lateral and the medial edge at a depth under the joint, in the shaft."""
    shaft = 12.5 + stout + flare(depth, 20.0, 95.0, 6.0) - flare(depth, -3.0, 7.0, 4.0)
    return -(shaft + flare(depth, 7.0, 51.0, 18.0)), shaft + flare(depth, 7.0, 51.0, 18.5)


def _condyle(
    x: jax.Array,
    height: jax.Array,
    side: Number,
    inner: float,
    outer: float,
    top: float,
    corner: float,
) -> jax.Array:
    """One condyle from the front: `inner` to `outer` beside the middle, `top` high, round below."""
    across = side * x
    block = box(across, height, inner, outer, 0.0, top, corner)
    return common(block, disc(across, height, CONDYLE, CORONAL_RADIUS, CORONAL_RADIUS))


def _femur(case: Case, at: Frames, x: jax.Array, y: jax.Array) -> jax.Array:
    """Return the native outline."""
    u, v = at.condyles.inside(x, y)
    condyles = union(*(_condyle(u, -v, side, 5.5, 38.5, 40.0, 13.0) for side in (-1.0, 1.0)))
    s, t = at.femur.inside(x, y)
    body = common(between(s, femur_edges(case.stout[0], -t)), v + 9.0)
    return blended(condyles, body, 6.0)


def _tibia(case: Case, at: Frames, x: jax.Array, y: jax.Array) -> jax.Array:
    """Return the outline without its upper end."""
    s, t = at.tibia.inside(x, y)
    return common(between(s, tibia_edges(case.stout[1], t)), -t - 30.0)


def _spines(x: jax.Array, y: jax.Array) -> jax.Array:
    """The two eminences between the compartments."""
    medial = cone(x, y, (5.0, 2.0), (4.5, -5.0), 5.0, 1.6)
    return union(medial, cone(x, y, (-6.0, 2.0), (-5.5, -3.5), 5.0, 1.6))


def _fibula(x: jax.Array, y: jax.Array, at: Frames) -> jax.Array:
    """Head, neck and shaft beside and behind the tibia."""
    s, t = at.tibia.inside(x, y)
    head = cone(s, t, (-34.0, 22.0), (-31.0, 44.0), 9.0, 5.2)
    return union(
        head,
        cone(s, t, (-34.5, 17.0), (-34.0, 22.0), 4.0, 9.0),
        cone(s, t, (-31.0, 44.0), (-27.0, 320.0), 5.2, 7.0),
    )


class Tray(NamedTuple):
    """Where a tray lies, [] each."""

    left: jax.Array  # x of its lateral end, of the end towards the spines where that is nearer
    right: jax.Array  # x of its medial end
    surface: jax.Array  # y of the resected bone


class Lines(NamedTuple):
    """Radiolucent lines, [H, W] each."""

    under: jax.Array  # width under the tray
    ring: jax.Array  # shape of what surrounds the stem
    label: jax.Array  # shape


def _tibia_edge(case: Case, at: Frames, y: jax.Array, index: int) -> jax.Array:
    """Return x of the tibia's lateral (0) or medial (1) edge at `y`."""
    return edge_at(at.tibia, functools.partial(tibia_edges, case.stout[1]), y, index)


def _tray(case: Case, at: Frames) -> Tray:
    """Lay the tray over the resected tibia, with the overhang drawn."""
    surface = case.tray + case.cement
    is_half = case.kind == UKA
    left = _tibia_edge(case, at, surface, 0) - case.overhang[1]
    right = _tibia_edge(case, at, surface, 1) + case.overhang[0]
    return Tray(
        left=jnp.where(is_half & (case.uka_side > 0), WALL, left),
        right=jnp.where(is_half & (case.uka_side < 0), -WALL, right),
        surface=surface,
    )


def _stem(case: Case, at: Frames, x: jax.Array, y: jax.Array) -> jax.Array:
    """The keel, a revision's long stem along the shaft, or the peg of half a tray."""
    keel = cone(x, y, (0.0, 0.0), (0.0, case.keel), 7.0, 5.0)
    s, t = at.tibia.inside(x, y)
    long = cone(s, t, (0.0, 0.0), (0.0, case.stems[1]), 7.5, 6.0)
    peg = box(case.uka_side * x, y, 16.0, 20.0, 0.0, case.tray + 9.0, 1.0)
    stem = jnp.where(case.kind == UKA, peg, jnp.where(case.kind == REVISION, long, keel))
    return jnp.maximum(stem, -y)


def _fins(case: Case, x: jax.Array, y: jax.Array) -> jax.Array:
    """Two wings of the keel under the tray."""
    depth = y - case.tray
    slope = 0.9 * (jnp.abs(x) - case.wings + 0.02 * case.wings * depth)
    return jnp.where(case.kind == UKA, jnp.inf, common(slope, depth - 19.0, -y))


def _tibial_lines(
    case: Case,
    at: Frames,
    tray: Tray,
    stem: jax.Array,
    outline: jax.Array,
    x: jax.Array,
    y: jax.Array,
    pixel: jax.Array,
) -> Lines:
    """Zones 1 to 4 lie under the tray from medial to lateral; 5, 6, 7 medial of the stem, at its
    tip, lateral of it, from the wings on.
    """
    zones = case.zones
    medial = jnp.where(x > tray.right / 2, zones[0], zones[1])
    lateral = jnp.where(x < tray.left / 2, zones[3], zones[2])
    is_under = (x > tray.left) & (x < tray.right) & (case.kind != NATIVE)
    under = jnp.where(is_under, jnp.where(x > 0, medial, lateral), 0.0)

    s, t = at.tibia.inside(x, y)
    tip = jnp.where(case.kind == REVISION, case.stems[1], case.keel)
    around = jnp.where(t > tip, zones[5], jnp.where(s > 0, zones[4], zones[6]))
    around = jnp.where((y > case.tray + 20.0) & case.is_total, around, 0.0)
    mantle = stem - case.cement
    ring = common(-mantle, mantle - around)

    strip = common(tray.surface - y, y - tray.surface - under)
    label = common(lucent(strip, under, pixel), outline, tray.left - x, x - tray.right)
    return Lines(
        under, jnp.where(around > 0.0, ring, jnp.inf), union(label, lucent(ring, around, pixel))
    )


def _plateau(case: Case) -> jax.Array:
    """Return y of what is left of the native plateau."""
    other = jnp.where(case.uka_side > 0, 1, 0)
    return jnp.where(case.kind == UKA, case.joint_space[other] - case.gap[other], 0.0)


def _tibia_top(case: Case, tray: Tray, under: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    """Return the shape of all that lies under the upper end of the tibia."""
    plateau = _plateau(case)
    native = jnp.minimum(plateau - y, _spines(x, y - plateau))
    cut = tray.surface + under - y
    # Beside half a tray the plateau and its spines stay.
    beside = jnp.maximum(native, case.uka_side * x - WALL)
    implanted = jnp.where(case.kind == UKA, jnp.minimum(cut, beside), cut)
    return jnp.where(case.kind == NATIVE, native, implanted)


class Femoral(NamedTuple):
    """The femoral component's shapes, [H, W] each."""

    metal: jax.Array
    shell: jax.Array
    stem: jax.Array
    condyles: jax.Array


def _femoral(case: Case, at: Frames, x: jax.Array, y: jax.Array) -> Femoral:
    """A saddle over both condyles, or a cap over one; a revision's stem along the shaft."""
    u, v = at.condyles.inside(x, y)
    height = -v
    condyles = union(*(_condyle(u, height, side, 7.0, 36.0, 31.0, 11.0) for side in (-1.0, 1.0)))
    half = 35.0 - 0.45 * jnp.maximum(height - 18.0, 0.0)
    front = rounded(0.9 * (jnp.abs(u) - half), height - case.flange + 4.0, 9.0)
    flange = jnp.maximum(front, 9.0 - height)
    notch = jnp.where(case.has_box, 8.0, 19.0)
    slot = common(jnp.abs(u) - 8.5, cone(u, height, (0.0, -30.0), (0.0, notch - 8.5), 8.5, 8.5))
    saddle = jnp.maximum(blended(condyles, flange, 6.0), -slot)
    cap = _condyle(u, height, case.uka_side, 13.0, 33.0, 21.0, 6.0)

    s, t = at.femur.inside(x, y)
    stem = cone(s, t, (0.0, -25.0), (0.0, -30.0 - case.stems[0]), 7.5, 6.5)
    stem = jnp.where(case.kind == REVISION, stem, jnp.inf)
    component = jnp.where(case.kind == UKA, cap, saddle)
    absent = jnp.where(case.kind == NATIVE, jnp.inf, 0.0)
    return Femoral(union(component, stem) + absent, component + absent, stem, condyles)


def _cobalt(
    case: Case, at: Frames, femoral: Femoral, x: jax.Array, y: jax.Array, pixel: jax.Array
) -> jax.Array:
    """Return the depth of the femoral component: plates face on, walls edge on."""
    u, v = at.condyles.inside(x, y)
    flange = film(femoral.shell, 3.5, pixel)
    posterior = film(common(femoral.shell, femoral.condyles, -v - 32.0), 6.0, pixel)
    distal = film(common(femoral.shell, -v - DISTAL_CUT), 35.0, pixel)
    walls = common(jnp.abs(jnp.abs(u) - 10.0) - 1.2, -v - 27.0)
    roof = common(jnp.abs(-v - 26.0) - 1.2, jnp.abs(u) - 11.0)
    fill = box(u, -v, -11.0, 11.0, 7.0, 27.0, 1.0)
    house = film(union(walls, roof), 20.0, pixel) + film(fill, 4.0, pixel)
    house = jnp.where(case.has_box, house, 0.0) * (femoral.shell < pixel)
    rod = through(femoral.stem, 6.5)
    return flange + posterior + distal + house + rod


def _hinge(case: Case, x: jax.Array, y: jax.Array) -> jax.Array:
    """The yoke of a hinge, which stands on the tray and reaches into the femoral component."""
    yoke = box(x, y, -10.0, 10.0, -case.gap.mean() - 12.0, 2.0, 1.0)
    return jnp.where(case.has_hinge, yoke, jnp.inf)


def _spaces(
    case: Case,
    at: Frames,
    tray: Tray,
    metal: jax.Array,
    femur: jax.Array,
    tibia: jax.Array,
    x: jax.Array,
    y: jax.Array,
) -> jax.Array:
    """The insert, or the joint space: from the tray's top or the plateau to the condyles."""
    _, v = at.condyles.inside(x, y)
    half = case.kind == UKA
    plateau = _plateau(case)
    insert = common(tray.left + 1.0 - x, x - tray.right + 1.0, y, -v - INSERT_LIP)
    insert = jnp.maximum(insert, -metal)
    # A native compartment has its space where the condyle bears.
    bearing = common(jnp.abs(jnp.abs(x) - CONDYLE) - 12.0, y - plateau, -v - INSERT_LIP)
    bearing = common(bearing, -femur, -tibia)
    beside = jnp.maximum(bearing, case.uka_side * x)
    return jnp.where(
        case.kind == NATIVE, bearing, jnp.where(half, jnp.minimum(insert, beside), insert)
    )


def _osteophytes(case: Case, at: Frames, tray: Tray, x: jax.Array, y: jax.Array) -> jax.Array:
    """Shapes [4, H, W] at the rims: tibia medial and lateral, femur medial and lateral."""
    u, v = at.condyles.inside(x, y)
    base = jnp.where(case.is_total, tray.surface, _plateau(case)) + 3.5
    cones = []
    for index, side in enumerate((1.0, -1.0)):
        edge = side * _tibia_edge(case, at, base, 1 - index)
        tip = (edge + case.osteophytes[index], base - 1.5)
        cones.append(cone(side * x, y, (edge - 5.0, base + 2.5), tip, 4.5, 1.6))
    for index, side in enumerate((1.0, -1.0), start=2):
        end = (37.0 + case.osteophytes[index], -15.0)
        cones.append(cone(side * u, v, (33.0, -19.0), end, 5.5, 1.8))
    return jnp.stack(cones)


def _patella(x: jax.Array, y: jax.Array, at: Frames) -> jax.Array:
    """Over the femur: round, with a lower pole."""
    u, v = at.condyles.inside(x, y)
    return blended(
        ellipse(u, v, 1.0, -42.0, 21.0, 17.0),
        cone(u, v, (1.0, -38.0), (1.0, -22.0), 12.0, 3.0),
        4.0,
    )


def _skin(x: jax.Array, y: jax.Array, at: Frames) -> jax.Array:
    """Thigh and calf."""
    s, t = at.femur.inside(x, y)
    p, q = at.tibia.inside(x, y)
    thigh = cone(s, t, (0.0, 0.0), (0.0, -300.0), 55.0, 92.0)
    calf = cone(p, q, (-2.0, 0.0), (-2.0, 110.0), 53.0, 60.0)
    return blended(
        blended(thigh, calf, 25.0), cone(p, q, (-2.0, 110.0), (-2.0, 330.0), 60.0, 36.0), 25.0
    )


def _truth(case: Case, at: Frames, tray: Tray) -> dict[str, jax.Array]:
    """Return axes, lines, thickness, lucency and overhang as in `Shadow`."""
    axes = jnp.stack(
        [
            pairs(at.femur.outside(0.0, -65.0), at.femur.outside(0.0, -115.0)),
            pairs(at.tibia.outside(0.0, 50.0), at.tibia.outside(0.0, 100.0)),
        ]
    )
    is_native, is_half = case.kind == NATIVE, case.kind == UKA
    tangent = pairs(at.condyles.outside(-CONDYLE, 0.0), at.condyles.outside(CONDYLE, 0.0))
    # The condyles' tangent of half a knee is no line of its component.
    tangent = jnp.where(is_half, jnp.nan, tangent)
    base = pairs((tray.left, case.tray), (tray.right, case.tray))
    plateau = pairs((-30.0, 0.0), (30.0, 0.0))
    is_medial = jnp.array([1.0, -1.0]) == case.uka_side
    own = jnp.where(is_medial, case.gap, case.joint_space)
    side = jnp.where(
        case.uka_side > 0, jnp.arange(7) < 2, (jnp.arange(7) == 2) | (jnp.arange(7) == 3)
    )
    exists = jnp.where(is_half, side, ~is_native)
    return {
        "axes": axes,
        "lines": jnp.stack([tangent, jnp.where(is_native, plateau, base)]),
        "thickness": jnp.where(is_half, own, case.gap),
        "lucency": jnp.where(exists, case.zones[:7], jnp.nan),
        "tibial_lucency": jnp.full(3, jnp.nan),
        "overhang": jnp.where(is_native | (is_half & ~is_medial), jnp.nan, case.overhang),
    }


def _resected(case: Case, at: Frames, whole: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    """Return what is left of the femur under a saddle or a cap."""
    u, v = at.condyles.inside(x, y)
    across = case.uka_side * u
    cap = common(13.0 - across, across - 33.0, -v - 5.0)
    cut = jnp.where(case.kind == UKA, cap, jnp.where(case.is_total, -v - DISTAL_CUT, jnp.inf))
    return jnp.maximum(whole, -cut)


class Tibial(NamedTuple):
    """The tibial component's shapes, [H, W] each."""

    metal: jax.Array
    plate: jax.Array
    stem: jax.Array
    fins: jax.Array
    hinge: jax.Array


def _tibial(case: Case, tray: Tray, stem: jax.Array, x: jax.Array, y: jax.Array) -> Tibial:
    """Draw tray, wings and hinge around the stem."""
    absent = jnp.where(case.kind == NATIVE, jnp.inf, 0.0)
    plate = box(x, y, tray.left, tray.right, 0.0, case.tray, 0.6) + absent
    stem, fins, hinge = stem + absent, _fins(case, x, y) + absent, _hinge(case, x, y)
    return Tibial(union(plate, stem, fins, hinge), plate, stem, fins, hinge)


def _bones(
    case: Case,
    at: Frames,
    tray: Tray,
    under: jax.Array,
    outline: jax.Array,
    metal: jax.Array,
    x: jax.Array,
    y: jax.Array,
) -> Bones:
    """Return the outlines of the bones."""
    whole = _femur(case, at, x, y)
    femur = _resected(case, at, whole, x, y)
    tibia = jnp.maximum(outline, _tibia_top(case, tray, under, x, y))
    spurs = growth(_osteophytes(case, at, tray, x, y), union(femur, tibia), case.osteophytes)
    return Bones(
        *(whole, femur, outline, tibia, _fibula(x, y, at), _patella(x, y, at)),
        spurs=jnp.maximum(spurs, -metal),
    )


def _cement(
    case: Case, tray: Tray, tibial: Tibial, outline: jax.Array, x: jax.Array, y: jax.Array
) -> jax.Array:
    """Return the shape of the layer under the tray, and of that with the mantle of the stem."""
    has_cement = (case.cement > 0.0) & (case.kind != NATIVE)
    bed = common(case.tray - y, y - tray.surface, tray.left - x, x - tray.right, outline)
    mantle = common(tibial.stem - case.cement, case.tray - y, outline)
    layers = jnp.maximum(jnp.stack([bed, union(bed, mantle)]), -tibial.metal)
    return jnp.where(has_cement, layers, jnp.inf)


def _depths(
    case: Case, at: Frames, bones: Bones, x: jax.Array, y: jax.Array, pixel: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return the depth of compact and of spongy bone; walls thin out from shaft to end."""
    u, v = at.condyles.inside(x, y)
    height, depth = -at.femur.inside(x, y)[1], at.tibia.inside(x, y)[1]
    low, high = femur_edges(case.stout[0], height)
    wall = 4.5 - flare(height, 40.0, 130.0, 3.3)
    hard, soft = shell(bones.whole_femur, jnp.minimum((high - low) / 2, 27.0), wall)
    # The notch between the condyles holds no bone behind the groove.
    notch = film(cone(u, -v, (0.0, -20.0), (0.0, 11.0), 10.0, 9.0), 0.35, pixel)
    kept = film(bones.femur, 1.0, pixel)
    hard, soft = hard * kept, soft * kept * marrow(height, 45.0, 110.0) * (1.0 - notch)

    low, high = tibia_edges(case.stout[1], depth)
    wall = 4.2 - flare(depth, 25.0, 110.0, 3.1)
    # A native plateau is compact bone seen on edge; a cut one is not.
    body = jnp.where(case.kind == NATIVE, bones.tibia, bones.whole_tibia)
    more, inner = shell(body, jnp.minimum((high - low) / 2, 24.0), wall)
    kept = film(bones.tibia, 1.0, pixel)
    hard, soft = hard + more * kept, soft + inner * kept * marrow(depth, 30.0, 90.0)
    for shape, round_to, thick in (
        (bones.fibula, 6.0, 1.8),
        (bones.patella, 4.0, 0.7),
        (bones.spurs, 5.0, 1.0),
    ):
        more, inner = shell(shape, round_to, thick)
        hard, soft = hard + more, soft + inner
    return hard, soft


def ap(case: Case, x: jax.Array, y: jax.Array, pixel: jax.Array) -> Shadow:
    """Draw the knee from the front.

    Args:
        case: the knee.
        x: [H, W] medially from the middle of the tray, mm of an average knee.
        y: [H, W] distally from its top.
        pixel: [] of them.
    """
    at = frames(case)
    tray, stem, outline = _tray(case, at), _stem(case, at, x, y), _tibia(case, at, x, y)
    lines = _tibial_lines(case, at, tray, stem, outline, x, y, pixel)
    femoral, tibial = _femoral(case, at, x, y), _tibial(case, tray, stem, x, y)
    metal = union(femoral.metal, tibial.metal)
    bones = _bones(case, at, tray, lines.under, outline, metal, x, y)
    bed, cement = _cement(case, tray, tibial, outline, x, y)
    space = _spaces(case, at, tray, metal, bones.femur, bones.tibia, x, y)
    label = jnp.where(case.kind == NATIVE, jnp.inf, jnp.maximum(lines.label, -tibial.metal))
    cortical, trabecular = _depths(case, at, bones, x, y, pixel)
    return Shadow(
        shapes=(
            *(femoral.metal, tibial.metal, space, cement, bones.femur, bones.tibia),
            *(bones.fibula, bones.patella, label, bones.spurs),
        ),
        cortical=cortical,
        # A line around the stem is seen through the bone before and behind it.
        trabecular=trabecular * (1.0 - film(lines.ring, 0.45, pixel)),
        cobalt=_cobalt(case, at, femoral, x, y, pixel) + film(tibial.hinge, 15.0, pixel),
        titanium=film(tibial.plate, 45.0, pixel)
        + film(tibial.fins, 3.0, pixel)
        + through(tibial.stem, 6.0),
        cement=film(bed, 25.0, pixel) + film(cement, 5.0, pixel),
        polyethylene=film(space, 40.0, pixel) * (case.kind != NATIVE),
        skin=_skin(x, y, at),
        **_truth(case, at, tray),
    )
