"""Millimetres at the joint line of an AP film: polyethylene or joint space, and overhang."""

import functools
import math
from typing import Literal

import numpy as np
from scipy import stats

from fluorojax.knee.measure import axes, fits
from fluorojax.knee.measure.plane import Contour, Plane, solid
from fluorojax.knee.measure.reading import Reading, Spec
from fluorojax.knee.measure.result import Figure, NotMeasurable
from fluorojax.knee.measure.scene import Scene

Compartment = Literal["medial", "lateral"]

BROAD = 0.7  # of the tray's half width: so far bone reaches from its middle at the resected surface
SPACE_WINDOW = (
    0.2  # half width of the parabola at a condyle's lowest point, as a share of its extent
)
EDGE_ROWS = 8  # half a pixel apart, below the surface, over which the tibia's edge is read


def specs(native: bool) -> list[Spec]:
    """Return what is measured at the joint line, for a native knee or one with components."""
    thickness = "joint_space" if native else "polyethylene_thickness"
    upper = "plateau's line" if native else "tray's upper flat"
    found = []
    sides: tuple[Compartment, ...] = ("medial", "lateral")
    for side in sides:
        text = f"lowest point of the {side} femoral contour to the {upper}, along its normal"
        found.append(Spec(f"{thickness}_{side}", "mm", text, functools.partial(space, side=side)))
    if native:
        return found
    for side in sides:
        text = (
            f"{side} end of the tibial component beyond the tibia's {side} edge at the level of "
            "the tray's underside, along the tray; negative where bone is uncovered"
        )
        found.append(
            Spec(f"tibial_overhang_{side}", "mm", text, functools.partial(overhang, side=side))
        )
    return found


def compartments(scene: Scene) -> tuple[Compartment, ...]:
    """Return which compartments carry the component: both, or the one of a partial knee."""
    if not scene.unicompartmental:
        return ("medial", "lateral")
    middle = scene.contour_of("tibial_component").points.mean(0)
    return ("medial",) if scene.aside("tibia", middle) * scene.turn > 0 else ("lateral",)


def _refuse_other(scene: Scene, side: Compartment) -> None:
    if side not in compartments(scene):
        raise NotMeasurable(
            f"unicompartmental: the component is not in the {side} compartment; read the other side"
        )


def space(scene: Scene, side: Compartment) -> Reading:
    """Measure from the femur's lowest point of one compartment to the tray, in plane units."""
    proximal = scene.proximal("tibia")
    tray = scene.tray.towards(scene.side_of(proximal))
    normal = tray.normal(proximal)
    if scene.has_component("tibia"):
        _refuse_other(scene, side)
    femur = _femoral_half(scene, side, tray)
    extent = scene.plane.step * 20 if len(femur) < 2 else np.ptp(femur @ tray.direction)
    window = SPACE_WINDOW * float(extent)
    lowest = fits.farthest(femur, tray.direction, -normal, window, scene.plane)
    gap = float((lowest.point - tray.point) @ normal)
    if gap < 0:
        raise NotMeasurable(
            f"the {side} femoral contour lies {-gap:.1f} {scene.plane.unit} below the tibial line: "
            "the film is not taken along it; take one that is"
        )
    foot = lowest.point - gap * normal
    lever = abs(float((foot - tray.point) @ tray.direction))
    error = math.hypot(lowest.error, scene.plane.edge_error / 2)
    error = math.hypot(error, math.radians(tray.error_deg) * lever)
    ends = scene.plane.to_pixels(np.stack([lowest.point, foot]))
    return Reading(gap, error, Figure((ends,), ends), scene.mirrored_note)


