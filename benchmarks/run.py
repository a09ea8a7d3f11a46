"""Measures this project and its peers on the same work, in turns, and writes what was found.

    pip install -c constraints.txt -e '.[peers]'
    python -m benchmarks.run --suite train
    python -m benchmarks.pages.performance        # tables and plot of docs/performance.md

Everything is warm before it counts, and what is compiled is written apart. A ratio is that of two
times of one round, so that both met the same machine; its median and quartiles are written. A file
a suite and processor goes to benchmarks/results/speed. Peers that are not installed are left out.
"""

import argparse
import importlib
import importlib.metadata
import math
import os
import re
import sys
from pathlib import Path
from typing import Any

from benchmarks.timing import machine, write
from fluorojax.core import environment
from fluorojax.core.errors import InputError, in_words
from fluorojax.core.progress import console

SUITES = ("train", "infer", "data", "simulate", "metrics", "memory")
RESULTS = Path(__file__).parent / "results" / "speed"
LEAST_ROUNDS = 5
PEERS = ("torch", "monai", "onnxruntime", "openvino")


def main() -> None:
    """Measure one suite and write it."""
    options = parse()
    prepare(options)
    try:
        result = measured(options)
    except InputError as error:
        sys.exit(f"error: {in_words(error)}")
    show(result)
    out = options.out or RESULTS / f"{options.suite}-{slug(result['machine']['cpu'])}.json"
    write(out, result)
    console.print(f"written to {out}")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--suite", choices=SUITES, required=True)
    parser.add_argument("--rounds", type=int, default=15, help="of each job, 5 or more")
    parser.add_argument("--cores", type=int, help="threads of all; default: those there are")
    parser.add_argument("--devices", type=int, help="virtual devices of jax; default: the cores")
    parser.add_argument("--export", help="infer: a trained network; default: drawn parameters")
    parser.add_argument("--config", nargs="+", help="memory: names of configurations")
    parser.add_argument("--tiny", action="store_true", help="toy sizes: only to see that it runs")
    parser.add_argument("--out", type=Path, help="JSON file; default: in benchmarks/results/speed")
    options = parser.parse_args(arguments)
    if options.rounds < LEAST_ROUNDS:
        parser.error(f"--rounds {options.rounds}: write {LEAST_ROUNDS} or more")
    there = sorted(os.sched_getaffinity(0))
    options.cores = min(options.cores or len(there), len(there))
    options.devices = options.devices or math.gcd(4, options.cores)
    return options


def prepare(options: argparse.Namespace) -> None:
    """Keep to the cores and set jax's flags, before it is imported."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    # One frame, or one plan of memory, is not shared among devices.
    alone = options.suite in ("infer", "memory")
    environment.prepare(deterministic=False, cpu_devices=1 if alone else options.devices)


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Return all that a suite found, with the machine, the versions and the load around it."""
    before = os.getloadavg()[0]
    work = importlib.import_module(f"benchmarks.suites.{options.suite}").measure(options)
    from fluorojax.core import parallel

    return {
        "suite": options.suite,
        "command": command_of(options),
        "tiny": options.tiny,
        "machine": machine() | {"devices": parallel.describe_devices()},
        "threads": {"cores": options.cores, "xla_flags": os.environ.get("XLA_FLAGS", "")},
        "versions": environment.versions() | peers(),
        "rounds": options.rounds,
        "load_average": [round(before, 2), round(os.getloadavg()[0], 2)],
        "work": work,
    }


def command_of(options: argparse.Namespace) -> str:
    """Return the command that measures the same again."""
    words = ["python -m benchmarks.run --suite", options.suite]
    if options.suite == "memory":
        words += ["--config", *options.config] if options.config else []
    else:
        words += ["--rounds", str(options.rounds), "--cores", str(options.cores)]
    return " ".join(words)


def peers() -> dict[str, str]:
    """Return the versions of the peers that are installed."""
    found = {}
    for name in PEERS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def slug(processor: str) -> str:
    """Return a processor's model as part of a file's name: 'intel-xeon-sapphire-rapids'."""
    plain = re.sub(r"\((r|tm)\)|cpu|processor|@.*", " ", processor.lower())
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "unknown"


def show(result: dict[str, Any]) -> None:
    """Print a line a job."""
    for title, of in result["work"].items():
        console.print(title)
        for name, seconds in of.get("seconds", {}).items():
            line = f"  {name}: {1000 * seconds['p50']:.1f} ms"
            if name in of.get("ratio", {}):
                line += f"; ours over it {of['ratio'][name]['p50']:.3f}"
            console.print(line)
        for name, why in of.get("missing", {}).items():
            console.print(f"  {name}: left out ({why})")


if __name__ == "__main__":
    main()
