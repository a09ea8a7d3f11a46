"""The knee from the side: x points posteriorly, y distally from the top of tray or plateau."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from fluorojax.simulation.geometry import smoothstep
from fluorojax.simulation.knee.parts import (
    CR,
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
    blended,
    box,
    common,
    cone,
    flare,
    half_plane,
    union,
)

# Two circles make a condyle from the side: (x, height over the distal flat), radius.
DISTAL, DISTAL_RADIUS = (-3.0, 29.0), 29.0
POSTERIOR, POSTERIOR_RADIUS = (14.0, 20.0), 20.0
CONTACT = 4.0  # x where the femur bears on the tray
PEG = 3.0  # x of the peg
LIP = 5.0  # how far the label of the insert reaches over the femur's lowest point


class Frames(NamedTuple):
    """Frames of the bones, each with y distally along what it is named after."""

    tibia: Frame  # the shaft, from the middle of the tray
    condyles: Frame  # the distal flat is its x axis
    femur: Frame  # the shaft
    patella: Frame  # turns with the knee around the condyles


class Cuts(NamedTuple):
    """The five cuts of a femur for a total knee, [H, W] each."""

    shape: jax.Array  # signed distance: what is left lies inside
    zone: jax.Array  # width of the radiolucent line there


def _gap(case: Case) -> jax.Array:
    """Return how far the femur stands over the tray's top, or over the plateau."""
    own = jnp.where(case.uka_side > 0, case.gap[0], case.gap[1])
    return jnp.where(case.kind == UKA, own, case.gap.mean())


def frames(case: Case) -> Frames:
    """Lay the bones so that gap, flexion and angles come out as drawn."""
    turn = case.flexion
    c, s = jnp.cos(turn), jnp.sin(turn)
    circles = ((DISTAL, DISTAL_RADIUS), (POSTERIOR, POSTERIOR_RADIUS))
    lowest = jnp.stack([s * x - c * height + radius for (x, height), radius in circles]).max()
    condyles = Frame(CONTACT - 6.0 * c - 24.0 * s, -_gap(case) - lowest, turn)
    x, y = condyles.outside(case.bend[0] - 7.0, 0.0)
    px, py = condyles.outside(-6.0, -31.0)
    return Frames(
        Frame(case.bend[1], jnp.float32(0.0), case.tibial_angle - jnp.pi / 2),
        condyles,
        Frame(x, y, turn + jnp.pi / 2 - case.femoral_angle),
        Frame(px, py, 0.35 * turn + 0.12),
    )


