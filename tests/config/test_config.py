import importlib
import itertools
import subprocess
import sys

import pytest

from fluorojax.config import difference, simulation_spec, validate
from fluorojax.configs import base, knee, own
from fluorojax.core.errors import InputError
from fluorojax.simulation.knee.spec import KneeSpec

METHODS = (
    *("single", "multi", "separate", "cascade", "joint", "carm", "finetune", "vessels", "knee"),
    "own",
)
OWN = [f"own:{kind}{size}" for kind in ("regions", "curves", "relation") for size in ("", "-quick")]


def set_field(name, value):
    config = base.get_config("quick")
    with config.ignore_type():
        config.update_from_flattened_dict({name: value})
    return config


@pytest.mark.parametrize(
    ("method", "variant"),
    [
        *itertools.product(METHODS, ("", "quick")),
        *itertools.product(("knee",), ("512", "wide", "finetune")),
    ],
)
def test_every_config_is_valid_and_named_after_its_file(method, variant):
    config = importlib.import_module(f"fluorojax.configs.{method}").get_config(variant)
    validate(config, base.get_config())
    assert config.method == method
    assert config.hardware == ("cpu" if variant else "gpu")


@pytest.mark.parametrize("variant", OWN)
def test_every_variant_for_ones_own_frames_is_valid(variant):
    config = own.get_config(variant.removeprefix("own:"))
    validate(config, base.get_config())
    assert config.data.builder == "xray_folder"
    assert config.hardware == ("cpu" if variant.endswith("-quick") else "gpu")
    expected = "parent_then_child" if "relation" in variant else "together"
    assert config.model.stages == expected


@pytest.mark.parametrize("variant", ["small", "curve", "-quick", "curves-", "relation-fast"])
def test_unknown_variants_for_ones_own_frames_are_refused(variant):
    with pytest.raises(ValueError, match=r"write one of :regions, :regions-quick, :curves"):
        own.get_config(variant)


def test_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="quick"):
        base.get_config("small")


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("data.image_size", (256, 256, 1), "write two whole numbers, rows and columns"),
        ("data.image_size", (512,), "is (512,); write two whole numbers, rows and columns"),
        ("data.image_size", (200, 192), "write --config.data.image_size=192,192"),
        ("training.crop_size", (256, 256), "write --config.training.crop_size=192,192 or less"),
        ("model.norm", "batch", "write one of 'group', 'instance', 'none'"),
        ("model.link", "gradient", "write model.link='none', or model.stages='parent_then_child'"),
        ("data.fold", 3, "write a number from 0 to 0"),
        ("data.folds", 1, "write 0 for the stored splits"),
        ("data.train_share", 0.0, "above 0 and at most 1"),
        ("data.train_share", 1.5, "above 0 and at most 1"),
        ("training.batch_size", 0, "lie in 1 to"),
        ("evaluation.tta_shifts", 0, "lie in 1 to 16"),
        ("training.learning_rate", 0.0, "above 0"),
        ("augment.inversion_rate", 1.5, "lie in 0 to 1"),
        ("loss.dice_smooth", 0.0, "above 0"),
        ("loss.dice_absent", -0.5, "lie in 0 to 1"),
        ("augment.gamma", (2.0, 1.0), "the smaller number comes first"),
        ("loss.attachment_ramp", (0.6, 0.3), "the smaller number comes first"),
        ("loss.attachment_ramp", (0.3, 60.0), "must lie in 0 to 1"),
        ("training.warmup_steps", 5000, "write a smaller number"),
        ("seed", -1, "lie in 0 to 2147483647"),
        ("simulation.quanta", (0.0, 300.0), "must lie in 10 to 1e+06"),
        ("simulation.wire_diameter_mm", (-1.0, 1.0), "must lie in 0.1 to 10"),
    ],
)
def test_each_wrong_value_is_refused_with_its_name_and_a_remedy(name, value, remedy):
    with pytest.raises(InputError) as error:
        validate(set_field(name, value), base.get_config())
    assert name in str(error.value)
    assert remedy in str(error.value)


def test_a_batch_that_devices_cannot_share_is_refused_with_the_nearest_sizes():
    with pytest.raises(InputError, match="write 6 or 9"):
        validate(set_field("training.batch_size", 8), base.get_config(), devices=3)


def test_frames_of_ones_own_need_a_folder():
    with pytest.raises(InputError, match=r"write --config.data.dir=FOLDER"):
        validate(set_field("data.builder", "xray_folder"), base.get_config())


