"""What stands on a knee film: bones, axes, components, directions and scale; each on demand.

Everything here may raise `NotMeasurable`, whose reason the caller passes on.
"""

import functools
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree

from fluorojax.knee.measure import axes, fits
from fluorojax.knee.measure.axes import Shaft
from fluorojax.knee.measure.film import KneeFilm
from fluorojax.knee.measure.fits import LineFit
from fluorojax.knee.measure.plane import (
    HALF,
    Contour,
    components,
    outline,
    quarter_turn,
    solid,
    unit,
)
from fluorojax.knee.measure.result import DETECTOR_PLANE, NotMeasurable
from fluorojax.knee.measure.settings import KneeSettings

Bone = Literal["femur", "tibia"]
COMPONENT = {"femur": "femoral_component", "tibia": "tibial_component"}
LEAST_CONTOUR = 24  # points: a component of a few pixels has no sides
FLAT_TILT_DEG = 15.0  # of a femoral flat against the shaft's perpendicular
SQUARE_DEG = 5.0  # sides of peg and box are sought so near to square with the flat
# What may fill a hole in a bone's silhouette.
INSIDE = ("cement", "radiolucency")


class Scale(NamedTuple):
    """Millimetres of the body a plane unit, where that comes from, and its relative error."""

    mm: float
    source: str
    relative_error: float


