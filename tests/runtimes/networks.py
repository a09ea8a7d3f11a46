"""Tiny networks of every kind, with random parameters, and what they say themselves."""

import dataclasses

import jax
import numpy as np

from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.predictor import Predictor
from fluorojax.models.cascade import forward
from fluorojax.models.spec import NetworkSpec, array_shapes, build
from fluorojax.schema.info import ClassInfo, ImageLabelInfo, Relation

SIDE = 32
CLASSES = (ClassInfo("scope", "region"), ClassInfo("wire", "curve"))
LABELS = (ImageLabelInfo("view", ("ap", "lateral")), ImageLabelInfo("side", ("left", "right")))
PLAIN = NetworkSpec(
    ((0, 1),), "none", None, 4, 1, "group", False, False, False, "float32", spatial_prior="none"
)
CASCADE = dataclasses.replace(
    PLAIN, stages=((0,), (1,)), link="gradient", parent_class=0, child_class=1
)


def of(spec=PLAIN, **fields):
    return dataclasses.replace(spec, **fields)


AROUND = of(CASCADE, spatial_prior="around")
NETWORKS = {
    "single": of(stages=((0,),), depth=2, deep_supervision=True),
    "multi, with image labels, as of knees": of(image_labels=(2, 2), width=24.0),
    "separate": of(stages=((0,), (1,)), norm="instance", width=5.7),
    "cascade": of(CASCADE, norm="none", remat=True),
    "cascade around": of(AROUND, link="stop_gradient", landmarks=True),
    "cascade in front, child first": of(
        CASCADE, stages=((1,), (0,)), parent_class=1, child_class=0, spatial_prior="in_front",
        landmarks=True,
    ),
    "cascade of local contrast": of(CASCADE, local_contrast=3, spatial_prior="in_front"),
    "cascade of patches": of(AROUND, patch=2, residual=True),
}  # fmt: skip


def parameters_of(spec, seed=0):
    """Return random parameters, scales around 1 and offsets around 0, so that all parts count."""
    rng = np.random.default_rng(seed)
    arrays: dict = {}
    for name, shape in array_shapes(spec, (SIDE, SIDE)).items():
        *path, last = name.split("/")
        fan = np.sqrt(np.prod(shape[:-1]) / 2) if last == "kernel" else 5.0
        values = (rng.normal(size=shape) / fan + (last == "scale")).astype(np.float32)
        place = arrays
        for part in path:
            place = place.setdefault(part, {})
        place[last] = values
    return arrays


def images(batch=2, rows=SIDE, columns=SIDE, seed=1):
    """Return random frames as networks take them, [N, 1, H, W] float32 in [0, 1]."""
    return np.random.default_rng(seed).random((batch, 1, rows, columns), np.float32)


def ours(spec, parameters, image, names=("view", "side")):
    """Return the network's own outputs under the names that they have elsewhere."""
    spec = of(spec, dtype="float32", remat=False)

    def all_of(shown):
        output = forward(build(spec), parameters, shown[:, 0])
        found = {"probabilities": jax.nn.sigmoid(output.logits).transpose(0, 3, 1, 2)}
        if output.landmarks is not None:
            found["landmarks"] = jax.nn.sigmoid(output.landmarks).transpose(0, 3, 1, 2)
        heads = zip(names, output.image_labels, strict=False)
        return found | {f"image_label_{n}": jax.nn.softmax(values) for n, values in heads}

    return {name: np.asarray(of) for name, of in jax.jit(all_of)(image).items()}


def predictor_of(spec):
    """Return a network with its classes, relation and image labels."""
    count = sum(map(len, spec.stages))
    relation = None
    if spec.parent_class is not None:
        names = [c.name for c in CLASSES]
        relation = Relation(child=names[spec.child_class], parent=names[spec.parent_class])
    rules = MaskRules(CLASSES[:count], relation=relation)
    labels = LABELS[: len(spec.image_labels)]
    return Predictor(spec, parameters_of(spec), (SIDE, SIDE), rules, labels)
