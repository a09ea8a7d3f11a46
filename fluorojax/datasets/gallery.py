"""Simulated frames to look at and to keep: pictures, and a folder that any tool can read."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from PIL import Image

from fluorojax.config.procedures import data_set_of
from fluorojax.core.errors import InputError
from fluorojax.core.outputs import results
from fluorojax.core.progress import progress
from fluorojax.data.folder import ATTACHED
from fluorojax.datasets.source import simulated_builder
from fluorojax.drawing import overlay
from fluorojax.schema import bitmask
from fluorojax.schema.info import UNKNOWN, DatasetInfo
from fluorojax.simulation.knee.spec import KneeSpec
from fluorojax.simulation.spec import Spec
from tfds_builders.simulated import Simulation

SPACING = ("row_spacing_mm", "col_spacing_mm")
# In turn, so that five patients and more are a folder one can train on.
SPLITS = ("train", "validation", "test", "train", "train")
IN_WORDS = {value: word for word, value in ATTACHED.items()}
FULL_SCALE = 65535
MOST_NUMBERS = 16  # of one name in truth.json

Frames = dict[str, np.ndarray]


def write_gallery(
    spec: Spec | KneeSpec,
    *,
    sequences: Sequence[int],
    frames: int,
    seed: int,
    out: Path,
    splits: Sequence[str] = SPLITS,
) -> None:
    """Write simulated frames, `frames` of each sequence, into `out`, which must be new or empty.

    images/CASE.png (16 bit) and masks/CASE.png (bitmask) with dataset.json and cases.csv are a
    folder of frames like one's own; truth.json holds the other numbers that the simulator gives of
    each case, null where it has none; gallery.png and gallery_labels.png show them side by side, a
    sequence in a row if it has more than one frame.

    Args:
        spec: what is simulated.
        sequences: numbers of the sequences, from 0 up; each is a patient of its own.
        frames: of each sequence.
        seed: of the frames; number and seed say what a sequence shows.
        out: the folder.
        splits: which split each sequence is of, in turn.

    Raises:
        InputError: there is something in `out`, or no sequence of so many frames.
    """
    if out.is_dir() and any(out.iterdir()):
        raise InputError(f"{out} is not empty; give a new folder, nothing in it was changed")
    with results(out, "simulated frames") as draft:
        _write_gallery(spec, sequences, frames, seed, draft, splits)


def _write_gallery(
    spec: Spec | KneeSpec,
    sequences: Sequence[int],
    frames: int,
    seed: int,
    out: Path,
    splits: Sequence[str],
) -> None:
    for folder in ("images", "masks"):
        (out / folder).mkdir()
    simulation = simulation_of(spec)
    info, pictures, rows, truth = simulation.info_of(spec), [], [], {}
    with progress("simulate", len(sequences) * frames) as update:
        for place, sequence in enumerate(sequences):
            made = simulate_sequence(spec, seed, sequence, frames)
            for k in range(frames):
                frame = {name: value[k] for name, value in made.items()}
                split = splits[place % len(splits)]
                rows.append(_write(simulation, info, frame, out, sequence, k))
                rows[-1] |= {"split": split}
                truth[rows[-1]["case"]] = _numbers(frame)
                pictures.append(_pictures(frame))
                update(len(rows))
    with (out / "cases.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    for name, content in (("dataset", _description(info)), ("truth", truth)):
        (out / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    columns = frames if frames > 1 else int(np.ceil(np.sqrt(len(sequences))))
    bare, labelled = (montage(list(chosen), columns) for chosen in zip(*pictures, strict=True))
    legend = overlay.legend(bare.shape[1], info.class_names)
    overlay.save_png(bare, out / "gallery.png")
    overlay.save_png(np.concatenate([labelled, legend]), out / "gallery_labels.png")


def simulate_sequence(spec: Spec | KneeSpec, seed: int, number: int, frames: int) -> Frames:
    """Return the frames of one sequence, `[frames, ...]` each; each sequence is a new patient."""
    return jax.device_get(simulation_of(spec).sequence(spec, seed, number, frames))


def simulation_of(spec: Spec | KneeSpec) -> Simulation:
    """Return what makes frames of a spec."""
    return simulated_builder(data_set_of(spec)).simulation


def montage(pictures: list[np.ndarray], columns: int, gap: int = 4) -> np.ndarray:
    """Return pictures `[H, W, 3]` of one size in rows of `columns`, on white."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for n, picture in enumerate(pictures):
        top, left = n // columns * (height + gap), n % columns * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def _write(
    simulation: Simulation,
    info: DatasetInfo,
    values: Frames,
    out: Path,
    sequence: int,
    number: int,
) -> dict[str, Any]:
    """Write one frame's two files; return its row of cases.csv."""
    name = f"{sequence:04d}"
    case = f"{name}_{number:02d}"
    stored = simulation.stored_case((case, name, name), (sequence, 0, number), values)
    grey = np.rint(values["image"] * FULL_SCALE).astype(np.uint16)
    Image.fromarray(grey).save(out / "images" / f"{case}.png")
    Image.fromarray(bitmask.pack(stored.mask)).save(out / "masks" / f"{case}.png")
    image_labels = zip(info.image_labels, stored.image_labels, strict=True)
    return {
        "case": case,
        "image": f"images/{case}.png",
        "annotation": f"masks/{case}.png",
        "patient": name,
        "sequence": name,
        "frame": number,
        "attached": IN_WORDS[stored.attached],
        "stratum": stored.stratum,
        **{
            name: f"{spacing:.6g}" for name, spacing in zip(SPACING, stored.spacing_mm, strict=True)
        },
        **{a.name: "" if k == UNKNOWN else a.values[k] for a, k in image_labels},
    }


def _numbers(frame: Frames) -> dict[str, Any]:
    """Return what the simulator gives of a frame besides pictures and long lines."""
    few = {name: value for name, value in frame.items() if value.size <= MOST_NUMBERS}
    return {name: _without_nan(value.tolist()) for name, value in few.items()}


def _without_nan(value: Any) -> Any:
    """Return a number, or lists of them, with None for NaN, which JSON does not have."""
    if isinstance(value, list):
        return [_without_nan(one) for one in value]
    return None if value != value else value


def _pictures(frame: Frames) -> tuple[np.ndarray, np.ndarray]:
    """Return the frame without and with the outlines of its classes."""
    bare = overlay.grey(frame["image"])
    return bare, overlay.overlay(frame["image"], None, frame["mask"].astype(bool))


def _description(info: DatasetInfo) -> dict[str, Any]:
    """Return dataset.json."""
    fields = info.to_json()
    classes = [{"name": c.name, "kind": c.kind} for c in info.classes]
    return fields | {"name": "simulated", "classes": classes, "mask_encoding": "bitmask"}
