"""This project's training in the field: a configuration, with as many steps as fit."""

import argparse
import importlib.metadata
import json
import math
import subprocess
import sys
from pathlib import Path

import fluorojax
from benchmarks.field import common
from fluorojax.data.folder import read_folder
from fluorojax.inference.export import read_manifest
from fluorojax.models.spec import NetworkSpec, array_shapes

TRIAL = 100
"""Steps of a short run; the last quarter of them tells how long one takes."""


def main() -> None:
    """Time some steps, train, and predict the test split."""
    options = common.parse(__doc__)
    steps = common.TINY_STEPS if options.tiny else fitting(options)
    train(options, options.out / "run", steps)
    export = options.out / "run/export"
    model, folder = fluorojax.load(export), read_folder(options.folder)
    for case in common.cases_of(folder, "test"):
        common.write_masks(options.out, case, model.predict(case.image).masks)
    spec = NetworkSpec.from_json(read_manifest(export)["network"])
    common.write_about(
        options.out,
        steps=steps,
        parameters=sum(map(math.prod, array_shapes(spec, model.image_size).values())),
        version=importlib.metadata.version("fluorojax"),
    )


def fitting(options: argparse.Namespace) -> int:
    """Return how many steps fit into the minutes."""
    trial = options.out / "trial"
    train(options, trial, TRIAL)
    lines = (trial / "metrics.jsonl").read_text("utf-8").splitlines()
    speeds = [json.loads(line).get("steps_per_second") for line in lines]
    (*_, speed) = (value for value in speeds if value)
    return max(TRIAL, int(common.SHARE * 60 * options.minutes * speed))


def train(options: argparse.Namespace, workdir: Path, steps: int) -> None:
    """Train a configuration on the folder for some steps, validated four times.

    Raises:
        CalledProcessError: it failed, and has said why.
    """
    settings = {
        "data.builder": "xray_folder",
        "data.dir": options.folder,
        "data.built_dir": options.out / "built",
        "seed": options.seed,
        "training.cpu_devices": 1,
        "training.steps": steps,
        "training.warmup_steps": min(100, steps // 2),
        "training.eval_every": max(1, steps // 4),
        "training.checkpoint_every": max(1, steps // 4),
    }
    overrides = [f"--config.{name}={value}" for name, value in settings.items()]
    start = [sys.executable, "-m", "fluorojax", "train", options.config]
    subprocess.run([*start, f"--workdir={workdir}", *overrides], check=True)


if __name__ == "__main__":
    main()
