"""Radiolucency by zone of the interface between component and bone: a finding, no diagnosis.

The zones are those of the Knee Society (Ewald 1989) as recalled; numbers 1 to 4 of the AP tibia and
the shares 1-2 / 3-4 / 5-7 of the lateral femur are those of common use, which of 5 to 7 is which
could not be checked against the paper. Half a tray has the two zones of its side and none around
its pegs. The newer system (Meneghini 2015) has other zones.
"""

import functools
import math
from typing import Literal, NamedTuple

import numpy as np

from fluorojax.knee.measure.axes import longest_run
from fluorojax.knee.measure.fits import BLOCK, LineFit
from fluorojax.knee.measure.joint import compartments
from fluorojax.knee.measure.plane import HALF, Contour
from fluorojax.knee.measure.reading import Reading, Spec
from fluorojax.knee.measure.result import Figure, NotMeasurable
from fluorojax.knee.measure.scene import COMPONENT, Bone, Scene

Part = Literal["width_max", "width_mean", "extent"]

TIBIA_AP = {
    1: "under the tray, medial outer half",
    2: "under the tray, medial inner half",
    3: "under the tray, lateral inner half",
    4: "under the tray, lateral outer half",
    5: "medial side of stem or keel",
    6: "tip of stem or keel",
    7: "lateral side of stem or keel",
}
FEMUR_LATERAL = {
    1: "anterior flange",
    2: "anterior chamfer",
    3: "posterior chamfer",
    4: "posterior condyle",
    5: "distal, in front of the peg",
    6: "peg, or the middle third without one",
    7: "distal, behind the peg",
}
TIBIA_LATERAL = {
    1: "under the tray, anterior",
    2: "under the tray, posterior",
    3: "stem or keel",
}

CONVENTION = {
    "width_max": "95th percentile of the lucent width along the normal, over the lucent interface",
    "width_mean": "mean of the lucent width along the normal, over the lucent interface",
    "extent": "share of the zone's interface that is lucent",
}
LEAST_LUCENT_PX = 0.5  # thinner is no line that a mask can hold
LEAST_SHARE = 0.2  # of a zone that is lucent: less is the end of the neighbour's line
TIP_SHARE = 0.85  # of the stem's depth, from which on its width is that of its tip
SMOOTH = 5  # neighbouring rays averaged: a hard mask's width steps by whole pixels
NOTE = "a finding, never a diagnosis"


class Interface(NamedTuple):
    """A component's contour towards its bone.

    Attributes:
        contour: of N points.
        zone: [N] number of the zone, 0: faces no bone.
        depth: so far from the contour a lucency belongs to it (units).
        lucent: [N] its width there (units).
    """

    contour: Contour
    zone: np.ndarray
    depth: float
    lucent: np.ndarray


def specs(view: str) -> list[Spec]:
    """Return widths and extents of all zones of a view, and the sum of widths a component."""
    if view == "ap":
        return _of("tibia", TIBIA_AP)
    return _of("femur", FEMUR_LATERAL) + _of("tibia", TIBIA_LATERAL)


def _of(bone: Bone, zones: dict[int, str]) -> list[Spec]:
    found = []
    parts: tuple[tuple[Part, str], ...] = (
        ("width_max", "mm"),
        ("width_mean", "mm"),
        ("extent", "share"),
    )
    for number, place in zones.items():
        for part, unit in parts:
            found.append(
                Spec(
                    f"radiolucency_{bone}_zone_{number}_{part}",
                    unit,
                    f"zone {number} ({place}): {CONVENTION[part]}",
                    functools.partial(zone_reading, bone=bone, number=number, part=part),
                )
            )
    found.append(
        Spec(
            f"radiolucency_{bone}_width_sum",
            "mm",
            f"sum of width_max over the zones {min(zones)} to {max(zones)} that can be read; "
            "classes up to 4, 5 to 9, from 10 mm on (recalled, not checked against the source)",
            functools.partial(width_sum, bone=bone, zones=tuple(zones)),
        )
    )
    return found


def width_sum(scene: Scene, bone: Bone, zones: tuple[int, ...]) -> Reading:
    """Return the sum of the zones' widths; zones that the component does not have count nothing."""
    values, errors = 0.0, 0.0
    missing = [n for n in zones if not (interface(scene, bone).zone == n).any()]
    for number in zones:
        if number not in missing:
            found = zone_reading(scene, bone, number, "width_max")
            values, errors = values + found.value, math.hypot(errors, found.error)
    note = f"; without zones {missing}: no interface there" if missing else ""
    return Reading(values, errors, Figure(), NOTE + note)


