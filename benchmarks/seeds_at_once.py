"""Time several seeds trained at once by `vmap` against the same one after the other.

    python -m benchmarks.seeds_at_once --seeds 2 --out benchmarks/results/seeds_at_once.json

The whole training step of a configuration, on one batch for each seed, the two ways in turns in
one process. Above 1, `vmap` is the slower way, and a grid is better made run by run.
"""

import argparse
import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from benchmarks.attachment_cost import batch_of, config_of, run_of, step_of
from benchmarks.timing import Times, in_turns, machine
from benchmarks.train_step import median, summary
from fluorojax import environment
from fluorojax.errors import InputError

AT_ONCE, IN_TURN = "at once", "one after the other"


def main() -> None:
    """Time, print and write."""
    options = parse()
    try:
        config = config_of(options.config)
    except InputError as error:
        sys.exit(f"error: {error}")
    environment.prepare(config.deterministic, config.training.cpu_devices)
    before = os.getloadavg()[0]
    times = in_turns(jobs(config, options.seeds), options.rounds)
    result = report(options, times) | {"load_average_before": before}
    show(result)
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", default="configs/joint.py:quick", help="default: %(default)s")
    parser.add_argument("--seeds", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=20, help="measurements of each way")
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    return parser.parse_args()


def jobs(config: ConfigDict, seeds: int) -> dict[str, Callable[[], Any]]:
    """Return both ways to make the next update of every seed."""
    batch = batch_of(config)
    singly = [step_of(config, batch) for _ in range(seeds)]
    return {IN_TURN: lambda: [step() for step in singly], AT_ONCE: together(config, batch, seeds)}


def together(config: ConfigDict, batch: dict[str, Any], seeds: int) -> Callable[[], Any]:
    """Return a function that makes the next update of all seeds in one program; see `step_of`."""
    import jax
    import numpy as np

    from fluorojax import parallel
    from fluorojax.training.steps import train_step

    run = run_of(config)
    one = functools.partial(train_step, network=run.network, optimizer=run.optimizer, spec=run.step)
    # Devices share the examples, so the seeds' axis of a batch comes behind.
    step = parallel.data_parallel(jax.vmap(one, in_axes=(0, 1)))
    batches = {name: np.stack([array] * seeds, 1) for name, array in batch.items()}
    first = run.first_state()
    state = jax.tree.map(lambda leaf: np.stack([np.asarray(leaf)] * seeds), first)

    def job() -> Any:
        nonlocal state
        state, metrics = jax.block_until_ready(step(state, batches))
        return metrics["loss"]

    return job


def report(options: argparse.Namespace, times: dict[str, Times]) -> dict[str, Any]:
    """Return what is written down."""
    medians = {name: median(of.wall) for name, of in times.items()}
    return {
        "command": (
            f"python -m benchmarks.seeds_at_once --config {options.config} --seeds {options.seeds}"
        ),
        "rounds": options.rounds,
        "machine": machine(),
        "versions": environment.versions(),
        "seconds": {name: summary(of) for name, of in times.items()},
        "ratio_of_medians": round(medians[AT_ONCE] / medians[IN_TURN], 3),
        "load_average_after": os.getloadavg()[0],
    }


def show(result: dict[str, Any]) -> None:
    """Print a line a way, and the ratio."""
    for name, of in result["seconds"].items():
        print(f"{name:20} median {of['median']:.3f} s, least {of['least']:.3f} s")
    print(f"all seeds at once take {result['ratio_of_medians']:.2f} times one after the other")


if __name__ == "__main__":
    main()
