"""What is simulated: ranges in physical units, and two procedures that come ready.

The knee's own spec (`fluorojax.simulation.knee.spec`) is made of the same fields and checks;
`fluorojax.config.procedures` has the table of all. Free of jax, so that configurations can hold
these fields before its flags are set.
"""

import dataclasses
from numbers import Real
from typing import Any

from fluorojax.core.errors import InputError
from fluorojax.schema.limits import Pair, Range, limits_of, number, rate, uniform, whole

# ruff: noqa: RUF009, the fields below are made by functions on purpose
NOT_DRAWN = ("height", "width", "implants")
"""Fields of specs that are no ranges: a jitted function is compiled anew for each value."""


def side(pixels: int) -> Any:
    """Make a field of a frame's height or width in pixels."""
    return whole(pixels, 16, 16_384)


class Checked:
    """What all specs are: refused where a number is out of its limits."""

    def __post_init__(self) -> None:
        """Check every number; while JAX traces, there is nothing to check."""
        check(self)


@dataclasses.dataclass(frozen=True)
class Spec(Checked):
    """What is simulated: pairs are uniform ranges, rates are probabilities of a frame.

    A pytree (see `fluorojax.simulation.draw`): a jitted function can take it as an argument.

    Raises:
        InputError: a value out of its limits; the message names the field and the limits.
    """

    height: int = side(192)  # pixels
    width: int = side(192)  # pixels
    field_mm: Range = uniform(125.0, 150.0, 20.0, 500.0)  # width of the frame, where the wire is

    # The beam and the detector.
    energy_kev: Range = uniform(52.0, 64.0, 40.0, 80.0)  # effective, behind the patient
    scatter_ratio: Range = uniform(0.3, 1.5, 0.0, 5.0)  # scattered over primary
    quanta: Range = uniform(300.0, 3000.0, 10.0, 1e6)  # a pixel, at the frame's mean
    focus_mm: Range = uniform(0.05, 0.25, 0.0, 3.0)  # blur before the noise, s.d.: focal spot
    blur_px: Range = uniform(0.45, 0.8, 0.0, 4.0)  # blur after the noise, s.d.: the electronics
    glare: Range = uniform(0.0, 0.4, 0.0, 0.95)  # share of the light that spreads by `glare_mm`
    glare_mm: Range = uniform(0.3, 0.4, 0.0, 5.0)  # s.d.: light in scintillator or intensifier
    lag: Range = uniform(0.0, 0.25, 0.0, 0.9)  # share of the frame before in this one
    frame_rate: Range = uniform(7.5, 30.0, 1.0, 60.0)  # frames a second
    exposure_ms: Range = uniform(4.0, 20.0, 0.1, 200.0)  # of a frame: what moves is smeared

    # The monitor.
    linear_rate: float = rate(0.0)  # grey is the signal itself, not its logarithm
    brightness: Range = uniform(0.5, 0.65, 0.05, 0.95)  # grey of the mean signal
    window: Range = uniform(0.16, 0.26, 0.02, 2.0)  # grey of one s.d. (of the logarithm)
    gamma: Range = uniform(0.8, 1.25, 0.2, 5.0)  # exponent of the grey value
    inverted_rate: float = rate(0.05)  # dense is bright
    round_rate: float = rate(0.35)  # the collimator opens a circle
    blades_rate: float = rate(0.25)  # the collimator opens a turned rectangle

    # The patient.
    limb_rate: float = rate(0.0)  # a limb with long bones and air around, not the trunk
    breathing_mm: Range = uniform(4.0, 16.0, 0.0, 60.0)  # way of diaphragm and what hangs on it
    breathing_s: Range = uniform(3.0, 6.0, 0.5, 30.0)  # period
    duct_fill_rate: float = rate(0.35)  # contrast medium in the ducts the wire follows
    duct_diameter_mm: Range = uniform(5.0, 9.0, 1.0, 30.0)  # at the papilla, before it tapers
    gallbladder_rate: float = rate(0.3)  # where ducts are filled

    # The instruments.
    scope_diameter_mm: Range = uniform(11.0, 13.5, 2.0, 40.0)  # of the tube
    scope_loop_radius_mm: Range = uniform(22.0, 36.0, 10.0, 100.0)  # C-loop, through the duodenum
    scope_loop_degrees: Range = uniform(70.0, 200.0, 1.0, 270.0)  # how far it turns
    tool_rate: float = rate(0.0)  # a straight thick metal tool, not an endoscope
    tool_diameter_mm: Range = uniform(6.0, 40.0, 1.0, 80.0)  # behind its narrower tip
    wire_diameter_mm: Range = uniform(0.85, 0.95, 0.1, 10.0)  # 0.035 inch is 0.89 mm
    wire_length_mm: Range = uniform(50.0, 120.0, 1.0, 300.0)  # outside; a pin's: log-uniform
    wire_loop_rate: float = rate(0.2)  # the wire crosses itself
    pin_rate: float = rate(0.0)  # the wire is a straight steel pin
    wire_advance_mm_s: Range = uniform(-4.0, 12.0, -50.0, 50.0)  # pushed on, in a sequence
    # Least width of the wire's label: it must stay in one piece.
    wire_label_px: float = number(2.5, 1.0, 20.0)
    counter_example_rate: float = rate(0.08)  # in equal parts: left behind, free wire, no wire
    # The same of frames to learn from and to choose by: what is rare must be seen often enough.
    learned_counter_rate: float = rate(0.3)

    # What is neither instrument nor patient.
    lead_rate: float = rate(0.25)  # a cable on the skin: thin, but no guidewire
    clip_rate: float = rate(0.2)  # a handful of surgical clips
    table_rate: float = rate(0.2)  # a straight edge of table or drape

    @property
    def pixel_mm(self) -> Range:
        """Range of the pixel size in mm, in the plane of the instruments."""
        return (self.field_mm[0] / self.width, self.field_mm[1] / self.width)