def zone_reading(scene: Scene, bone: Bone, number: int, part: Part) -> Reading:
    """Return one value of one zone, widths in plane units.

    Raises:
        NotMeasurable: no class radiolucency, no component, no interface in the zone, or none found
            by a network that does not find most of what is lucent.
    """
    if "radiolucency" not in scene.film.class_names:
        raise NotMeasurable("class missing: radiolucency is not among the classes of these masks")
    seen = interface(scene, bone)
    chosen = seen.zone == number
    if chosen.sum() < 3:
        raise NotMeasurable(
            "this zone has no interface: the component has no such part in this view, or it does "
            "not lie against bone"
        )
    width = seen.lucent[chosen]
    lucent = width >= LEAST_LUCENT_PX * scene.plane.step
    if lucent.mean() < LEAST_SHARE:
        lucent = np.zeros_like(lucent)
    if not lucent.any():
        _check_absence(scene)
    figure = Figure(polygon=scene.plane.to_pixels(zone_polygon(seen, number)))
    independent = max(lucent.sum() / BLOCK, 1.0)
    if part == "extent":
        share = float(lucent.mean())
        error = math.sqrt(max(share * (1 - share), 1 / len(width)) * BLOCK / len(width))
        return Reading(share, min(error, 1.0), figure, NOTE)
    if not lucent.any():
        return Reading(0.0, scene.plane.edge_error, figure, NOTE)
    spread = float(width[lucent].std()) / math.sqrt(independent)
    value = np.mean(width[lucent]) if part == "width_mean" else np.percentile(width[lucent], 95)
    return Reading(float(value), math.hypot(spread, scene.plane.edge_error), figure, NOTE)


def _check_absence(scene: Scene) -> None:
    """Refuse to report no lucency where the network misses most of it."""
    recall = scene.film.lucency_recall
    if recall is not None and recall < scene.settings.least_recall:
        raise NotMeasurable(
            f"no lucency found, but the network that made the masks finds {recall:.0%} of what is "
            "lucent on its own test films: this is no evidence that there is none; look at the "
            "film, or measure masks drawn by hand"
        )


def lucent_width(scene: Scene, contour: Contour, zone: np.ndarray, depth: float) -> np.ndarray:
    """Return the length of lucency along each point's normal within the zone's depth, [N].

    The integral of the class's field along the ray, averaged over `SMOOTH` neighbours of the same
    zone, so that thin lines are measured below a pixel.
    """
    step = scene.plane.step / 8
    # From a pixel inside on: interpolation spreads the line's inner edge into the metal.
    reach = np.arange(step / 2 - scene.plane.step, depth, step)
    places = contour.points[:, None] + reach[:, None] * contour.normals[:, None]
    width = scene.plane.sample(scene.film.field("radiolucency"), places).sum(1) * step
    smooth = np.zeros_like(width)
    for number in np.unique(zone):
        at = np.flatnonzero(zone == number)
        kernel = np.ones(min(SMOOTH, len(at)))
        weight = np.convolve(np.ones(len(at)), kernel, "same")
        smooth[at] = np.convolve(width[at], kernel, "same") / weight
    return smooth


def zone_polygon(seen: Interface, number: int) -> np.ndarray:
    """Return the band of a zone as a polygon in the plane: interface out, at its depth back."""
    at = np.flatnonzero(seen.zone == number)
    # A zone that runs over the contour's first point is two runs: begin after the longest gap.
    gap = int(np.argmax(np.diff(at, append=at[0] + len(seen.zone))))
    at = np.roll(at, -gap - 1)
    inner = seen.contour.points[at]
    return np.concatenate([inner, (inner + seen.depth * seen.contour.normals[at])[::-1]])


def interface(scene: Scene, bone: Bone) -> Interface:
    """Return the component's contour with its zones; found once a scene."""
    known = scene.interfaces
    if bone not in known:
        if not scene.has_component(bone):
            raise NotMeasurable(
                f"class missing: no {COMPONENT[bone].replace('_', ' ')} in the film"
            )
        contour, zone, depth = _tibial(scene) if bone == "tibia" else _femoral(scene)
        width = lucent_width(scene, contour, zone, depth)
        known[bone] = Interface(contour, zone, depth, width)
    return known[bone]


def _faces_bone(scene: Scene, bone: Bone, contour: Contour, depth: float) -> np.ndarray:
    """Return which points look at bone, cement or lucency within the zone's depth, [N] bool."""
    field = scene.film.field(bone, "cement", "radiolucency")
    step = scene.plane.step
    reach = np.arange(step, max(depth, 2 * step), step / 2)
    places = contour.points[:, None] + reach[:, None] * contour.normals[:, None]
    return (scene.plane.sample(field, places) >= HALF).mean(1) >= 0.5


