import math
from pathlib import Path

import pytest

from fluorojax.config import fields, validate
from fluorojax.config.fields import every_field
from fluorojax.configs import base
from fluorojax.core.errors import InputError
from fluorojax.losses import terms
from fluorojax.schema.limits import Number, Pair, limits_of
from fluorojax.simulation import spec

NUMBERS = {
    name: limits_of(field)
    for name, field in every_field().items()
    if isinstance(limits_of(field), Number | Pair)
}


def refusal(name, value):
    """Return what is said of a configuration in which one field has another value."""
    config = base.get_config("quick")
    with config.ignore_type():
        config.update_from_flattened_dict({name: value})
    with pytest.raises(InputError) as error:
        validate(config, base.get_config())
    return str(error.value)


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_has_two_limits_and_nothing_beyond_passes(name):
    limits = NUMBERS[name]
    pair = isinstance(limits, Pair)
    each = limits.each if pair else limits
    assert math.isfinite(each.low)
    assert math.isfinite(each.high)
    wrong = [each.low - 1, each.high + 1, math.nan, math.inf, -math.inf, "many", None]
    for value in [*wrong, 1.5, True] if each.whole else wrong:
        assert f"- {name} is " in refusal(name, (value, value) if pair else value)


@pytest.mark.parametrize("name", every_field())
def test_the_usual_value_lies_within_its_limits(name):
    field = every_field()[name]
    assert limits_of(field).problem(field.default) == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("augment.rotation_degrees", (math.nan, math.nan)),
        ("augment.rotation_degrees", (-200.0, 200.0)),
        ("training.learning_rate", math.inf),
        ("augment.elastic_px", 400.0),
        ("augment.blur_px", (0.3, 8.0)),
        ("model.depth", 4.0),
        ("model.remat", "yes"),
        ("loss.classes", "wire=1e3"),
        ("evaluation.min_component_px", "wire=-3"),
    ],
)
def test_what_once_passed_is_refused(name, value):
    assert f"- {name} is " in refusal(name, value)


def test_sections_of_the_base_have_these_fields_and_the_simulation_s():
    config = base.get_config()
    assert {"simulation", *(name.split(".")[0] for name in every_field())} == set(config)


def test_every_field_has_a_comment():
    files = (fields, terms, spec)  # the loss's and what is simulated have their comments there
    lines = [line for file in files for line in Path(file.__file__).read_text().splitlines()]
    for name in (*every_field(), *base.simulation()):
        leaf = name.rsplit(".", 1)[-1]
        field = (f"    {leaf}: ", f'    "{leaf}": ', f'{{"{leaf}": ')
        at = next(n for n, line in enumerate(lines) if any(text in line for text in field))
        above = lines[at - 1].strip()
        assert "  # " in lines[at] or "  # " in above or above.startswith("# "), leaf
