import dataclasses

import jax
import jax.monitoring
import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.data.intensity import intensity_range
from fluorojax.data.tiles import weights
from fluorojax.inference import predictor as predictor_module
from fluorojax.inference.curve import CurveRules
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.postprocess import GapClosing
from fluorojax.inference.predictor import Fitting, Maps, Predictor, choose
from fluorojax.inference.tta import TtaSpec, mean_over_views
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.schema.frame import Frame
from fluorojax.schema.info import ClassInfo, ImageLabelInfo, Relation
from tests.lines import soft

VIEW = ImageLabelInfo("view", ("front", "side"))
CLASSES = (ClassInfo("a", "region"), ClassInfo("b", "curve"))
LINKED = {
    "relation": Relation(child="b", parent="a"),
    "gap_closing": GapClosing(bridge_mm=3.0, bridge_px=6.0),
}
SPEC = NetworkSpec(
    ((0, 1),), "none", None, 4, 1, "group", False, False, False, "float32", image_labels=(2,)
)


@pytest.fixture(scope="module")
def predictor():
    parameters = jax.jit(build(SPEC).init)(jax.random.key(0, impl="rbg"), np.zeros((1, 32, 32, 1)))[
        "params"
    ]
    return Predictor(SPEC, parameters, (32, 32), MaskRules(CLASSES), (VIEW,))


def test_masks_are_thresholds_and_then_the_relation(predictor):
    masks = np.zeros((20, 40, 2), bool)
    masks[5:15, :10, 0] = masks[9:12, 10:20, 1] = masks[9:12, 24:36, 1] = True
    found = (0.4 * masks).astype(np.float32)
    plain = predictor.with_rules(
        thresholds=(0.3, 0.35), gap_closing=GapClosing(bridge_mm=3.0, bridge_px=6.0)
    )
    np.testing.assert_array_equal(plain.masks(found), masks)
    linked = plain.with_rules(relation=Relation(child="b", parent="a"))
    assert linked.masks(found)[10, 10:36, 1].all()
    assert not linked.masks(found, (1.0, 1.0))[10, 21, 1]  # 5 steps of a millimetre
    assert linked.masks(found, (0.5, 0.5))[10, 21, 1]
    assert not predictor.masks(found).any()  # from 0.5 on


def test_specks_are_dropped_by_their_size_on_the_networks_grid(predictor):
    model = predictor.with_rules(min_component_px=(0.0, 6.0))
    found = np.zeros((32, 32, 2), np.float32)
    found[4:6, 4:8] = found[20, 3:8] = 0.9  # of 8 and of 5 pixels
    assert model.masks(found)[..., 0].sum() == 13
    assert model.masks(found)[..., 1].sum() == 8
    twice = np.zeros((64, 64, 2), np.float32)  # shrunk to half for the network: of 4 and of 5
    twice[4:8, 4:8] = twice[20:22, 4:14] = 0.9
    assert not model.masks(twice)[..., 1].any()
    less = predictor.with_rules(min_component_px=(0.0, 4.5))
    assert less.masks(twice)[..., 1].sum() == 20


@pytest.mark.parametrize("shape", [(32, 32), (20, 31), (100, 64), (7, 200)])
def test_frames_of_any_size_come_back_on_their_own_grid(predictor, shape):
    frame = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    found = predictor(frame)
    assert found.shape == (*shape, 2)
    assert found.dtype == np.float32
    assert 0 <= found.min() <= found.max() <= 1


def in_tiles(predictor, **rules):
    spec = dataclasses.replace(SPEC, image_labels=())
    heads = {k: v for k, v in predictor.parameters["stage_0"].items() if "attribute" not in k}
    model = Predictor(
        spec, {"stage_0": heads}, (32, 32), MaskRules(CLASSES), fitting=Fitting("native")
    )
    return model.with_rules(**rules)


def test_in_tiles_a_frame_keeps_its_size_and_small_ones_are_padded_as_ever(predictor):
    model, rng = in_tiles(predictor), np.random.default_rng(0)
    small = rng.integers(0, 255, (20, 31)).astype(np.uint8)
    np.testing.assert_array_equal(model(small), predictor(small))
    frame = rng.integers(0, 255, (70, 32)).astype(np.uint8)
    low, high = map(np.float32, intensity_range(frame))
    expected, known = np.zeros((70, 32, 2)), np.zeros((70, 32, 1))
    for top in (0, 13, 25, 38):  # by hand: (70 - 32) / 3 apart
        maps, _ = predictor_module.probabilities(
            model._network, model.parameters, frame[top : top + 32].astype(np.float32), low, high
        )
        expected[top : top + 32] += weights((32, 32)) * np.asarray(maps)
        known[top : top + 32] += weights((32, 32))
    np.testing.assert_allclose(model(frame), expected / known, atol=1e-6)
    assert model.placement(frame.shape).scale == 1
    assert repr(model) == "Predictor(a >= 0.5, b >= 0.5; 32 x 32 px tiles)"


