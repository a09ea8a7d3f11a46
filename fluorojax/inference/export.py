"""A trained network as two files, `params.safetensors` and `manifest.json`, and its model card.

Loading executes nothing that the files contain; the manifest is data and its checksum is verified.
The card is made of the manifest for people, and never read; exports of before there was one have
none.
"""

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors.numpy import save

from fluorojax.core.errors import InputError
from fluorojax.core.files import MIB, read_json, reading
from fluorojax.core.outputs import replaced, sha256, written_aside
from fluorojax.data.intensity import PERCENTILES
from fluorojax.inference import card, ready_made
from fluorojax.inference.arrays import check_size, read_arrays
from fluorojax.inference.manifest import CHANNELS, FITS, FORMAT, fitting_of, todays
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.predictor import Predictor
from fluorojax.models.cascade import Parameters
from fluorojax.models.spec import NetworkSpec, array_shapes
from fluorojax.schema.info import image_labels_from_json

MOST_MANIFEST = 16 * MIB
PARAMETERS = "params.safetensors"
MANIFEST = ready_made.MANIFEST


def export(
    predictor: Predictor, folder: Path, origin: Mapping[str, Any], *, owned: bool = True
) -> None:
    """Write the parameters, and a manifest that says all that is needed to use them.

    They take their place at once, with the card. An export of the same parameters and mask rules
    that stood there leaves its scores.

    Args:
        predictor: the network with its parameters.
        folder: new, or an export, which is replaced.
        origin: where the parameters come from (method, seed, step, data set, ...), as JSON.
        owned: the folder is a part of a run: an export of other parameters is replaced too.

    Raises:
        InputError: something else stands in the folder, or it cannot be written.
    """
    before = export_in(folder)
    with replaced(folder) as draft:
        flat = flatten_dict(predictor.parameters, sep="/")
        arrays = {name: np.ascontiguousarray(np.asarray(value)) for name, value in flat.items()}
        (draft / PARAMETERS).write_bytes(save(arrays))
        manifest = _manifest(predictor, origin, sha256(draft / PARAMETERS))
        if before and before["sha256"] == manifest["sha256"]:
            same = before["masks"] == json.loads(json.dumps(manifest["masks"]))
            manifest["scores"] = before["scores"] if same else {}
        elif before and not owned:
            raise InputError(
                f"--out {folder} holds the export of other parameters "
                f"({before['sha256'][:12]}); give a new folder"
            )
        write_manifest(draft, manifest)
        write_card(draft, manifest)


