"""From a line or a distance of a scene to a `Measurement`, with its scale or its refusal."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fluorojax.knee.measure.fits import LineFit
from fluorojax.knee.measure.plane import Plane, angle_between
from fluorojax.knee.measure.result import Figure, Measurement, NotMeasurable
from fluorojax.knee.measure.scene import Scene


class Reading(NamedTuple):
    """A value before its scale: degrees, shares, or plane units where the spec's unit is mm."""

    value: float
    error: float
    figure: Figure
    note: str = ""


class Spec(NamedTuple):
    """What is measured and how it is read; `unit` "mm" multiplies by the film's scale.

    `bounds` is what a knee can have: 20 degrees or so beyond where implants are put and bones are
    shaped (chosen, not published). What lies outside was read from a wrong mask, or in a wrong
    view, whatever its standard error.
    """

    name: str
    unit: str
    convention: str
    read: Callable[[Scene], Reading]
    bounds: tuple[float, float] = (-math.inf, math.inf)


def measured(spec: Spec, scene: Scene) -> Measurement:
    """Return the measurement, or the same refused with its reason."""
    about = (spec.name, spec.unit, spec.convention)
    try:
        found = spec.read(scene)
        low, high = spec.bounds
        if not low <= found.value <= high:
            raise NotMeasurable(
                f"{found.value:.1f} {spec.unit} is not what a knee has ({low:g} to {high:g}): a "
                "mask or the view is wrong; look at the picture"
            )
        if spec.unit != "mm":
            return Measurement(*about, found.value, found.error, found.figure, note=found.note)
        scale = scene.scale
    except NotMeasurable as reason:
        return Measurement(*about, refused=str(reason))
    value = found.value * scale.mm
    error = math.hypot(found.error * scale.mm, value * scale.relative_error)
    return Measurement(*about, value, error, found.figure, scale.source, note=found.note)


def angle(scene: Scene, axis: LineFit, line: LineFit) -> Reading:
    """Return the angle between two directed lines, their errors added in quadrature."""
    return Reading(
        angle_between(axis.direction, line.direction),
        math.hypot(axis.error_deg, line.error_deg),
        angle_figure(scene.plane, axis, line),
        scene.mirrored_note,
    )


def angle_figure(plane: Plane, axis: LineFit, line: LineFit) -> Figure:
    """Return both lines, drawn to where they meet, and the arc between their directions."""
    corner = meeting(axis, line)
    reach = max(float(np.linalg.norm(line.ends()[1] - line.ends()[0])) / 2, 8 * plane.step)
    arc = arc_between(corner, axis.direction, line.direction, 0.6 * reach)
    ends = [stretched(axis, corner), stretched(line, corner)]
    return Figure(
        tuple(plane.to_pixels(e) for e in ends), plane.to_pixels(line.ends()), plane.to_pixels(arc)
    )


def meeting(first: LineFit, second: LineFit) -> np.ndarray:
    """Return where two lines meet, [2]; parallel ones are refused."""
    matrix = np.stack([first.direction, -second.direction], 1)
    if abs(np.linalg.det(matrix)) < 0.05:
        raise NotMeasurable("bone axis and component line are nearly parallel; check the masks")
    return first.point + np.linalg.solve(matrix, second.point - first.point)[0] * first.direction


def stretched(line: LineFit, to: np.ndarray) -> np.ndarray:
    """Return the ends of a line so that a point of it is between or at them, [2, 2]."""
    along = np.append(
        (line.points - line.point) @ line.direction, (to - line.point) @ line.direction
    )
    return line.point + np.outer([along.min(), along.max()], line.direction)


def arc_between(
    corner: np.ndarray, first: np.ndarray, second: np.ndarray, radius: float
) -> np.ndarray:
    """Return an arc's points from one direction to another around a corner, [24, 2]."""
    across = second - (second @ first) * first
    across = across / max(float(np.linalg.norm(across)), 1e-12)
    at = np.linspace(0, np.radians(angle_between(first, second)), 24)[:, None]
    return corner + radius * (np.cos(at) * first + np.sin(at) * across)
