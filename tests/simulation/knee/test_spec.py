import dataclasses
import math

import pytest

from fluorojax.core.errors import InputError
from fluorojax.schema.limits import Pair, limits_of
from fluorojax.simulation.knee.spec import KNEE, SHARES, WIDE, KneeSpec
from fluorojax.simulation.spec import Spec, drawn


@pytest.mark.parametrize("field", drawn(KneeSpec), ids=lambda field: field.name)
def test_every_field_out_of_its_limits_is_refused_by_name(field):
    limits = limits_of(field)
    pair = isinstance(limits, Pair)
    each = limits.each if pair else limits
    for wrong in (each.low - 1.0, each.high + 1.0, math.nan, math.inf):
        with pytest.raises(InputError, match=rf"simulation\.{field.name} is"):
            KneeSpec(**{field.name: (wrong, wrong) if pair else wrong})
    assert limits.problem(field.default) == ""


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"beta_degrees": (95.0, 85.0)}, "beta_degrees .* the smaller number comes first"),
        ({"beta_degrees": 90.0}, "beta_degrees is 90.0; write two numbers, low and high"),
        ({"uka_share": (0.0, 1.0)}, "uka_share .* write one number"),
        ({"cement_mm": "thick"}, "cement_mm is 'thick'; write two numbers"),
        ({"height": 8}, "height is 8; it must lie in 16 to"),
        (dict.fromkeys(SHARES, 0.0), "native_share, .* are all 0; give one a share"),
    ],
)
def test_the_message_says_how_to_mend_it(fields, message):
    with pytest.raises(InputError, match=message):
        KneeSpec(**fields)


def test_the_pixel_lies_between_the_smallest_and_the_largest_field():
    assert KNEE.pixel_mm == pytest.approx((150.0 / 256, 300.0 / 256))
    assert dataclasses.replace(KNEE, width=512).pixel_mm[0] == pytest.approx(150.0 / 512)


def test_films_as_they_come_are_wider_in_everything():
    for field in drawn(KneeSpec):
        wide, narrow = getattr(WIDE, field.name), getattr(KNEE, field.name)
        if isinstance(wide, tuple) and wide != narrow:
            assert wide[1] - wide[0] > narrow[1] - narrow[0], field.name


def test_what_both_specs_have_of_beam_and_display_has_the_same_limits():
    ours, theirs = ({f.name: limits_of(f) for f in drawn(kind)} for kind in (KneeSpec, Spec))
    shared = {"energy_kev", "quanta", "blur_px", "glare", "window", "gamma"}
    assert all(ours[name] == theirs[name] for name in shared)