def export_in(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of the export in a folder; None where it is new, empty or torn.

    Raises:
        InputError: something else is in it.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise InputError(f"--out {folder} is no folder; give a new folder")
    found = {p.name for p in folder.iterdir()} if folder.is_dir() else set()
    other = sorted(n for n in found - {PARAMETERS, MANIFEST, card.FILE} if not n.startswith("."))
    if other and other != [f"{MANIFEST}.part"]:
        raise InputError(
            f"--out {folder} is not empty: {other[0]} is no part of an export; give a new folder, "
            "nothing in it was changed"
        )
    try:
        return _read(folder)
    except InputError:
        return None


def _manifest(predictor: Predictor, origin: Mapping[str, Any], checksum: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "network": predictor.spec.to_json(),
        "preprocessing": {
            "channels": CHANNELS,
            "image_size": list(predictor.image_size),
            "fit": FITS[predictor.fitting.fit],
            "resampling": predictor.fitting.resampling,
            "intensity_percentiles": list(PERCENTILES),
        },
        "masks": predictor.rules.to_json(),
        "image_labels": [dataclasses.asdict(image_label) for image_label in predictor.image_labels],
        "origin": dict(origin),
        "sha256": checksum,
        "scores": {},
    }


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Replace the manifest in one move: a reader sees the old one or the new one, never half."""
    text = json.dumps(manifest, indent=1, allow_nan=False) + "\n"
    with written_aside(folder / MANIFEST) as draft:
        draft.write_text(text, "utf-8")


def write_card(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the model card of a manifest into its folder, in one move."""
    with written_aside(folder / card.FILE) as draft:
        draft.write_text(card.card(manifest), "utf-8")


def read_manifest(given: Path) -> dict[str, Any]:
    """Return the manifest of an export, every field of it checked (`fluorojax.inference.manifest`).

    Args:
        given: its folder, or the name of a ready-made model.

    Raises:
        InputError: there is none, it is not JSON, its format is not known here, or a field of it is
            unknown, missing or out of its limits.
    """
    return _read(ready_made.folder_of(given))


def _read(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    with reading(path):
        there = path.is_file()
    if not there:
        half = [part.name for part in sorted(folder.glob("*.part"))]
        begun = f" (an export was begun there: {half[0]})" if half else ""
        raise InputError(
            f"{path} does not exist{begun}; give the folder of an export, such as "
            f"runs/joint-quick/export, or {ready_made.in_words()}"
        )
    return todays(read_json(path, most=MOST_MANIFEST), path)


def add_scores(folder: Path, split: str, scores: Mapping[str, Any]) -> None:
    """Note the scores of a split in the manifest of an export, and in its card."""
    before = _read(folder)
    manifest = {**before, "scores": {**before["scores"], split: dict(scores)}}
    write_manifest(folder, manifest)
    write_card(folder, manifest)


def load_parameters(given: Path) -> Parameters:
    """Return the parameters of an export as a nested dict of float32 arrays.

    Args:
        given: its folder, or the name of a ready-made model.

    Raises:
        InputError: the manifest is wrong; the file is missing, or is not the one that the manifest
            speaks of; or its arrays are not those of the network, float32 and finite.
    """
    folder = ready_made.folder_of(given)
    return _parameters(folder, _read(folder))


def _parameters(folder: Path, manifest: Mapping[str, Any]) -> Parameters:
    path = folder / PARAMETERS
    if not path.is_file():
        raise InputError(f"{path} does not exist; copy it beside {MANIFEST}, or export again")
    size = tuple(manifest["preprocessing"]["image_size"])
    expected = array_shapes(NetworkSpec.from_json(manifest["network"]), size)
    check_size(path, expected)
    with reading(path):
        found = sha256(path)
    if found != manifest["sha256"]:
        raise InputError(
            f"{path} has checksum {found[:12]}..., its manifest says {manifest['sha256'][:12]}...; "
            "the file is damaged or belongs to another export: copy both again"
        )
    return unflatten_dict(read_arrays(path, expected), sep="/")


def origin_for_scores(folder: Path) -> dict[str, Any]:
    """Return where an export comes from, with all that is needed to score it.

    Raises:
        InputError: it says neither which labels were learned nor the operating points.
    """
    origin = read_manifest(folder)["origin"]
    for name in ("labels", "operating_points"):
        if name not in origin:
            raise InputError(
                f"{folder / MANIFEST}: origin.{name} is missing, and without it an export cannot "
                "be scored; export the run again"
            )
    return origin


def load(path: str | Path) -> Predictor:
    """Return a callable model from the folder of an export alone, or a ready-made one by its name.

    Example:
        model = fluorojax.load("runs/joint-quick/export")
        model = fluorojax.load("joint")  # comes with the package; its MODEL_CARD.md says what it is
        probabilities = model(frame)  # frame: [H, W] grey values -> [H, W, C] float32 in [0, 1]
        prediction = model.predict("frame.png", spacing_mm=0.2)  # .masks: [H, W, C] bool

    Raises:
        InputError: the folder is not an export, a file in it is missing or damaged, or it scales
            grey values otherwise than this version.
    """
    folder = ready_made.folder_of(path)
    manifest = _read(folder)
    return Predictor(
        spec=NetworkSpec.from_json(manifest["network"]),
        parameters=_parameters(folder, manifest),
        image_size=tuple(manifest["preprocessing"]["image_size"]),
        rules=MaskRules.from_json(manifest["masks"]),
        image_labels=image_labels_from_json(manifest["image_labels"]),
        source=str(path),
        fitting=fitting_of(manifest["preprocessing"]),
    )
