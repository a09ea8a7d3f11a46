import dataclasses

import jax
import pytest

from fluorojax.core.errors import InputError
from fluorojax.datasets.source import open_dataset
from fluorojax.inference.tta import TtaSpec
from fluorojax.schema.info import ClassInfo, DatasetInfo, ImageLabelInfo, Relation
from fluorojax.training import setup
from fluorojax.training.augment import AugmentSpec
from tests.folders import write_folder
from tests.integration.runs import small_config

INFO = DatasetInfo(
    "toy",
    (ClassInfo("scope", "region"), ClassInfo("wire", "curve")),
    relation=Relation(child="wire", parent="scope"),
)


def config(method="joint", **fields):
    from pathlib import Path

    return small_config(method, Path("frames"), Path("built"), **fields)


@pytest.mark.parametrize("name", ["wire/cldice", "scope/dice", "mean/dice"])
def test_a_metric_of_a_class_that_is_better_when_higher_may_choose_the_best(name):
    setup.check_best_metric(name, INFO)


@pytest.mark.parametrize("name", ["scope/cldice", "wire/hd95", "mean/cldice", "dice", "duct/dice"])
def test_any_other_is_refused_with_the_names_there_are(name):
    with pytest.raises(InputError, match="wire/cldice"):
        setup.check_best_metric(name, INFO)


@pytest.mark.parametrize(
    ("method", "stages", "link"),
    [
        ("multi", ((0, 1),), "none"),
        ("separate", ((0,), (1,)), "none"),
        ("cascade", ((0,), (1,)), "stop_gradient"),
        ("joint", ((0,), (1,)), "gradient"),
    ],
)
def test_the_methods_differ_in_stages_and_link(method, stages, link):
    spec = setup.network_spec(config(method), INFO)
    assert (spec.stages, spec.link, spec.parent_class, spec.child_class) == (stages, link, 0, 1)


def test_points_need_a_relation():
    alone = dataclasses.replace(INFO, relation=None)
    with pytest.raises(InputError, match=r"model\.landmarks=False"):
        setup.network_spec(config("multi", **{"model.landmarks": True}), alone)


VIEWED = dataclasses.replace(
    INFO,
    image_labels=(
        ImageLabelInfo("view", ("front", "side")),
        ImageLabelInfo("hand", ("left", "right", "both"), chiral=True),
    ),
)


def test_attributes_are_learned_where_they_have_a_weight():
    assert setup.network_spec(config(), VIEWED).image_labels == (2, 3)
    assert setup.loss_spec(config(), VIEWED).image_label_names == ("view", "hand")
    assert setup.network_spec(config(**{"loss.image_labels": 0.0}), VIEWED).image_labels == ()


@pytest.mark.parametrize("field", ["flip_horizontal_rate", "flip_vertical_rate"])
def test_frames_are_not_mirrored_where_that_would_change_an_attribute(field):
    still = {"augment.flip_horizontal_rate": 0.0, "augment.flip_vertical_rate": 0.0}
    setup.check_flips(config(**still), VIEWED)
    mirrored = still | {f"augment.{field}": 0.5}
    with pytest.raises(InputError, match=rf"'hand' of 'toy'.*--config\.augment\.{field}=0\.0"):
        setup.check_flips(config(**mirrored), VIEWED)
    setup.check_flips(config(**mirrored, **{"loss.image_labels": 0.0}), VIEWED)
    setup.check_flips(config(**mirrored), INFO)


def test_only_joint_has_the_attachment_term():
    weights = {
        m: setup.loss_spec(config(m), INFO).weight("attachment") for m in ("cascade", "joint")
    }
    assert weights["cascade"] == 0 < weights["joint"]


def test_single_classes_can_weigh_more():
    spec = setup.loss_spec(config(**{"loss.classes": "wire=2, scope=0.5", "loss.child": 3.0}), INFO)
    assert spec.class_weights == (0.5, 6.0)


def test_what_dice_weighs_where_a_class_is_absent_can_be_said_of_single_classes():
    of = config(**{"loss.dice_absent": 0.5, "loss.dice_absent_classes": "wire=0"})
    assert setup.loss_spec(of, INFO).dice_absent == (0.5, 0.0)
    of.loss.dice_absent_classes = "wires=0"
    with pytest.raises(InputError, match=r"loss\.dice_absent_classes: there is no class 'wires'"):
        setup.loss_spec(of, INFO)


def test_the_least_piece_can_be_said_of_single_classes():
    assert setup.min_component_px_of(config(), INFO) == (0.0, 0.0)
    assert setup.min_component_px_of(
        config(**{"evaluation.min_component_px": "wire=12"}), INFO
    ) == (0.0, 12.0)
    with pytest.raises(
        InputError, match=r"evaluation\.min_component_px: there is no class 'wires'"
    ):
        setup.min_component_px_of(config(**{"evaluation.min_component_px": "wires=12"}), INFO)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wires=2", r"loss\.classes: there is no class 'wires'; write scope, wire"),
        ("wire=many", r"loss\.classes is 'wire=many': 'wire' has no number; write wire=2"),
        ("wire=-1", r"has no number"),
        ("wire", r"has no number"),
        ("wire=2000", r"wire=2000 must lie in 0 to 1000"),
    ],
)
def test_weights_of_no_class_are_refused(text, message):
    with pytest.raises(InputError, match=message):
        setup.loss_spec(config(**{"loss.classes": text}), INFO)


def test_the_weights_of_parent_and_child_go_to_their_classes():
    spec = setup.loss_spec(config(**{"loss.parent": 2.0, "loss.child": 3.0}), INFO)
    assert spec.class_weights == (2.0, 3.0)
    assert spec.relation == (1, 0)


def test_every_field_of_the_augmentation_is_passed_on_also_from_json():
    fields = config()
    plain = setup.augment_spec(fields)
    with fields.ignore_type():
        fields.augment.scale = list(fields.augment.scale)
    assert setup.augment_spec(fields) == plain
    assert isinstance(plain, AugmentSpec)
    assert plain.scale == tuple(fields.augment.scale)


def test_a_compute_type_that_fails_is_replaced_aloud(monkeypatch, capsys):
    def fail(*_):
        raise jax.errors.JaxRuntimeError("autotuner")

    assert setup.usable_dtype("bfloat16") == "bfloat16"
    monkeypatch.setattr(setup, "conv3x3", fail)
    assert setup.usable_dtype("bfloat16") == "float32"
    assert "autotuner" in capsys.readouterr().out


def test_the_share_of_the_configuration_trains(tmp_path):
    settings = small_config("multi", write_folder(tmp_path / "frames"), tmp_path / "built")
    settings.data.train_share = 0.5
    run = setup.set_up(settings, open_dataset(settings.data))
    assert [row.case for row in run.frames("train").rows] == ["c1", "c2", "c5"]
    assert len(run.frames("validation")) == 2


def test_a_run_s_predictor_shows_frames_as_the_configuration_says(tmp_path):
    settings = small_config("multi", write_folder(tmp_path / "frames"), tmp_path / "built")
    settings.evaluation.tta_shifts, settings.evaluation.tta_mirror = 3, True
    run = setup.set_up(settings, open_dataset(settings.data))
    assert run.predictor(run.first_state().parameters).rules.tta == TtaSpec(3, mirror=True)
