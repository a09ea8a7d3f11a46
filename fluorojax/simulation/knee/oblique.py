"""The knee in space, flexed and turned as it may be: what fluoroscopy of a moving knee shows.

Implants are solids (`fluorojax.simulation.knee.implants`, or a clinic's own meshes), seen by rays
from a point. Bones and leg are balls swept along lines, whose shadows are plane shapes again, so
that their depth is that of `fluorojax.simulation.knee.parts`. Millimetres of an average knee: x
medially, y anteriorly, z proximally, from the middle of the tray's top.

Of such a view no angle is told: those of the Knee Society are defined for the two standard views.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fluorojax.simulation.draw import RATE, SIGN, uniforms
from fluorojax.simulation.knee.film import Placing
from fluorojax.simulation.knee.implants import LONGEST_EDGE_MM, Implant, implant
from fluorojax.simulation.knee.models import Design
from fluorojax.simulation.knee.parts import NATIVE, REVISION, Case, Shadow, marrow, shell
from fluorojax.simulation.knee.spec import KneeSpec
from fluorojax.simulation.mesh import Camera, Mesh, paths, reach_of
from fluorojax.simulation.shapes import Number, blended, cone, union

WIDE_FIELD_MM = 220.0  # from here on a smaller window does, in which faces are drawn faster
LARGEST = 1.15  # size of a knee, at which its implant's faces are that much longer
SOURCE_MM = 1000.0  # from the knee: C-arms and tables have 800 to 1200
LEAST_FIELD_MM = 120.0  # a face's shadow spans the more pixels, the smaller the field
FRONT = jnp.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""From (x, y, z) of the knee to the front view: (right, down, towards the source)."""
Points = jax.Array | np.ndarray


class Rod(NamedTuple):
    """The way of a ball, (x, y, z, radius) at each of its ends."""

    start: tuple[Number, ...]
    end: tuple[Number, ...]
    of_femur: bool  # in the femoral component's frame, not in the tibia's


RODS = {
    "medial condyle": Rod((20.0, -8.0, 22.0, 17.0), (4.0, -2.0, 78.0, 16.0), True),
    "lateral condyle": Rod((-20.0, -8.0, 22.0, 17.0), (-4.0, -2.0, 78.0, 16.0), True),
    "trochlea": Rod((0.0, 8.0, 24.0, 15.0), (0.0, 0.0, 80.0, 15.5), True),
    "femoral shaft": Rod((0.0, -1.0, 60.0, 15.0), (0.0, 6.0, 360.0, 17.0), True),
    # Of a native knee, whose ends are not cut off.
    "whole medial": Rod((22.0, -10.0, 20.0, 20.0), (20.0, 6.0, 24.0, 19.0), True),
    "whole lateral": Rod((-22.0, -10.0, 20.0, 20.0), (-20.0, 6.0, 24.0, 19.0), True),
    "medial plateau": Rod((19.0, -3.0, -20.0, 17.0), (3.0, 0.0, -72.0, 13.0), False),
    "lateral plateau": Rod((-19.0, -3.0, -20.0, 17.0), (-3.0, 0.0, -72.0, 13.0), False),
    "plateau": Rod((20.0, -3.0, -14.0, 12.0), (-20.0, -3.0, -14.0, 12.0), False),
    "tubercle": Rod((0.0, 14.0, -35.0, 9.0), (0.0, 2.0, -80.0, 9.0), False),
    "tibial shaft": Rod((0.0, -2.0, -50.0, 14.0), (0.0, -4.0, -360.0, 12.0), False),
    "fibular head": Rod((-33.0, -16.0, -24.0, 8.5), (-30.0, -13.0, -60.0, 5.5), False),
    "fibular shaft": Rod((-30.0, -13.0, -60.0, 5.5), (-26.0, -8.0, -360.0, 6.5), False),
    "thigh": Rod((0.0, -6.0, 0.0, 54.0), (0.0, -12.0, 330.0, 88.0), True),
    "calf": Rod((0.0, -6.0, 0.0, 52.0), (0.0, -22.0, -120.0, 57.0), False),
    "ankle": Rod((0.0, -22.0, -120.0, 57.0), (0.0, -8.0, -360.0, 36.0), False),
}