def drawn(spec: Any) -> list[dataclasses.Field[Any]]:
    """Return the fields of a spec, or of its class, that are ranges and rates."""
    return [field for field in dataclasses.fields(spec) if field.name not in NOT_DRAWN]


def check(spec: Any) -> None:
    """Refuse a spec no frame can be made from; the message names the field.

    Raises:
        InputError: a field is no number, no pair where it should be one, or out of its limits.
    """
    for field in dataclasses.fields(spec):
        if field.name == "implants":  # no number
            continue
        value = getattr(spec, field.name)
        if not _is_traced(value) and (problem := limits_of(field).problem(value)):
            raise InputError(f"simulation.{field.name} {problem}")


def _is_traced(value: Any) -> bool:
    """Say whether JAX stands in for the numbers: then there is nothing to check."""
    numbers = value if isinstance(value, tuple | list) else (value,)
    return not all(isinstance(number, Real | str) for number in numbers)


def like(name: str, low: float, high: float) -> Any:
    """Make a range with the limits of the `Spec`'s field of that name."""
    limits = next(limits_of(field) for field in drawn(Spec) if field.name == name)
    assert isinstance(limits, Pair)
    return uniform(low, high, limits.each.low, limits.each.high)


ERCP = Spec()
# Hip surgery under a C-arm: a pin that leaves a drill or guide, bones and air. Beam, detector and
# monitor are set by `benchmarks/studies/fluoroscopy_look.py`, at 1024 px: quanta are a pixel's. The
# display is logarithmic: noise of the real frames falls with grey (s.d. ~ grey^-0.4), where a
# linear display lets it rise (grey^0.5).
CARM = Spec(
    field_mm=(150.0, 168.0),
    energy_kev=(56.0, 66.0),
    scatter_ratio=(0.5, 1.2),
    quanta=(75.0, 105.0),
    focus_mm=(0.0, 0.08),
    blur_px=(0.538, 0.552),
    glare=(0.66, 0.69),
    glare_mm=(0.34, 0.37),
    lag=(0.0, 0.1),
    brightness=(0.43, 0.5),
    window=(0.29, 0.33),
    gamma=(0.88, 0.98),
    inverted_rate=0.0,
    round_rate=0.7,
    blades_rate=0.3,
    limb_rate=1.0,
    duct_fill_rate=0.0,
    tool_rate=1.0,
    wire_diameter_mm=(1.6, 3.0),
    wire_length_mm=(3.0, 110.0),
    pin_rate=1.0,
    counter_example_rate=0.35,
    learned_counter_rate=0.35,
    table_rate=0.5,
)
