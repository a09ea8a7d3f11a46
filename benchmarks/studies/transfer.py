"""Score an export that was trained on simulated frames alone on real ones, all of a folder.

    python launch.py --config=configs/carm.py:quick --workdir=runs/carm
    python -m benchmarks.studies.transfer runs/carm/export real/carm_wire \\
        --out runs/carm/transfer

The folder's two classes, in order, stand for the simulation's: a region (the thick instrument) and
a curve (the wire). Every labelled frame is scored, whatever its split: none was trained on. The
network takes each on its own working grid, as always.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.table import Table

from fluorojax.core.errors import InputError
from fluorojax.core.progress import console
from fluorojax.datasets.gallery import montage
from fluorojax.datasets.source import Dataset, Frames, open_folder
from fluorojax.drawing import overlay
from fluorojax.evaluation.evaluate import Scoring, by_network, write_evaluation
from fluorojax.inference.export import load, read_manifest
from fluorojax.inference.predictor import Predictor
from fluorojax.metrics.case import MetricSettings
from fluorojax.metrics.summary import lookup

GOAL = {"centreline_recall": 0.7, "centreline_precision": 0.5}  # of the wire, mean over frames
SHOWN = (*GOAL, "cldice", "detection")


def main() -> None:
    """Score, print and write."""
    options = parse()
    model, origin = load(options.export), read_manifest(options.export)["origin"]
    dataset = open_folder(options.folder, "cases.csv", options.built_dir)
    check_classes(model, dataset)
    if options.threshold is not None:
        model = model.with_rules(thresholds=(options.threshold,) * len(model.classes))
    summary = write_evaluation(
        by_network(model),
        Frames(dataset.index, dataset.records),
        options.out,
        Scoring(dataset.info, len(dataset.info.classes), MetricSettings(tolerance_mm=1.0)),
        thresholds=model.rules.thresholds,
    )
    draw_overview(options.out)
    result = report(summary, dataset, model)
    result["trained"] = {k: origin[k] for k in ("method", "seed", "step", "dataset")}
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("export", type=Path, help="folder with manifest.json")
    parser.add_argument("folder", type=Path, help="folder with dataset.json and cases.csv")
    parser.add_argument("--out", type=Path, required=True, help="for scores and overlays")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    parser.add_argument("--threshold", type=float, help="probability; default: the export's own")
    parser.add_argument("--built-dir", default="datasets")
    return parser.parse_args()


def check_classes(model: Predictor, dataset: Dataset) -> None:
    """Check that the folder's classes can stand for the model's.

    Raises:
        InputError: number or kinds differ.
    """
    ours, theirs = ([c.kind for c in classes] for classes in (model.classes, dataset.info.classes))
    if ours != theirs:
        raise InputError(f"the export finds {ours}, the folder has labels for {theirs}")


def draw_overview(folder: Path, width: int = 360, columns: int = 4) -> None:
    """Write all overlays side by side, small, as `overview.png`."""
    pictures = []
    for path in sorted((folder / "overlays").glob("*.png")):
        with Image.open(path) as picture:
            height = round(picture.height * width / picture.width)
            small = picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
            pictures.append(np.asarray(small))
    overlay.save_png(montage(pictures, columns), folder / "overview.png")


def report(summary: dict[str, Any], dataset: Dataset, model: Predictor) -> dict[str, Any]:
    """Print the means and the goal; return what is written down."""
    instrument, wire = dataset.info.class_names
    means = {
        name: {m: lookup(summary, f"{name}/{m}") for m in metrics}
        for name, metrics in ((instrument, ("dice",)), (wire, (*SHOWN, "dice")))
    }
    example = Frames(dataset.index, dataset.records)[0]
    scale = model.placement(example["image"].shape).scale
    pixel_mm = float(np.mean(example["spacing_mm"])) / scale
    table = Table("class", "metric", "mean", "goal", title=f"{dataset.info.name}, never trained on")
    for name, scores in means.items():
        for metric, value in scores.items():
            goal = f">= {GOAL[metric]}" if name == wire and metric in GOAL else ""
            table.add_row(name, metric, f"{value:.3f}", goal)
    console.print(table)
    console.print(f"{pixel_mm:.2f} mm a pixel on the network's grid {model.image_size}")
    return {
        "command": "python -m benchmarks.studies.transfer",
        "folder": dataset.info.name,
        "fingerprint": dataset.fingerprint,
        "frames": len(dataset.index),
        "pixel_mm": pixel_mm,
        "thresholds": model.rules.thresholds,
        "tolerance_mm": 1.0,
        "means": means,
        "goal": GOAL,
    }


if __name__ == "__main__":
    main()
