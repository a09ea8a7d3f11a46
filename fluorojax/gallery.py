"""Simulated frames to look at and to keep: pictures, and a folder that any tool can read."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from fluorojax import overlay, rng
from fluorojax.data import bitmask
from fluorojax.data.folder import ATTACHED
from fluorojax.errors import InputError
from fluorojax.progress import progress
from fluorojax.simulation.ercp import Keys, level_name, simulate_many
from fluorojax.simulation.spec import Spec
from tfds_builders.ercp_synthetic.ercp_synthetic_dataset_builder import INFO, INTERVAL_S

SPACING = ("row_spacing_mm", "col_spacing_mm")
# In turn, so that five patients and more are a folder one can train on.
SPLITS = ("train", "validation", "test", "train", "train")
IN_WORDS = {value: word for word, value in ATTACHED.items()}
FULL_SCALE = 65535

Frames = dict[str, np.ndarray]


def write_gallery(
    spec: Spec,
    *,
    sequences: Sequence[int],
    frames: int,
    seed: int,
    out: Path,
    splits: Sequence[str] = SPLITS,
) -> None:
    """Write simulated frames, `frames` of each sequence, into `out`, which must be new or empty.

    images/CASE.png (16 bit) and masks/CASE.png (bitmask) with dataset.json and cases.csv are a
    folder of frames like one's own; gallery.png and gallery_labels.png show them side by side, a
    sequence in a row if it has more than one frame.

    Args:
        spec: what is simulated.
        sequences: numbers of the sequences, from 0 up; each is a patient of its own.
        frames: of each sequence.
        seed: of the frames; number and seed say what a sequence shows.
        out: the folder.
        splits: which split each sequence is of, in turn.

    Raises:
        InputError: there is something in `out`.
    """
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out} is not empty; give a new folder, nothing in it was changed")
    for folder in ("images", "masks"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    pictures, rows = [], []
    with progress("simulate", len(sequences) * frames) as update:
        for place, sequence in enumerate(sequences):
            made = simulate_sequence(spec, seed, sequence, frames)
            for k in range(frames):
                frame = {name: value[k] for name, value in made.items()}
                split = splits[place % len(splits)]
                rows.append(_write(frame, out, sequence, k) | {"split": split})
                pictures.append(_pictures(frame))
                update(len(rows))
    with (out / "cases.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    (out / "dataset.json").write_text(json.dumps(_description(), indent=1) + "\n", "utf-8")
    columns = frames if frames > 1 else int(np.ceil(np.sqrt(len(sequences))))
    bare, labelled = (montage(list(chosen), columns) for chosen in zip(*pictures, strict=True))
    legend = overlay.legend(bare.shape[1], INFO.class_names)
    overlay.save_png(bare, out / "gallery.png")
    overlay.save_png(np.concatenate([labelled, legend]), out / "gallery_labels.png")


def simulate_sequence(spec: Spec, seed: int, number: int, frames: int) -> Frames:
    """Return the frames of one sequence, `[frames, ...]` each; each sequence is a new patient."""
    key = rng.stream(seed, "gallery", 0, number)
    patient, sequence, noise = jax.random.split(key, 3)
    keys = Keys(
        jnp.broadcast_to(patient, (frames,)),
        jnp.broadcast_to(sequence, (frames,)),
        jax.random.split(noise, frames),
    )
    return jax.device_get(simulate_many(keys, spec, INTERVAL_S * jnp.arange(frames)))


def montage(pictures: list[np.ndarray], columns: int, gap: int = 4) -> np.ndarray:
    """Return pictures `[H, W, 3]` of one size in rows of `columns`, on white."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for n, picture in enumerate(pictures):
        top, left = n // columns * (height + gap), n % columns * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def _write(frame: Frames, out: Path, sequence: int, number: int) -> dict[str, Any]:
    """Write one frame's two files; return its row of cases.csv."""
    name = f"{sequence:04d}"
    case = f"{name}_{number:02d}"
    grey = np.rint(frame["image"] * FULL_SCALE).astype(np.uint16)
    Image.fromarray(grey).save(out / "images" / f"{case}.png")
    Image.fromarray(bitmask.pack(frame["mask"])).save(out / "masks" / f"{case}.png")
    spacing = f"{float(frame['pixel_mm']):.6g}"
    return {
        "case": case,
        "image": f"images/{case}.png",
        "annotation": f"masks/{case}.png",
        "patient": name,
        "sequence": name,
        "frame": number,
        "attached": IN_WORDS[int(frame["attached"])],
        "level": level_name(frame["level"], frame["mask"]),
        **dict.fromkeys(SPACING, spacing),
    }


def _pictures(frame: Frames) -> tuple[np.ndarray, np.ndarray]:
    """Return the frame without and with the outlines of its classes."""
    bare = overlay.grey(frame["image"])
    return bare, overlay.overlay(frame["image"], None, frame["mask"].astype(bool))


def _description() -> dict[str, Any]:
    """Return dataset.json."""
    fields = INFO.to_json()
    classes = [{"name": c.name, "kind": c.kind} for c in INFO.classes]
    return fields | {"name": "simulated", "classes": classes, "mask_encoding": "bitmask"}