def test_views_are_of_the_whole_frame_where_it_is_seen_in_tiles(predictor):
    views = TtaSpec(2)
    frame = np.random.default_rng(4).integers(0, 255, (40, 48)).astype(np.uint8)
    frame[:4, :4], frame[-4:, -4:] = 0, 255  # every view shows both: grey values scale alike
    found = in_tiles(predictor, tta=views)(frame)
    # A shift takes some grey values out of view, and so scales the others a little otherwise.
    expected = mean_over_views(in_tiles(predictor), frame, views)
    np.testing.assert_allclose(found, expected, atol=3e-3)
    assert np.abs(found - in_tiles(predictor)(frame)).max() > 6e-3


def test_an_image_label_of_a_whole_frame_is_not_told_from_tiles(predictor):
    with pytest.raises(InputError, match="'view' of a whole frame cannot be told from tiles"):
        Predictor(
            *(SPEC, predictor.parameters, (32, 32), predictor.rules, (VIEW,)),
            fitting=Fitting("native"),
        )


def test_the_scale_of_the_grey_values_does_not_matter(predictor):
    frame = np.random.default_rng(1).integers(0, 200, (32, 32)).astype(np.uint8)
    np.testing.assert_allclose(
        predictor(frame), predictor(frame.astype(np.uint16) * 200), atol=1e-4
    )


def test_a_frame_of_floats_is_the_same_frame(predictor):
    frame = np.random.default_rng(1).integers(0, 4096, (40, 50)).astype(np.uint16)
    median = tuple(map(float, np.median(predictor(frame), axis=(0, 1))))
    model = predictor.with_rules(thresholds=median)
    expected = model.predict(frame)
    for floats in (frame / 65535, (frame / 65535).astype(np.float32)):
        prediction = model.predict(floats)
        np.testing.assert_allclose(prediction.probabilities, expected.probabilities, atol=1e-3)
        # A pixel at the threshold may fall on either side of it.
        assert (prediction.masks != expected.masks).mean() < 0.01
    assert expected.masks.mean() == pytest.approx(0.5, abs=0.01)


def test_one_compilation_serves_every_type_and_gives_the_same_bits(predictor):
    frame = np.random.default_rng(1).integers(0, 256, (32, 32)).astype(np.uint8)
    expected = predictor(frame)
    before = predictor_module.probabilities._cache_size()
    for dtype in (np.uint16, np.int32, np.float32, np.float64):
        np.testing.assert_array_equal(predictor(frame.astype(dtype)), expected)
    assert predictor_module.probabilities._cache_size() == before


def test_frames_of_every_type_and_size_go_through_one_program(predictor):
    events = []
    predictor(np.eye(32, dtype=np.uint8))
    jax.monitoring.register_event_duration_secs_listener(lambda name, *_, **__: events.append(name))
    for dtype in (np.uint8, np.uint16, np.int32, np.float32, np.float64):
        for shape in ((32, 32), (45, 70), (20, 31)):
            predictor.predict(np.random.default_rng(0).integers(0, 200, shape).astype(dtype))
    assert not [name for name in events if "backend_compile" in name]
    jax.jit(lambda x: x + len(events))(2.5)
    assert [name for name in events if "backend_compile" in name]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_cast_before_the_device_changes_no_bit(predictor, dtype):
    frame = np.random.default_rng(2).integers(0, 256, (32, 32)).astype(dtype)
    low, high = map(np.float32, intensity_range(frame))
    network = (predictor._network, predictor.parameters)
    as_stored, _ = predictor_module.probabilities(*network, frame, low, high)
    np.testing.assert_array_equal(predictor(frame), as_stored[..., :2])


def test_what_is_no_frame_is_refused(predictor):
    for frame, message in (
        (np.zeros((3, 32, 32), np.uint8), "two axes"),
        ([np.zeros((32, 32))] * 2, "one frame at a time"),
        (np.full((32, 32), np.nan), "1024 of 1024 pixels are NaN"),
    ):
        with pytest.raises(InputError, match=message):
            predictor(frame)


def test_files_pictures_and_frames_are_one_frame(predictor, tmp_path):
    pixels = np.random.default_rng(3).integers(0, 255, (24, 30)).astype(np.uint8)
    image = Image.fromarray(pixels)
    image.save(tmp_path / "a.png")
    expected = predictor(pixels)
    for frame in (tmp_path / "a.png", str(tmp_path / "a.png"), image, Frame(pixels, (0.2, 0.2))):
        np.testing.assert_array_equal(predictor(frame), expected)
        np.testing.assert_array_equal(predictor.predict(frame).probabilities, expected)


