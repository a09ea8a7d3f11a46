"""A network as an ONNX graph, [N, C, H, W], float32.

Written by hand: what converts traced programs writes nodes for each convolution's layout, too,
thousands in all, and runtimes take up to five times as long over them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

import fluorojax
from fluorojax.core.errors import InputError
from fluorojax.geometry.morphology import LEAST_SHARE, POOL, REACH
from fluorojax.models.cascade import LANDMARKS, Maps, Parameters
from fluorojax.models.intensity import LEAST_CONTRAST, WIDER
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.models.unet import EPSILON, group_count, stride

OPSET, IR = 17, 8  # of 2022: what runtimes read that are not new
FLAX_EPSILON = 1e-6  # of Flax's LayerNorm

Arrays = Mapping[str, Any]  # a part of a network's parameters


class Graph:
    """Nodes and arrays in the order in which they were added; values are known by their names."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.arrays: dict[str, np.ndarray] = {}

    def add(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add an operation with one output, and return the output's name."""
        name = name or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name

    def array(self, values: Any, dtype: type = np.float32) -> str:
        """Keep an array, and return its name; equal small ones are kept once."""
        array: np.ndarray = np.ascontiguousarray(values, dtype)
        small = array.size <= 4
        name = f"{array.dtype}{array.tolist()}" if small else f"array_{len(self.arrays)}"
        self.arrays[name] = array
        return name


def model_of(
    spec: NetworkSpec,
    parameters: Parameters,
    image_label_names: Sequence[str] = (),
    metadata: Mapping[str, str] | None = None,
) -> ModelProto:
    """Return a network as an ONNX model, checked.

    Its input `image: [N, 1, H, W] float32 in [0, 1]`, N free, H and W multiples of patch 2^depth.
    Its outputs, float32 in [0, 1]: `probabilities: [N, C, H, W]`, the classes in their order;
    `landmarks: [N, 2, H, W]`, exit and tip, where they are learned; and `image_label_NAME: [N, n]`.

    A network that computes in bfloat16 computes in float32 here.

    Args:
        spec, parameters: the network.
        image_label_names: of the image labels, in order.
        metadata: what is written beside the graph.

    Raises:
        InputError: the network has a part that is not known here.
    """
    graph = Graph()
    outputs = _cascade(graph, spec, parameters, image_label_names)
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, "H", "W"])
    shown = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()]
    arrays = [numpy_helper.from_array(array, name) for name, array in graph.arrays.items()]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "fluorojax", [image], shown, arrays),
        producer_name="fluorojax",
        producer_version=fluorojax.__version__,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR,
    )
    helper.set_model_props(model, dict(metadata or {}))
    checker.check_model(model, full_check=True)
    return model


def _cascade(
    graph: Graph, spec: NetworkSpec, parameters: Parameters, image_label_names: Sequence[str]
) -> dict[str, list[str | int]]:
    """Add all stages, and return the outputs with their shapes; see `cascade.Cascade`."""
    network = build(spec)
    frame = _seen(graph, spec.local_contrast)
    found: list[str] = []  # probabilities of each stage
    known: list[int | str] = []  # their channels
    names: dict[str, list[str | int]] = {}
    for k, classes in enumerate(spec.stages):
        context = _context(graph, spec, found, known)
        x = graph.add("Concat", frame, *context, axis=1) if context else frame
        logits, bottom = _unet(graph, spec, parameters[f"stage_{k}"], x)
        found.append(graph.add("Sigmoid", logits))
        known += network.maps(classes)
        if k == 0:
            heads = _image_labels(graph, spec, parameters["stage_0"], bottom, image_label_names)
    together = graph.add("Concat", *found, axis=1) if len(found) > 1 else found[0]
    count = sum(isinstance(m, int) for m in known)
    names["probabilities"] = ["N", count, "H", "W"]
    _pick(graph, together, known, range(count), "probabilities")
    if spec.landmarks:
        names["landmarks"] = ["N", len(LANDMARKS), "H", "W"]
        _pick(graph, together, known, LANDMARKS, "landmarks")
    return names | heads


def _seen(graph: Graph, reach: int) -> str:
    """Add what the stages are given of the frame; see `intensity.seen`."""
    if not reach:
        return graph.add("Sub", graph.add("Mul", "image", graph.array(2.0)), graph.array(1.0))
    contrasts = [_local_contrast(graph, "image", far) for far in (reach, WIDER * reach)]
    return graph.add("Concat", *contrasts, axis=1)


def _local_contrast(graph: Graph, x: str, reach: int) -> str:
    away = graph.add("Sub", x, _box_mean(graph, x, reach))
    variance = _box_mean(graph, graph.add("Mul", away, away), reach)
    deviation = graph.add("Sqrt", graph.add("Add", variance, graph.array(LEAST_CONTRAST**2)))
    return graph.add("Div", away, deviation)


