"""What is simulated of a knee: ranges in physical units, as in `fluorojax.simulation.spec`.

Free of jax, so that configurations can hold these fields before its flags are set.
"""

import dataclasses
from typing import Any

from fluorojax.core.errors import InputError
from fluorojax.schema.limits import Range, number, rate, uniform
from fluorojax.simulation.knee.models import ImplantFolder
from fluorojax.simulation.spec import Checked, like, side

# ruff: noqa: RUF009, the fields below are made by functions on purpose


def share(value: float) -> Any:
    """How often this comes, compared with its siblings: only the ratio of shares counts."""
    return number(value, 0.0, 1000.0)


@dataclasses.dataclass(frozen=True)
class KneeSpec(Checked):
    """What is simulated: pairs are uniform ranges, rates are probabilities of a film.

    A pytree (see `fluorojax.simulation.draw`): a jitted function can take it as an argument.

    Raises:
        InputError: a value out of its limits; the message names the field and the limits.
    """

    height: int = side(256)  # pixels
    width: int = side(256)  # pixels
    implants: ImplantFolder | None = None  # of total knees in space; None: shapes of no maker
    field_mm: Range = uniform(220.0, 300.0, 100.0, 500.0)  # width, in the plane of the knee
    short_rate: float = rate(0.1)  # `short_field_mm` instead: the shafts end soon
    short_field_mm: Range = uniform(150.0, 190.0, 100.0, 500.0)  # width of these films
    magnification: Range = uniform(1.05, 1.2, 1.0, 2.0)  # detector over knee plane; changes no mm

    # The beam and the detector.
    energy_kev: Range = like("energy_kev", 42.0, 54.0)  # effective, behind the knee
    scatter_ratio: Range = like("scatter_ratio", 0.1, 0.6)  # scattered over primary
    quanta: Range = like("quanta", 800.0, 6000.0)  # a pixel, at the knee's mean
    focus_mm: Range = like("focus_mm", 0.05, 0.35)  # blur before the noise, s.d.: focal spot
    blur_px: Range = like("blur_px", 0.35, 0.7)  # blur after the noise, s.d.
    glare: Range = like("glare", 0.0, 0.2)  # share of the light that spreads by `glare_mm`
    glare_mm: Range = like("glare_mm", 0.3, 0.8)  # s.d.: light in the phosphor

    # The film as it comes.
    brightness: Range = like("brightness", 0.42, 0.58)  # grey of the knee's mean
    window: Range = like("window", 0.15, 0.24)  # grey of one s.d. of the logarithm
    gamma: Range = like("gamma", 0.8, 1.3)  # exponent of the grey value
    sigmoid_rate: float = rate(0.7)  # shown through a sigmoid; others are clipped by the window
    dark_bone_rate: float = rate(0.15)  # dense is dark; the margins turn white with it
    white_shutter_rate: float = rate(0.1)  # the collimator's margins are the other shade
    round_rate: float = rate(0.02)  # the collimator opens a circle
    blades_rate: float = rate(0.3)  # the collimator opens a turned rectangle
    border_rate: float = rate(0.1)  # a white border of `border_share` of the width around
    border_share: Range = uniform(0.01, 0.05, 0.0, 0.1)  # of the film's width
    marker_rate: float = rate(0.7)  # a lead letter, L or R
    ball_rate: float = rate(0.1)  # a steel ball for calibration, in the plane of the knee
    ball_mm: Range = uniform(25.0, 25.4, 5.0, 50.0)  # its diameter
    linear_rate: float = rate(0.0)  # fluoroscopy: grey is the signal itself, and air saturates
    metal_limit: Range = uniform(4.5, 4.5, 0.5, 10.0)  # most of a metal's line integral: hardening
    gradient: Range = uniform(0.0, 0.0, 0.0, 2.0)  # logarithm of brightness, from rim to rim
    shading: Range = uniform(0.0, 0.0, 0.0, 1.0)  # s.d. of what else is uneven, of the logarithm
    clutter_rate: float = rate(0.0)  # each of six: a staple, screw, cable or wire of metal
    text_rate: float = rate(0.0)  # letters burnt in near a corner
    narrow_rate: float = rate(0.0)  # narrower or lower than the frame, whose rest repeats its edge
    narrow_share: Range = uniform(0.55, 0.95, 0.2, 1.0)  # the smaller side over the larger
    photo_rate: float = rate(0.04)  # a photograph of a monitor: keystone, shading, moire
    keystone: Range = uniform(-0.06, 0.06, -0.2, 0.2)  # change of scale over half the frame

    # The view.
    lateral_rate: float = rate(0.5)  # lateral, not antero-posterior
    right_rate: float = rate(0.5)  # a right knee
    mirrored_rate: float = rate(0.5)  # of lateral films: the patella points to the right
    turned_rate: float = rate(0.0)  # by any angle, instead of `rotation_degrees`
    rotation_degrees: Range = uniform(-6.0, 6.0, -20.0, 20.0)  # of the leg in the film
    shift_mm: Range = uniform(-12.0, 12.0, -60.0, 60.0)  # of the joint from the middle
    shift_share: Range = uniform(0.0, 0.0, -0.5, 0.5)  # more of it, of the frame's width
    flexion_degrees: Range = uniform(0.0, 30.0, 0.0, 60.0)  # in lateral views
    girth_mm: Range = uniform(-6.0, 14.0, -15.0, 60.0)  # how much farther the skin is than usual
    size: Range = uniform(0.88, 1.12, 0.6, 1.5)  # of the knee; 1 is a tibial plateau 73 mm wide

    # A knee in space, seen from anywhere, as in fluoroscopy (see `simulation.knee.oblique`).
    oblique_rate: float = rate(0.0)
    fluoroscopy_rate: float = rate(0.5)  # of these: shown as fluoroscopy is (see `fluoroscopic`)
    oblique_degrees: Range = uniform(-45.0, 45.0, -180.0, 180.0)  # around the leg
    sideways_rate: float = rate(0.65)  # from either side, not from the front
    tilt_degrees: Range = uniform(-20.0, 20.0, -60.0, 60.0)  # of the beam, up or down the leg
    oblique_flexion_degrees: Range = uniform(0.0, 115.0, -10.0, 140.0)  # of a knee in space
    generic_rate: float = rate(
        0.35
    )  # of total knees in space: shapes of no maker beside `implants`

    # What was implanted: shares, of which only the ratio counts.
    native_share: float = share(0.2)  # no implant
    cr_share: float = share(0.25)  # cruciate retaining
    ps_share: float = share(0.25)  # posterior stabilised
    uka_share: float = share(0.15)  # unicompartmental
    revision_share: float = share(0.15)  # with stems
    uka_lateral_rate: float = rate(0.15)  # of unicompartmental ones
    hinge_rate: float = rate(0.4)  # of revisions
    patella_rate: float = rate(0.5)  # of total ones: patella resurfaced

    # How it was implanted. Angles as defined in `fluorojax.simulation.knee.knee`.
    alpha_degrees: Range = uniform(91.0, 101.0, 80.0, 110.0)  # of the femoral component, AP
    beta_degrees: Range = uniform(85.0, 95.0, 75.0, 105.0)  # of the tibial tray, AP
    gamma_degrees: Range = uniform(82.0, 98.0, 70.0, 110.0)  # of the femoral component, lateral
    sigma_degrees: Range = uniform(79.0, 92.0, 65.0, 105.0)  # of the tibial tray, lateral
    thickness_mm: Range = uniform(6.0, 14.0, 3.0, 25.0)  # of polyethylene, mean of both sides
    tilt_mm: Range = uniform(-3.0, 3.0, -5.0, 5.0)  # medial less lateral; neither below 2 mm
    joint_space_mm: Range = uniform(1.0, 6.0, 0.2, 12.0)  # of a native compartment, each its own
    overhang_mm: Range = uniform(-3.0, 3.0, -8.0, 8.0)  # of the tray over the tibia, each side
    cement_rate: float = rate(0.85)  # cemented
    cement_mm: Range = uniform(0.8, 2.5, 0.0, 5.0)  # thickness of the mantle
    lucency_rate: float = rate(0.3)  # has radiolucent lines
    zone_rate: float = rate(0.4)  # of those films: this zone has one
    lucency_mm: Range = uniform(0.5, 3.0, 0.0, 6.0)  # its width
    osteophyte_rate: float = rate(0.35)  # at each place of a native compartment; half elsewhere
    osteophyte_mm: Range = uniform(2.0, 7.0, 0.5, 15.0)  # how far one stands out

    def __post_init__(self) -> None:
        """Check every number; while JAX traces, there is nothing to check."""
        super().__post_init__()
        shares = [getattr(self, name) for name in SHARES]
        # What JAX traces has no sum that could be looked at.
        if all(isinstance(number, int | float) for number in shares) and sum(shares) <= 0:
            raise InputError(f"simulation: {', '.join(SHARES)} are all 0; give one a share")

    @property
    def pixel_mm(self) -> Range:
        """Range of the pixel size in mm, in the plane of the knee."""
        low = min(self.field_mm[0], self.short_field_mm[0])
        high = max(self.field_mm[1], self.short_field_mm[1])
        return (low / self.width, high / self.width)


