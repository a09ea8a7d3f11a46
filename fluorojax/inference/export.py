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
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.predictor import Predictor
from fluorojax.models.cascade import Parameters
from fluorojax.models.spec import NetworkSpec
from fluorojax.schema.info import image_labels_from_json
from fluorojax.schema.renamed import KEYS, with_new_names

FORMAT = 3
READABLE = (2, FORMAT)
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
        "network": predictor.spec.to_json(),
        "preprocessing": {
            "channels": "grey",
            "image_size": list(predictor.image_size),
            "fit": "shrink if larger (aspect kept), never enlarge, centre, pad",
            "intensity_percentiles": list(PERCENTILES),
        },
        "masks": predictor.rules.to_json(),
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
    if manifest.get("format") not in READABLE:
        raise InputError(
            f"{path} has format {manifest.get('format')!r}, and this version reads "
            f"{' and '.join(map(str, READABLE))}; export the run again, or use the version that "
            "wrote it"
        )
    manifest = with_new_names(manifest, KEYS)
    return manifest if manifest["format"] == FORMAT else _from_format_2(manifest)


def _from_format_2(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest of format 2 as today's: what makes masks stood in four places there.

    The oldest of them have neither image labels nor views, and no least area of components.
    """
    rest = dict(manifest)
    masks = {
        "classes": [
            {"min_component_px": 0.0, **with_new_names(entry, KEYS)}
            for entry in rest.pop("classes")
        ],
        "relation": rest.pop("relation"),
        "gap_closing": rest.pop("postprocessing"),
        "tta": with_new_names(rest.pop("tta", {}), KEYS),
    }
    return {"image_labels": [], **rest, "format": FORMAT, "masks": masks}


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
        prediction = model.predict("frame.png", spacing_mm=0.2)  # .masks: [H, W, C] bool

    Raises:
        InputError: the folder is not an export, a file in it is missing or damaged, or it scales
            grey values otherwise than this version.
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    _check_percentiles(manifest["preprocessing"], folder / MANIFEST)
    return Predictor(
        spec=NetworkSpec.from_json(manifest["network"]),
        parameters=load_parameters(folder),
        image_size=tuple(manifest["preprocessing"]["image_size"]),
        rules=MaskRules.from_json(manifest["masks"]),
        image_labels=image_labels_from_json(manifest["image_labels"]),
        source=str(path),
    )


def _check_percentiles(preprocessing: Mapping[str, Any], path: Path) -> None:
    """Check that grey values are scaled here as they were when the network learned."""
    if (theirs := tuple(preprocessing["intensity_percentiles"])) != PERCENTILES:
        raise InputError(
            f"{path}: the network learned grey values between the percentiles {theirs}, and this "
            f"version scales by {PERCENTILES}; use the version that wrote it"
        )
