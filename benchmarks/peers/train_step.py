"""Time the U-Net's training step and its inference against PyTorch's.

    pip install -e '.[peers]'
    python -m benchmarks.peers.train_step --out benchmarks/results/train_step.json

Forward, cross entropy + Dice, backward, AdamW; one network in both (parameters, logits and losses
are compared first), one process, the two taken in turns, so that both meet the same machine.
As in a run, the cores share the batch as virtual devices of jax; `--devices 1` leaves it one.
"""

import argparse
import json
import math
import os
from pathlib import Path
from typing import Any

from benchmarks.timing import Times, in_turns, machine
from fluorojax.core import environment


def main() -> None:
    """Run the benchmark, print a table and write the numbers."""
    options = parse()
    environment.set_flags(deterministic=False, cpu_devices=options.devices)
    environment.keep_freed_memory()
    os.environ["JAX_PLATFORMS"] = "cpu"
    # Threads that wait in a loop would take the cores from whoever runs next.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

    from benchmarks.peers import unet_peers as peers

    peers.torch.set_num_threads(options.cores)
    size = peers.Size(
        options.batch, options.side, 2, options.width, options.depth, options.residual
    )
    parameters = peers.initial_parameters(size)
    ours, theirs = peers.fluorojax_peer(size, parameters), peers.torch_peer(size, parameters)
    peers.check_equal(ours, theirs)
    jobs = {
        "fluorojax/train_step": ours.train_step,
        "torch/train_step": theirs.train_step,
        "fluorojax/inference": ours.infer,
        "torch/inference": theirs.infer,
    }
    result = {
        "command": "python -m benchmarks.peers.train_step",
        "options": vars(options) | {"out": str(options.out)},
        "parameters": ours.parameters,
        "machine": machine(),
        "versions": versions(),
        "load_average_before": os.getloadavg()[0],
        "seconds": {n: summary(t) for n, t in in_turns(jobs, options.rounds).items()},
        "load_average_after": os.getloadavg()[0],
    }
    result["ratio"] = {job: ratios(result["seconds"], job) for job in ("train_step", "inference")}
    show(result)
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=4, help="frames a step")
    parser.add_argument("--side", type=int, default=256, help="rows and columns (px)")
    parser.add_argument("--width", type=int, default=16, help="channels at full resolution")
    parser.add_argument("--depth", type=int, default=4, help="halvings")
    parser.add_argument("--residual", action="store_true", help="residual blocks")
    parser.add_argument("--rounds", type=int, default=15, help="measurements of each")
    parser.add_argument("--cores", type=int, default=os.cpu_count(), help="threads of PyTorch")
    parser.add_argument("--devices", type=int, help="virtual devices of jax; default: the cores")
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    options = parser.parse_args()
    options.devices = options.devices or math.gcd(options.batch, options.cores)
    return options


def summary(times: Times) -> dict[str, Any]:
    """Return what is written down of one job's times."""
    return {
        "median": median(times.wall),
        "least": min(times.wall),
        "median_of_all_cores": median(times.processor),
        "all": times.wall,
    }


def median(values: list[float]) -> float:
    """Return the middle value, the upper one of two."""
    return sorted(values)[len(values) // 2]


def ratios(seconds: dict[str, dict[str, Any]], job: str) -> dict[str, float]:
    """Return our time over PyTorch's, of the medians, the least, and the processor's."""
    ours, theirs = seconds[f"fluorojax/{job}"], seconds[f"torch/{job}"]
    return {
        key: round(ours[key] / theirs[key], 3) for key in ("median", "least", "median_of_all_cores")
    }


def versions() -> dict[str, str]:
    """Return the versions that the times depend on."""
    import torch

    return environment.versions() | {"torch": torch.__version__}


def show(result: dict[str, Any]) -> None:
    """Print one line a measurement."""
    for name, of in result["seconds"].items():
        print(f"{name:22} median {of['median']:.3f} s, least {of['least']:.3f} s")
    for name, ratio in result["ratio"].items():
        print(f"{name}: {ratio['median']:.2f} times PyTorch's (least: {ratio['least']:.2f})")


if __name__ == "__main__":
    main()
