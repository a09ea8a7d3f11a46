"""Builds a data set of many frames and trains some steps from it: time and memory of both.

    python -m benchmarks.studies.scale --frames 2000 --workdir runs/scale --out scale.json

Frames are 512 x 512 of 12 bits with the masks of a band and of a line 4 px wide that leaves it. By
default they are noise with the two drawn in, which costs little to make and as much to store and
read as any other; with --simulated they are those of `ercp_synthetic`. Memory is the sum over the
processes of a stage (resident set, /proc), the largest of samples 0.2 s apart.
"""

import argparse
import dataclasses
import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from fluorojax.core import environment
from fluorojax.core.outputs import written_aside
from fluorojax.core.progress import console
from fluorojax.schema.info import ClassInfo, DatasetInfo, Relation
from tfds_builders import common, simulated
from tfds_builders.ercp_synthetic import ercp_synthetic_dataset_builder as ercp

INFO = DatasetInfo(
    name="plain",
    classes=(ClassInfo("band", "region"), ClassInfo("line", "curve")),
    relation=Relation(child="line", parent="band"),
)
HELD_OUT = 8  # frames of validation and of test
PAGE = os.sysconf("SC_PAGE_SIZE")


def plain(split: str, numbers: np.ndarray, spec: Any) -> dict[str, Any]:
    """Return frames of noise with a band and a line, [N, ...]."""
    images, masks = [], []
    for number in numbers[:, 0]:
        rng = np.random.default_rng((len(split), int(number)))
        rows, columns = np.ogrid[: spec.height, : spec.width]
        row, tip = rng.uniform(0.2, 0.8) * spec.height, rng.uniform(0.2, 0.5) * spec.width
        across = np.abs(rows - row - rng.uniform(-0.3, 0.3) * (columns - tip))
        mask = np.stack([(across < 20) & (columns < tip), (across < 2) & (columns >= tip)], -1)
        noise = rng.normal(0.6, 0.05, mask.shape[:2]).astype(np.float32)
        images.append(noise - 0.3 * mask[..., 0] - 0.15 * mask[..., 1])
        masks.append(mask)
    return {"image": np.stack(images), "mask": np.stack(masks)}


def names(split: str, numbers: simulated.FrameNumber) -> tuple[str, str, str]:
    """Return case, patient and sequence."""
    name = f"{split}{numbers[0]:06d}"
    return name, name, ""


def stored_case(
    named: tuple[str, str, str], numbers: simulated.FrameNumber, values: simulated.Values
) -> common.StoredCase:
    """Return a frame as it is stored."""
    del numbers
    mask = values["mask"]
    return common.StoredCase(
        case=named[0],
        patient=named[1],
        image=simulated.to_detector(values["image"]),
        mask=mask,
        ignore=np.zeros(mask.shape[:2], np.uint8),
        attached=1,
    )


class PlainBuilder(simulated.SimulatedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Frames that cost nothing to make."""

    VERSION = tfds.core.Version("1.0.0")
    simulation = dataclasses.replace(
        ercp.SIMULATION,
        info=INFO,
        sizes={},
        files=(Path(__file__),),
        simulate=plain,
        names=names,
        stored_case=stored_case,
    )


def main() -> None:
    """Run both stages in processes of their own, and write what they took."""
    options = parse()
    if options.stage:
        environment.prepare(deterministic=False, cpu_devices=1)
        build(options) if options.stage == "build" else train(options)
        return
    found = {stage: watched(options, stage) for stage in ("build", "train")}
    found |= {"frames": options.frames, "side": options.side, "steps": options.steps}
    found |= {"simulated": options.simulated, "machine": environment.machine()}
    console.print(json.dumps(found, indent=1))
    if options.out:
        with written_aside(options.out) as draft:
            draft.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=2000, help="of the training split")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--simulated", action="store_true", help="the frames of ercp_synthetic")
    parser.add_argument("--workdir", type=Path, required=True, help="for the data set")
    parser.add_argument("--out", type=Path, help="where the figures are written as JSON")
    parser.add_argument("--stage", choices=("build", "train"), help=argparse.SUPPRESS)
    return parser.parse_args()


def dataset_of(options: argparse.Namespace) -> Any:
    """Return the data set, after building it where it is missing."""
    from fluorojax.datasets.source import open_simulated

    # By its module's name, which other processes can import: here it is of `__main__`.
    here = importlib.import_module("benchmarks.studies.scale")
    builder: Any = ercp.Builder if options.simulated else here.PlainBuilder
    more = (1, 1) if options.simulated else ()
    counts = {"train": (options.frames, *more)}
    counts |= dict.fromkeys(("validation", "test"), (HELD_OUT, *more))
    name = f"{options.side}-{options.frames}"
    builder.simulation.sizes[name] = simulated.Size(options.side, counts)
    return open_simulated(builder, name, options.workdir)


def build(options: argparse.Namespace) -> None:
    """Build the data set alone."""
    dataset_of(options)


def train(options: argparse.Namespace) -> None:
    """Make some steps from the built data set."""
    import jax

    from benchmarks.steps import train_step_of
    from fluorojax.config_file import read_config
    from fluorojax.core import parallel
    from fluorojax.training import loop, setup

    fields = ("data.image_size=256,256", "training.crop_size=192,192", "training.cpu_devices=1")
    config = read_config("multi:quick", [f"--config.{field}" for field in fields])
    config.data.fit = "native"
    run = setup.set_up(config, dataset_of(options))
    step, state = parallel.data_parallel(train_step_of(run)), run.first_state()
    stream = loop.training_batches(run, 0)
    for _ in range(options.steps):
        state, _ = jax.block_until_ready(step(state, next(stream)))
    stream.close()


def watched(options: argparse.Namespace, stage: str) -> dict[str, float]:
    """Run a stage in a process of its own; return its seconds and its largest memory (GiB)."""
    command = [sys.executable, "-m", "benchmarks.studies.scale", *sys.argv[1:], "--stage", stage]
    began, most = time.monotonic(), 0
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            most = max(most, resident(process.pid))
            time.sleep(0.2)
    if process.returncode:
        sys.exit(f"error: the stage {stage} ended with status {process.returncode}")
    return {"seconds": round(time.monotonic() - began, 1), "gib": round(most / 2**30, 3)}


def resident(pid: int) -> int:
    """Return the resident memory (bytes) of a process and all that it started."""
    try:
        own = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
        tasks = Path(f"/proc/{pid}/task").iterdir()
        children = [int(c) for t in tasks for c in (t / "children").read_text().split()]
    except OSError:  # it has just ended
        return 0
    return own + sum(resident(child) for child in children)


if __name__ == "__main__":
    main()
