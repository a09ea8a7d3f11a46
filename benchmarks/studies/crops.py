"""Frames shrunk onto the network's grid, or seen at their own size: which is better, in equal time.

    fluorojax simulate --n 80 --side 512 --out runs/ercp-512
    python -m benchmarks.studies.crops real/carm_wire runs/ercp-512 \\
      --workdir runs/crops --seeds 0,1 --seconds 150 --out benchmarks/results/crops.json

`multi:quick` is trained both ways on each folder with each seed, on one core: the number of steps
is what goes into --seconds of that core's time, as measured before the first training. Everything
else is the same. The same command goes on where it was stopped: finished trainings are not made
again.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fluorojax.core import environment
from fluorojax.core.files import read_json
from fluorojax.core.outputs import written_aside
from fluorojax.core.progress import console

WAYS = {
    # Whole frames on a grid of 192 x 192, as :quick has it.
    "shrink": ("data.fit=shrink", "data.image_size=192,192", "training.crop_size=192,192"),
    # Windows of 256 x 256, in which augmentation has room; of them the same number of pixels.
    "native": ("data.fit=native", "data.image_size=256,256", "training.crop_size=192,192"),
}
ALIKE = (
    *("data.builder=xray_folder", "data.threads=1", "training.cpu_devices=1"),
    *("augment.inversion_rate=0.0", "training.images=0"),
)
METRICS = ("dice", "cldice", "hd95", "nsd", "recall", "precision")
WARM, TIMED = 6, 12  # steps of the trial


def main() -> None:
    """Time, train, collect and write."""
    options = parse()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    environment.prepare(deterministic=False, cpu_devices=1)
    options.workdir.mkdir(parents=True, exist_ok=True)
    seeds = [int(seed) for seed in options.seeds.split(",")]
    steps = {
        (folder, way): steps_for(options, folder, way)
        for folder, way in itertools.product(options.folders, WAYS)
    }
    # All ways of a seed before the next seed, so that what is stopped can be compared already.
    for seed, folder, way in itertools.product(seeds, options.folders, WAYS):
        train(options, folder, way, seed, steps[folder, way])
    rows = [
        result(options, folder, way, seed, steps[folder, way])
        for folder, seed, way in itertools.product(options.folders, seeds, WAYS)
    ]
    show(rows)
    if options.out:
        about = {"seconds": options.seconds, "machine": environment.machine()}
        text = json.dumps(about | {"versions": environment.versions(), "runs": rows}, indent=1)
        with written_aside(options.out) as draft:
            draft.write_text(text + "\n", "utf-8")


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", help="folders of frames")
    parser.add_argument("--workdir", type=Path, required=True, help="for the trainings")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--seconds", type=float, default=150.0, help="of one core, a training")
    parser.add_argument("--out", type=Path, help="where the scores are written as JSON")
    return parser.parse_args()


def fields(options: argparse.Namespace, folder: Path, way: str) -> list[str]:
    """Return what a training sets, `FIELD=VALUE` each, but for seed and steps."""
    return [*ALIKE, f"data.dir={folder}", f"data.built_dir={options.workdir / 'built'}", *WAYS[way]]


def name_of(options: argparse.Namespace, folder: Path, way: str, seed: int) -> Path:
    """Return the folder of a training."""
    return options.workdir / f"{folder.name}-{way}-seed{seed}"


def steps_for(options: argparse.Namespace, folder: Path, way: str) -> int:
    """Return how many steps go into the time given; measured once, and kept."""
    path = options.workdir / "step_seconds.json"
    known = read_json(path) if path.is_file() else {}
    key = f"{folder.name}-{way}"
    if key not in known:
        known[key] = step_seconds(fields(options, folder, way))
        console.print(f"{key}: {known[key]:.3f} s a step")
        path.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
    return max(1, int(options.seconds / known[key] / 10) * 10)


def step_seconds(settings: Sequence[str]) -> float:
    """Return the processor's time of a training step, its data included."""
    import jax

    from fluorojax.compare.grid import overrides
    from fluorojax.config_file import read_config
    from fluorojax.core import parallel
    from fluorojax.datasets.source import open_dataset
    from fluorojax.training import loop, setup

    config = read_config("multi:quick", overrides(settings))
    run = setup.set_up(config, open_dataset(config.data))
    from benchmarks.steps import train_step_of

    step, state = parallel.data_parallel(train_step_of(run)), run.first_state()
    stream = loop.training_batches(run, 0)
    began = 0.0
    for k in range(WARM + TIMED):
        if k == WARM:
            began = time.process_time()
        state, _ = jax.block_until_ready(step(state, next(stream)))
    stream.close()
    return (time.process_time() - began) / TIMED


def train(options: argparse.Namespace, folder: Path, way: str, seed: int, steps: int) -> None:
    """Train and score one run, if that is not done yet."""
    workdir = name_of(options, folder, way, seed)
    if (workdir / "report.html").is_file():
        return
    console.print(f"{workdir.name}: {steps} steps")
    settings = [
        *fields(options, folder, way),
        *(f"seed={seed}", f"training.steps={steps}", f"training.eval_every={steps}"),
        *(f"training.checkpoint_every={steps}", "training.log_every=10"),
    ]
    command = [sys.executable, "-m", "fluorojax", "train", "multi:quick", f"--workdir={workdir}"]
    with workdir.with_suffix(".log").open("a", encoding="utf-8") as log:
        subprocess.run(
            [*command, *(f"--config.{setting}" for setting in settings)],
            stdout=log,
            stderr=subprocess.STDOUT,
            check=True,
        )


def result(
    options: argparse.Namespace, folder: Path, way: str, seed: int, steps: int
) -> dict[str, Any]:
    """Return what came of a run: mean scores of its test split, and how long a frame takes."""
    import fluorojax

    workdir = name_of(options, folder, way, seed)
    summary = read_json(workdir / "evaluation" / "test" / "summary.json")
    scores = {
        name: {
            metric: of["metrics"][metric]["mean"] for metric in METRICS if metric in of["metrics"]
        }
        for name, of in summary["classes"].items()
    }
    model = fluorojax.load(workdir / "export")
    side = 1024 if folder.name.startswith("carm") else 512
    frame = np.random.default_rng(0).integers(0, 4000, (side, side)).astype(np.uint16)
    model(frame)
    began = time.process_time()
    model(frame)
    return {
        **{"folder": folder.name, "way": way, "seed": seed, "steps": steps},
        **{"cases": summary["cases"], "frame_px": side},
        "seconds_a_frame": round(time.process_time() - began, 3),
        "scores": scores,
    }


def show(rows: Sequence[dict[str, Any]]) -> None:
    """Print a line a folder, way and class: means over seeds, and each seed's."""
    for row in rows:
        for name, scores in row["scores"].items():
            told = ", ".join(f"{m} {v:.3f}" for m, v in scores.items() if v is not None)
            about = f"{row['folder']} {row['way']} seed {row['seed']}, {row['steps']} steps"
            console.print(f"{about}: {name}: {told}; {row['seconds_a_frame']} s a frame")


if __name__ == "__main__":
    main()
