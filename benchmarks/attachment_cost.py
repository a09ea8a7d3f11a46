"""Time what the attachment term adds to a training step.

    python -m benchmarks.attachment_cost --config configs/joint.py:quick \
        --out benchmarks/results/attachment_cost.json

The whole step, augmentation, forward, loss, backward and update, with the configuration's
`loss.attachment` and with 0, on the same batch of simulated frames, in turns in one process: both
meet the same machine. The goal is at most 1.10 times the step without it.
"""

import argparse
import functools
import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_collections import ConfigDict

from benchmarks.timing import Times, in_turns, machine
from benchmarks.train_step import median, summary
from configs import base
from fluorojax import environment
from fluorojax.config import simulation_spec, validate
from fluorojax.errors import InputError

if TYPE_CHECKING:
    from fluorojax.training.setup import Run

GOAL = 1.10
WITH, WITHOUT = "with attachment", "without"


def main() -> None:
    """Time, print and write."""
    options = parse()
    try:
        config = config_of(options.config)
    except InputError as error:
        sys.exit(f"error: {error}")
    environment.prepare(config.deterministic, config.training.cpu_devices)
    before = os.getloadavg()[0]
    times = in_turns(jobs(config), options.rounds)
    result = report(options, config, times) | {"load_average_before": before}
    show(result)
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", default="configs/joint.py:quick", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=40, help="steps of each, in turns")
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    return parser.parse_args()


def config_of(given: str) -> ConfigDict:
    """Return a configuration named as launch.py names it, such as configs/joint.py:quick.

    Raises:
        InputError: there is no such configuration, or it has no attachment term to time.
    """
    path, _, variant = given.partition(":")
    try:
        config = importlib.import_module(f"configs.{Path(path).stem}").get_config(variant)
    except (ImportError, ValueError) as error:
        raise InputError(f"--config {given}: {error}; write configs/NAME.py[:quick]") from error
    validate(config, base.get_config())
    if not config.loss.attachment:
        raise InputError(f"--config {given}: loss.attachment is 0; write configs/joint.py")
    return config


def jobs(config: ConfigDict) -> dict[str, Callable[[], Any]]:
    """Return a training step with the term and one without it, each with a state of its own."""
    batch = batch_of(config)
    without = config.copy_and_resolve_references()
    without.loss.attachment = 0.0
    return {WITH: step_of(config, batch), WITHOUT: step_of(without, batch)}


def batch_of(config: ConfigDict) -> dict[str, Any]:
    """Return a batch of simulated frames on the working grid, as training gets them."""
    import dataclasses

    import numpy as np

    from fluorojax.data.online import simulated_batch

    rows, columns = config.data.image_size
    spec = simulation_spec(config.simulation)
    spec = dataclasses.replace(spec, height=rows, width=columns)
    position = np.arange(config.training.batch_size, dtype=np.int32)
    frames = simulated_batch(spec, config.seed, position.astype(np.int64))
    return frames | {"position": position}


def run_of(config: ConfigDict) -> "Run":
    """Return the parts of a run on simulated frames, without a stored data set."""
    from fluorojax.data.source import Dataset
    from fluorojax.training import setup
    from tfds_builders.ercp_synthetic.ercp_synthetic_dataset_builder import INFO

    return setup.set_up(config, Dataset(INFO, "", Path(), (), {}))


def step_of(config: ConfigDict, batch: dict[str, Any]) -> Callable[[], Any]:
    """Return a function that makes the next update of a run, waits for it and returns the loss."""
    import jax

    from fluorojax import parallel
    from fluorojax.training.steps import train_step

    run = run_of(config)
    parts = {"network": run.network, "optimizer": run.optimizer, "spec": run.step}
    step = parallel.data_parallel(functools.partial(train_step, **parts))
    state = run.first_state()

    def job() -> Any:
        nonlocal state
        state, metrics = jax.block_until_ready(step(state, batch))
        return metrics["loss"]

    return job


def report(options: argparse.Namespace, config: ConfigDict, times: dict[str, Times]) -> dict:
    """Return what is written down."""
    medians = {name: median(of.wall) for name, of in times.items()}
    return {
        "command": f"python -m benchmarks.attachment_cost --config {options.config}",
        "rounds": options.rounds,
        "batch_size": config.training.batch_size,
        "crop_size": list(config.training.crop_size),
        "machine": machine(),
        "versions": environment.versions(),
        "seconds": {name: summary(of) for name, of in times.items()},
        "ratio_of_medians": round(medians[WITH] / medians[WITHOUT], 3),
        "goal": GOAL,
        "load_average_after": os.getloadavg()[0],
    }


def show(result: dict[str, Any]) -> None:
    """Print a line a job, and the ratio."""
    for name, of in result["seconds"].items():
        print(f"{name:16} median {of['median']:.3f} s, least {of['least']:.3f} s")
    ratio = result["ratio_of_medians"]
    print(f"a step with the term takes {ratio:.2f} times one without (goal: at most {GOAL:.2f})")


if __name__ == "__main__":
    main()
