import dataclasses

import jax
import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.inference import export
from fluorojax.inference.ensemble import Ensemble, algorithm_of, load_all
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.predictor import Maps, Predictor
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.schema.info import ClassInfo, ImageLabelInfo

CLASSES = (ClassInfo("a", "region"), ClassInfo("b", "curve"))
VIEW = ImageLabelInfo("view", ("front", "side"))
SPEC = NetworkSpec(
    ((0, 1),), "none", None, 4, 1, "group", False, False, False, "float32", image_labels=(2,)
)
FRAME = np.random.default_rng(0).integers(0, 255, (24, 40)).astype(np.uint8)


def network(seed, classes=CLASSES, **rules):
    parameters = jax.jit(build(SPEC).init)(
        jax.random.key(seed, impl="rbg"), np.zeros((1, 32, 32, 1))
    )["params"]
    name = f"runs/{seed}"
    return Predictor(SPEC, parameters, (32, 32), MaskRules(classes, **rules), (VIEW,), name)


@pytest.fixture(scope="module")
def members():
    return [network(seed) for seed in range(3)]


def saying(probabilities, view=(0.5, 0.5), classes=CLASSES):
    """Return a network that gives these probabilities, [H, W, C], of every frame."""
    model = network(0, classes)
    model.maps = lambda frame: Maps(np.float32(probabilities), [np.float32(view)])
    return model


def test_the_mean_of_three_networks_and_their_spread(members):
    prediction = Ensemble(members).predict(FRAME)
    each = np.stack([member(FRAME) for member in members])
    np.testing.assert_allclose(prediction.probabilities, each.mean(0), atol=1e-6)
    np.testing.assert_allclose(prediction.agreement.spread, each.std(0), atol=1e-6)
    np.testing.assert_array_equal(prediction.masks, prediction.probabilities >= 0.5)
    views = [m.predict(FRAME).image_labels["view"].probabilities["side"] for m in members]
    found = prediction.image_labels["view"].probabilities
    assert found["side"] == pytest.approx(np.mean(views))
    assert sum(found.values()) == pytest.approx(1.0)
    assert members[0].predict(FRAME).agreement is None


def test_networks_that_say_the_same_have_no_spread_at_all(members):
    prediction = Ensemble([members[1]] * 3).predict(FRAME)
    np.testing.assert_array_equal(prediction.probabilities, members[1](FRAME))
    assert not prediction.agreement.spread.any()
    assert not prediction.agreement.disagreement.any()


def test_disagreement_is_the_share_of_pixels_that_not_all_find():
    maps = np.zeros((3, 4, 5, 2))
    maps[0, :2, :, 0] = maps[1, 1:3, :, 0] = maps[2, :3, :, 0] = 0.9  # 15 by any, 5 by all
    prediction = Ensemble([saying(of) for of in maps]).predict(np.zeros((4, 5), np.uint8))
    np.testing.assert_allclose(prediction.agreement.disagreement, [2 / 3, 0.0])
    assert prediction.agreement.spread.max() <= 0.5
    both = Ensemble([saying(of) for of in maps]).with_rules(thresholds=(0.95, 0.5))
    assert not both.predict(np.zeros((4, 5), np.uint8)).agreement.disagreement.any()


def test_members_must_say_the_same_things(members):
    other = network(5, (CLASSES[0], ClassInfo("c", "curve")))
    with pytest.raises(InputError, match=r"runs/5 has the classes .*'c \(curve\)'.* runs/0 has"):
        Ensemble([members[0], other])
    bare = Predictor(
        dataclasses.replace(SPEC, image_labels=()),
        {
            "stage_0": {
                k: v for k, v in members[0].parameters["stage_0"].items() if "attri" not in k
            }
        },
        *((32, 32), MaskRules(CLASSES)),
        source="bare",
    )
    with pytest.raises(InputError, match=r"bare has the image labels \[\]"):
        Ensemble([members[0], bare])
    with pytest.raises(InputError, match="two exports or more"):
        Ensemble(members[:1])


def test_exports_are_loaded_together_and_none_twice(members, tmp_path):
    for n, member in enumerate(members[:2]):
        origin = {"method": "joint", "seed": n, "dataset": "toy"}
        export.export(member.with_rules(thresholds=(0.4, 0.3)), tmp_path / f"{n}", origin)
    exports = [tmp_path / "0", tmp_path / "1"]
    model, checksums = load_all(exports)
    assert len(set(checksums)) == 2
    expected = np.mean([member(FRAME) for member in members[:2]], 0)
    np.testing.assert_allclose(model(FRAME), expected, atol=1e-6)
    assert model.rules.thresholds == (0.4, 0.3)
    found = algorithm_of(exports, model)
    assert found.name == "joint seed 0 of toy, joint seed 1 of toy"
    assert found.checksum == "+".join(checksums)
    assert found.details == "a from probability 0.4; b from probability 0.3"
    alone, (checksum,) = load_all(exports[:1])
    assert (type(alone), checksum) == (Predictor, checksums[0])
    with pytest.raises(InputError, match="would count twice"):
        load_all([*exports, exports[0]])
