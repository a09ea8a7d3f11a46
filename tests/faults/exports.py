"""A small export of every feature, made without computing anything, and damages of it."""

import functools
import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from flax.traverse_util import unflatten_dict
from safetensors.numpy import save

from fluorojax.inference import export
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.postprocess import GapClosing
from fluorojax.inference.predictor import Predictor
from fluorojax.inference.tta import TtaSpec
from fluorojax.models.spec import NetworkSpec, array_shapes
from fluorojax.schema.info import ClassInfo, ImageLabelInfo, Relation

SPEC = NetworkSpec(
    stages=((0,), (1,)),
    link="gradient",
    parent_class=0,
    width=4.0,
    depth=1,
    norm="group",
    residual=False,
    deep_supervision=False,
    remat=False,
    dtype="float32",
    child_class=1,
    spatial_prior="in_front",
    landmarks=True,
    gradient_scale=0.1,
    image_labels=(2,),
)
RULES = MaskRules(
    (ClassInfo("scope", "region"), ClassInfo("wire", "curve")),
    (0.5, 0.35),
    (0.0, 2.0),
    Relation(child="wire", parent="scope"),
    GapClosing(bridge_px=4.0),
    TtaSpec(2, mirror=True),
)
ORIGIN = {
    "method": "joint",
    "seed": 3,
    "step": 400,
    "dataset": "frames",
    "dataset_fingerprint": "0" * 64,
    "labels": "classes",
    "operating_points": {"scope": 0.5, "wire": 0.35},
}
SCORES = {"classes": {"wire": {"metrics": {"recall": {"mean": 0.75}}}}}


@functools.cache
def good() -> tuple[bytes, bytes]:
    """Return the manifest and the parameters of an export without a fault."""
    shapes = array_shapes(SPEC, (16, 16))
    arrays = {name: np.full(shape, 0.01, np.float32) for name, shape in shapes.items()}
    model = Predictor(
        SPEC,
        unflatten_dict(arrays, sep="/"),
        (16, 16),
        RULES,
        (ImageLabelInfo("side", ("left", "right"), chiral=True),),
    )
    with tempfile.TemporaryDirectory() as name:
        export.export(model, Path(name), ORIGIN)
        export.add_scores(Path(name), "test", SCORES)
        return tuple((Path(name) / file).read_bytes() for file in FILES)


FILES = (export.MANIFEST, export.PARAMETERS)


def write(folder: Path, manifest: bytes | None = None, parameters: bytes | None = None) -> Path:
    """Write an export, with other bytes in place of a file; return its folder."""
    for name, given, usual in zip(FILES, (manifest, parameters), good(), strict=True):
        (folder / name).write_bytes(usual if given is None else given)
    return folder


def with_fields(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Write an export whose manifest a function has changed."""
    fields = json.loads(good()[0])
    change(fields)
    return write(folder, json.dumps(fields).encode())


def with_parameters(folder: Path, data: bytes) -> Path:
    """Write an export with other parameters, whose checksum the manifest has."""
    fields = json.loads(good()[0])
    fields["sha256"] = hashlib.sha256(data).hexdigest()
    return write(folder, json.dumps(fields).encode(), data)


def with_arrays(folder: Path, change: Callable[[dict[str, np.ndarray]], object]) -> Path:
    """Write an export whose arrays a function has changed, with their checksum."""
    shapes = array_shapes(SPEC, (16, 16))
    arrays = {name: np.full(shape, 0.01, np.float32) for name, shape in shapes.items()}
    change(arrays)
    return with_parameters(folder, save(arrays))


def put(path: str, value: Any) -> Callable[[dict[str, Any]], object]:
    """Return a change that sets a field, named as in `masks.classes.1.threshold`."""

    def change(fields: Any) -> None:
        *way, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
        for part in way:
            fields = fields[part]
        fields[last] = value

    return change


def take(path: str) -> Callable[[dict[str, Any]], object]:
    """Return a change that removes a field."""

    def change(fields: Any) -> None:
        *way, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
        for part in way:
            fields = fields[part]
        del fields[last]

    return change