def _box_mean(graph: Graph, x: str, reach: int) -> str:
    """Add the mean over a square around each pixel, along columns and then along rows."""
    for side in ([2 * reach + 1, 1], [1, 2 * reach + 1]):
        pads = [(n - 1) // 2 for n in side] * 2
        x = graph.add("AveragePool", x, kernel_shape=side, pads=pads, count_include_pad=0)
    return x


def _pick(graph: Graph, x: str, known: Maps | list[int | str], wanted: Any, name: str) -> None:
    """Add an output of some channels of `x`, in the order wanted."""
    places = [known.index(m) for m in wanted]
    graph.add("Gather", x, graph.array(places, np.int64), name=name, axis=1)


def _context(
    graph: Graph, spec: NetworkSpec, found: Sequence[str], known: list[int | str]
) -> list[str]:
    """Add what the next stage sees beside the image; see `Cascade.context`."""
    if not _of(LINKED, "model.link", spec.link) or not found:
        return []
    if spec.spatial_prior == "none" or spec.parent_class not in known:
        return list(found)
    prior = _of(PRIORS, "model.spatial_prior", spec.spatial_prior)
    shown = graph.add("Concat", *found, axis=1) if len(found) > 1 else found[0]
    place = graph.array([known.index(spec.parent_class)], np.int64)
    parent = graph.add("Gather", shown, place, axis=1)
    coarse = _pool(graph, parent, POOL, strides=[POOL, POOL], ceil_mode=1)
    seen = _enlarge(graph, prior(graph, coarse), POOL)
    if stride(spec.depth, spec.patch) % POOL:
        size = graph.add("Shape", parent, start=2, end=4)
        ends = graph.array([0, 0], np.int64), size, graph.array([2, 3], np.int64)
        seen = graph.add("Slice", seen, *ends)
    return [*found, seen]


def _unet(graph: Graph, spec: NetworkSpec, arrays: Arrays, x: str) -> tuple[str, str]:
    """Add a stage, and return its logits and the features of its bottom; see `unet.UNet`."""
    if spec.patch > 1:
        x = graph.add("SpaceToDepth", x, blocksize=spec.patch)
    skips = []
    for level in range(spec.depth):
        x = _block(graph, spec, arrays[f"down_{level}"], x, 1 if level else spec.patch)
        skips.append(x)
        x = _pool(graph, x, 2, strides=[2, 2])
    x = bottom = _block(graph, spec, arrays["bottom"], x)
    for level in reversed(range(spec.depth)):
        narrow = _pointwise(graph, arrays[f"narrow_{level}"], x)
        x = graph.add("Concat", _enlarge(graph, narrow, 2), skips[level], axis=1)
        x = _block(graph, spec, arrays[f"up_{level}"], x)
    logits = _pointwise(graph, arrays["head"], x)
    if spec.patch > 1:
        logits = graph.add("DepthToSpace", logits, blocksize=spec.patch, mode="DCR")
    return logits, bottom


def _block(graph: Graph, spec: NetworkSpec, arrays: Arrays, x: str, patch: int = 1) -> str:
    """Add twice a convolution, a normalisation and a ReLU; see `unet.Block`.

    With `patch` above 1 the input's channels are those of ONNX's SpaceToDepth.
    """
    norm, y = _of(NORMS, "model.norm", spec.norm), x
    for k in range(2):
        kernel = np.asarray(arrays[f"conv_{k}"]["kernel"]).transpose(3, 2, 0, 1)
        if k == 0:
            kernel = _as_space_to_depth(kernel, patch)
        y = norm(graph, arrays[f"norm_{k}"], y, kernel)
        if k == 1 and spec.residual:
            kernel = np.asarray(arrays["skip"]["kernel"]).T[..., None, None]
            kernel = _as_space_to_depth(kernel, patch)
            y = graph.add("Add", y, graph.add("Conv", x, graph.array(kernel)))
        y = graph.add("Relu", y)
    return y


def _as_space_to_depth(kernel: np.ndarray, patch: int) -> np.ndarray:
    """Return a kernel [O, I, h, w] with the inputs in the order of ONNX: pixels, then channels.

    `unet.space_to_depth` keeps a channel's pixels together instead.
    """
    outputs, inputs, *size = kernel.shape
    apart = kernel.reshape(outputs, inputs // patch**2, patch**2, *size)
    return apart.swapaxes(1, 2).reshape(kernel.shape)


def _normalised(
    graph: Graph, arrays: Arrays, x: str, kernel: np.ndarray, groups: Callable[[int], int]
) -> str:
    """Add a convolution and a normalisation over groups of its channels.

    In small operations: runtimes sum up all pixels of a group at once, in float32, in the one that
    ONNX has for it (InstanceNormalization, of which GroupNormalization is made), and trained
    networks then were up to 3e-4 away from their own probabilities. Row by row it is 7e-6.
    """
    channels = len(kernel)
    y = graph.add("Conv", x, graph.array(kernel), pads=[1] * 4)
    same = np.kron(np.eye(count := groups(channels)), np.ones((channels // count,) * 2))
    mean_of = graph.array((same / same.sum(0))[..., None, None])  # of the channels of a group
    away = graph.add("Sub", y, graph.add("Conv", _mean(graph, y), mean_of))
    squares = _mean(graph, graph.add("Mul", away, away))
    variance = graph.add("Conv", squares, mean_of, graph.array(np.full(channels, EPSILON)))
    scale, offset = (np.reshape(arrays[name], (channels, 1, 1)) for name in ("scale", "bias"))
    factor = graph.add("Div", graph.array(scale), graph.add("Sqrt", variance))
    return graph.add("Add", graph.add("Mul", away, factor), graph.array(offset))


def _mean(graph: Graph, x: str) -> str:
    """Add the mean over all pixels, [N, C, 1, 1]: of each row, and then of the rows."""
    return graph.add("ReduceMean", graph.add("ReduceMean", x, axes=[3]), axes=[2])


def _group_norm(graph: Graph, arrays: Arrays, x: str, kernel: np.ndarray) -> str:
    return _normalised(graph, arrays, x, kernel, group_count)


def _instance_norm(graph: Graph, arrays: Arrays, x: str, kernel: np.ndarray) -> str:
    return _normalised(graph, arrays, x, kernel, lambda channels: channels)


def _no_norm(graph: Graph, arrays: Arrays, x: str, kernel: np.ndarray) -> str:
    return graph.add("Conv", x, graph.array(kernel), graph.array(arrays["bias"]), pads=[1] * 4)


NORMS: dict[str, Callable[[Graph, Arrays, str, np.ndarray], str]] = {
    "group": _group_norm,
    "instance": _instance_norm,
    "none": _no_norm,
}
"""A 3 x 3 convolution with what follows it."""


def _pointwise(graph: Graph, arrays: Arrays, x: str) -> str:
    kernel = np.asarray(arrays["kernel"]).T[..., None, None]
    return graph.add("Conv", x, graph.array(kernel), graph.array(arrays["bias"]))


def _pool(graph: Graph, x: str, side: int, **attributes: Any) -> str:
    """Add the maximum over squares; without `strides`, around each pixel."""
    pads = [0] * 4 if "strides" in attributes else [side // 2] * 4
    return graph.add("MaxPool", x, kernel_shape=[side, side], pads=pads, **attributes)


def _enlarge(graph: Graph, x: str, factor: int) -> str:
    """Repeat each pixel factor x factor times."""
    scales = graph.array([1, 1, factor, factor])
    how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return graph.add("Resize", x, "", scales, mode="nearest", **how)


def _around(graph: Graph, x: str) -> str:
    """Add `morphology.proximity`; outside the image nothing is near, and values are >= 0."""
    for _ in range(REACH):
        less = graph.add("Sub", _pool(graph, x, 3), graph.array(1.0 / REACH))
        x = graph.add("Max", x, less)
    return x


def _in_front(graph: Graph, x: str) -> str:
    """Add `morphology.in_front`; REACH dilations by 3 x 3 are one by a larger square."""
    side = 2 * REACH + 1
    near = _around(graph, x)
    margins = graph.array([0, 0, REACH, REACH] * 2, np.int64)
    wide = graph.add("Pad", x, margins, mode="edge")
    share = graph.add("AveragePool", wide, kernel_shape=[side, side])
    most = graph.add("Max", _pool(graph, share, side), graph.array(LEAST_SHARE))
    ahead = graph.add("Sub", near, graph.add("Div", share, most))
    twice = graph.add("Mul", ahead, graph.array(2.0))
    return graph.add("Min", graph.add("Relu", twice), near)


LINKED = {"none": False, "stop_gradient": True, "gradient": True}
"""Whether later stages see what was found; which gradient flows back is of training alone."""
PRIORS: dict[str, Callable[[Graph, str], str]] = {"around": _around, "in_front": _in_front}
"""What is computed of a parent's probabilities on the coarse grid."""


def _image_labels(
    graph: Graph, spec: NetworkSpec, arrays: Arrays, bottom: str, names: Sequence[str]
) -> dict[str, list[str | int]]:
    """Add the image labels' probabilities; see `UNet.attribute_logits`."""
    if not spec.image_labels:
        return {}
    layer = (graph.array(arrays["attribute_norm"][name]) for name in ("scale", "bias"))
    scale, offset = layer
    pooled = [
        graph.add(
            *("LayerNormalization", graph.add(kind, bottom, axes=[2, 3], keepdims=0)),
            *(scale, offset),
            epsilon=FLAX_EPSILON,
        )
        for kind in ("ReduceMean", "ReduceMax")
    ]
    features = graph.add("Concat", *pooled, axis=1)
    outputs: dict[str, list[str | int]] = {}
    for k, (count, name) in enumerate(zip(spec.image_labels, names, strict=True)):
        head = arrays[f"attribute_{k}"]
        weights = graph.array(head["kernel"]), graph.array(head["bias"])
        logits = graph.add("Gemm", features, *weights)
        outputs[graph.add("Softmax", logits, name=f"image_label_{name}", axis=1)] = ["N", count]
    return outputs


def _of(known: Mapping[str, Any], field: str, value: str) -> Any:
    if value not in known:
        raise InputError(
            f"{field}={value!r} has no form in ONNX here, which knows {', '.join(known)}; write "
            "the network with --format stablehlo, which takes all"
        )
    return known[value]
