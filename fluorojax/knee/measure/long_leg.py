"""Mechanical axes of long-leg films: hip and ankle centres, HKA, mLDFA, MPTA."""

import math

import numpy as np

from fluorojax.knee.measure import fits
from fluorojax.knee.measure.fits import CircleFit, LineFit
from fluorojax.knee.measure.plane import angle_between, unit
from fluorojax.knee.measure.reading import Reading, Spec, angle, arc_between
from fluorojax.knee.measure.result import Figure, NotMeasurable
from fluorojax.knee.measure.scene import Scene

HEAD_RADII = (0.55, 1.3)  # of a femoral head, in widths of the shaft
HEAD_ARC_DEG = 150.0  # of its circle must be seen
ANKLE_FLARE = 1.2  # the distal tibia's width over its shaft's
TIBIA_WIDTHS = 5.0  # a whole tibia is at least so long


def specs() -> list[Spec]:
    """Return the angles between mechanical axes."""
    return [
        Spec(
            "hka",
            "deg",
            "hip centre - femoral knee centre to tibial knee centre - ankle centre, on the medial "
            "side; ideal 180, below it varus",
            hka,
            (130.0, 230.0),
        ),
        Spec(
            "mldfa",
            "deg",
            "mechanical lateral distal femoral angle: femoral mechanical axis (proximally) to the "
            "tangent of the two most distal condylar points, on the lateral side",
            mldfa,
            (65.0, 112.0),
        ),
        Spec(
            "mpta",
            "deg",
            "medial proximal tibial angle: tibial mechanical axis (distally) to the line of tray "
            "or plateau, on the medial side",
            mpta,
            (65.0, 112.0),
        ),
    ]


def hka(scene: Scene) -> Reading:
    """Return the hip-knee-ankle angle on the medial side, in (0, 360)."""
    femur, tibia = femoral_axis(scene), tibial_axis(scene)
    medial = scene.side_of(-tibia.direction)
    value = angle_between(femur.direction, tibia.direction)
    # The medial angle is the reflex one where the two mechanical axes point away from medial.
    bent = unit(femur.direction) + unit(tibia.direction)
    value = value if bent @ medial >= 0 else 360 - value
    plane = scene.plane
    lines = (plane.to_pixels(femur.points), plane.to_pixels(tibia.points))
    reach = 0.15 * float(np.linalg.norm(np.diff(femur.points, axis=0)))
    arc = arc_between(femur.points[0], femur.direction, tibia.direction, reach)
    figure = Figure(lines, np.concatenate(lines), plane.to_pixels(arc))
    return Reading(value, math.hypot(femur.error_deg, tibia.error_deg), figure, scene.mirrored_note)


def mldfa(scene: Scene) -> Reading:
    """Return the mechanical lateral distal femoral angle (degrees)."""
    axis = femoral_axis(scene)
    return angle(scene, axis, scene.condyles.towards(-scene.side_of(axis.direction)))


def mpta(scene: Scene) -> Reading:
    """Return the medial proximal tibial angle (degrees)."""
    axis = tibial_axis(scene)
    return angle(scene, axis, scene.tray.towards(scene.side_of(-axis.direction)))


def femoral_axis(scene: Scene) -> LineFit:
    """Return the femur's mechanical axis, from the knee's centre to the hip's."""
    return _axis(scene, femoral_knee_centre(scene), femoral_head(scene))


def tibial_axis(scene: Scene) -> LineFit:
    """Return the tibia's mechanical axis, from the knee's centre to the ankle's."""
    ankle = ankle_centre(scene)
    return _axis(scene, tibial_knee_centre(scene), ankle)


def _axis(scene: Scene, knee: np.ndarray, end: CircleFit) -> LineFit:
    length = float(np.linalg.norm(end.centre - knee))
    error = math.degrees(math.hypot(end.error, scene.plane.edge_error) / length)
    points = np.stack([knee, end.centre])
    return LineFit(knee, unit(end.centre - knee), points, error)


def femoral_knee_centre(scene: Scene) -> np.ndarray:
    """Return the middle of the condyles' or component's width, on the condylar tangent, [2]."""
    tangent = scene.condyles
    carried = scene.has_component("femur")
    points = scene.contour_of("femoral_component" if carried else "femur").points
    if not carried:
        low = points @ scene.proximal("femur")
        points = points[low <= low.min() + scene.native_reach()]
    return _middle(points, tangent)


def tibial_knee_centre(scene: Scene) -> np.ndarray:
    """Return the middle of the tray's or plateau's width, on its line, [2]."""
    carried = scene.has_component("tibia")
    points = scene.contour_of("tibial_component" if carried else "tibia").points
    if not carried:
        high = points @ scene.proximal("tibia")
        depth = scene.settings.plateau_depth * scene.shaft("tibia").width
        points = points[high >= high.max() - depth]
    return _middle(points, scene.tray)


def _middle(points: np.ndarray, line: LineFit) -> np.ndarray:
    along = (points - line.point) @ line.direction
    return line.point + (along.max() + along.min()) / 2 * line.direction


def femoral_head(scene: Scene) -> CircleFit:
    """Return the circle of the femoral head.

    Raises:
        NotMeasurable: no circle of a head's size beyond the shaft, or too little of one.
    """
    shaft = scene.shaft("femur")
    contour = scene.contour_of("femur")
    along = (contour.points - shaft.line.point) @ shaft.line.direction
    end = ((shaft.line.points - shaft.line.point) @ shaft.line.direction).max()
    radii = (HEAD_RADII[0] * shaft.width, HEAD_RADII[1] * shaft.width)
    found = fits.circle(contour.points[along > end], radii, scene.plane.step)
    if found is None or found.arc_deg < HEAD_ARC_DEG:
        arc = 0 if found is None else round(found.arc_deg)
        raise NotMeasurable(
            f"femoral head not in view: {arc} degrees of a circle of its size seen beyond the "
            f"shaft, {HEAD_ARC_DEG:.0f} are needed; take a long-leg film"
        )
    return found


def ankle_centre(scene: Scene) -> CircleFit:
    """Return the middle of the tibia's distal joint surface, as a circle of its half width.

    Raises:
        NotMeasurable: the tibia's distal end is not in the film.
    """
    shaft, contour = scene.shaft("tibia"), scene.contour_of("tibia")
    down = shaft.line.direction
    depth = contour.points @ down
    length = float(np.ptp(depth))
    last = contour.keep(depth >= depth.max() - 0.8 * shaft.width)
    across = last.points @ scene.side_of(-down)
    flare = float(np.ptp(across)) / shaft.width
    if length < TIBIA_WIDTHS * shaft.width or flare < ANKLE_FLARE:
        raise NotMeasurable(
            f"ankle not in view: {length / shaft.width:.1f} widths of tibia are seen, its end "
            f"{flare:.2f} times as wide as the shaft ({TIBIA_WIDTHS:g} and {ANKLE_FLARE:g} are "
            "needed); take a long-leg film"
        )
    plafond = fits.face(last, down, scene.plane)
    if plafond is None:
        raise NotMeasurable(
            "no straight distal joint surface on the tibia; check its mask at the ankle"
        )
    ends = plafond.ends()
    half = float(np.linalg.norm(ends[1] - ends[0])) / 2
    return CircleFit(ends.mean(0), half, 0.0, 2 * scene.plane.step)