def test_masks_are_made_with_the_frames_own_spacing(predictor):
    pixels = np.random.default_rng(3).integers(0, 255, (24, 30)).astype(np.uint8)
    probabilities = predictor(pixels)
    # Of noise a few pixels: gaps of several lengths.
    rare = tuple(np.quantile(probabilities, 0.97, axis=(0, 1)))
    model = predictor.with_rules(thresholds=tuple(map(float, rare)), **LINKED)
    known = {s: model.predict(Frame(pixels, (s, s))).masks for s in (0.5, 3.0)}
    assert (known[0.5] != known[3.0]).any()
    for spacing, masks in known.items():
        np.testing.assert_array_equal(masks, model.masks(probabilities, (spacing, spacing)))
        np.testing.assert_array_equal(masks, model.predict(pixels, spacing).masks)
        np.testing.assert_array_equal(masks, model.segment(pixels, (spacing, spacing)))
    np.testing.assert_array_equal(model.predict(pixels).masks, model.masks(probabilities))


def test_other_rules_leave_the_first_network_as_it_is(predictor):
    other = predictor.with_rules(thresholds=(0.1, 0.9))
    assert (predictor.rules.thresholds, other.rules.thresholds) == ((0.5, 0.5), (0.1, 0.9))
    assert other.parameters is predictor.parameters


def test_a_network_says_in_one_line_what_it_is(predictor):
    assert repr(predictor) == "Predictor(a >= 0.5, b >= 0.5; image labels view; 32 x 32 px)"
    other = Predictor(
        dataclasses.replace(SPEC, image_labels=()),
        predictor.parameters,
        (32, 32),
        MaskRules(CLASSES, (0.5, 0.35), **LINKED),
        (),
        "runs/x",
    )
    assert repr(other) == "Predictor(a >= 0.5, b >= 0.35; b out of a; 32 x 32 px; from runs/x)"


def test_points_are_the_places_of_the_highest_probability():
    spec = NetworkSpec(
        ((0, 1),), "none", 0, 4, 1, "group", False, False, False, "float32", 1, "none", True
    )
    image = np.zeros((1, 32, 32, 1))
    parameters = jax.jit(build(spec).init)(jax.random.key(0, impl="rbg"), image)["params"]
    model = Predictor(spec, parameters, (32, 32), MaskRules(CLASSES))
    frame = np.random.default_rng(0).integers(0, 255, (24, 32)).astype(np.uint8)
    assert model(frame).shape == (24, 32, 2)
    found = model.landmarks(frame)
    assert set(found) == {"exit", "tip"}
    for row, column, probability in found.values():
        assert 0 <= row < 24
        assert 0 <= column < 32
        assert 0 < probability < 1
    assert found["exit"] != found["tip"]
    assert model.predict(frame).image_labels == {}


def test_a_peak_is_the_highest_place_with_its_probability():
    maps = np.full((4, 5), 0.2, np.float32)
    maps[3, 1] = 0.75
    assert predictor_module.peak(maps) == (3, 1, 0.75)


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
    model = Predictor(SPEC, heads, (32, 32), predictor.rules, (VIEW,))
    frame = np.random.default_rng(2).integers(0, 255, (24, 40)).astype(np.uint8)
    found = model.predict(frame)
    np.testing.assert_array_equal(found.probabilities, model(frame))
    assert found.image_labels["view"].value == "side"
    assert found.image_labels["view"].probability == pytest.approx(0.75)
    # The mean of what is anywhere in the frame is another one in another frame.
    other = np.random.default_rng(3).integers(0, 255, (24, 40)).astype(np.uint8)
    assert predictor.predict(frame).image_labels != predictor.predict(other).image_labels


def test_probabilities_are_the_mean_over_views_and_attributes_of_the_frame_as_it_is(predictor):
    views = TtaSpec(2, mirror=True)
    model = predictor.with_rules(tta=views)
    frame = np.random.default_rng(4).integers(0, 255, (32, 32)).astype(np.uint8)
    frame[:4, :4], frame[-4:, -4:] = 0, 255  # every view shows both: grey values scale alike
    found = model.predict(frame)
    expected = mean_over_views(predictor, frame, views)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)
    assert np.abs(found.probabilities - predictor(frame)).max() > 1e-3
    assert found.image_labels == predictor.predict(frame).image_labels


