"""A trained network as two files: `params.safetensors` and `manifest.json`.

Loading executes nothing that the files contain; the manifest is data and its checksum is verified.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors.numpy import load_file, save_file

from fluorojax.core.errors import InputError
from fluorojax.data.intensity import PERCENTILES
from fluorojax.inference.postprocess import GapClosing
from fluorojax.inference.predictor import Predictor
from fluorojax.inference.tta import TtaSpec
from fluorojax.models.cascade import Parameters
from fluorojax.models.spec import NetworkSpec
from fluorojax.schema.info import ClassInfo, Relation, image_labels_from_json
from fluorojax.schema.renamed import KEYS, with_new_names

FORMAT = 2
PARAMETERS = "params.safetensors"
MANIFEST = "manifest.json"


def export(predictor: Predictor, folder: Path, origin: Mapping[str, Any]) -> None:
    """Write the parameters, and a manifest that says all that is needed to use them.

    Args:
        predictor: the network with its parameters.
        folder: made if missing; files of an earlier export there are replaced.
        origin: where the parameters come from (method, seed, step, data set, ...), as JSON.
    """
    folder.mkdir(parents=True, exist_ok=True)
    flat = flatten_dict(predictor.parameters, sep="/")
    arrays = {name: np.ascontiguousarray(np.asarray(value)) for name, value in flat.items()}
    save_file(arrays, folder / PARAMETERS)
    manifest = {
        "format": FORMAT,
        "classes": [
            {"name": c.name, "kind": c.kind, "threshold": threshold, "min_component_px": least}
            for c, threshold, least in zip(
                predictor.classes, predictor.thresholds, predictor.min_component_px, strict=True
            )
        ],
        "network": predictor.spec.to_json(),
        "preprocessing": {
            "channels": "grey",
            "image_size": list(predictor.image_size),
            "fit": "shrink if larger (aspect kept), never enlarge, centre, pad",
            "intensity_percentiles": list(PERCENTILES),
        },
        "tta": dataclasses.asdict(predictor.tta),
        "postprocessing": dataclasses.asdict(predictor.gap_closing),
        "relation": dataclasses.asdict(predictor.relation) if predictor.relation else None,
        "image_labels": [dataclasses.asdict(image_label) for image_label in predictor.image_labels],
        "origin": dict(origin),
        "sha256": sha256(folder / PARAMETERS),
        "scores": {},
    }
    write_manifest(folder, manifest)


def sha256(path: Path) -> str:
    """Return the checksum of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Replace the manifest in one move: a reader sees the old one or the new one, never half."""
    draft = folder / (MANIFEST + ".part")
    draft.write_text(json.dumps(manifest, indent=1, allow_nan=False) + "\n", "utf-8")
    draft.replace(folder / MANIFEST)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of an export.

    Raises:
        InputError: there is none, it is not JSON, or its format is not known here.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(
            f"{path} does not exist; give the folder of an export, such as runs/joint-quick/export"
        )
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); export the run again") from error
    if manifest.get("format") != FORMAT:
        raise InputError(
            f"{path} has format {manifest.get('format')!r}, and this version reads {FORMAT}; "
            "export the run again, or use the version that wrote it"
        )
    manifest = with_new_names(manifest, KEYS)
    manifest["classes"] = [with_new_names(entry, KEYS) for entry in manifest["classes"]]
    manifest["tta"] = with_new_names(manifest.get("tta", {}), KEYS)
    return manifest


def add_scores(folder: Path, split: str, scores: Mapping[str, Any]) -> None:
    """Note the scores of a split in the manifest of an export."""
    manifest = read_manifest(folder)
    write_manifest(folder, {**manifest, "scores": {**manifest["scores"], split: dict(scores)}})


def load_parameters(folder: Path) -> Parameters:
    """Return the parameters of an export as a nested dict of float32 arrays.

    Raises:
        InputError: the file is missing, or is not the one that the manifest speaks of.
    """
    manifest, path = read_manifest(folder), folder / PARAMETERS
    if not path.is_file():
        raise InputError(f"{path} does not exist; copy it beside {MANIFEST}, or export again")
    if (found := sha256(path)) != manifest["sha256"]:
        raise InputError(
            f"{path} has checksum {found[:12]}..., its manifest says {manifest['sha256'][:12]}...; "
            "the file is damaged or belongs to another export: copy both again"
        )
    return unflatten_dict(load_file(path), sep="/")


def load(path: str | Path) -> Predictor:
    """Return a callable model from the folder of an export alone.

    Example:
        model = fluorojax.load("runs/joint-quick/export")
        probabilities = model(frame)  # frame: [H, W] grey values -> [H, W, C] float32 in [0, 1]
        masks = model.segment(frame)  # [H, W, C] bool, at the thresholds of the manifest

    Raises:
        InputError: the folder is not an export, or a file in it is missing or damaged.
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    return Predictor(
        spec=NetworkSpec.from_json(manifest["network"]),
        parameters=load_parameters(folder),
        image_size=tuple(manifest["preprocessing"]["image_size"]),
        classes=tuple(ClassInfo(c["name"], c["kind"]) for c in manifest["classes"]),
        thresholds=[c["threshold"] for c in manifest["classes"]],
        gap_closing=GapClosing(**manifest["postprocessing"]),
        relation=Relation(**manifest["relation"]) if manifest["relation"] else None,
        # Younger than FORMAT 2.
        image_labels=image_labels_from_json(manifest.get("image_labels", [])),
        min_component_px=[c.get("min_component_px", 0.0) for c in manifest["classes"]],
        tta=TtaSpec(**manifest["tta"]),
    )
