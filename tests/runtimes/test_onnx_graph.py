from collections import Counter

import numpy as np
import pytest

from fluorojax.core.errors import InputError
from tests.runtimes.networks import (
    AROUND,
    CASCADE,
    NETWORKS,
    PLAIN,
    images,
    of,
    ours,
    parameters_of,
)

pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")
runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from fluorojax.runtimes.onnx_graph import IR, NORMS, OPSET, Graph, model_of  # noqa: E402

NAMES = ("view", "side")


def session(model):
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def theirs(model, image):
    run = session(model)
    return dict(zip([o.name for o in run.get_outputs()], run.run(None, {"image": image}),
                    strict=True))  # fmt: skip


@pytest.mark.parametrize("kind", NETWORKS)
def test_another_runtime_gives_the_same_probabilities(kind):
    spec = NETWORKS[kind]
    parameters = parameters_of(spec)
    # Of multiples of 2, where the network takes them: the prior's coarse grid reaches beyond.
    image = images(rows=34, columns=38) if spec.depth * spec.patch == 1 else images()
    expected = ours(spec, parameters, image)
    found = theirs(model_of(spec, parameters, NAMES[: len(spec.image_labels)]), image)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert values.std() > 1e-3, name  # random parameters that say something
        np.testing.assert_allclose(found[name], values, atol=1e-4, err_msg=name)


def test_batch_rows_and_columns_are_free():
    parameters = parameters_of(PLAIN)
    model = model_of(PLAIN, parameters)
    for image in (images(1, 32, 64), images(3, 48, 16)):
        expected = ours(PLAIN, parameters, image)["probabilities"]
        found = theirs(model, image)["probabilities"]
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_what_the_first_stage_found_reaches_the_second():
    spec = AROUND
    parameters, image = parameters_of(spec), images()
    found = theirs(model_of(spec, parameters), image)["probabilities"]
    parameters["stage_0"]["head"]["bias"] += 2.0
    other = theirs(model_of(spec, parameters), image)["probabilities"]
    assert np.abs(other[:, 1] - found[:, 1]).max() > 1e-3


def test_a_network_in_bfloat16_computes_in_float32():
    spec = of(PLAIN, dtype="bfloat16")
    parameters, image = parameters_of(spec), images()
    found = theirs(model_of(spec, parameters), image)["probabilities"]
    expected = ours(spec, parameters, image)["probabilities"]  # in float32 too
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("norm", ["group", "instance"])
def test_large_frames_are_normalised_as_exactly_as_float32_can(norm):
    graph, channels = Graph(), 8
    arrays = {"scale": np.ones(channels), "bias": np.zeros(channels)}
    alone = np.zeros((channels, channels, 3, 3))
    alone[range(channels), range(channels), 1, 1] = 1.0
    y = NORMS[norm](graph, arrays, "image", alone)
    shape = (1, channels, 192, 192)
    rng = np.random.default_rng(0)
    x = (3.0 + 0.3 * rng.normal(size=shape)).astype(np.float32)
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("image", y)]
    kept = [numpy_helper.from_array(array, name) for name, array in graph.arrays.items()]
    made = helper.make_graph(graph.nodes, "norm", values[:1], values[1:], kept)
    opset = [helper.make_opsetid("", OPSET)]
    (found,) = theirs(helper.make_model(made, opset_imports=opset, ir_version=IR), x).values()
    wide, axes = x.astype(float), (1, 2, 3) if norm == "group" else (2, 3)
    away = wide - wide.mean(axes, keepdims=True)
    expected = away / np.sqrt((away**2).mean(axes, keepdims=True) + 1e-5)
    np.testing.assert_allclose(found, expected, atol=5e-6)


def test_there_are_few_nodes_and_metadata_beside_them():
    spec = NETWORKS["single"]
    model = model_of(spec, parameters_of(spec), metadata={"fluorojax": "{}"})
    kinds = Counter(node.op_type for node in model.graph.node)
    # Of five blocks, and in their normalisations; on the way up, of the head.
    assert kinds["Conv"] == 3 * 2 * 5 + 2 + 1
    assert kinds["Relu"] == kinds["Sqrt"] == 2 * 5
    assert len(model.graph.node) < 200
    assert kinds["MaxPool"] == kinds["Resize"] == 2
    assert {p.key: p.value for p in model.metadata_props} == {"fluorojax": "{}"}
    assert not any("head_" in array.name for array in model.graph.initializer)


@pytest.mark.parametrize(
    ("field", "value"), [("norm", "batch"), ("spatial_prior", "far"), ("link", "loop")]
)
def test_what_has_no_form_in_onnx_is_named(field, value):
    spec = of(CASCADE, **{"spatial_prior": "around", field: value})
    with pytest.raises(InputError, match=f"model.{field}='{value}' has no form in ONNX"):
        model_of(spec, parameters_of(CASCADE))
