"""Memory and open file handles of one process over many short training steps.

    python -m benchmarks.studies.soak --steps 4000 --out benchmarks/results/soak.json \
        --figure docs/images/soak.png

A small run of 2,000 steps, or as many as are asked for, saves itself every 20 and evaluates every
100 of them, so that what leaks at a step, a checkpoint or an evaluation shows.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from benchmarks.timing import machine
from fluorojax.core import environment
from fluorojax.core.progress import console

PERIOD = 0.25  # s between two samples


class Sampler(threading.Thread):
    """Notes the process's memory (MB) and open handles four times a second; a context manager.

    It begins when the folder `after` exists: what compilation takes is no leak.
    """

    def __init__(self, after: Path) -> None:
        super().__init__(daemon=True)
        self._after = after
        self.rows: list[tuple[float, float, int]] = []
        self._over = threading.Event()

    def run(self) -> None:
        """Take samples until the block ends."""
        while not self._after.exists() and not self._over.wait(PERIOD):
            pass
        began = time.monotonic()
        while not self._over.wait(PERIOD):
            resident = int(Path("/proc/self/statm").read_text().split()[1])
            megabytes = resident * os.sysconf("SC_PAGE_SIZE") / 1e6
            handles = len(os.listdir("/proc/self/fd"))
            self.rows.append((time.monotonic() - began, megabytes, handles))

    def __enter__(self) -> "Sampler":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


def main() -> None:
    """Train, and write what was sampled."""
    options = parse()
    environment.prepare(deterministic=False, cpu_devices=1)
    with tempfile.TemporaryDirectory() as folder:
        rows = np.array(soak(Path(folder), options.steps))
    result = {
        "command": f"python -m benchmarks.studies.soak --steps {options.steps}",
        "machine": machine(),
        "versions": environment.versions(),
        "steps": options.steps,
        "seconds": round(float(rows[-1, 0]), 1),
        "memory_mb": quarters(rows[:, 1]),
        "handles": quarters(rows[:, 2]),
    }
    console.print_json(json.dumps(result))
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    if options.figure:
        draw(rows, options.figure)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    parser.add_argument("--figure", type=Path, help="PNG file for the curves")
    return parser.parse_args()


def soak(folder: Path, steps: int) -> list[tuple[float, float, int]]:
    """Train a small run in `folder`; return seconds, megabytes and handles of the samples."""
    from tests.folders import write_folder
    from tests.integration.runs import small_config, train

    write_folder(folder / "frames")
    often = {"training.log_every": 10, "training.checkpoint_every": 20, "training.eval_every": 100}
    fields = {"training.steps": steps, "training.warmup_steps": 10, **often}
    config = small_config("single", folder / "frames", folder / "built", **fields)
    with Sampler(after=folder / "run/checkpoints/last") as sampler:
        train(config, folder / "run")
    return sampler.rows


def quarters(values: np.ndarray) -> list[float]:
    """Return the medians of the four quarters of the time."""
    return [round(float(np.median(part)), 1) for part in np.array_split(values, 4)]


def draw(rows: np.ndarray, path: Path) -> None:
    """Draw memory and handles against time."""
    seconds, megabytes, handles = rows.T
    figure, (upper, lower) = plt.subplots(2, 1, sharex=True, figsize=(7, 4), layout="constrained")
    upper.plot(seconds, megabytes, lw=1)
    upper.set_ylabel("memory (MB)")
    upper.set_ylim(0)
    lower.plot(seconds, handles, lw=1)
    lower.set_ylabel("open handles")
    lower.set_ylim(0)
    lower.set_xlabel("time (s)")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
