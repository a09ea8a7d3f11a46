import dataclasses
import math

import pytest

from fluorojax.core.errors import InputError
from fluorojax.schema.limits import Pair, limits_of
from fluorojax.simulation.spec import ERCP, Spec, drawn


@pytest.mark.parametrize("field", drawn(Spec), ids=lambda field: field.name)
def test_every_field_out_of_its_limits_is_refused_by_name(field):
    limits = limits_of(field)
    pair = isinstance(limits, Pair)
    each = limits.each if pair else limits
    for wrong in (each.low - 1.0, each.high + 1.0, math.nan, math.inf):
        with pytest.raises(InputError, match=rf"simulation\.{field.name} is"):
            Spec(**{field.name: (wrong, wrong) if pair else wrong})
    assert limits.problem(field.default) == ""


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"wire_diameter_mm": (-0.9, 0.9)}, "wire_diameter_mm .* must lie in 0.1 to 10"),
        ({"quanta": (0.0, 300.0)}, "quanta .* must lie in 10 to"),
        ({"quanta": (900.0, 300.0)}, "quanta .* the smaller number comes first"),
        ({"quanta": 300.0}, "quanta is 300.0; write two numbers, low and high"),
        ({"quanta": (300.0,)}, "quanta .* write two numbers"),
        ({"lead_rate": (0.0, 1.0)}, "lead_rate .* write one number"),
        ({"quanta": "many"}, "quanta is 'many'; write two numbers"),
        ({"height": 0}, "height is 0; it must lie in 16 to"),
        ({"width": 100.5}, "width is 100.5; write one whole number"),
    ],
)
def test_the_message_says_how_to_mend_it(fields, message):
    with pytest.raises(InputError, match=message):
        Spec(**fields)


def test_replacing_a_field_checks_it_too():
    with pytest.raises(InputError, match="scope_diameter_mm"):
        dataclasses.replace(ERCP, scope_diameter_mm=(-12.0, 12.0))


def test_the_field_of_view_stays_when_the_pixels_change():
    fine = dataclasses.replace(ERCP, height=768, width=768)
    assert [mm / 4 for mm in ERCP.pixel_mm] == pytest.approx(fine.pixel_mm)