@pytest.mark.parametrize(
    ("network", "given", "message"),
    [
        ({}, {"image_size": (32, 33)}, r"image_size is \(32, 33\), .* multiples of 2"),
        ({}, {"image_size": (0, 32)}, r"image_size is \(0, 32\)"),
        ({}, {"rules": MaskRules(CLASSES[:1])}, r"learn the classes \[0, 1\], and there are 1"),
        ({}, {"image_labels": ()}, r"image labels of \(2,\) values, and given are \(\)"),
        ({"stages": ((0,), (0, 1))}, {}, r"learn the classes \[0, 0, 1\]"),
        ({"parent_class": 2}, {}, r"parent_class and child_class are \(2, None\)"),
        ({"landmarks": True}, {}, "landmarks need a parent_class and another child_class"),
        (
            {"landmarks": True, "parent_class": 0},
            {},
            "landmarks need a parent_class and another child_class, and these are .0, None.",
        ),
        (
            {"landmarks": True, "parent_class": 1, "child_class": 1},
            {},
            "landmarks need a parent_class and another child_class, and these are .1, 1.",
        ),
        (
            {"parent_class": 1, "child_class": 0},
            {"rules": MaskRules(CLASSES, relation=Relation(child="b", parent="a"))},
            "the network learned a out of b, and .* is another relation",
        ),
    ],
)
def test_what_does_not_fit_the_network_is_refused(predictor, network, given, message):
    usual = {"image_size": (32, 32), "rules": predictor.rules, "image_labels": (VIEW,)}
    spec = dataclasses.replace(SPEC, **network)
    with pytest.raises(InputError, match=message):
        Predictor(spec, predictor.parameters, **(usual | given))


def test_a_prediction_holds_the_curves_of_its_masks_and_what_speaks_for_them(predictor):
    frame = np.random.default_rng(5).integers(0, 255, (48, 64)).astype(np.uint8)
    wire = soft([(10.0, 5.0), (30.0, 58.0)], 4, (48, 64))
    found = np.stack([np.zeros_like(wire), wire], -1)
    model = predictor.with_rules(curve=CurveRules("free"))
    model.maps = lambda frame: Maps(found, [np.array([0.5, 0.5])])
    prediction = model.predict(frame, 0.5)
    (curve,) = prediction.curves["b"]
    assert curve.length() == pytest.approx(np.hypot(20, 53) + 4, abs=2)
    assert prediction.presence["b"] == curve.evidence
    assert prediction.presence["a"] < 0 < prediction.presence["b"]
    np.testing.assert_array_equal(prediction.masks, model.masks(found, (0.5, 0.5)))
    # The frame is shrunk to half for the network, and the curve is in the frame's own pixels.
    assert model.placement(frame.shape).scale == 0.5
    emptied = model.with_rules(least_presence=(0.0, 2 * curve.evidence)).predict(frame, 0.5)
    assert emptied.curves == {"b": ()}
    assert not emptied.masks[..., 1].any()
    assert emptied.presence == prediction.presence
    plain = predictor.predict(frame)
    assert plain.curves == {}
    assert set(plain.presence) == {"a", "b"}


def test_of_several_sizes_the_steadiest_is_taken(predictor, monkeypatch):
    """A network's answers at three sizes, of which the second and third are the same."""
    frame = np.random.default_rng(0).integers(0, 255, (64, 48)).astype(np.uint8)
    several = predictor.with_rules(tta=TtaSpec(scales=3))
    shown = []

    def answers(self, frame, size):
        found = np.zeros((*frame.shape, 2), np.float32)
        found[10:40, (2 if size == 1.0 else 20) : 40] = 1.0 - size / 4
        shown.append(size)
        return Maps(found, [np.array([0.25, 0.75])], size=size)

    monkeypatch.setattr(Predictor, "_maps", answers)
    prediction = several.predict(frame)
    np.testing.assert_allclose(shown, (1.0, 0.5**0.5, 0.5))
    assert prediction.size == pytest.approx(0.5**0.5)
    assert not prediction.masks[:, :20].any()


def test_the_usual_size_is_what_one_scale_gives(predictor):
    frame = Frame(np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8))
    (usual, half) = (predictor._maps(frame, size) for size in (1.0, 0.5))
    np.testing.assert_array_equal(usual.maps, predictor.maps(frame).maps)
    assert half.maps.shape == usual.maps.shape
    assert (usual.size, half.size) == (1.0, 0.5)


def test_tiles_have_one_size(predictor):
    spec = dataclasses.replace(SPEC, image_labels=())
    rules = MaskRules(CLASSES, tta=TtaSpec(scales=2))
    found = list(predictor_module.misfits(spec, (32, 32), rules, (), Fitting("native")))
    assert found == [
        "tiles have the frame's own size, and tta.scales asks for smaller ones; write 1"
    ]
