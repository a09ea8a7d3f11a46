"""What changed between two films of one knee: every measurement, and the tray within the tibia.

Migration. Bone and component are registered apart, earlier onto later, each by its contour: the
rigid transform that minimises the distances along the later contour's normals (Chen and Medioni
1992), by `scipy.optimize.least_squares` with a robust loss. What the component moved more than the
bone is migration. Both films are brought to the same anatomical frame first, so they may be turned
or mirrored against each other. A plain film knows no movement along the beam, and takes rotation of
the leg for movement; radiostereometry is the method for tenths of a millimetre.
"""

import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np
from scipy import optimize
from scipy.spatial import KDTree

from fluorojax.knee.measure.film import KneeFilm
from fluorojax.knee.measure.fits import BLOCK
from fluorojax.knee.measure.knee import measure_knee
from fluorojax.knee.measure.plane import Contour, outline, solid
from fluorojax.knee.measure.result import Measurement, NotMeasurable, Tolerances, rows
from fluorojax.knee.measure.scene import Scene
from fluorojax.knee.measure.settings import KneeSettings

REGISTRATION_ERROR = (
    "standard error: covariance of the two least-squares registrations with the digitisation of "
    "edges; another projection of the leg is not in it"
)
CLEAR_PX = 4.0  # bone nearer to the component than this is not bone that can be trusted to stay
MOST_RESIDUAL_PX = 2.0  # robust distance after registration, beyond which nothing was matched


class Shape(NamedTuple):
    """A contour in the anatomical frame: x medial or posterior, y proximal, millimetres.

    Attributes:
        points, normals: [N, 2].
        step: a pixel (mm).
        error: of an edge by digitisation (mm).
    """

    points: np.ndarray
    normals: np.ndarray
    step: float
    error: float


class Motion(NamedTuple):
    """x -> rotation(angle) x + shift; `covariance: [3, 3]` of (angle, shift)."""

    angle: float
    shift: np.ndarray
    covariance: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Move `points: [N, 2]`."""
        return points @ _rotation(self.angle).T + self.shift


@dataclasses.dataclass(frozen=True)
class Progress:
    """Changes from the earlier film to the later one, refused ones among them."""

    changes: tuple[Measurement, ...]

    def __getitem__(self, name: str) -> Measurement:
        """Return the change of a name."""
        for found in self.changes:
            if found.name == name:
                return found
        raise KeyError(f"{name}: not compared; there are {[m.name for m in self.changes]}")

    def rows(self) -> list[dict[str, Any]]:
        """Return one plain dict a change, ready for CSV and JSON; no bands, they are for values."""
        return rows(self.changes, Tolerances({}))


def compare_knees(
    earlier: KneeFilm, later: KneeFilm, settings: KneeSettings | None = None
) -> Progress:
    """Return the later value less the earlier of every measurement, and the tray's migration.

    Args:
        earlier, later: two films of the same knee in the same view.
        settings: how lines are found; None: the defaults.
    """
    settings = settings or KneeSettings()
    reason = _not_comparable(earlier, later)
    before, after = measure_knee(earlier, settings), measure_knee(later, settings)
    names = [name for name in before.names() if name in after.names()]
    changes = [_change(before[name], after[name], reason) for name in names]
    scenes = Scene(earlier, settings), Scene(later, settings)
    return Progress((*changes, *_migration(*scenes, reason)))


def _not_comparable(earlier: KneeFilm, later: KneeFilm) -> str | None:
    if earlier.view != later.view:
        return f"views differ: {earlier.view} and {later.view}; compare films of one view"
    if earlier.side and later.side and earlier.side != later.side:
        return f"sides differ: {earlier.side} and {later.side}; compare films of one knee"
    return None


def _change(before: Measurement, after: Measurement, reason: str | None) -> Measurement:
    about = (f"change_{before.name}", before.unit, f"later less earlier: {before.convention}")
    for which, found in (("earlier", before), ("later", after)):
        if reason is None and found.refused is not None:
            reason = f"{which} film: {found.refused}"
    if reason is not None:
        return Measurement(*about, refused=reason)
    assert before.value is not None
    assert after.value is not None
    error = math.hypot(before.uncertainty or 0.0, after.uncertainty or 0.0)
    return Measurement(
        *about,
        after.value - before.value,
        error,
        after.figure,
        _scales(before.scale_source, after.scale_source),
        note=after.note or before.note,
    )


def _scales(before: str, after: str) -> str:
    return after if before == after else f"earlier: {before}; later: {after}"


def _migration(earlier: Scene, later: Scene, reason: str | None) -> list[Measurement]:
    """Return shift (two directions) and tilt of the tibial component within the tibia."""
    aside = "medial" if later.film.view == "ap" else "posterior"
    way = "its medial side down (varus)" if aside == "medial" else "its posterior side down (slope)"
    about = [
        (f"migration_{aside}", "mm", f"tray's middle moved {aside} within the tibia"),
        ("migration_distal", "mm", "tray's middle moved distally within the tibia (subsidence)"),
        ("migration_tilt", "deg", f"component turned within the tibia, positive with {way}"),
    ]
    try:
        if reason is not None:
            raise NotMeasurable(reason)
        values, errors = migration(earlier, later)
        source = _scales(earlier.scale.source, later.scale.source)
    except NotMeasurable as why:
        return [Measurement(*a, refused=str(why)) for a in about]
    sources = (source, source, "")
    found = zip(about, values, errors, sources, strict=True)
    how = REGISTRATION_ERROR
    return [Measurement(*a, v, e, scale_source=s, uncertainty_method=how) for a, v, e, s in found]


def migration(earlier: Scene, later: Scene) -> tuple[list[float], list[float]]:
    """Return [aside mm, distal mm, tilt deg] of the component within the tibia, and the errors.

    Raises:
        NotMeasurable: no scale, no component, no bone to register, or contours that do not match.
    """
    bone = register(bone_shape(earlier), bone_shape(later), "tibia")
    component = register(component_shape(earlier), component_shape(later), "tibial component")
    # The frame's origin is the earlier tray's middle: there both motions are compared.
    shift = component.shift - bone.shift
    tilt = -math.degrees(component.angle - bone.angle)
    variance = np.diag(bone.covariance) + np.diag(component.covariance)
    errors = np.sqrt(variance[[1, 2, 0]]) * (1, 1, math.degrees(1))
    return [float(shift[0]), float(-shift[1]), tilt], errors.tolist()


def component_shape(scene: Scene) -> Shape:
    """Return the tibial component's contour in the anatomical frame."""
    return _shape(scene, scene.contour_of("tibial_component"))


