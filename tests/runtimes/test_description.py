import json

from fluorojax.inference.predictor import Fitting, Predictor
from fluorojax.runtimes.description import description
from tests.runtimes.networks import CASCADE, NETWORKS, PLAIN, predictor_of

MANIFEST = {"sha256": "ab", "preprocessing": {"image_size": [32, 32]}, "masks": {"classes": []}}


def described(model):
    """Return a description as it is read back."""
    return json.loads(json.dumps(description(model, MANIFEST)))


def test_each_output_is_described_where_it_is_learned():
    assert described(predictor_of(CASCADE))["outputs"].keys() == {"probabilities"}
    linked = described(predictor_of(NETWORKS["cascade around"]))["outputs"]
    assert linked["probabilities"] == {"shape": ["N", 2, "H", "W"], "of": ["scope", "wire"]}
    assert linked["landmarks"] == {"shape": ["N", 2, "H", "W"], "of": ["exit", "tip"]}
    knee = described(predictor_of(NETWORKS["multi, with image labels, as of knees"]))["outputs"]
    assert knee["image_label_view"] == {"shape": ["N", 2], "of": ["ap", "lateral"]}


def test_rows_and_columns_are_multiples_of_patch_and_halvings():
    patches = described(predictor_of(NETWORKS["cascade of patches"]))["input"]
    assert patches["multiples_of"] == 2 * 2
    assert patches["usual_size"] == [32, 32]


def test_the_steps_are_those_of_how_frames_come_onto_the_grid():
    model = predictor_of(PLAIN)
    (shrunk,) = [s for s in described(model)["preprocessing"]["steps"] if "resize" in s]
    assert "min(1, image_size[0] / rows" in shrunk
    windows = Predictor(
        model.spec, model.parameters, (32, 32), model.rules, fitting=Fitting("native")
    )
    steps = described(windows)["preprocessing"]["steps"]
    assert not any("resize" in s for s in steps)
    assert any("windows of image_size" in s for s in steps)
    assert described(model)["preprocessing"]["image_size"] == [32, 32]
