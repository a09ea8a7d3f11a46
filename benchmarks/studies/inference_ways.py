"""Score finished runs with other ways of inference: what the relation adds after training.

    fluorojax benchmark --seeds 0,1,2,3,4 --workdir runs/ercp
    python -m benchmarks.studies.stress runs/ercp --frames 120
    python -m benchmarks.studies.inference_ways runs/ercp --out runs/ways

Nothing is trained: every network is asked once for its probabilities, and masks are made of them in
each of WAYS. `pixels` are those above the threshold; `mended` has their gaps closed and loose
pieces dropped; `free` and `attached` follow the wire as a curve, from anywhere or from the tip of
the endoscope. What is no wire is decided by the evidence that the validation split chooses. Frames
are those of the test split and, where they are there, of the stress sets. Each way of each run is a
folder METHOD_WAY-seedN with a configuration and scores, as a run would have left them; those that
stand there already are not made again.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.studies.gap_closing import WHOLE
from benchmarks.studies.stress import SETS, settings_of
from fluorojax.cli.main import network_of
from fluorojax.compare.runs import runs_in
from fluorojax.config import simulation_spec
from fluorojax.core import environment
from fluorojax.core.errors import InputError
from fluorojax.core.progress import console
from fluorojax.data.frames import frame_of
from fluorojax.datasets.source import Dataset, open_dataset, open_folder
from fluorojax.evaluation.evaluate import (
    Predict,
    Scoring,
    draw_nothing,
    least_presence,
    write_evaluation,
)
from fluorojax.inference import export
from fluorojax.inference.curve import CurveRules
from fluorojax.inference.postprocess import GapClosing
from fluorojax.inference.predictor import Prediction, Predictor
from fluorojax.schema.example import Example
from fluorojax.training.reproduce import config_of, read_record

WAYS: dict[str, dict[str, Any]] = {
    "pixels": {"gap_closing": GapClosing(), "curve": CurveRules()},
    "mended": {"gap_closing": WHOLE, "curve": CurveRules()},
    "free": {"gap_closing": GapClosing(), "curve": CurveRules("free")},
    "attached": {"gap_closing": GapClosing(), "curve": CurveRules("attached")},
}
"""Fields of `MaskRules`, by way."""


def main() -> None:
    """Score every way of every finished run."""
    options = parse()
    environment.quiet_libraries()
    try:
        for run in runs_in(options.grid):
            score_ways(run, options.out, options.grid / "stress")
    except InputError as error:
        sys.exit(f"error: {error}")


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("grid", type=Path, help="folder of the runs, as of `fluorojax benchmark`")
    parser.add_argument(
        "--out", type=Path, required=True, help="where METHOD_WAY-seedN are written"
    )
    return parser.parse_args()


def score_ways(run: Path, out: Path, stress: Path) -> None:
    """Score a run's export in each way, where that is not done yet.

    Args:
        run: a run; without a finished export, or without a relation, it is left out.
        out: where the scores are written.
        stress: where the stress sets are, if there are any.
    """
    if not (run / "export" / export.MANIFEST).is_file():
        console.print(f"{run.name}: not finished, left out")
        return
    if export.read_manifest(run / "export")["masks"]["relation"] is None:
        console.print(f"{run.name}: no relation, left out")
        return
    record = read_record(run)
    config = config_of(record)
    dataset = open_dataset(config.data, simulation_spec(config.simulation))
    model, info = network_of(run / "export", dataset)
    scoring = Scoring(info, len(dataset.info.classes), settings_of(run))
    asked = Asked(model)
    splits = {config.evaluation.split: dataset} | stress_sets(stress)
    for way, fields in WAYS.items():
        folder = out / f"{config.method}_{way}-seed{config.seed}"
        if (folder / "config.json").is_file():
            console.print(f"{folder.name}: scored before")
            continue
        console.print(folder.name)
        rules = {**fields, "least_presence": ()}
        choosing = dataset.split("validation", folds=config.data.folds, fold=config.data.fold)
        chosen = least_presence(asked.by(rules), choosing, scoring)
        for name, frames in splits.items():
            write_evaluation(
                asked.by({**rules, "least_presence": chosen}),
                frames.split("test" if name in STRESS else name),
                folder / "evaluation" / name,
                scoring,
                draw=draw_nothing,
                thresholds=model.rules.thresholds,
            )
        # Last, so that a folder that has it is whole.
        text = json.dumps(renamed(record, way, chosen), indent=1) + "\n"
        (folder / "config.json").write_text(text, "utf-8")


STRESS = tuple(one.name for one in SETS)


def stress_sets(root: Path) -> dict[str, Dataset]:
    """Return the stress sets that are there, by name."""
    there = [name for name in STRESS if (root / name).is_dir()]
    return {name: open_folder(root / name, "cases.csv", root / "built") for name in there}


class Asked:
    """A network whose probabilities of a frame are asked for once."""

    def __init__(self, model: Predictor):
        """Take a network."""
        self._model, self._known = model, dict[str, np.ndarray]()

    def by(self, rules: Mapping[str, Any]) -> Predict:
        """Return what is predicted with some fields of the rules changed."""
        model = self._model.with_rules(**rules)

        def predict(example: Example) -> Prediction:
            frame = frame_of(example)
            # Frames of different sets may have the same name.
            key = hashlib.sha256(example["image"].tobytes()).hexdigest()
            if key not in self._known:
                self._known[key] = self._model(frame)
            found = model.find(self._known[key], frame.spacing_mm)
            return Prediction(
                found.masks, self._known[key], presence=found.presence, curves=found.curves
            )

        return predict


def renamed(record: dict[str, Any], way: str, least: tuple[float, ...]) -> dict[str, Any]:
    """Return the record of a run as that of a way: its name, and what was chosen."""
    config = record["config"]
    named = {"method": f"{config['method']}_{way}"}
    return record | {"config": config | named, "least_presence": list(least)}


if __name__ == "__main__":
    main()
