"""Measurements of a knee film from its masks: angles, millimetres, lucencies, each or its refusal.

Which angle is between which lines (Ewald 1989, Knee Society; Greek letters to lines as recalled):
the convention is stored with every value. Bone axes are midlines of the shafts on this film; the
figure does not know the implant's rotation.
"""

import dataclasses
from typing import Any

from fluorojax.knee.measure import joint, long_leg, zones
from fluorojax.knee.measure.film import KneeFilm
from fluorojax.knee.measure.fits import LineFit, face
from fluorojax.knee.measure.plane import quarter_turn
from fluorojax.knee.measure.reading import Reading, Spec, angle, measured
from fluorojax.knee.measure.result import Measurement, NotMeasurable, Tolerances, rows
from fluorojax.knee.measure.scene import Bone, Scene
from fluorojax.knee.measure.settings import KneeSettings


@dataclasses.dataclass(frozen=True)
class KneeReport:
    """All measurements of one film, refused ones among them, in a fixed order."""

    film: KneeFilm
    measurements: tuple[Measurement, ...]

    def __getitem__(self, name: str) -> Measurement:
        """Return the measurement of a name."""
        for found in self.measurements:
            if found.name == name:
                return found
        raise KeyError(f"{name}: not measured on this film; there are {self.names()}")

    def names(self) -> list[str]:
        """Return all names, in order."""
        return [m.name for m in self.measurements]

    def rows(self, tolerances: Tolerances | None = None) -> list[dict[str, Any]]:
        """Return one plain dict a measurement, ready for CSV and JSON."""
        about = {"view": self.film.view, "side": self.film.side or ""}
        return [about | row for row in rows(self.measurements, tolerances)]


def measure_knee(film: KneeFilm, settings: KneeSettings | None = None) -> KneeReport:
    """Measure all that the film's view allows.

    Nothing is raised for what cannot be read: it is a refused `Measurement` with its reason.

    Args:
        film: masks and what is known of the film.
        settings: how lines are found; None: the defaults.
    """
    scene = Scene(film, settings or KneeSettings())
    return KneeReport(film, tuple(measured(spec, scene) for spec in specs(scene)))


def specs(scene: Scene) -> list[Spec]:
    """Return what is measured in the film's view and for its kind of implant."""
    native = not (scene.has_component("femur") or scene.has_component("tibia"))
    if scene.film.view == "lateral":
        angles = [] if native else [GAMMA]
        angles += [SLOPE] if scene.partial else [SIGMA]
        return angles + ([] if native else zones.specs("lateral"))
    angles = [UKA_FEMUR, UKA_TIBIA] if scene.partial else [ALPHA, BETA]
    found = angles + long_leg.specs() + joint.specs(native)
    return found if native else found + zones.specs("ap")


def component_angle(scene: Scene, bone: Bone, line: LineFit) -> Reading:
    """Return the angle from a bone's axis, away from the knee, to a line on the scene's side."""
    axis = scene.shaft(bone).line
    return angle(scene, axis, line.towards(scene.side_of(scene.proximal(bone))))


def alpha(scene: Scene) -> Reading:
    """Return the coronal femoral angle."""
    scene.shaft("femur")
    return component_angle(scene, "femur", scene.condyles)


def beta(scene: Scene) -> Reading:
    """Return the coronal tibial angle; the lateral view's sigma is the same with posterior."""
    scene.shaft("tibia")
    return component_angle(scene, "tibia", scene.tray)


def gamma(scene: Scene) -> Reading:
    """Return the sagittal femoral angle."""
    scene.shaft("femur")
    flat, most = scene.distal_flat, scene.settings.most_error_deg
    if flat.error_deg > most:
        raise NotMeasurable(
            f"too little of the femoral component's distal flat is seen: {flat.length():.1f} "
            f"{scene.plane.unit} leave its direction uncertain by {flat.error_deg:.1f} degrees, "
            f"{most:g} are allowed; take a film of higher resolution"
        )
    return component_angle(scene, "femur", flat)


def uka_femoral_varus(scene: Scene) -> Reading:
    """Return 90 degrees less the angle of the femoral component's line on the medial side."""
    scene.shaft("femur")
    proximal = scene.proximal("femur")
    contour = scene.contour_of("femoral_component")
    line = face(contour, proximal, scene.plane)
    if line is None or line.length() < 0.4 * abs(
        float((contour.points @ quarter_turn(proximal)).max())
        - float((contour.points @ quarter_turn(proximal)).min())
    ):
        raise NotMeasurable(
            "no straight bone-side face on the femoral component; check its mask, or read it from "
            "the lateral film"
        )
    found = component_angle(scene, "femur", line)
    return found._replace(value=90 - found.value)


def tray_fall(scene: Scene) -> Reading:
    """Return 90 degrees less beta: above 0 where the tray falls medially (lateral: posteriorly)."""
    found = beta(scene)
    return found._replace(value=90 - found.value)


ALPHA = Spec(
    "alpha",
    "deg",
    "coronal femoral angle: femoral midline (proximally) to the tangent of the two most distal "
    "condylar points, on the medial side; ideal 96",
    alpha,
    (75.0, 117.0),
)
BETA = Spec(
    "beta",
    "deg",
    "coronal tibial angle: tibial midline (distally) to the line of the tray's upper flat, which "
    "is parallel to its underside (native: the plateau), on the medial side; ideal 90",
    beta,
    (70.0, 110.0),
)
GAMMA = Spec(
    "gamma",
    "deg",
    "sagittal femoral angle: femoral midline (proximally) to the line along the component's distal "
    "flat (where a box hides it: the box's top), perpendicular to its pegs, on the posterior side; "
    "ideal 90",
    gamma,
    (65.0, 115.0),
)
SIGMA = Spec(
    "sigma",
    "deg",
    "sagittal tibial angle: tibial midline (distally) to the line of the tray's upper flat "
    "(native: the plateau), on the posterior side; ideal 83 to 90; a built-in slope is not added",
    beta,
    (60.0, 110.0),
)
UKA_FEMUR = Spec(
    "uka_femoral_varus",
    "deg",
    "unicompartmental: 90 less the medial angle of femoral midline (proximally) and the "
    "component's bone-side face; varus positive; limits +/- 10 (recalled)",
    uka_femoral_varus,
    (-30.0, 30.0),
)
UKA_TIBIA = Spec(
    "uka_tibial_varus",
    "deg",
    "unicompartmental: 90 less the medial angle of tibial midline (distally) and the tray's line; "
    "varus positive; limits +/- 5 (recalled)",
    tray_fall,
    (-20.0, 20.0),
)
SLOPE = Spec(
    "uka_tibial_slope",
    "deg",
    "unicompartmental: 90 less the posterior angle of tibial midline (distally) and the tray's "
    "line; posterior slope positive; 7 +/- 5 (recalled)",
    tray_fall,
    (-20.0, 30.0),
)
