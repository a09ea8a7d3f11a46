"""The peer of `simulation_speed`: the same kind of frame, written plainly in NumPy and SciPy.

Spine, ribs, tissue and gas; an endoscope with rings, a duct, a wire; scatter, Poisson noise, blur,
window; the masks. Fewer things than the simulator draws (no branches, strictures, clips, loops), so
the ratio of times flatters the peer. Shortcuts that anybody would take are taken: distances
to a curve by SciPy's distance transform, and scatter on a coarse grid.
"""

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

FIELD_MM = 140.0
SCATTER_MM = 18.0


def frame(seed: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return image [side, side] float32 in [0, 1] and mask [side, side, 2] uint8."""
    rng = np.random.default_rng(seed)
    pixel = FIELD_MM / side
    y, x = np.mgrid[:side, :side].astype(np.float32) * pixel
    integral = 0.0205 * tissue(rng, side) + 0.017 * bones(rng, y, x)
    tip = rng.uniform(0.4, 0.6, 2) * FIELD_MM
    scope = distance(walk(rng, tip, np.pi, 72, 3.0), side)
    wire_path = walk(rng, tip, 0.0, 96, rng.uniform(0.5, 1.2))
    wire = distance(wire_path, side)
    inside = chord(scope, 6.0)
    integral += 0.09 * inside * (1 + 0.4 * np.cos(y * 2.1) * np.cos(x * 2.1))
    integral += 0.11 * chord(distance(wire_path[::3], side), 3.5)
    integral += 0.8 * chord(wire, 0.45)
    return detect(rng, integral, pixel), np.stack([scope <= 6.0, wire <= 0.45], -1).astype(np.uint8)


def tissue(rng: np.random.Generator, side: int) -> np.ndarray:
    """Smooth fields of four scales and pockets of gas, in mm."""
    thickness = sum(
        depth * field(rng, side, cells)
        for depth, cells in ((14.0, 2), (5.0, 5), (2.2, 14), (0.9, 36))
    )
    return thickness - 16.0 * np.clip((field(rng, side, 7) - 1.5) / 0.5, 0.0, 1.0)


def field(rng: np.random.Generator, side: int, cells: int) -> np.ndarray:
    """Cubic splines through random nodes."""
    nodes = rng.standard_normal((cells + 3, cells + 3)).astype(np.float32)
    grown = ndimage.zoom(nodes, side / cells, order=3)
    return grown[:side, :side]


def bones(rng: np.random.Generator, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Vertebral bodies with end plates, and ribs on both sides, in mm."""
    pitch, middle = rng.uniform(30, 36), FIELD_MM / 2 + rng.uniform(-20, 20)
    within, across = np.mod(y, pitch) - pitch / 2, np.abs(x - middle)
    edge = np.maximum(np.abs(within) - 0.42 * pitch, across - 19.0)
    body = 20.0 * np.clip(0.5 - edge, 0.0, 1.0) + 6.0 * np.exp(-((edge / 1.2) ** 2))
    rib = np.abs(np.mod(y - 0.5 * across, 28.0) - 14.0) - 5.0
    band = 9.0 * np.clip(0.5 - rib, 0.0, 1.0) + 7.0 * np.exp(-((rib / 1.1) ** 2))
    return body + band * (across > 22.0)


def walk(
    rng: np.random.Generator, start: np.ndarray, heading: float, strides: int, step: float
) -> np.ndarray:
    """Return a smooth curve of `strides` segments in mm, (row, column)."""
    bends = rng.uniform(-0.7, 0.7) + rng.uniform(-1.5, 1.5) * np.linspace(0, 1, strides)
    moves = step * np.stack([-np.cos(heading + bends), np.sin(heading + bends)], -1)
    return start + np.concatenate([np.zeros((1, 2)), np.cumsum(moves, 0)])


def distance(path: np.ndarray, side: int) -> np.ndarray:
    """Return each pixel's distance in mm to a curve drawn one pixel wide."""
    canvas = Image.new("1", (side, side), 1)
    points = [tuple(p) for p in (path[:, ::-1] * (side / FIELD_MM))]
    ImageDraw.Draw(canvas).line(points, fill=0)
    return ndimage.distance_transform_edt(np.array(canvas)).astype(np.float32) * (FIELD_MM / side)


def chord(distance: np.ndarray, radius: float) -> np.ndarray:
    """Return the path through a cylinder, 2 sqrt(r² - d²)."""
    return 2.0 * np.sqrt(np.maximum(radius**2 - distance**2, 0.0))


def detect(rng: np.random.Generator, integral: np.ndarray, pixel: float) -> np.ndarray:
    """Return the picture: primary and scattered beam, quanta, blur, logarithm, window."""
    primary = np.exp(integral.mean() - integral)
    coarse = ndimage.gaussian_filter(primary[::8, ::8], SCATTER_MM / pixel / 8)
    scattered = ndimage.zoom(coarse, 8, order=1)[: len(primary), : len(primary)]
    signal = primary + 0.7 * scattered
    quanta = rng.poisson(1000.0 * signal / signal.mean())
    tone = np.log(np.maximum(ndimage.gaussian_filter(quanta.astype(np.float32), 0.6), 1.0))
    return np.clip(0.55 + 0.2 * (tone - tone.mean()) / tone.std(), 0.0, 1.0).astype(np.float32)
