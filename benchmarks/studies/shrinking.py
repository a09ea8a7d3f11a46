"""Which filter keeps a thin wire when a frame is shrunk: triangle, area, or Lanczos.

    python -m benchmarks.studies.shrinking --out benchmarks/results/shrinking.json

A straight dark wire of known width lies at random angles and places on white noise. It is shrunk by
each filter, and read along its true line (bilinear, half-pixel centres):

- contrast: mean depth along the line, as a share of the wire's own;
- lowest: the 5th percentile of the depth along the line: where it falls between pixels;
- noise: standard deviation of the background, as a share of the frame's own;
- cnr: contrast over noise, as a multiple of the frame's own, which is 1;
- ringing: how far the grey values beside a long edge (height 1) overshoot it.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from rich.table import Table
from scipy import ndimage

from fluorojax.core.progress import console

FILTERS = {
    "triangle": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "cubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
FACTORS = (1.5, 2.0, 3.0, 4.0, 5.0)
SIDE = 600  # px of a frame
WIRES = 24  # of each width
NOISE = 0.2  # of the wire's depth


def shrunk(image: np.ndarray, side: int, name: str) -> np.ndarray:
    """Return `image: [n, n] float32` as [side, side]."""
    return np.asarray(Image.fromarray(image).resize((side, side), FILTERS[name]))


def wire(width: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return a wire's depth [SIDE, SIDE] in [0, 1] and points [N, 2] on its line, ends left out."""
    angle = rng.uniform(0, np.pi)
    middle = SIDE / 2 + rng.uniform(-5, 5, 2)
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    across = (rows - middle[0]) * np.cos(angle) - (columns - middle[1]) * np.sin(angle)
    depth = np.clip(width / 2 + 0.5 - np.abs(across), 0, 1)
    along = np.arange(-0.4 * SIDE, 0.4 * SIDE, 0.5)
    points = middle + along[:, None] * np.array([np.sin(angle), np.cos(angle)])
    return depth, points


def measured(name: str, factor: float, width: float, seed: int) -> dict[str, float]:
    """Return the figures of a filter, a factor and a width (px), mean over wires."""
    rng = np.random.default_rng(seed)
    side = round(SIDE / factor)
    found: list[np.ndarray] = []
    noise = []
    for _ in range(WIRES):
        depth, points = wire(width, rng)
        moved = (points + 0.5) * side / SIDE - 0.5
        small = shrunk(depth, side, name)
        found.append(ndimage.map_coordinates(small, moved.T, order=1))
        white = rng.normal(0, NOISE, (SIDE, SIDE)).astype(np.float32)
        noise.append(shrunk(white, side, name)[4:-4, 4:-4].std() / NOISE)
    depths = np.stack(found)
    return {
        "contrast": float(depths.mean()),
        "lowest": float(np.quantile(depths, 0.05)),
        "noise": float(np.mean(noise)),
        "cnr": float(depths.mean() / np.mean(noise)),
        "ringing": ringing(name, side),
    }


def ringing(name: str, side: int) -> float:
    """Return the overshoot beside an edge of height 1, as a share of it."""
    edge = np.zeros((SIDE, SIDE), np.float32)
    edge[:, SIDE // 2 :] = 1
    return float(shrunk(edge, side, name).max() - 1)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("--width", type=float, default=3.0, help="of the wire (px)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="where the figures are written as JSON")
    options = parser.parse_args()
    figures: Callable[[str, float], dict[str, float]] = lambda name, factor: measured(  # noqa: E731
        name, factor, options.width, options.seed
    )
    rows = [
        {"filter": name, "factor": factor, "width_px": options.width, **figures(name, factor)}
        for factor in FACTORS
        for name in FILTERS
    ]
    names = list(rows[0])
    table = Table(*names)
    for row in rows:
        table.add_row(*(v if isinstance(v, str) else f"{v:.3g}" for v in row.values()))
    console.print(table)
    if options.out:
        options.out.write_text(json.dumps({"seed": options.seed, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
