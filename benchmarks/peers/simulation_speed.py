"""Frames a second of the simulator, against the same kind of frame in NumPy and SciPy.

    python -m benchmarks.peers.simulation_speed --out benchmarks/results/simulation_speed.json

Both use every core: the simulator as virtual devices of jax, each with `jax.lax.map` over its
frames; the peer as that many processes. They are timed in turns: both meet the same machine.
On a GPU the simulator's frames are a `vmap`, and the peer stays on the cores.
"""

import argparse
import concurrent.futures
import json
import math
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks.peers import numpy_frame
from benchmarks.timing import in_turns, machine
from fluorojax.core import environment
from fluorojax.core.progress import console

SIDES = (256, 512, 1024)
Job = Callable[[], Any]


def main() -> None:
    """Time both at each size, print a table and write the numbers."""
    options = parse()
    environment.set_flags(deterministic=False, cpu_devices=options.cores)
    environment.keep_freed_memory()
    # Started before jax has threads, and by spawning: a fork would take their locks along.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(options.cores, context) as pool:
        sizes = {side: measure(side, options, pool) for side in options.sides}
    from fluorojax.core import parallel

    result = {
        "command": "python -m benchmarks.peers.simulation_speed",
        "options": vars(options) | {"out": str(options.out)},
        "machine": machine() | {"devices": parallel.describe_devices()},
        "versions": environment.versions(),
        "load_average_after": os.getloadavg()[0],
        "sizes": sizes,
    }
    show(result)
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES, help="rows and columns (px)")
    parser.add_argument("--rounds", type=int, default=7, help="measurements of each")
    parser.add_argument("--cores", type=int, default=os.cpu_count(), help="of the CPU")
    parser.add_argument("--batch", type=int, default=256, help="frames of a GPU's vmap at 256 px")
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    return parser.parse_args()


def measure(
    side: int, options: argparse.Namespace, pool: concurrent.futures.Executor
) -> dict[str, Any]:
    """Return frames a second of both at one size, their ratio, and the compile time."""
    count = frames_a_round(side, options)
    simulate, compile_s = simulator(side, count)
    peer_count = max(options.cores * (512 // side) ** 2, 2 * options.cores)

    def peer() -> None:
        chunk = max(peer_count // options.cores, 1)
        list(pool.map(peer_frame, range(peer_count), [side] * peer_count, chunksize=chunk))

    times = in_turns({"fluorojax": simulate, "numpy": peer}, options.rounds)
    counts = {"fluorojax": count, "numpy": peer_count}
    rates = {name: [counts[name] / s for s in of.wall] for name, of in times.items()}
    each = [ours / theirs for ours, theirs in zip(rates["fluorojax"], rates["numpy"], strict=True)]
    return {
        "compile_s": round(compile_s, 1),
        "frames_a_round": counts,
        "frames_a_second": {
            name: {
                "median": round(statistics.median(of), 2),
                "all": [round(rate, 2) for rate in of],
            }
            for name, of in rates.items()
        },
        "ratio_to_numpy": {
            "median": round(statistics.median(each), 2),
            "all": [round(ratio, 2) for ratio in each],
        },
    }


def frames_a_round(side: int, options: argparse.Namespace) -> int:
    """Return how many frames the simulator makes at once: seconds of work, memory's worth."""
    import jax

    scale = 256 / side
    if jax.default_backend() != "cpu":
        return max(int(options.batch * scale**2), 1)
    return options.cores * max(math.ceil(24 * scale**2), 2)


def simulator(side: int, count: int) -> tuple[Job, float]:
    """Return a job that makes `count` new frames and waits for them, and the time to compile it."""
    import dataclasses

    import jax

    from fluorojax.simulation.fluoroscopy.ercp import simulate
    from fluorojax.simulation.spec import ERCP

    spec = dataclasses.replace(ERCP, height=side, width=side)

    def example(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        made = simulate(key, spec)
        return made["image"], made["mask"]

    def one_by_one(keys: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jax.lax.map(example, keys)

    on_cpu = jax.default_backend() == "cpu"
    devices = jax.local_device_count() if on_cpu else 1
    make = jax.pmap(one_by_one) if on_cpu else jax.jit(jax.vmap(example))
    fresh = iter(range(2**31))

    def job() -> None:
        keys = jax.random.split(jax.random.key(next(fresh)), count)
        jax.block_until_ready(make(keys.reshape(devices, -1) if on_cpu else keys))

    start = time.perf_counter()
    job()
    first = time.perf_counter() - start
    start = time.perf_counter()
    job()
    return job, first - (time.perf_counter() - start)


def peer_frame(seed: int, side: int) -> float:
    """Make a frame in a process of the pool; a number of it comes back, not the pixels."""
    image, mask = numpy_frame.frame(seed, side)
    return float(image[0, 0]) + float(np.count_nonzero(mask))


def show(result: dict[str, Any]) -> None:
    """Print a line a size."""
    table = Table("px", "fluorojax, frames/s", "NumPy, frames/s", "ratio", "compile, s")
    for side, of in result["sizes"].items():
        rate = of["frames_a_second"]
        table.add_row(
            str(side),
            f"{rate['fluorojax']['median']:.1f}",
            f"{rate['numpy']['median']:.1f}",
            f"{of['ratio_to_numpy']['median']:.2f}",
            f"{of['compile_s']:.1f}",
        )
    console.print(table)


if __name__ == "__main__":
    main()
