"""What benchmarks of whole training steps share: a configuration, a batch, two ways in turns."""

import argparse
import dataclasses
import functools
import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_collections import ConfigDict

from benchmarks.peers.train_step import median, summary
from benchmarks.timing import Times, in_turns, machine
from fluorojax.config import simulation_spec, validate
from fluorojax.configs import base
from fluorojax.core import environment
from fluorojax.core.errors import InputError

if TYPE_CHECKING:
    from fluorojax.training.setup import Run

Jobs = dict[str, Callable[[], Any]]
"""Two ways to do something, by name: the ratio is that of the first to the second."""


def parser(doc: str | None, rounds: int) -> argparse.ArgumentParser:
    """Return a parser of what all of these benchmarks are asked for."""
    options = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    options.add_argument("--config", default="configs/joint.py:quick", help="default: %(default)s")
    options.add_argument("--rounds", type=int, default=rounds, help="of each way, in turns")
    options.add_argument("--out", type=Path, help="JSON file for the numbers")
    return options


def measure(options: argparse.Namespace, jobs: Callable[[ConfigDict], Jobs]) -> dict[str, Any]:
    """Time two ways on a configuration, print them, write the numbers and return them."""
    try:
        config = config_of(options.config)
    except InputError as error:
        sys.exit(f"error: {error}")
    environment.prepare(config.deterministic, config.training.cpu_devices)
    before = os.getloadavg()[0]
    times = in_turns(jobs(config), options.rounds)
    result = report(options, config, times) | {"load_average_before": before}
    for name, of in result["seconds"].items():
        print(f"{name:20} median {of['median']:.3f} s, least {of['least']:.3f} s")
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return result


def config_of(given: str) -> ConfigDict:
    """Return a configuration named as launch.py names it, such as configs/joint.py:quick.

    Raises:
        InputError: there is no such configuration.
    """
    path, _, variant = given.partition(":")
    try:
        config = importlib.import_module(f"fluorojax.configs.{Path(path).stem}").get_config(variant)
    except (ImportError, ValueError) as error:
        raise InputError(f"--config {given}: {error}; write configs/NAME.py[:quick]") from error
    validate(config, base.get_config())
    return config


def report(
    options: argparse.Namespace, config: ConfigDict, times: dict[str, Times]
) -> dict[str, Any]:
    """Return what is written down."""
    first, second = (median(of.wall) for of in times.values())
    return {
        "options": vars(options) | {"out": str(options.out)},
        "batch_size": config.training.batch_size,
        "crop_size": list(config.training.crop_size),
        "machine": machine(),
        "versions": environment.versions(),
        "seconds": {name: summary(of) for name, of in times.items()},
        "ratio_of_medians": round(first / second, 3),
        "load_average_after": os.getloadavg()[0],
    }


def batch_of(config: ConfigDict) -> dict[str, Any]:
    """Return a batch of simulated frames on the working grid, as training gets them."""
    import numpy as np

    from fluorojax.datasets.online import simulated_batch
    from tfds_builders.ercp_synthetic.ercp_synthetic_dataset_builder import SIMULATION

    rows, columns = config.data.image_size
    spec = simulation_spec(config.simulation)
    spec = dataclasses.replace(spec, height=rows, width=columns)
    position = np.arange(config.training.batch_size, dtype=np.int32)
    frames = simulated_batch(SIMULATION, spec, config.seed, position.astype(np.int64))
    return frames | {"position": position}


def run_of(config: ConfigDict) -> "Run":
    """Return the parts of a run on simulated frames, without a stored data set."""
    from fluorojax.datasets.source import Dataset
    from fluorojax.training import setup
    from tfds_builders.ercp_synthetic.ercp_synthetic_dataset_builder import INFO

    return setup.set_up(config, Dataset(INFO, "", Path(), (), {}))


def step_of(config: ConfigDict, batch: dict[str, Any]) -> Callable[[], Any]:
    """Return a function that makes the next update of a run, waits for it and returns the loss."""
    run = run_of(config)
    return repeated(train_step_of(run), run.first_state(), batch)


def train_step_of(run: "Run") -> Callable[..., Any]:
    """Return a run's training step, of one device."""
    from fluorojax.training.steps import train_step

    parts = {"network": run.network, "optimizer": run.optimizer, "spec": run.step}
    return functools.partial(train_step, **parts)


def repeated(step: Callable[..., Any], state: Any, batch: dict[str, Any]) -> Callable[[], Any]:
    """Return a function that makes the next of the steps from `state` on and returns its loss."""
    import jax

    from fluorojax.core import parallel

    over_devices = parallel.data_parallel(step)

    def job() -> Any:
        nonlocal state
        state, metrics = jax.block_until_ready(over_devices(state, batch))
        return metrics["loss"]

    return job
