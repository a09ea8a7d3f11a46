"""Time how long it takes to follow a wire as a curve and to draw its mask, on one core.

    python -m benchmarks.studies.curve_time --out benchmarks/results/curve_time.json

A frame holds a parent with a tip, a wire of 3 to 4 px out of it over most of the frame, three gaps
in it, and a dozen specks. `find_curves` and `drawn_curves` take turns with scikit-image's cheapest
path from the parent's tip to the wire's, given to it, over -log p on the same map (MCP_Geometric):
the least that any way to follow a wire has to do. Seconds are those of the process, which other
programs disturb little. The goal is at most 20 ms at 512 x 512 on a quiet core.
"""

import argparse
import functools
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table
from scipy import ndimage
from skimage.graph import route_through_array

from benchmarks.timing import in_turns
from fluorojax.core import environment
from fluorojax.core.progress import console
from fluorojax.geometry.redrawing import drawn
from fluorojax.inference.curve import Curve, CurveRules, drawn_curves, find_curves

SIDES = (256, 512, 1024)
GOAL = 0.020  # s at 512 x 512
OURS, PEER = "curve", "cheapest path of scikit-image"
RULES = CurveRules("attached")
REACH = 30.0  # px
FLOOR = 1e-3  # probability of the surest background, to the peer
GAP = 8.0  # px
SPECKS = 12


class Made(NamedTuple):
    """A frame: `probability: [H, W]`, `parent: [H, W] bool`, and the wire's axis, [N, 2]."""

    probability: np.ndarray
    parent: np.ndarray
    axis: np.ndarray


def frame(side: int, seed: int) -> Made:
    """Make a frame of `side` x `side` pixels."""
    rng = np.random.default_rng(seed)
    along = np.linspace(0, 1, 4 * side)
    swing = rng.uniform(0.1, 0.25) * side
    rows = side / 2 + swing * np.sin(2 * np.pi * (along * rng.uniform(0.8, 1.5)))
    axis = np.stack([rows, (0.2 + 0.75 * along) * side], -1)
    out = np.array([side / 2, -10.0]), axis[0]
    shaft = np.linspace(*out, 2 * side)
    parent = _line(shaft, 0.03 * side, side)
    wire = _line(axis, rng.uniform(3, 4), side)
    for place in rng.choice(len(axis) // 2, 3, replace=False) + len(axis) // 4:
        wire &= ~_line(axis[place - 1 : place + 1], GAP, side)
    for row, column in rng.uniform(0.05 * side, 0.95 * side, (SPECKS, 2)):
        wire |= _line(np.array([[row, column], [row + 1, column]]), rng.uniform(3, 6), side)
    p = ndimage.gaussian_filter((wire & ~parent).astype(np.float32), 0.7)
    return Made(p, parent, axis)


def _line(points: np.ndarray, width: float, side: int) -> np.ndarray:
    half = np.full(len(points) - 1, width / 2)
    return drawn(points[:-1], points[1:], half, (side, side))


def ours(made: Made) -> tuple[tuple[Curve, ...], np.ndarray]:
    """Return curves and mask of a frame."""
    curves = find_curves(made.probability, made.parent, RULES, REACH).curves
    return curves, drawn_curves(curves, made.probability, 0.5)


def peers(made: Made) -> np.ndarray:
    """Return the cheapest path from the parent's tip to the wire's, [N, 2]; both are given."""
    cost = -np.log(np.clip(made.probability, FLOOR, 1 - FLOOR))
    tip, end = (np.rint(point).astype(int) for point in made.axis[[0, -1]])
    path, _ = route_through_array(cost, tip, end, geometric=True)
    return np.array(path)


def measure(side: int, frames: int) -> dict[str, Any]:
    """Return times a frame, in ms of the process, and their ratio to the peer's."""
    ways = {OURS: ours, PEER: peers}
    made = [frame(side, seed) for seed in range(frames)]
    seconds = {name: np.zeros(0) for name in ways}
    for one in made:
        times = in_turns(
            {name: functools.partial(way, one) for name, way in ways.items()}, rounds=5
        )
        for name, of in times.items():
            seconds[name] = np.append(seconds[name], np.median(of.processor))
    result: dict[str, Any] = {"side": side, "frames": frames}
    for name, of_name in seconds.items():
        p50, p95 = np.percentile(1000 * of_name, (50, 95)).round(2)
        result[name] = {"p50_ms": float(p50), "p95_ms": float(p95)}
    result["ratio"] = round(float(np.median(seconds[OURS] / seconds[PEER])), 3)
    return result


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES, help="of the frames (px)")
    parser.add_argument("--frames", type=int, default=20, help="of each size")
    parser.add_argument("--out", type=Path, help="where the times are written as JSON")
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rows = [measure(side, options.frames) for side in options.sides]
    table = Table("side", "p50 ms", "p95 ms", "peer's p50 ms", "ratio")
    for row in rows:
        of = (row[OURS]["p50_ms"], row[OURS]["p95_ms"], row[PEER]["p50_ms"], row["ratio"])
        table.add_row(str(row["side"]), *(f"{value:.2f}" for value in of))
    console.print(table)
    if options.out:
        written = {"machine": environment.machine(), "goal_ms": 1000 * GOAL, "sizes": rows}
        options.out.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()