def _tibial(scene: Scene) -> tuple[Contour, np.ndarray, float]:
    contour = scene.contour_of("tibial_component")
    proximal = scene.proximal("tibia")
    under = scene.underside.towards(scene.side_of(proximal))
    down = under.normal(-proximal)
    u, v = (contour.points - under.point) @ under.direction, (contour.points - under.point) @ down
    width = float(np.ptp(u))
    depth = scene.settings.zone_depth * width
    stem = v > scene.settings.stem_depth * width
    below = v >= -1.5 * scene.plane.step
    looks_down = contour.normals @ down >= math.cos(math.radians(45))
    tray = below & looks_down & (v <= scene.settings.stem_depth * width / 2)
    edges = (float(u[stem].min()), float(u[stem].max())) if stem.any() else _middle(u)
    if scene.film.view == "ap":
        if scene.unicompartmental:
            return contour, _half_tray_zones(scene, contour, u, tray, depth), depth
        zone = _tray_zones(u, tray, edges)
        sides = np.where(u >= sum(edges) / 2, 5, 7)
        # The round end; a stem that the film cuts off shows none.
        end = v >= TIP_SHARE * v.max()
        tip = (v >= v.max() - np.ptp(u[end]) / 2) & scene.is_whole("tibial_component")
        zone = np.where(stem & below & ~tray, np.where(tip, 6, sides), zone)
    else:
        # u points posterior.
        zone = np.where(tray, np.where(u >= sum(edges) / 2, 2, 1), 0)
        zone = np.where(stem & below & ~tray, 3, zone)
    return contour, np.where(_faces_bone(scene, "tibia", contour, depth), zone, 0), depth


def _middle(u: np.ndarray) -> tuple[float, float]:
    middle = float(u.max() + u.min()) / 2
    return middle, middle


def _tray_zones(u: np.ndarray, tray: np.ndarray, edges: tuple[float, float]) -> np.ndarray:
    """Return zones 1 to 4 from medial (large u) to lateral, each side of the middle halved."""
    middle = sum(edges) / 2
    medial, lateral = (float(u.max()) + middle) / 2, (float(u.min()) + middle) / 2
    zone = np.select([u >= medial, u >= middle, u >= lateral], [1, 2, 3], 4)
    return np.where(tray, zone, 0)


def _half_tray_zones(
    scene: Scene, contour: Contour, u: np.ndarray, tray: np.ndarray, depth: float
) -> np.ndarray:
    """Return the outer and the inner zone of half a tray: 1 and 2, or 4 and 3 of a lateral one."""
    middle = float(u.max() + u.min()) / 2
    medial, lateral = (1, 2) if compartments(scene) == ("medial",) else (3, 4)
    zone = np.where(tray, np.where(u >= middle, medial, lateral), 0)
    return np.where(_faces_bone(scene, "tibia", contour, depth), zone, 0)


def _femoral(scene: Scene) -> tuple[Contour, np.ndarray, float]:
    contour = scene.contour_of("femoral_component")
    proximal = scene.proximal("femur")
    flat = scene.distal_flat.towards(scene.side_of(proximal))
    up = flat.normal(proximal)
    u, v = (contour.points - flat.point) @ flat.direction, (contour.points - flat.point) @ up
    depth = scene.settings.zone_depth * float(np.ptp(u))
    first, last = sorted(((flat.ends() - flat.point) @ flat.direction).tolist())
    zone = _cut_zones(contour, flat, up)
    # In front of the flat's middle there is only anterior bone, behind it only posterior.
    zone = np.where((zone <= 2) == (u < (first + last) / 2), zone, 0)
    within = (u >= first) & (u <= last) & (v >= -1.5 * scene.plane.step)
    peg = within & (v > 2.5 * scene.plane.step)
    edges = (float(u[peg].min()), float(u[peg].max())) if peg.any() else _thirds(first, last)
    distal = np.select([u < edges[0], u <= edges[1]], [5, 6], 7)
    zone = np.where(within, distal, zone)
    facing = _faces_bone(scene, "femur", contour, depth)
    return contour, _contiguous(np.where(facing, zone, 0)), depth


def _contiguous(zone: np.ndarray) -> np.ndarray:
    """Keep of each zone its longest run along the closed contour; small gaps do not end it."""
    kept = np.zeros_like(zone)
    for number in np.unique(zone[zone > 0]):
        # Begin outside the zone, so that no run is cut by the contour's first point.
        start = int(np.argmax(zone != number))
        run = np.roll(longest_run(np.roll(zone == number, -start)), start)
        kept[run] = number
    return kept


def _thirds(first: float, last: float) -> tuple[float, float]:
    return first + (last - first) / 3, last - (last - first) / 3


def _cut_zones(contour: Contour, flat: LineFit, up: np.ndarray) -> np.ndarray:
    """Return zones 1 to 4 of the cuts by the way they face: posterior, obliquely, anterior."""
    bearing = np.degrees(np.arctan2(contour.normals @ up, contour.normals @ flat.direction))
    # 0: faces posterior (inside of the flange); 90: proximal; 180: anterior (posterior cut).
    return np.select(
        [
            abs(bearing) <= 22.5,
            (bearing > 22.5) & (bearing < 80),
            (bearing > 100) & (bearing < 157.5),
        ],
        [1, 2, 3],
        np.where(abs(bearing) >= 157.5, 4, 0),
    )
