import jax
import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.inference.export import export
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.predictor import Predictor
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.schema.info import ClassInfo, ImageLabelInfo
from fluorojax.training.pretrained import from_export

BONES = ("femoral_component", "tibial_component", "femur")


def drawn(stages, seed=0, image_labels=()):
    """Return a small network of these stages, and its parameters."""
    spec = NetworkSpec(
        *(stages, "none", None, 4, 1, "group", False, False, False, "float32"),
        image_labels=image_labels,
    )
    image = np.zeros((1, 16, 16, 1))
    key = jax.random.key(seed, impl="rbg")
    return spec, jax.jit(build(spec).init)(key, image)["params"]


def written(folder, names, stages, image_labels=()):
    """Write an export of such a network, and return its parameters."""
    spec, parameters = drawn(stages, 0, tuple(len(label.values) for label in image_labels))
    classes = tuple(ClassInfo(name, "region") for name in names)
    model = Predictor(spec, parameters, (16, 16), MaskRules(classes), image_labels)
    export(model, folder, {})
    return parameters


def alike(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_a_run_can_start_from_one_stage_of_an_export(tmp_path):
    parameters = written(tmp_path, ("scope", "wire"), ((0,), (1,)))
    _, alone = drawn(((0,),), 1)
    taken = from_export(f"{tmp_path}:stage_1", alone, [["vessel"]])
    assert set(taken) == {"stage_0"}
    alike(taken["stage_0"], parameters["stage_1"])
    alike(from_export(str(tmp_path), parameters, [["scope"], ["wire"]]), parameters)
    with pytest.raises(InputError, match=r"has no stage_2; write one of .*:stage_0, .*:stage_1"):
        from_export(f"{tmp_path}:stage_2", alone, [["vessel"]])
    with pytest.raises(InputError, match="another network"):
        from_export(str(tmp_path), alone, [["vessel"]])


def test_what_is_taken_is_float32_and_not_the_drawn_array(tmp_path):
    parameters = written(tmp_path, BONES, ((0, 1, 2),))
    _, like = drawn(((0, 1, 2),), 1)
    taken = from_export(str(tmp_path), like, [BONES])
    assert {leaf.dtype for leaf in jax.tree.leaves(taken)} == {np.dtype(np.float32)}
    alike(taken, parameters)


def test_classes_are_taken_by_their_names(tmp_path, capsys):
    learned = written(tmp_path, BONES, ((0, 1, 2),))["stage_0"]
    _, like = drawn(((0, 1),), 1)
    taken = from_export(str(tmp_path), like, [["tibial", "nail"]])["stage_0"]
    for name in ("kernel", "bias"):
        head = taken["head"][name]
        np.testing.assert_array_equal(head[..., 0], learned["head"][name][..., 1])
        np.testing.assert_array_equal(head[..., 1], like["stage_0"]["head"][name][..., 1])
    alike({**taken, "head": 0}, {**learned, "head": 0})  # and all else as it is
    # Nothing but shapes is asked for when a checkpoint is to be read.
    shapes = jax.eval_shape(
        lambda drawn: from_export(str(tmp_path), drawn, [["tibial", "nail"]]), like
    )
    assert shapes["stage_0"]["head"]["bias"].shape == (2,)
    assert "learned anew: nail" in capsys.readouterr().out
    # As many classes in another order are the same classes.
    _, like = drawn(((0, 1, 2),), 1)
    turned = from_export(str(tmp_path), like, [BONES[::-1]])["stage_0"]["head"]["kernel"]
    np.testing.assert_array_equal(turned, learned["head"]["kernel"][..., ::-1])


def test_image_labels_come_along_where_they_are_the_same(tmp_path):
    view = ImageLabelInfo("view", ("ap", "lateral"))
    learned = written(tmp_path, BONES, ((0, 1, 2),), (view,))["stage_0"]
    _, like = drawn(((0, 1, 2),), 1, (2,))
    alike(from_export(str(tmp_path), like, [BONES])["stage_0"], learned)
    for counts in ((), (3,)):  # none here, or other ones
        _, like = drawn(((0, 1, 2),), 1, counts)
        taken = from_export(str(tmp_path), like, [BONES])["stage_0"]
        assert set(taken) == set(like["stage_0"])
        for name, layer in taken.items():
            alike(layer, (like["stage_0"] if name.startswith("attribute") else learned)[name])
