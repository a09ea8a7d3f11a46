import jax
import numpy as np
import pytest

from fluorojax.inference.postprocess import GapClosing
from fluorojax.inference.predictor import Predictor, choose
from fluorojax.inference.tta import TtaSpec, mean_over_views
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.schema.info import ClassInfo, ImageLabelInfo, Relation

VIEW = ImageLabelInfo("view", ("front", "side"))
SPEC = NetworkSpec(
    ((0, 1),), "none", None, 4, 1, "group", False, False, False, "float32", image_labels=(2,)
)


@pytest.fixture(scope="module")
def predictor():
    parameters = jax.jit(build(SPEC).init)(jax.random.key(0, impl="rbg"), np.zeros((1, 32, 32, 1)))[
        "params"
    ]
    classes = (ClassInfo("a", "region"), ClassInfo("b", "curve"))
    return Predictor(SPEC, parameters, (32, 32), classes, image_labels=(VIEW,))


def test_masks_are_thresholds_and_then_the_relation(predictor):
    masks = np.zeros((20, 40, 2), bool)
    masks[5:15, :10, 0] = masks[9:12, 10:20, 1] = masks[9:12, 24:36, 1] = True
    found = (0.4 * masks).astype(np.float32)
    parts = (SPEC, predictor.parameters, (32, 32), predictor.classes, (0.3, 0.35))
    plain = Predictor(*parts, GapClosing(bridge_px=6.0))
    np.testing.assert_array_equal(plain.masks(found), masks)
    relation = Relation(child="b", parent="a")
    linked = Predictor(*parts, GapClosing(bridge_mm=3.0, bridge_px=6.0), relation)
    assert linked.masks(found)[10, 10:36, 1].all()
    assert not linked.masks(found, (1.0, 1.0))[10, 21, 1]  # 5 steps of a millimetre
    assert linked.masks(found, (0.5, 0.5))[10, 21, 1]
    assert not predictor.masks(found).any()  # from 0.5 on


def test_specks_are_dropped_by_their_size_on_the_networks_grid(predictor):
    parts = (SPEC, predictor.parameters, (32, 32), predictor.classes)
    model = Predictor(*parts, min_component_px=(0.0, 6.0))
    found = np.zeros((32, 32, 2), np.float32)
    found[4:6, 4:8] = found[20, 3:8] = 0.9  # of 8 and of 5 pixels
    assert model.masks(found)[..., 0].sum() == 13
    assert model.masks(found)[..., 1].sum() == 8
    twice = np.zeros((64, 64, 2), np.float32)  # shrunk to half for the network: of 4 and of 5
    twice[4:8, 4:8] = twice[20:22, 4:14] = 0.9
    assert not model.masks(twice)[..., 1].any()
    assert Predictor(*parts, min_component_px=(0.0, 4.5)).masks(twice)[..., 1].sum() == 20


@pytest.mark.parametrize("shape", [(32, 32), (20, 31), (100, 64), (7, 200)])
def test_frames_of_any_size_come_back_on_their_own_grid(predictor, shape):
    frame = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    found = predictor(frame)
    assert found.shape == (*shape, 2)
    assert found.dtype == np.float32
    assert 0 <= found.min() <= found.max() <= 1


def test_the_scale_of_the_grey_values_does_not_matter(predictor):
    frame = np.random.default_rng(1).integers(0, 200, (32, 32)).astype(np.uint8)
    np.testing.assert_allclose(
        predictor(frame), predictor(frame.astype(np.uint16) * 200), atol=1e-4
    )


def test_a_frame_needs_two_axes(predictor):
    with pytest.raises(ValueError, match="two axes"):
        predictor(np.zeros((3, 32, 32), np.uint8))


def test_points_are_the_places_of_the_highest_probability():
    spec = NetworkSpec(
        ((0, 1),), "none", 0, 4, 1, "group", False, False, False, "float32", 1, "none", True
    )
    image = np.zeros((1, 32, 32, 1))
    parameters = jax.jit(build(spec).init)(jax.random.key(0, impl="rbg"), image)["params"]
    model = Predictor(
        spec, parameters, (32, 32), (ClassInfo("a", "region"), ClassInfo("b", "curve"))
    )
    frame = np.random.default_rng(0).integers(0, 255, (24, 32)).astype(np.uint8)
    assert model(frame).shape == (24, 32, 2)
    found = model.landmarks(frame)
    assert set(found) == {"exit", "tip"}
    for row, column, probability in found.values():
        assert 0 <= row < 24
        assert 0 <= column < 32
        assert 0 < probability < 1
    assert found["exit"] != found["tip"]
    assert model.find(frame).image_labels == {}


def test_without_the_maps_there_are_no_points(predictor):
    assert predictor.landmarks(np.zeros((32, 32), np.uint8)) == {}


def test_the_most_probable_value_is_chosen_and_of_equals_the_first():
    choice = choose(VIEW, np.float32([0.25, 0.75]))
    assert (choice.value, choice.probability) == ("side", 0.75)
    assert choice.probabilities == {"front": 0.25, "side": 0.75}
    assert choose(VIEW, np.float32([0.5, 0.5])).value == "front"


def test_attributes_come_with_the_probabilities(predictor):
    heads = jax.tree.map(np.asarray, predictor.parameters)
    kernel = heads["stage_0"]["attribute_0"]["kernel"]
    heads["stage_0"]["attribute_0"] = {
        "kernel": np.zeros_like(kernel),
        "bias": np.log(np.float32([1, 3])),
    }
    model = Predictor(SPEC, heads, (32, 32), predictor.classes, image_labels=(VIEW,))
    frame = np.random.default_rng(2).integers(0, 255, (24, 40)).astype(np.uint8)
    found = model.find(frame)
    np.testing.assert_array_equal(found.probabilities, model(frame))
    assert found.image_labels["view"].value == "side"
    assert found.image_labels["view"].probability == pytest.approx(0.75)
    # The mean of what is anywhere in the frame is another one in another frame.
    other = np.random.default_rng(3).integers(0, 255, (24, 40)).astype(np.uint8)
    assert predictor.find(frame).image_labels != predictor.find(other).image_labels


def test_probabilities_are_the_mean_over_views_and_attributes_of_the_frame_as_it_is(predictor):
    views = TtaSpec(2, mirror=True)
    parts = (SPEC, predictor.parameters, (32, 32), predictor.classes)
    model = Predictor(*parts, image_labels=(VIEW,), tta=views)
    frame = np.random.default_rng(4).integers(0, 255, (32, 32)).astype(np.uint8)
    frame[:4, :4], frame[-4:, -4:] = 0, 255  # every view shows both: grey values scale alike
    found = model.find(frame)
    expected = mean_over_views(predictor, frame, views)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)
    assert np.abs(found.probabilities - predictor(frame)).max() > 1e-3
    assert found.image_labels == predictor.find(frame).image_labels