class Pose(NamedTuple):
    """How the knee stands before the source; everything in mm of an average knee, but `placing`."""

    view: jax.Array  # [3, 3] from the tibia's frame to (right, down, towards the source)
    flexion: jax.Array  # [3, 3] of the femur
    pivot: jax.Array  # [3] where it turns, in the femoral component's frame
    lift: jax.Array  # [3] of that pivot in the tibia's frame
    placing: Placing

    def of_femur(self, points: Points) -> jax.Array:
        """Return points `[..., 3]` of the femoral component's frame in the tibia's."""
        return (jnp.asarray(points) - self.pivot) @ self.flexion.T + self.lift

    def in_frame(self, points: Points) -> jax.Array:
        """Return points `[..., 3]` of the tibia's frame in mm of the film, z to the source."""
        seen = jnp.asarray(points) @ self.view.T
        flat = self.placing.to_frame(seen[..., :2])
        return jnp.concatenate([flat, self.placing.size * seen[..., 2:]], -1)

    def shadow(self, points: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return places `[..., 2]` (x, y) of points' shadows in the plane knee, and sizes [...]."""
        seen = self.in_frame(points)
        nearness = SOURCE_MM / (SOURCE_MM - seen[..., 2])
        x, y = self.placing.to_knee(seen[..., 0] * nearness, seen[..., 1] * nearness)
        return jnp.stack([x, y], -1), nearness


class Turn(NamedTuple):
    """Angles in degrees, [] each."""

    around: jax.Array  # the leg's long axis: 0 from the front, 90 from the medial side
    tilt: jax.Array  # of the beam, up or down
    flexion: jax.Array


def draw_turn(key: jax.Array, spec: KneeSpec) -> Turn:
    """Draw from where the knee is seen, and how far it is flexed."""
    around, side, sideways, tilt, flexion = uniforms(
        key,
        *(spec.oblique_degrees, SIGN, RATE, spec.tilt_degrees),
        spec.oblique_flexion_degrees,
    )
    from_side = jnp.where(side < 0.0, -90.0, 90.0)
    return Turn(around + jnp.where(sideways < spec.sideways_rate, from_side, 0.0), tilt, flexion)


def view_of(turn: Turn) -> jax.Array:
    """Return 0 (AP) or 1 (lateral) for what is within 15 degrees of one, and else -1."""
    square = (jnp.abs(turn.tilt) < 15.0) & (turn.flexion < 100.0)
    off = jnp.abs(jnp.mod(turn.around + 90.0, 180.0) - 90.0)  # from the front, or from behind
    named = jnp.where(off < 15.0, 0, jnp.where(off > 75.0, 1, -1))
    return jnp.where(square, named, -1).astype(jnp.int32)


def oblique(
    key: jax.Array,
    case: Case,
    turn: Turn,
    placing: Placing,
    x: jax.Array,
    y: jax.Array,
    camera: Camera,
    designs: Sequence[Design] = (),
    number: Number = 0,
) -> Shadow:
    """Draw the knee from anywhere.

    Args:
        key: of the implant's shape.
        case: the knee.
        turn: from where it is seen.
        placing: of the leg in the film.
        x, y: [H, W] of the plane knee, as for the flat views.
        camera: of the film, at least LEAST_FIELD_MM wide.
        designs: of a clinic; none: shapes of no maker.
        number: [] which of them is implanted, from 1; 0: a shape of no maker (`draw_design`).
    """
    pose, metals = _metals(key, case, turn, placing, camera, designs, number)
    nowhere = jnp.full_like(x, jnp.inf)
    femoral, tibial = (jnp.where(metal > 0.0, -1.0, jnp.inf) for metal in metals)
    rods = _rods(pose, anatomy(turn.flexion), x, y)
    femur, tibia, fibula, patella = _bones(case, rods)
    hard, soft = jnp.zeros_like(x), jnp.zeros_like(x)
    for shape, radius, wall, share in (
        (femur, 24.0, 3.0, marrow(-y, 45.0, 110.0)),
        (tibia, 22.0, 3.0, marrow(y, 30.0, 90.0)),
        (fibula, 6.0, 1.8, 1.0),
        (patella, 10.0, 0.8, 1.0),
    ):
        more, inner = shell(shape, radius, wall)
        hard, soft = hard + more, soft + inner * share
    nan = jnp.nan
    return Shadow(
        shapes=(femoral, tibial, nowhere, nowhere, femur, tibia, fibula, patella, nowhere, nowhere),
        cortical=hard,
        trabecular=soft,
        cobalt=metals[0],
        titanium=metals[1],
        cement=jnp.zeros_like(x),
        polyethylene=jnp.zeros_like(x),
        skin=_skin(rods),
        axes=jnp.full((2, 2, 2), nan),
        lines=jnp.full((2, 2, 2), nan),
        thickness=jnp.full(2, nan),
        lucency=jnp.full(7, nan),
        tibial_lucency=jnp.full(3, nan),
        overhang=jnp.full(2, nan),
    )


def draw_design(key: jax.Array, case: Case, designs: int, generic_rate: Number) -> jax.Array:
    """Return which of `designs` a knee in space has, from 1; 0: a shape of no maker.

    A clinic's models are of primary total knees. Among those are shapes of no maker as well, or a
    network would take every implant that it sees in space for one of the models.
    """
    number = jax.random.randint(jax.random.fold_in(key, 1), (), 1, designs + 1)
    is_generic = jax.random.uniform(jax.random.fold_in(key, 2)) < generic_rate
    is_primary = case.is_total & (case.kind != REVISION)
    return jnp.where(is_primary & ~is_generic, number, 0)


def _metals(
    key: jax.Array,
    case: Case,
    turn: Turn,
    placing: Placing,
    camera: Camera,
    designs: Sequence[Design],
    number: Number,
) -> tuple[Pose, jax.Array]:
    """Return how the knee stands, and the depth [2, H, W] of either component in it."""
    made = implant(key, case)
    if designs:
        # A model has its own size, whatever the knee's.
        own = [
            Implant(
                _scaled(design.femoral, placing),
                _scaled(design.tibial, placing),
                jnp.asarray(design.pivot) / placing.size,
            )
            for design in designs
        ]
        made = _one_of([made, *own], jnp.asarray(number))
    pose = _pose(case, turn, placing, made.femoral, made.pivot)
    femur = Mesh(pose.in_frame(pose.of_femur(made.femoral.vertices)), made.femoral.faces)
    tibia = Mesh(pose.in_frame(made.tibial.vertices), made.tibial.faces)
    return pose, _paths((femur, tibia), camera) / placing.size


def _scaled(mesh: Mesh, placing: Placing) -> Mesh:
    return mesh._replace(vertices=jnp.asarray(mesh.vertices) / placing.size)


def _one_of(implants: Sequence[Implant], number: jax.Array) -> Implant:
    """Return an implant of several: all are filled up to one size, so that one compilation does."""

    def chosen(meshes: Sequence[Mesh]) -> Mesh:
        return Mesh(*(_filled(arrays)[number] for arrays in zip(*meshes, strict=True)))

    return Implant(
        chosen([one.femoral for one in implants]),
        chosen([one.tibial for one in implants]),
        jnp.stack([one.pivot for one in implants])[number],
    )


def _filled(arrays: Sequence[Points]) -> jax.Array:
    """Return arrays [N, rows, 3], the shorter ones filled up with what has no area."""
    rows = max(len(array) for array in arrays)
    parts = [jnp.asarray(array) for array in arrays]
    # A face of one corner three times, or a vertex that stands there already.
    more = [
        jnp.broadcast_to(part[0, 0] if part.dtype == jnp.int32 else part[0], (rows - len(part), 3))
        for part in parts
    ]
    return jnp.stack([jnp.concatenate(pair) for pair in zip(parts, more, strict=True)])


def _paths(solids: Sequence[Mesh], camera: Camera) -> jax.Array:
    """Return the rays' paths [N, H, W] through the components, in mm of the film."""
    near, far = (
        reach_of(LONGEST_EDGE_MM * LARGEST, field / camera.width)
        for field in (LEAST_FIELD_MM, WIDE_FIELD_MM)
    )
    return jax.lax.cond(
        camera.pixel * camera.width < WIDE_FIELD_MM,
        lambda: paths(solids, camera, near),
        lambda: paths(solids, camera, far),
    )


def _pose(case: Case, turn: Turn, placing: Placing, femoral: Mesh, pivot: jax.Array) -> Pose:
    """Lay the flexed femoral component on the insert."""
    around, tilt, bent = (jnp.deg2rad(angle) for angle in turn)
    # Forwards about the medial axis is extension: flexion takes the hip backwards.
    flexion = _about(0, bent)
    lowest = ((femoral.vertices - pivot) @ flexion.T)[:, 2].min()
    lift = jnp.array([0.0, 4.0 - 6.0 * jnp.sin(bent), case.gap.mean() - lowest])
    view = _about(0, tilt) @ FRONT @ _about(2, around)
    return Pose(view, flexion, pivot, lift, placing)


def _about(axis: int, angle: jax.Array) -> jax.Array:
    """Return the turn [3, 3] about an axis, right-handed."""
    c, s = jnp.cos(angle), jnp.sin(angle)
    a, b = (axis + 1) % 3, (axis + 2) % 3
    turn = jnp.zeros((3, 3)).at[axis, axis].set(1.0)
    return turn.at[a, a].set(c).at[b, b].set(c).at[a, b].set(-s).at[b, a].set(s)


def _rods(pose: Pose, rods: Mapping[str, Rod], x: jax.Array, y: jax.Array) -> dict[str, jax.Array]:
    """Return the shadows' shapes [H, W] of balls that move and grow along lines, by name.

    All at once, because a call for each takes long to compile.
    """
    balls = jnp.array([(rod.start, rod.end) for rod in rods.values()])  # [N, 2, 4]
    is_femoral = jnp.array([rod.of_femur for rod in rods.values()])
    points, radii = balls[..., :3], balls[..., 3]
    points = jnp.where(is_femoral[:, None, None], pose.of_femur(points), points)
    places, nearness = pose.shadow(points)
    radii = radii * nearness
    way = places[:, 1] - places[:, 0]
    apart = jnp.linalg.norm(way, axis=-1)
    # Seen along its axis one ball would hide the other: they are kept a little apart.
    least = jnp.abs(radii[:, 1] - radii[:, 0]) + 0.5
    way = jnp.where(apart[:, None] > 1e-3, way / jnp.maximum(apart, 1e-3)[:, None], jnp.eye(2)[0])
    ends = places[:, 0] + way * jnp.maximum(apart, least)[:, None]

    def one(rod: tuple[jax.Array, ...]) -> jax.Array:
        start, end, radius = rod
        return cone(x, y, (start[0], start[1]), (end[0], end[1]), radius[0], radius[1])

    shapes = jax.lax.map(one, (places[:, 0], ends, radii))
    return dict(zip(rods, shapes, strict=True))


def _bones(
    case: Case, rods: Mapping[str, jax.Array]
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Return the outlines of femur, tibia, fibula and patella."""
    cut = union(rods["medial condyle"], rods["lateral condyle"])
    femur = blended(blended(cut, rods["trochlea"], 6.0), rods["femoral shaft"], 8.0)
    whole = blended(union(rods["whole medial"], rods["whole lateral"]), femur, 6.0)
    femur = jnp.where(case.kind == NATIVE, whole, femur)
    plateau = union(rods["medial plateau"], rods["lateral plateau"], rods["plateau"])
    tibia = blended(blended(plateau, rods["tubercle"], 5.0), rods["tibial shaft"], 8.0)
    fibula = union(rods["fibular head"], rods["fibular shaft"])
    return femur, tibia, fibula, rods["patella"]


def _skin(rods: Mapping[str, jax.Array]) -> jax.Array:
    """Return the outline of thigh and calf."""
    return blended(blended(rods["thigh"], rods["calf"], 25.0), rods["ankle"], 25.0)


def anatomy(flexion: jax.Array) -> dict[str, Rod]:
    """Return bones and leg; the patella glides down its groove, by two thirds of the flexion."""
    glide = 0.65 * jnp.deg2rad(flexion)
    c, s = jnp.cos(glide), jnp.sin(glide)

    def on_groove(along: float, radius: float) -> tuple[Number, ...]:
        return 0.0, 45.0 * c + along * s - 8.0, along * c - 45.0 * s + 24.0, radius

    return RODS | {"patella": Rod(on_groove(-8.0, 8.0), on_groove(14.0, 10.0), True)}
