"""What makes a method is what the five methods' own configurations set."""

import json

import pytest

from fluorojax.compare.configurations import (
    CIRCUMSTANCES,
    MENDING,
    METHOD_FIELDS,
    differing,
    fields_of,
)
from fluorojax.config import flatten
from fluorojax.configs import base, cascade, joint, multi, separate, single
from fluorojax.core.errors import InputError

METHODS = (single, multi, separate, cascade, joint)


def recorded(config):
    return json.loads(config.to_json())


@pytest.mark.parametrize("variant", ["", "quick"])
def test_the_fields_of_a_method_are_those_that_the_five_set(variant):
    usual = flatten(base.get_config(variant))
    configs = [flatten(method.get_config(variant)) for method in METHODS]
    before = {f"evaluation.{name}" for name in MENDING}
    assert set(METHOD_FIELDS) - before == {
        name for of in configs for name, value in of.items() if value != usual[name]
    }


def test_the_five_differ_in_nothing_else_and_a_seed_is_free():
    fields = [fields_of(recorded(method.get_config("quick"))) for method in METHODS]
    for ours in fields:
        assert differing(ours | {"seed": 7}, fields[0], one_method=False) == []
    assert [name for name, *_ in differing(fields[1], fields[0], one_method=True)] == [
        "method",
        "model.labels",
    ]


FREE = {*METHOD_FIELDS, *CIRCUMSTANCES, "seed"}
TOLD = sorted(fields_of(recorded(joint.get_config("quick"))).keys() - FREE)


@pytest.mark.parametrize("name", TOLD)
def test_every_other_field_is_told(name):
    ours = fields_of(recorded(joint.get_config("quick")))
    found = differing(ours | {name: "other"}, ours, one_method=False)
    assert found == [(name, "other", ours[name])]


@pytest.mark.parametrize("name", CIRCUMSTANCES)
def test_where_and_how_fast_is_free(name):
    ours = fields_of(recorded(joint.get_config("quick")))
    assert name in ours
    assert differing(ours | {name: "other"}, ours, one_method=True) == []


def test_a_field_that_came_later_has_its_usual_value():
    record = recorded(joint.get_config("quick"))
    del record["model"]["patch"], record["loss"]["dice_smooth"]
    assert differing(fields_of(record), fields_of(recorded(joint.get_config("quick"))), True) == []
    record["model"]["feedback"] = record["model"].pop("gradient_scale")  # its name in 0.1
    assert fields_of(record)["model.gradient_scale"] == 0.1


def test_what_a_term_without_weight_would_need_changes_nothing():
    ours, theirs = (recorded(separate.get_config("quick")) for _ in range(2))
    theirs["loss"]["focal_gamma"] = 1.0
    assert differing(fields_of(ours), fields_of(theirs), one_method=True) == []
    ours["loss"]["focal"] = theirs["loss"]["focal"] = 0.5
    assert [n for n, *_ in differing(fields_of(ours), fields_of(theirs), one_method=True)] == [
        "loss.focal_gamma"
    ]


@pytest.mark.parametrize("config", [{"loss": {"dice": 1, "dice.x": 2}}, {"model": {1: 2}}])
def test_a_damaged_configuration_is_refused(config):
    with pytest.raises(InputError, match="the configuration is damaged"):
        fields_of(config)
