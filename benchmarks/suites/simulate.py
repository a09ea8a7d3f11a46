"""Simulated frames a second, beside the same kind of frame in NumPy and SciPy."""

import argparse
import concurrent.futures
import multiprocessing
from typing import Any

import numpy as np

from benchmarks.peers import simulation_speed
from benchmarks.timing import pairs, quartiles


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Time both at each size; see `benchmarks.peers.simulation_speed`."""
    sides = (32,) if asked.tiny else simulation_speed.SIDES
    options = argparse.Namespace(cores=asked.cores, rounds=asked.rounds, batch=256)
    # Started before jax has threads, and by spawning: a fork would take their locks along.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(asked.cores, context) as pool:
        return {
            f"a frame of {side} x {side}": a_frame(simulation_speed.measure(side, options, pool))
            for side in sides
        }


def a_frame(measured: dict[str, Any]) -> dict[str, Any]:
    """Return the same measurement as times of a frame, of all cores together."""
    rates = measured["frames_a_second"].items()
    seconds = {name: [1 / rate for rate in of["all"]] for name, of in rates}
    return measured | {
        "seconds": {name: quartiles(np.array(of)) for name, of in seconds.items()},
        "ratio": {"numpy": pairs(*seconds.values())},
        "first_call_s": {"fluorojax": measured["compile_s"]},
    }