def _femoral_half(scene: Scene, side: Compartment, tray: fits.LineFit) -> np.ndarray:
    """Return the femoral contour points over one compartment, [N, 2]."""
    carried = scene.has_component("femur")
    points = scene.contour_of("femoral_component" if carried else "femur").points
    if not carried:
        proximal = scene.proximal("femur")
        points = points[points @ proximal <= (points @ proximal).min() + scene.native_reach()]
    if scene.unicompartmental:
        return points
    u = points @ tray.direction
    # The femoral component's own middle: a shifted tray does not change which condyle is which.
    middle = (u.max() + u.min()) / 2
    return points[u > middle] if side == "medial" else points[u < middle]


def overhang(scene: Scene, side: Compartment) -> Reading:
    """Measure how far the tray stands out beyond the tibia on one side, in plane units."""
    _refuse_other(scene, side)
    proximal = scene.proximal("tibia")
    under = scene.underside.towards(scene.side_of(proximal))
    outward = under.direction * (1 if side == "medial" else -1)
    down = under.normal(-proximal)
    reach = _tray_end(scene.contour_of("tibial_component"), under, down, outward, scene.plane)
    edge, error = _bone_edge(scene, under, down, side)
    corner = under.point + edge * under.direction
    reached = under.point + reach * outward
    value = float((reached - corner) @ outward)
    ends = scene.plane.to_pixels(np.stack([corner, reached]))
    error = math.hypot(error, scene.plane.edge_error)
    return Reading(value, error, Figure((ends,), ends), scene.mirrored_note)


def _tray_end(
    contour: Contour, under: fits.LineFit, down: np.ndarray, outward: np.ndarray, plane: Plane
) -> float:
    """Return how far the tray reaches outward from the underside's point, without stem or keel.

    The mean over the end face: a single outermost pixel is biased outward by up to half of one.
    """
    from_under = contour.points - under.point
    along = from_under @ outward
    tray = (from_under @ down <= plane.step) & (contour.normals @ outward >= math.cos(math.pi / 4))
    end = tray & (along >= along[tray].max(initial=-math.inf) - 1.5 * plane.step)
    return float(along[end].mean() if end.any() else along.max())


def _bone_edge(
    scene: Scene, under: fits.LineFit, down: np.ndarray, side: Compartment
) -> tuple[float, float]:
    """Return where the tibia's edge is at its resected surface (along the tray), and its error.

    Cement and lucency may lie between tray and bone: the surface is where bone first reaches
    most of the way from the tray's middle to its end. The edge is led up to there by Theil and
    Sen's line over some rows.
    """
    plane = scene.plane
    along = scene.contour_of("tibial_component").points @ under.direction
    width = float(np.ptp(along))
    middle = float(along.max() + along.min()) / 2 - under.point @ under.direction
    row = max(plane.spacing)
    depths = np.arange(-row, max(0.2 * width, 12 * row), row / 2)
    sides = np.arange(-2 * width, 2 * width, plane.step)
    base = under.point + np.outer(depths, down)
    places = base[:, None] + sides[:, None] * under.direction
    # One component: a false island beside the bone is no edge of it.
    low, high = axes.outermost(plane.sample(solid(scene.film.field("tibia")), places), sides)
    edge = high if side == "medial" else low
    outward = 1 if side == "medial" else -1
    broad = np.nan_to_num((edge - middle) * outward) >= BROAD * width / 2
    first = int(np.argmax(broad)) if broad.any() else len(depths)
    # The corner itself is rounded by interpolation: read from half a pixel below the surface on.
    rows = slice(first + 1, first + 1 + EDGE_ROWS)
    edge, depth = edge[rows], depths[rows]
    ends = base[rows] + np.outer(np.nan_to_num(edge), under.direction)
    if len(edge) < EDGE_ROWS or not (np.isfinite(edge) & plane.inside(ends, 1.5)).all():
        raise NotMeasurable(
            f"the tibia's {side} edge below the tray is not in the film; take one that shows it"
        )
    depth = depth - depths[first]
    fit = stats.theilslopes(edge, depth)
    residual = edge - fit.intercept - fit.slope * depth
    spread = 1.4826 * float(np.median(np.abs(residual)))
    return float(fit.intercept), math.hypot(spread, 1.5 * plane.edge_error)