class Scene:
    """A film's geometry in its plane."""

    def __init__(self, film: KneeFilm, settings: KneeSettings) -> None:
        self.film, self.settings, self.plane = film, settings, film.plane()
        self.interfaces: dict[Bone, Any] = {}  # filled by `zones`
        self._shafts: dict[Bone, Shaft | NotMeasurable] = {}
        self._contours: dict[str, Contour | NotMeasurable] = {}

    # --- bones ---------------------------------------------------------------------------------

    @functools.cached_property
    def femur(self) -> np.ndarray:
        """Silhouette of femur and femoral component, connected, [H, W] in [0, 1]."""
        return self._silhouette("femur")

    @functools.cached_property
    def tibia(self) -> np.ndarray:
        """Silhouette of tibia and tibial component, connected, [H, W] in [0, 1]."""
        return self._silhouette("tibia")

    def _silhouette(self, bone: Bone) -> np.ndarray:
        field = self.film.field(bone, COMPONENT[bone])
        own = self.film.field(bone) >= HALF
        found = [part for part in components(field >= HALF) if (part & own).any()]
        if not found:
            raise NotMeasurable(
                f"no knee in the film: the class {bone} has no pixel; check the film and the masks"
            )
        kept = self._of_one_knee(bone, found)
        # Another component, an implant apart from its bone for instance, is left out.
        one = np.where((field >= HALF) & ~kept, 0.0, field)
        return solid(np.maximum(one, self._touching(kept, self.film.field(*INSIDE))))

    def _of_one_knee(self, bone: Bone, found: list[np.ndarray]) -> np.ndarray:
        """Return the piece of a bone's silhouette that is the knee's, of pieces by size.

        Of several large ones it is the one that carries the component, where only one does.
        """
        sizes = [int(part.sum()) for part in found]
        large = [k for k, s in enumerate(sizes) if s >= self.settings.second_knee * sizes[0]]
        metal = self.film.field(COMPONENT[bone]) >= HALF
        carrying = [k for k in large if (found[k] & metal).any()]
        if len(large) > 1 and len(carrying) != 1:
            raise NotMeasurable(
                f"two knees: the {bone} has {len(large)} large pieces "
                f"({[sizes[k] for k in large]} px), of which {len(carrying) or 'none'} "
                f"{'carry' if len(carrying) > 1 else 'carries'} a component; crop the film to one "
                "knee, or correct the mask where one bone is in two pieces"
            )
        return found[carrying[0] if len(large) > 1 else 0]

    @staticmethod
    def _touching(bone: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Return the components of cement and lucency that touch the bone, [H, W] in [0, 1]."""
        kept = [p for p in components(inside >= HALF) if (p & _grown(bone)).any()]
        return inside * np.any(kept, axis=0) if kept else np.zeros_like(inside)

    def centroid(self, field: np.ndarray) -> np.ndarray:
        """Return the centroid of what is at least one half, [2] in the plane."""
        return self.plane.from_pixels(np.argwhere(field >= HALF).mean(0))

    # --- directions ----------------------------------------------------------------------------

    @functools.cached_property
    def up(self) -> np.ndarray:
        """Roughly from tibia to femur, [2]; exact enough to distinguish ends and sides."""
        return unit(self.centroid(self.femur) - self.centroid(self.tibia))

    @functools.cached_property
    def joint(self) -> np.ndarray:
        """A point between the bones, [2]: the middle of their nearest contour points."""
        femur, tibia = self.contour_of("femur").points, self.contour_of("tibia").points
        gap, nearest = KDTree(tibia).query(femur)
        # The mean over all that are nearly nearest: one pair would sit on one condyle.
        near = gap <= gap.min() + 3 * self.plane.step
        return np.concatenate([femur[near], tibia[nearest[near]]]).mean(0)

    @functools.cached_property
    def turn(self) -> float:
        """+1 where the quarter turn of "proximal" points medial (AP) or posterior (lateral)."""
        if self.film.view == "ap":
            return self._turn_from_fibula()
        return self._turn_from_patella()

    def _turn_from_fibula(self) -> float:
        if self.film.has("fibula"):
            aside = self.aside("tibia", self.centroid(self.film.field("fibula")))
            return -1.0 if aside > 0 else 1.0
        if self.film.side is None:
            raise NotMeasurable(
                "side unknown: no fibula in the film and no side given, so medial cannot be "
                "distinguished from lateral; give side='left' or 'right' for a film shown the "
                "usual way"
            )
        # Shown the usual way, a right knee's lateral side is at the viewer's left.
        return -1.0 if self.film.side == "right" else 1.0

    def _turn_from_patella(self) -> float:
        if self.film.has("patella"):
            aside = self.aside("femur", self.centroid(self.film.field("patella")))
            return -1.0 if aside > 0 else 1.0
        if self.film.has("fibula"):
            aside = self.aside("tibia", self.centroid(self.film.field("fibula")))
            return 1.0 if aside > 0 else -1.0
        raise NotMeasurable(
            "anterior unknown: neither patella nor fibula in the lateral film; mark the patella"
        )

    def aside(self, bone: Bone, point: np.ndarray) -> float:
        """Return how far a point lies on the quarter-turn side of the proximal direction."""
        try:
            line = self.shaft(bone).line
            base, proximal = line.point, line.direction * (1 if bone == "femur" else -1)
        except NotMeasurable:
            base, proximal = self.centroid(getattr(self, bone)), self.up
        return float((point - base) @ quarter_turn(proximal))

    def side_of(self, proximal: np.ndarray) -> np.ndarray:
        """Return medial (AP) or posterior (lateral), [2], for a bone's proximal direction."""
        return self.turn * quarter_turn(proximal)

    @functools.cached_property
    def mirrored_note(self) -> str:
        """A warning where the side given contradicts the fibula (AP), or an empty text."""
        if self.film.view != "ap" or self.film.side is None or not self.film.has("fibula"):
            return ""
        if self.turn == (-1.0 if self.film.side == "right" else 1.0):
            return ""
        return (
            f"the fibula contradicts side={self.film.side!r} shown the usual way: the film is "
            "mirrored or the side is wrong; the fibula was believed"
        )

    # --- axes ----------------------------------------------------------------------------------

    def shaft(self, bone: Bone) -> Shaft:
        """Return a bone's midline; its direction points away from the knee."""
        return _once(self._shafts, bone, self._measured_shaft)

    def _measured_shaft(self, bone: Bone) -> Shaft:
        own = self.film.field(bone)
        points = self.plane.from_pixels(np.argwhere((own >= HALF) & (self._field(bone) >= HALF)))
        reach = np.linalg.norm(points - self.joint, axis=1)
        away = points[reach >= np.quantile(reach, 0.75)].mean(0) - self.joint
        return axes.shaft(
            self._field(bone),
            own,
            self.film.field(COMPONENT[bone]),
            self.plane,
            self.joint,
            away,
            self.settings.shaft,
            bone,
        )

    def _has_shaft(self, bone: Bone) -> bool:
        try:
            self.shaft(bone)
        except NotMeasurable:
            return False
        return True

    def _field(self, bone: Bone) -> np.ndarray:
        return self.femur if bone == "femur" else self.tibia

    def proximal(self, bone: Bone) -> np.ndarray:
        """Return a bone's proximal direction: its axis, or `up` where the shaft is refused."""
        if not self._has_shaft(bone):
            return self.up
        return self.shaft(bone).line.direction * (1 if bone == "femur" else -1)

    # --- components ----------------------------------------------------------------------------

    def contour_of(self, what: str) -> Contour:
        """Return the outline of a bone's silhouette or of a component, without the film's border.

        Raises:
            NotMeasurable: the component is missing, or cut off by the border.
        """
        return _once(self._contours, what, self._contour)

    def _contour(self, what: str) -> Contour:
        found = self._bone(what) if what in COMPONENT else self._component(what)
        if len(found.points) < LEAST_CONTOUR:
            raise NotMeasurable(
                f"{what.replace('_', ' ')}: {len(found.points)} contour points are seen, "
                f"{LEAST_CONTOUR} are needed; check its mask"
            )
        return found

    def _bone(self, what: str) -> Contour:
        whole = outline(self.femur if what == "femur" else self.tibia, self.plane)
        return whole.keep(self.plane.inside(whole.points))

    def _component(self, name: str) -> Contour:
        if not self.film.has(name):
            raise NotMeasurable(
                f"class missing: {name} has no pixel (a native knee has none); nothing to measure"
            )
        contour = outline(solid(self.film.field(name)), self.plane)
        inside = self.plane.inside(contour.points, 0.6)
        if not (inside.all() or self._cut_at_stem(name, contour, contour.points[~inside])):
            raise NotMeasurable(
                f"{name.replace('_', ' ')} cut off by the film's border; take a film that shows "
                "the whole of it, but for a stem's end"
            )
        return contour.keep(inside)

    def _cut_at_stem(self, name: str, contour: Contour, cut: np.ndarray) -> bool:
        """Return whether what the border cuts off is narrow and far from the joint: a stem's end.

        Args:
            name: of the component.
            contour: the whole of its outline.
            cut: [N, 2], its points on the film's border.
        """
        proximal = self.proximal("femur" if name == COMPONENT["femur"] else "tibia")
        across = quarter_turn(proximal)
        extent = float(np.ptp(contour.points @ across))
        is_narrow = np.ptp(cut @ across) <= self.settings.stem_width * extent
        is_far = np.abs((cut - self.joint) @ proximal) >= self.settings.stem_width * extent
        return bool(is_narrow and is_far.all())

    def is_whole(self, name: str) -> bool:
        """Return whether no part of a component is cut off by the film's border."""
        points = outline(solid(self.film.field(name)), self.plane).points
        return bool(self.plane.inside(points, 0.6).all())

    def has_component(self, bone: Bone) -> bool:
        """Return whether the bone carries a component."""
        return self.film.implant != "native" and self.film.has(COMPONENT[bone])

    def check_native(self, bone: Bone) -> None:
        """Refuse to read a bone's own outline where it should carry a component, or does.

        Every knee replacement has both components: where one alone was found the other was missed,
        and the bone's outline is not that of its condyles or plateau.

        Raises:
            NotMeasurable: the masks contradict each other, or what is said of the implant.
        """
        if COMPONENT[bone] not in self.film.class_names:
            return
        name = COMPONENT[bone].replace("_", " ")
        metal, area = (self.film.field(c) >= HALF for c in (COMPONENT[bone], bone))
        if not is_stray(metal, area, self.settings):
            raise NotMeasurable(
                f"the knee is said to be native, and the masks show a {name} "
                f"({int(metal.sum())} px); give the implant, or mend the mask"
            )
        other: Bone = "tibia" if bone == "femur" else "femur"
        if self.has_component(other):
            raise NotMeasurable(
                f"the {other} carries a component and no {name} was found: it was missed, and the "
                f"{bone}'s own outline is not what to measure; mend the mask"
            )
        if self.film.implant not in (None, "native"):
            raise NotMeasurable(
                f"the implant is said to be {self.film.implant}, and no {name} was found; mend the "
                "mask, or give the implant"
            )

    @functools.cached_property
    def unicompartmental(self) -> bool:
        """Whether the tray covers one compartment: as given, or by its width over the tibia's."""
        if self.film.implant is not None:
            return self.film.implant == "unicompartmental"
        if not self.has_component("tibia"):
            return False
        proximal = self.proximal("tibia")
        bone, tray = self.contour_of("tibia").points, self.contour_of("tibial_component").points
        lowest = (tray @ proximal).min()
        top = bone[bone @ proximal >= min(lowest, (bone @ proximal).max() - 5 * self.plane.step)]
        across = quarter_turn(proximal)
        return bool(np.ptp(tray @ across) < self.settings.partial_width * np.ptp(top @ across))

    @property
    def partial(self) -> bool:
        """`unicompartmental` in the AP view, as given in the lateral one; False where refused."""
        if self.film.view == "lateral":
            return self.film.implant == "unicompartmental"
        try:
            return self.unicompartmental
        except NotMeasurable:
            return False

    @functools.cached_property
    def condyles(self) -> LineFit:
        """Tangent to the two most distal condylar points of component or native femur."""
        if not self.has_component("femur"):
            self.check_native("femur")
        contour = self.contour_of("femoral_component" if self.has_component("femur") else "femur")
        proximal = self.proximal("femur")
        points = contour.points
        if not self.has_component("femur"):
            # Only the condyles: their width is the extent, not the trochanters'.
            height = (points - points[np.argmin(points @ proximal)]) @ proximal
            points = points[height <= self.native_reach()]
        side = quarter_turn(proximal)
        return fits.common_tangent(
            points, side, -proximal, self.settings.condyle_window, self.plane
        )

    def native_reach(self) -> float:
        """Return how far from the joint line condyles and plateau are looked for (units)."""
        return 1.0 * self.shaft("femur").width

    @functools.cached_property
    def tray(self) -> LineFit:
        """Line of the tray's upper flat or, in a native knee, of the tibial plateau.

        A tray's direction is the mean of upper flat and underside, where they are parallel.
        """
        proximal = self.proximal("tibia")
        if self.has_component("tibia"):
            return self._tray(self.contour_of("tibial_component"), proximal)
        self.check_native("tibia")
        contour = self.contour_of("tibia")
        top = (contour.points @ proximal).max()
        depth = self.settings.plateau_depth * self.shaft("tibia").width
        line = fits.face(
            contour.keep(contour.points @ proximal >= top - depth), proximal, self.plane
        )
        if line is None:
            raise NotMeasurable("no straight plateau on the tibia; check the mask of the tibia")
        return line

    def _tray(self, contour: Contour, proximal: np.ndarray) -> LineFit:
        upper = fits.face(contour, proximal, self.plane)
        least = self.settings.least_flat * np.ptp(contour.points @ quarter_turn(proximal))
        if upper is None or upper.length() < least:
            raise NotMeasurable(
                "no straight upper flat on the tibial component; check its mask, or take a film "
                "along the tray"
            )
        lower = self._lower_face(upper)
        return upper if lower is None else fits.with_parallel(upper, lower)

    def _lower_face(self, upper: LineFit) -> LineFit | None:
        """Return the line of the tray's underside, which keel, stem and pegs interrupt."""
        return fits.face(
            self.contour_of("tibial_component"),
            -upper.normal(self.proximal("tibia")),
            self.plane,
            tilt_deg=self.settings.tray_wedge_deg,
        )

    @functools.cached_property
    def underside(self) -> LineFit:
        """Line of the tray's underside; parallel to its upper flat where the two agree."""
        lower = self._lower_face(self.tray)
        if lower is None:
            raise NotMeasurable("no straight underside on the tibial component; check its mask")
        return fits.with_parallel(lower, self.tray)

    @functools.cached_property
    def distal_flat(self) -> LineFit:
        """Line along the femoral component's distal inner flat: perpendicular to its pegs.

        The top of a box may be longer than what the box leaves of the flat, and lies higher: of
        straight faces nearly as long as the longest the most distal one is taken. Its direction is
        the mean with the perpendiculars of what stands squarely on it: sides of peg or box.
        """
        contour = self.contour_of("femoral_component")
        flat = self._inner_flat(contour, self.proximal("femur"))
        for side in self._square_sides(contour, flat):
            turned = side._replace(direction=quarter_turn(side.direction))
            flat = fits.with_parallel(flat, turned)
        return flat

    def _inner_flat(self, contour: Contour, proximal: np.ndarray) -> LineFit:
        extent = float(np.ptp(contour.points @ quarter_turn(proximal)))
        height = contour.points @ proximal
        # Not the end of a stem that a shutter cuts off squarely.
        contour = contour.keep(height - height.min() <= self.settings.flat_height * extent)
        tilt = FLAT_TILT_DEG if self._has_shaft("femur") else fits.TILT_DEG
        found = fits.face(contour, proximal, self.plane, tilt_deg=tilt)
        if found is None or found.length() < self.settings.least_flat * extent:
            raise NotMeasurable(
                "no straight distal flat on the femoral component; check its mask, or take a true "
                "lateral film"
            )
        normal = found.normal(proximal)
        below = contour.keep((contour.points - found.point) @ normal < -3 * self.plane.step)
        lower = fits.face(below, normal, self.plane, tilt_deg=self.settings.tray_wedge_deg)
        if lower is None or len(lower.points) < self.settings.lower_flat * len(found.points):
            return found
        return lower

    def _square_sides(self, contour: Contour, flat: LineFit) -> list[LineFit]:
        """Return the sides of a peg on the flat, or of a box whose top the flat is."""
        up = flat.normal(self.proximal("femur"))
        u = (contour.points - flat.point) @ flat.direction
        v = (contour.points - flat.point) @ up
        first, last = np.sort((flat.ends() - flat.point) @ flat.direction)
        margin = 2 * self.plane.step
        on_flat = (u >= first - margin) & (u <= last + margin)
        if v[on_flat].max() > self.settings.peg_height * float(np.ptp(u)):
            # A stem follows the shaft, and need not be square to the flat.
            on_flat &= v < 0
        found = [
            fits.face(contour.keep(on_flat), facing, self.plane, tilt_deg=SQUARE_DEG)
            for facing in (flat.direction, -flat.direction)
        ]
        return [side for side in found if side is not None]

    # --- scale ---------------------------------------------------------------------------------

    @functools.cached_property
    def scale(self) -> Scale:
        """Millimetres of the body a plane unit, from the best source given."""
        film = self.film
        if film.calibration is not None:
            area = float((film.calibration.mask >= HALF).sum() * np.prod(self.plane.spacing))
            if area == 0:
                raise NotMeasurable(
                    "no scale: the mask of the calibration object is empty; mark it"
                )
            size = float(np.sqrt(4 * area / np.pi))
            text = f"calibration object of {film.calibration.diameter_mm:g} mm"
            return Scale(film.calibration.diameter_mm / size, text, self.plane.edge_error / size)
        if film.known_width is not None:
            size = self._width_of(film.known_width.component)
            known = film.known_width
            text = f"{known.component.replace('_', ' ')} of known width {known.width_mm:g} mm"
            return Scale(known.width_mm / size, text, self.plane.edge_error / size)
        if not film.has_spacing:
            raise NotMeasurable(
                "no scale: the film has no pixel spacing, and no calibration object or known "
                "component width was given; give one of them for millimetres"
            )
        if film.magnification == 1:
            return Scale(1.0, "pixel spacing in the plane of the knee", 0.0)
        if film.magnification is not None:
            text = f"imager spacing over the magnification given, {film.magnification:g}"
            return Scale(1 / film.magnification, text, 0.0)
        text = (
            f"imager spacing: lengths are {DETECTOR_PLANE}, larger than the body's by the unknown "
            "magnification; give the magnification, a calibration object or a known width"
        )
        return Scale(1.0, text, 0.0)

    def _width_of(self, component: str) -> float:
        line = self.tray if component == "tibial_component" else self.condyles
        return float(np.ptp(self.contour_of(component).points @ line.direction))


def _once(known: dict[Any, Any], key: Any, find: Callable[[Any], Any]) -> Any:
    """Return what was found under a key, finding it once; a refusal is kept and raised again."""
    if key not in known:
        try:
            known[key] = find(key)
        except NotMeasurable as reason:
            known[key] = reason
    if isinstance(known[key], NotMeasurable):
        raise known[key]
    return known[key]


def is_stray(metal: np.ndarray, bone: np.ndarray, settings: KneeSettings) -> bool:
    """Return whether a component's mask is too small beside its bone to speak of a component."""
    return bool(metal.sum() <= settings.stray_component * bone.sum())


def _grown(mask: np.ndarray) -> np.ndarray:
    return ndimage.binary_dilation(mask, np.ones((3, 3)), iterations=2)