def bone_shape(scene: Scene) -> Shape:
    """Return the contours of tibia and fibula in the anatomical frame, away from the component."""
    found = [scene.contour_of("tibia")]
    if scene.film.has("fibula"):
        fibula = outline(solid(scene.film.field("fibula")), scene.plane)
        found.append(fibula.keep(scene.plane.inside(fibula.points)))
    both = Contour(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    gap = KDTree(scene.contour_of("tibial_component").points).query(both.points)[0]
    return _shape(scene, both.keep(gap > CLEAR_PX * scene.plane.step))


def _shape(scene: Scene, contour: Contour) -> Shape:
    proximal = -scene.shaft("tibia").line.direction
    frame = np.stack([scene.side_of(proximal), proximal], 1)
    tray = scene.tray
    middle = tray.point + _half_way(scene, tray.direction) * tray.direction
    points = (contour.points - middle) @ frame * scene.scale.mm
    size = scene.scale.mm * scene.plane.step
    return Shape(points, contour.normals @ frame, size, scene.scale.mm * scene.plane.edge_error)


def _half_way(scene: Scene, along: np.ndarray) -> float:
    u = (scene.contour_of("tibial_component").points - scene.tray.point) @ along
    return float(u.max() + u.min()) / 2


def register(earlier: Shape, later: Shape, name: str) -> Motion:
    """Return the rigid motion that lays the earlier contour onto the later one.

    min sum rho(n(q) . (R x + t - q)), q the later point nearest to R x + t.

    Raises:
        NotMeasurable: fewer than 20 points, or contours that stay apart.
    """
    if min(len(earlier.points), len(later.points)) < 20:
        raise NotMeasurable(
            f"too little contour of the {name} to register the two films; check the masks"
        )
    tree, step = KDTree(later.points), max(earlier.step, later.step)

    def apart(motion: np.ndarray) -> np.ndarray:
        moved = earlier.points @ _rotation(motion[0]).T + motion[1:]
        nearest = tree.query(moved)[1]
        return ((moved - later.points[nearest]) * later.normals[nearest]).sum(1)

    # Radians beside millimetres: one unit of each should move the contour alike.
    scale = (1 / float(np.linalg.norm(earlier.points, axis=1).mean()), 1.0, 1.0)
    motion = np.zeros(3)
    # From coarse to fine: a loss as narrow as a pixel has no slope where contours lie apart.
    for width in (8, 2, 0.5):
        found = optimize.least_squares(
            apart, motion, loss="cauchy", f_scale=width * step, x_scale=scale, diff_step=1e-4
        )
        motion = found.x
    typical = 1.4826 * float(np.median(np.abs(apart(found.x))))
    if typical > MOST_RESIDUAL_PX * step:
        raise NotMeasurable(
            f"the two contours of the {name} stay {typical:.1f} mm apart after registration: other "
            "projection or other implant; compare films taken alike"
        )
    spread = math.hypot(typical, earlier.error, later.error)
    covariance = spread**2 * BLOCK / 2 * np.linalg.pinv(found.jac.T @ found.jac)
    return Motion(float(found.x[0]), found.x[1:], covariance + _hidden(earlier, later))


def _hidden(earlier: Shape, later: Shape) -> np.ndarray:
    """Return what digitisation may hide where both contours run along the grid, [3, 3]."""
    error = math.hypot(earlier.error, later.error)
    extent = float(np.linalg.norm(np.ptp(later.points, axis=0)))
    return np.diag([error / extent, error / 3, error / 3]) ** 2


def _rotation(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s], [s, c]])