@pytest.mark.parametrize(
    ("builder", "stored"),
    [("ercp_simulated", "ercp_synthetic"), ("knee_simulated", "knee_synthetic")],
)
def test_ever_new_frames_have_no_share(builder, stored):
    config = knee.get_config("quick") if "knee" in builder else base.get_config("quick")
    config.data.builder = builder
    validate(config, base.get_config())
    config.data.fit = "native"
    with pytest.raises(InputError, match=r"data\.fit is 'native'.*write.*='shrink'.*" + stored):
        validate(config, base.get_config())
    config.data.fit = "shrink"
    config.data.train_share = 0.5
    with pytest.raises(InputError, match=r"data\.train_share is 0\.5.*write.*=1.0.*" + stored):
        validate(config, base.get_config())


def test_each_builder_needs_its_own_ranges_and_a_folder_none():
    config = knee.get_config("quick")
    assert isinstance(simulation_spec(config.simulation), KneeSpec)
    config.data.builder, config.data.dir = "xray_folder", "frames"
    validate(config, base.get_config())
    config.data.builder = "ercp_synthetic"
    with pytest.raises(InputError, match=r"data\.builder='ercp_synthetic' needs other ranges"):
        validate(config, base.get_config())


def test_a_knee_s_ranges_are_checked():
    config = knee.get_config("quick")
    config.simulation.flexion_degrees = (0.0, 90.0)
    with pytest.raises(InputError, match=r"simulation.flexion_degrees.*must lie in 0 to 60"):
        validate(config, base.get_config())
    with config.unlocked():
        config.simulation.flexion = 3.0
    with pytest.raises(InputError, match=r"did you mean 'simulation.flexion_degrees'"):
        validate(config, base.get_config())


def test_an_unknown_field_is_refused_with_the_nearest_name():
    config = base.get_config("quick")
    with config.unlocked():
        config.training.batchsize = 3
    with pytest.raises(InputError, match=r"did you mean 'training.batch_size'"):
        validate(config, base.get_config())


def test_a_missing_field_is_refused():
    config = base.get_config("quick")
    with config.unlocked():
        del config.training.steps
    with pytest.raises(InputError, match=r"'training.steps' is missing"):
        validate(config, base.get_config())


def test_all_problems_are_listed_at_once():
    config = set_field("training.batch_size", 0)
    config.training.learning_rate = -1.0
    with pytest.raises(InputError) as error:
        validate(config, base.get_config())
    assert str(error.value).count("\n- ") == 2


def test_a_relation_is_looked_at_beside_wrong_values_of_other_fields():
    config = set_field("training.learning_rate", -1.0)
    config.training.warmup_steps = 5000
    config.data.image_size = (200, 192)
    with pytest.raises(InputError) as error:
        validate(config, base.get_config())
    assert str(error.value).count("\n- ") == 3
    config.training.steps = 0
    with pytest.raises(InputError) as error:
        validate(config, base.get_config())
    assert "warmup_steps" not in str(error.value)


def test_no_elastic_deformation_folds_the_crop():
    config = set_field("augment.elastic_px", 20.0)
    with pytest.raises(InputError, match=r"elastic_px is 20.*of 38\.4 px.*write 12\.8 or less"):
        validate(config, base.get_config())
    config.augment.elastic_cells = 3
    validate(config, base.get_config())
    config.augment.update({"elastic_cells": 5, "elastic_rate": 0.0})  # none is drawn
    validate(config, base.get_config())


def test_a_wrong_typed_name_is_answered_in_one_line():
    config = base.get_config("quick")
    with config.unlocked():
        config.model.widht = 8.0
    with pytest.raises(InputError) as error:
        validate(config, base.get_config())
    assert str(error.value).splitlines()[1:] == [
        "- unknown field 'model.widht'; did you mean 'model.width'?"
    ]


def test_configurations_bring_neither_jax_nor_tfds():
    code = (
        "import sys, fluorojax.configs.joint as joint, fluorojax.config; "
        "joint.get_config('quick'); "
        "sys.exit(bool({'jax', 'optax', 'tensorflow_datasets'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_difference_names_the_fields_and_takes_lists_for_tuples():
    ours, theirs = base.get_config("quick").to_dict(), base.get_config("quick").to_dict()
    theirs["data"]["image_size"] = [192, 192]
    theirs["seed"] = 4
    assert difference(ours, theirs) == ["seed: 4 there, 0 here"]
