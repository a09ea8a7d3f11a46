"""Time the U-Net's training step and its inference against PyTorch's.

    pip install -e '.[peers]'
    python -m benchmarks.train_step --out benchmarks/results/train_step.json

Forward, cross entropy + Dice, backward, AdamW; one network in both (parameters, logits and losses
are compared first), one process, the two taken in turns, so that both meet the same machine.
As in a run, the cores share the batch as virtual devices of jax; `--devices 1` leaves it one.
"""

import argparse
import json
import math
import os
import platform
import time
from pathlib import Path
from typing import Any

from fluorojax import environment


def main() -> None:
    """Run the benchmark, print a table and write the numbers."""
    options = parse()
    environment.set_flags(deterministic=False, cpu_devices=options.devices)
    environment.keep_freed_memory()
    os.environ["JAX_PLATFORMS"] = "cpu"
    # Threads that wait in a loop would take the cores from whoever runs next.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

    from benchmarks import unet_peers as peers

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
        "command": "python -m benchmarks.train_step",
        "options": vars(options) | {"out": str(options.out)},
        "parameters": ours.parameters,
        "machine": machine(options.cores),
        "load_average_before": os.getloadavg()[0],
        "seconds": in_turns(jobs, options.rounds),
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


def in_turns(jobs: dict[str, Any], rounds: int) -> dict[str, dict[str, Any]]:
    """Time each job once a round, after one round that does not count."""
    wall: dict[str, list[float]] = {name: [] for name in jobs}
    processor: dict[str, list[float]] = {name: [] for name in jobs}
    for count in range(rounds + 1):
        for name, job in jobs.items():
            start, used = time.perf_counter(), time.process_time()
            job()
            if count:
                wall[name].append(round(time.perf_counter() - start, 4))
                processor[name].append(round(time.process_time() - used, 4))
    return {
        name: {
            "median": median(wall[name]),
            "least": min(wall[name]),
            "median_of_all_cores": median(processor[name]),
            "all": wall[name],
        }
        for name in jobs
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


def machine(cores: int) -> dict[str, Any]:
    """Describe the machine and the versions."""
    import jax
    import jaxlib
    import torch

    models = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": models[0],
        "cores": cores,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "jaxlib": jaxlib.__version__,
        "torch": torch.__version__,
    }


def show(result: dict[str, Any]) -> None:
    """Print one line a measurement."""
    for name, of in result["seconds"].items():
        print(f"{name:22} median {of['median']:.3f} s, least {of['least']:.3f} s")
    for name, ratio in result["ratio"].items():
        print(f"{name}: {ratio['median']:.2f} times PyTorch's (least: {ratio['least']:.2f})")


if __name__ == "__main__":
    main()
