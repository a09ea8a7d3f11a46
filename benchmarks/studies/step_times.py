"""What studies of whole training steps share: two ways in turns, on a configuration."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from benchmarks.steps import config_of
from benchmarks.timing import Times, in_turns, machine, median, summary
from fluorojax.core import environment
from fluorojax.core.errors import InputError

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