# In the order of `fluorojax.simulation.knee.knee.TYPES`.
SHARES = ("native_share", "cr_share", "ps_share", "uka_share", "revision_share")
KNEE = KneeSpec()
"""Films as a trained radiographer takes them of a standing patient, one like the other."""
WIDE = KneeSpec(
    field_mm=(130.0, 420.0),
    energy_kev=(40.0, 66.0),
    scatter_ratio=(0.1, 1.2),
    quanta=(300.0, 6000.0),
    focus_mm=(0.05, 0.6),
    blur_px=(0.35, 1.0),
    brightness=(0.34, 0.62),
    window=(0.12, 0.26),
    gamma=(0.7, 1.5),
    dark_bone_rate=0.35,
    white_shutter_rate=0.2,
    round_rate=0.2,
    blades_rate=0.25,
    border_rate=0.2,
    ball_rate=0.2,
    linear_rate=0.2,
    metal_limit=(0.9, 4.5),
    gradient=(0.0, 1.4),
    shading=(0.0, 0.15),
    clutter_rate=0.12,
    text_rate=0.3,
    narrow_rate=0.4,
    photo_rate=0.12,
    turned_rate=0.2,
    rotation_degrees=(-12.0, 12.0),
    shift_mm=(-15.0, 15.0),
    shift_share=(-0.15, 0.15),
    flexion_degrees=(0.0, 60.0),
    girth_mm=(-8.0, 30.0),
    size=(0.85, 1.15),
    oblique_rate=0.4,
)
"""Films as they come, fluoroscopy among them.

`benchmarks/studies/knee_look.py` puts them beside a folder of real ones.
"""
