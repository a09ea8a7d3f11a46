"""Score a network of knees, trained on simulated films alone, on a folder of real ones.

    python launch.py --config=configs/knee.py:wide --workdir=runs/knee-wide
    python -m benchmarks.studies.knee_real runs/knee-wide/export real/jtml_knee \\
        --out runs/knee-wide/real --json benchmarks/results/knee_real.json

Each class of the folder stands for the one class of the network whose name begins with its name:
`femoral` for `femoral_component`. Every labelled frame is scored, whatever its split, at its own
size; the means are told by sequence. Pictures show prediction filled and reference outlined.
"""

import argparse
import collections
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from fluorojax.core.outputs import written_aside
from fluorojax.core.progress import console, progress
from fluorojax.data.folder import read_folder
from fluorojax.datasets.gallery import montage
from fluorojax.drawing import overlay
from fluorojax.evaluation.real import RealFrames, matched, scored
from fluorojax.inference.export import load, read_manifest
from fluorojax.inference.predictor import Predictor

SHOWN = 24  # frames in the overview, evenly among all
SIDE = 256  # pixels of one there


def main() -> None:
    """Score, print, draw and write."""
    options = parse()
    model, folder = load(options.export), read_folder(options.folder)
    pairs = matched([one.name for one in model.classes], folder)
    real = RealFrames(folder, tuple(c for c in folder.cases if c.labelled), tuple(pairs))
    found = list(all_scored(model, real))
    result = summary(found, [folder.info.class_names[pair.theirs] for pair in pairs])
    console.print(table(result))
    origin = read_manifest(options.export)["origin"]
    result["trained"] = {k: origin[k] for k in ("method", "seed", "step", "dataset")}
    options.out.mkdir(parents=True, exist_ok=True)
    every = max(1, len(found) // SHOWN)
    pictures = [one["picture"] for one in found[::every]][:SHOWN]
    overlay.save_png(montage(pictures, 6), options.out / "overview.png")
    if options.json:
        with written_aside(options.json) as draft:
            draft.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("export", type=Path, help="folder with manifest.json")
    parser.add_argument("folder", type=Path, help="folder with dataset.json and cases.csv")
    parser.add_argument("--out", type=Path, required=True, help="for the overview")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    return parser.parse_args()


def all_scored(model: Predictor, real: RealFrames) -> Iterator[dict[str, Any]]:
    """Yield each frame's Dice by class, what was said of it, and a picture."""
    with progress("score", len(real.cases)) as update:
        for number, case in enumerate(real.cases, 1):
            one = scored(model, real, case)
            labels = one.prediction.image_labels
            yield {
                "sequence": case.sequence or "all",
                "dice": one.dice.tolist(),
                "said": {name: choice.value for name, choice in labels.items()},
                "picture": small_overlay(one.frame.pixels, one.found, one.wanted),
            }
            update(number)


def small_overlay(pixels: np.ndarray, found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return a picture of about SIDE pixels of a frame, prediction and reference."""
    step = max(1, max(pixels.shape) // SIDE)
    low, high = np.percentile(pixels, (0.5, 99.5))
    grey = np.clip((pixels[::step, ::step] - low) / max(high - low, 1e-6), 0.0, 1.0)
    return overlay.overlay(grey, found[::step, ::step], wanted[::step, ::step])


def summary(found: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """Return mean, s.d. and 10th percentile of Dice by sequence and class; and what was said."""
    said = {
        name: dict(collections.Counter(frame["said"][name] for frame in found))
        for name in found[0]["said"]
    }
    groups: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
    for one in found:
        groups[one["sequence"]].append(one)
    command = "python -m benchmarks.studies.knee_real"
    result: dict[str, Any] = {"command": command, "said": said, "sequences": {}}
    for sequence, frames in groups.items():
        dice = np.array([frame["dice"] for frame in frames])
        result["sequences"][sequence] = {"frames": len(frames)} | {
            name: {
                "mean": round(float(values.mean()), 4),
                "sd": round(float(values.std(ddof=1)) if len(values) > 1 else 0.0, 4),
                "p10": round(float(np.percentile(values, 10)), 4),
            }
            for name, values in zip(names, dice.T, strict=True)
        }
    return result


def table(result: dict[str, Any]) -> Table:
    """Return a row a sequence and class."""
    shown = Table("sequence", "frames", "class", "Dice", "s.d.", "10th percentile")
    for sequence, of in result["sequences"].items():
        for name in (name for name in of if name != "frames"):
            shown.add_row(
                sequence,
                str(of["frames"]),
                name,
                *(f"{of[name][figure]:.3f}" for figure in ("mean", "sd", "p10")),
            )
    return shown


if __name__ == "__main__":
    main()
