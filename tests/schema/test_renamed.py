import pytest

from fluorojax.config import flatten, rename_fields, unflatten, with_new_fields, with_new_flags
from fluorojax.configs import base, joint
from fluorojax.models.spec import NetworkSpec
from fluorojax.schema.renamed import FIELDS, KEYS, with_new_names


def test_every_field_has_a_name_that_exists_and_its_old_one_is_gone():
    known = flatten(base.get_config())
    assert set(FIELDS.values()) <= known.keys()
    assert not FIELDS.keys() & known.keys()


def test_a_configuration_written_with_old_names_becomes_todays(capsys):
    config = joint.get_config("quick")
    expected = flatten(config)
    with config.unlocked():
        del config.model["spatial_prior"], config.model["gradient_scale"]
        config.model.landscape = "front"
        config.model.feedback = 0.1
    rename_fields(config)
    assert flatten(config) == expected
    said = capsys.readouterr().out
    assert "model.landscape is called model.spatial_prior now" in said.replace("\n", " ")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("--config.model.feedback=0.3", "--config.model.gradient_scale=0.3"),
        ("--config.model.landscape=near", "--config.model.spatial_prior=around"),
        ("--config.augment.thin_rate=0.2", "--config.augment.foreground_oversampling=0.2"),
        ("--config.model.width=8", "--config.model.width=8"),
        ("--workdir=runs/model.points", "--workdir=runs/model.points"),
    ],
)
def test_flags_with_old_names_are_understood(given, meant):
    assert with_new_flags(["launch.py", given]) == ["launch.py", meant]


def test_todays_name_wins_where_both_stand():
    assert with_new_names({"levels": 1, "strata": 2}, KEYS) == {"strata": 2}
    assert with_new_fields({"model.points": True}) == {"model.landmarks": True}


def test_a_network_of_an_older_manifest_is_the_same_network():
    new = NetworkSpec(
        ((0,), (1,)), "gradient", 0, 8.0, 2, "group", False, False, False, "float32",
        spatial_prior="in_front", landmarks=True, gradient_scale=0.1, image_labels=(2,),
    )  # fmt: skip
    old = {
        {"spatial_prior": "landscape", "landmarks": "points", "gradient_scale": "feedback",
         "image_labels": "attributes"}.get(name, name): value
        for name, value in new.to_json().items()
    }  # fmt: skip
    assert NetworkSpec.from_json({**old, "landscape": "front"}) == new


def test_nesting_and_flattening_are_inverse():
    flat = flatten(base.get_config())
    assert flatten(unflatten(flat)) == flat