def femur_edges(stout: jax.Array, height: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return x of the anterior and the posterior edge at a height over the joint, in the shaft."""
    shaft = 14.0 + stout + flare(height, 30.0, 115.0, 3.5)
    return -(shaft + flare(height, 26.0, 60.0, 3.0)), shaft + flare(height, 32.0, 68.0, 7.0)


def tibia_edges(stout: jax.Array, depth: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return x of the anterior and the posterior edge at a depth under the joint, in the shaft."""
    shaft = 13.0 + stout + flare(depth, 20.0, 100.0, 3.5)
    tuberosity = 3.5 * jnp.exp(-(((depth - 38.0) / 11.0) ** 2))
    anterior = shaft + flare(depth, 8.0, 40.0, 5.0) + tuberosity - flare(depth, -3.0, 9.0, 5.0)
    return -anterior, shaft + flare(depth, 7.0, 46.0, 14.0) - flare(depth, -3.0, 8.0, 4.0)


def _condyle(u: jax.Array, height: jax.Array) -> jax.Array:
    """The rounded end of a condyle, whose flat lies at height 0."""
    return cone(u, height, DISTAL, POSTERIOR, DISTAL_RADIUS, POSTERIOR_RADIUS)


def _surface(u: jax.Array, height: jax.Array) -> jax.Array:
    """Condyle and groove: what the component is shaped after."""
    return union(_condyle(u, height), cone(u, height, (-6.0, 31.0), (-13.5, 53.0), 26.0, 12.0))


def _femur(case: Case, at: Frames, x: jax.Array, y: jax.Array) -> jax.Array:
    """Return the native outline."""
    u, v = at.condyles.inside(x, y)
    s, t = at.femur.inside(x, y)
    return blended(
        _surface(u, -v), jnp.maximum(between(s, femur_edges(case.stout[0], -t)), v + 26.0), 8.0
    )


def _plateau(case: Case) -> jax.Array:
    """Return y of what is left of the native plateau: of the other side, in half a knee."""
    other = jnp.where(case.uka_side > 0, case.joint_space[1], case.joint_space[0])
    return jnp.where(case.kind == UKA, other - _gap(case), 0.0)


def _tibia(case: Case, at: Frames, x: jax.Array, y: jax.Array) -> jax.Array:
    """Return the native outline: plateau and spines over the shaft."""
    s, t = at.tibia.inside(x, y)
    plateau = _plateau(case)
    spines = cone(x, y - plateau, (3.0, 4.0), (4.0, -5.0), 8.0, 2.0)
    sides = jnp.maximum(between(s, tibia_edges(case.stout[1], t)), -t - 30.0)
    return jnp.maximum(sides, jnp.minimum(plateau - y, spines))


def _fibula(at: Frames, x: jax.Array, y: jax.Array) -> jax.Array:
    """Head, neck and shaft behind the tibia."""
    s, t = at.tibia.inside(x, y)
    return union(
        cone(s, t, (22.0, 17.0), (21.0, 23.0), 4.0, 9.0),
        cone(s, t, (21.0, 23.0), (18.0, 46.0), 9.0, 5.0),
        cone(s, t, (18.0, 46.0), (12.0, 320.0), 5.0, 6.5),
    )


def _patella(case: Case, at: Frames, x: jax.Array, y: jax.Array) -> jax.Array:
    """A rounded wedge before the groove, its back cut off where it was resurfaced."""
    u, v = at.patella.inside(x, y)
    body = blended(
        cone(u, v, (-37.0, -24.0), (-37.0, -6.0), 9.5, 8.0),
        cone(u, v, (-37.0, -6.0), (-36.0, 6.0), 8.0, 3.0),
        4.0,
    )
    back = jnp.where(case.is_total & case.has_button, -34.5, -28.5)
    return jnp.maximum(body, u - back)


def _cuts(case: Case, at: Frames, x: jax.Array, y: jax.Array) -> Cuts:
    """Return the five cuts; zones: 1 front, 2 its chamfer, 3 the chamfer behind, 4 back, 5 to 7
    distal: before, under and behind the peg.
    """
    u, v = at.condyles.inside(x, y)
    planes = jnp.stack(
        [
            half_plane(u, -v, (-21.0, 20.0), 182.0),
            half_plane(u, -v, (-12.0, 9.0), 225.0),
            half_plane(u, -v, (13.0, 9.0), 315.0),
            half_plane(u, -v, (24.0, 20.0), 0.0),
            9.0 + v,
        ]
    )
    distal = jnp.where(u < PEG - 4.0, 4, jnp.where(u > PEG + 4.0, 6, 5))
    index = planes.argmax(0)
    index = jnp.where(index == 4, distal, index)
    width = jnp.zeros_like(x)
    for zone in range(7):
        width = jnp.where(index == zone, case.zones[zone], width)
    return Cuts(planes.max(0), jnp.where(case.is_total & (-v < case.flange), width, 0.0))


def _femoral(case: Case, at: Frames, cuts: Cuts, x: jax.Array, y: jax.Array) -> jax.Array:
    """A bow of metal around the cuts with peg or box, a cap, or a bow with a stem."""
    u, v = at.condyles.inside(x, y)
    height = -v
    bow = common(_surface(u, height), -cuts.shape, height - case.flange)
    peg = box(u, height, PEG - 2.2, PEG + 2.2, 5.0, 20.0, 2.0)
    house = box(u, height, -10.0, 16.0, 5.0, 25.0, 1.5)
    inner = jnp.where(case.kind == CR, peg, house)
    condyle = _condyle(u, height)
    cap = common(condyle, -condyle - 5.0, -18.0 - u, height - 33.0)
    half = union(cap, box(u, height, PEG - 2.0, PEG + 2.0, 3.0, 17.0, 1.5))
    s, t = at.femur.inside(x, y)
    stem = cone(s, t, (0.0, -22.0), (0.0, -30.0 - case.stems[0]), 7.5, 6.5)
    stem = jnp.where(case.kind == REVISION, stem, jnp.inf)
    metal = jnp.where(case.kind == UKA, half, union(bow, inner, stem))
    return jnp.where(case.kind == NATIVE, jnp.inf, metal)


class Tibial(NamedTuple):
    """The tibial component's shapes, [H, W] each, and where its tray lies, [] each."""

    metal: jax.Array
    tray: jax.Array
    stem: jax.Array
    left: jax.Array
    right: jax.Array
    surface: jax.Array


def _tibia_edge(case: Case, at: Frames, y: jax.Array, index: int) -> jax.Array:
    """Return x of the tibia's anterior (0) or posterior (1) edge at `y`."""
    return edge_at(at.tibia, functools.partial(tibia_edges, case.stout[1]), y, index)


def _tibial(case: Case, at: Frames, x: jax.Array, y: jax.Array) -> Tibial:
    """Draw tray, keel or stem, and the yoke of a hinge."""
    surface = case.tray + case.cement
    left = _tibia_edge(case, at, surface, 0) + 1.0
    right = _tibia_edge(case, at, surface, 1) - 1.0
    tray = box(x, y, left, right, 0.0, case.tray, 0.6)
    s, t = at.tibia.inside(x, y)
    keel = cone(x, y, (0.0, 0.0), (0.0, case.keel), 7.0, 5.0)
    long = cone(s, t, (0.0, 0.0), (0.0, case.stems[1]), 7.5, 6.0)
    fin = box(x, y, -8.0, 14.0, 0.0, case.tray + 8.0, 2.0)
    stem = jnp.where(case.kind == UKA, fin, jnp.where(case.kind == REVISION, long, keel))
    stem = jnp.maximum(stem, -y)
    yoke = box(x, y, -7.0, 10.0, -_gap(case) - 14.0, 2.0, 1.5)
    metal = union(tray, stem, jnp.where(case.has_hinge, yoke, jnp.inf))
    absent = jnp.where(case.kind == NATIVE, jnp.inf, 0.0)
    return Tibial(metal + absent, tray + absent, stem + absent, left, right, surface)


class Strips(NamedTuple):
    """Radiolucent lines, [H, W] each: what they take from the bone, and their label."""

    under: jax.Array  # width under the tray
    taken: jax.Array
    label: jax.Array


def _strips(
    case: Case,
    at: Frames,
    cuts: Cuts,
    tibial: Tibial,
    whole: jax.Array,
    outline: jax.Array,
    x: jax.Array,
    y: jax.Array,
    pixel: jax.Array,
) -> Strips:
    """Lines at the femur's cuts; under the tray before (1) and behind (2); around the keel (3)."""
    _, v = at.condyles.inside(x, y)
    bed = cuts.shape + case.cement
    femoral = common(bed, -bed - cuts.zone)
    femoral_label = common(lucent(femoral, cuts.zone, pixel), whole, -v - case.flange + 1.0)

    front, behind, around = case.zones[7:]
    is_under = (x > tibial.left) & (x < tibial.right) & (case.kind != NATIVE)
    under = jnp.where(is_under, jnp.where(x < 0, front, behind), 0.0)
    strip = common(tibial.surface - y, y - tibial.surface - under)
    ends = common(tibial.left - x, x - tibial.right, outline)
    around = jnp.where((y > case.tray + 12.0) & case.is_total, around, 0.0)
    mantle = tibial.stem - case.cement
    ring = common(-mantle, mantle - around)
    label = union(
        femoral_label, common(lucent(strip, under, pixel), ends), lucent(ring, around, pixel)
    )
    # Behind half a tray the other compartment's bone goes on.
    half = jnp.where((case.kind == UKA) & (under > 0.0), common(strip, ends), jnp.inf)
    taken = jnp.minimum(jnp.where(around > 0.0, ring, jnp.inf), half)
    return Strips(under, taken, label)


def _bones(
    case: Case,
    at: Frames,
    cuts: Cuts,
    tibial: Tibial,
    strips: Strips,
    metal: jax.Array,
    x: jax.Array,
    y: jax.Array,
) -> Bones:
    """Return the outlines of the bones."""
    u, v = at.condyles.inside(x, y)
    whole, tibia = _femur(case, at, x, y), _tibia(case, at, x, y)
    # Over the flange the bone goes on where the front cut ends, and comes forward slowly.
    over = common(v + case.flange, half_plane(u, -v, (-21.5, case.flange), 207.0))
    bed = jnp.minimum(cuts.shape + case.cement + cuts.zone, over)
    femur = jnp.where(case.is_total, jnp.maximum(whole, bed), whole)
    top = jnp.where(case.is_total, tibial.surface + strips.under - y, -jnp.inf)
    cut, patella = jnp.maximum(tibia, top), _patella(case, at, x, y)
    spurs = growth(
        _osteophytes(case, at, tibial, x, y), union(femur, cut, patella), case.osteophytes
    )
    return Bones(
        *(whole, femur, tibia, cut, _fibula(at, x, y), patella), spurs=jnp.maximum(spurs, -metal)
    )


def _cement(
    case: Case,
    at: Frames,
    cuts: Cuts,
    tibial: Tibial,
    whole_femur: jax.Array,
    whole_tibia: jax.Array,
    metal: jax.Array,
    x: jax.Array,
    y: jax.Array,
) -> jax.Array:
    """Return the shape of the layers along the femur's cuts, under the tray and around the keel."""
    _, v = at.condyles.inside(x, y)
    bow = common(cuts.shape, -cuts.shape - case.cement, whole_femur, -v - case.flange)
    bow = jnp.where(case.is_total, bow, jnp.inf)
    bed = common(case.tray - y, y - tibial.surface, tibial.left - x, x - tibial.right)
    mantle = common(tibial.stem - case.cement, case.tray - y)
    layers = union(common(union(bed, mantle), whole_tibia), bow)
    has_cement = (case.cement > 0.0) & (case.kind != NATIVE)
    return jnp.where(has_cement, jnp.maximum(layers, -metal), jnp.inf)


def _spaces(
    case: Case,
    at: Frames,
    tibial: Tibial,
    metal: jax.Array,
    bones: Bones,
    x: jax.Array,
    y: jax.Array,
) -> jax.Array:
    """The insert, or the joint space, up to the femur."""
    top = -_gap(case) - LIP - y
    insert = common(tibial.left + 1.0 - x, x - tibial.right + 1.0, y, top, -metal)
    insert = jnp.maximum(insert, -bones.femur)
    plateau = _plateau(case)
    bearing = common(x - 22.0, -12.0 - x, y - plateau, top + 2.0, -bones.femur, -bones.tibia)
    return jnp.where(case.kind == NATIVE, bearing, insert)


def _osteophytes(case: Case, at: Frames, tibial: Tibial, x: jax.Array, y: jax.Array) -> jax.Array:
    """Shapes [4, H, W]: the tibia's rim before and behind, the patella's upper and lower pole."""
    base = jnp.where(case.is_total, tibial.surface, _plateau(case)) + 3.5
    cones = []
    for index, side in enumerate((-1.0, 1.0)):
        edge = side * _tibia_edge(case, at, base, index)
        tip = (edge + case.osteophytes[index], base - 1.5)
        cones.append(cone(side * x, y, (edge - 5.0, base + 2.5), tip, 4.5, 1.6))
    u, v = at.patella.inside(x, y)
    upper, lower = case.osteophytes[2:]
    cones.append(cone(u, v, (-34.0, -28.0), (-33.0, -32.0 - upper), 4.5, 1.6))
    cones.append(cone(u, v, (-36.0, 4.0), (-34.0, 9.0 + lower), 3.5, 1.5))
    return jnp.stack(cones)


def _skin(at: Frames, patella: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    """Thigh, calf, and the skin over the patella."""
    s, t = at.femur.inside(x, y)
    p, q = at.tibia.inside(x, y)
    thigh = cone(s, t, (10.0, 0.0), (14.0, -300.0), 48.0, 88.0)
    calf = cone(p, q, (10.0, 0.0), (16.0, 110.0), 48.0, 55.0)
    lower = cone(p, q, (16.0, 110.0), (8.0, 330.0), 55.0, 36.0)
    return blended(blended(blended(thigh, calf, 25.0), lower, 25.0), patella - 8.0, 25.0)


def _truth(case: Case, at: Frames, tibial: Tibial) -> dict[str, jax.Array]:
    """Return axes, lines, thickness, lucency and overhang as in `Shadow`."""
    axes = [
        pairs(at.femur.outside(0.0, -65.0), at.femur.outside(0.0, -115.0)),
        pairs(at.tibia.outside(0.0, 60.0), at.tibia.outside(0.0, 110.0)),
    ]
    is_native = case.kind == NATIVE
    flat = pairs(at.condyles.outside(DISTAL[0], 0.0), at.condyles.outside(POSTERIOR[0], 0.0))
    base = pairs((tibial.left, case.tray), (tibial.right, case.tray))
    plateau = pairs((-15.0, 0.0), (25.0, 0.0))
    has_zone = jnp.stack([~is_native, ~is_native, case.is_total])
    return {
        "axes": jnp.stack(axes),
        "lines": jnp.stack(
            [jnp.where(is_native, jnp.nan, flat), jnp.where(is_native, plateau, base)]
        ),
        "thickness": jnp.full(2, jnp.nan),
        "lucency": jnp.where(case.is_total, case.zones[:7], jnp.nan),
        "tibial_lucency": jnp.where(has_zone, case.zones[7:], jnp.nan),
        "overhang": jnp.full(2, jnp.nan),
    }


def _depths(
    case: Case, at: Frames, bones: Bones, x: jax.Array, y: jax.Array, pixel: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return the depth of compact and of spongy bone; walls thin out from shaft to end."""
    u, v = at.condyles.inside(x, y)
    height, depth = -at.femur.inside(x, y)[1], at.tibia.inside(x, y)[1]
    radius, wall = 15.0 + flare(height, 55.0, 100.0, 9.0), 4.5 - flare(height, 45.0, 130.0, 3.3)
    hard, soft = shell(bones.whole_femur, radius, wall)
    # The two condyles never cover each other quite.
    second, _ = shell(jnp.maximum(_condyle(u + 2.5, -v - 2.5), bones.whole_femur), 24.0, 1.2)
    hard += 0.5 * second * (1.0 - smoothstep((-v - 22.0) / 12.0))
    # The roof of the notch (Blumensaat's line) is compact bone seen on edge.
    roof = cone(u, -v, (-6.0, 15.0), (15.0, 33.0), 0.7, 0.7)
    hard += jnp.where(case.is_total, 0.0, film(roof, 9.0, pixel))
    kept = film(bones.femur, 1.0, pixel)
    hard, soft = hard * kept, soft * kept * marrow(height, 45.0, 110.0)

    # A native plateau is compact bone seen on edge; a cut one is not.
    body = jnp.where(case.kind == NATIVE, bones.tibia, bones.whole_tibia)
    radius, wall = 13.0 + flare(depth, 20.0, 100.0, 8.0), 4.2 - flare(depth, 30.0, 110.0, 3.0)
    more, inner = shell(body, radius, wall)
    kept = film(bones.tibia, 1.0, pixel)
    hard, soft = hard + more * kept, soft + inner * kept * marrow(depth, 30.0, 90.0)
    for shape, round_to, thick in (
        (bones.fibula, 6.0, 2.0),
        (bones.patella, 16.0, 1.3),
        (bones.spurs, 5.0, 1.0),
    ):
        more, inner = shell(shape, round_to, thick)
        hard, soft = hard + more, soft + inner
    return hard, soft


def lateral(case: Case, x: jax.Array, y: jax.Array, pixel: jax.Array) -> Shadow:
    """Draw the knee from the side.

    Args:
        case: the knee.
        x: [H, W] posteriorly from the middle of the tibial shaft, mm of an average knee.
        y: [H, W] distally from the tray's top.
        pixel: [] of them.
    """
    at = frames(case)
    cuts = _cuts(case, at, x, y)
    femoral, tibial = _femoral(case, at, cuts, x, y), _tibial(case, at, x, y)
    metal = union(femoral, tibial.metal)
    whole = _femur(case, at, x, y), _tibia(case, at, x, y)
    strips = _strips(case, at, cuts, tibial, *whole, x, y, pixel)
    bones = _bones(case, at, cuts, tibial, strips, metal, x, y)
    cement = _cement(case, at, cuts, tibial, *whole, metal, x, y)
    space = _spaces(case, at, tibial, metal, bones, x, y)
    label = jnp.maximum(strips.label, -metal)
    cortical, trabecular = _depths(case, at, bones, x, y, pixel)
    # Half a tray's keel is a plate seen face on.
    thick = jnp.where(case.kind == UKA, 1.5, 6.0)
    hinge = jnp.where(case.has_hinge, jnp.maximum(tibial.metal, y), jnp.inf)
    return Shadow(
        shapes=(
            *(femoral, tibial.metal, space, cement, bones.femur, bones.tibia),
            *(bones.fibula, bones.patella, label, bones.spurs),
        ),
        cortical=cortical,
        trabecular=trabecular * (1.0 - film(strips.taken, 0.45, pixel)),
        cobalt=film(femoral, 18.0, pixel) + film(hinge, 15.0, pixel),
        titanium=film(tibial.tray, 40.0, pixel) + through(tibial.stem, thick),
        cement=film(cement, 14.0, pixel),
        polyethylene=film(space, 45.0, pixel) * (case.kind != NATIVE),
        skin=_skin(at, bones.patella, x, y),
        **_truth(case, at, tibial),
    )
