"""200 pairs of masks, random and pathological, for the comparison of metrics with their peers."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import ndimage
from skimage import draw

from fluorojax.metrics import MetricSettings, score_case
from fluorojax.schema.info import ClassInfo

TOLERANCE_MM = 1.0
REPEATS = 10  # pairs of each kind

Masks = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Pair:
    """Prediction and reference, [H, W] bool, and (row, column) spacing in mm."""

    kind: str
    prediction: np.ndarray
    reference: np.ndarray
    spacing: tuple[float, float]

    def ours(self) -> dict[str, Any]:
        """Return the row of `score_case`, as a curve: these have every metric."""
        settings = MetricSettings(tolerance_mm=TOLERANCE_MM)
        masks = self.prediction[..., None], self.reference[..., None]
        classes = (ClassInfo(self.kind, "curve"),)
        return score_case(*masks, classes=classes, spacing=self.spacing, settings=settings)[0]


SPACINGS = ((1.0, 1.0), (0.2, 0.2), (0.3, 0.45), (1.0, 0.25), (0.155, 0.155))


def all_pairs(seed: int) -> list[Pair]:
    """Return REPEATS pairs of each kind: sizes and spacings vary, the seed fixes all."""
    random = np.random.default_rng(seed)
    return [
        Pair(name, *draw_pair(random, tuple(random.integers(40, 110, 2)), i), SPACINGS[i % 5])
        for name, draw_pair in KINDS.items()
        for i in range(REPEATS)
    ]


def blobs(random: np.random.Generator, shape: tuple[int, int], width: float = 5) -> np.ndarray:
    """Return smoothed noise above its 80th percentile; it reaches the border as often as not."""
    noise = ndimage.gaussian_filter(random.standard_normal(shape), width)
    return noise > np.quantile(noise, 0.8)


def wire(random: np.random.Generator, shape: tuple[int, int], width: int) -> np.ndarray:
    """Return a bent line of `width` px from one place of the left border to one of the right."""
    rows = random.integers(0, shape[0], 3)
    ends = (rows[0], 0, rows[1], shape[1] // 2, rows[2], shape[1] - 1)
    line = np.zeros(shape, bool)
    line[draw.bezier_curve(*ends, weight=1.0, shape=shape)] = True
    return ndimage.maximum_filter(line, width)


def moved(mask: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return the mask moved; what leaves the image is gone."""
    return ndimage.shift(mask.astype(np.uint8), (rows, columns), order=0) > 0


def two_blobs(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return two that have little to do with each other."""
    return blobs(random, shape), blobs(random, shape)


def moved_blobs(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return one and itself, moved by up to 4 px."""
    mask = blobs(random, shape)
    return moved(mask, *random.integers(-4, 5, 2)), mask


def holes(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return blobs with holes of one pixel and more in both."""
    solid = blobs(random, shape)
    return solid & (random.random(shape) > 0.1), solid & ~blobs(random, shape, 2)


def several_pieces(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return many small blobs, and most of them with a few new ones."""
    mask = blobs(random, shape, 2)
    return mask ^ (blobs(random, shape, 2) & (random.random(shape) > 0.5)), mask


def noise(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return single pixels, scattered."""
    return random.random(shape) > 0.9, random.random(shape) > 0.8


def moved_wire(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return a wire of 1 to 7 px, which touches the border, and itself moved."""
    mask = wire(random, shape, 1 + i % 7)
    return moved(mask, 1 + i % 3, i % 2), mask


def wire_with_gap(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return a wire that is broken in the middle."""
    mask = wire(random, shape, 1 + i % 7)
    broken = mask.copy()
    broken[:, shape[1] // 2 : shape[1] // 2 + 1 + i] = False
    return broken, mask


def wire_of_other_width(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return a wire of 3 px too wide, or too thin."""
    mask = wire(random, shape, 3)
    return ndimage.maximum_filter(mask, 3) if i % 2 else ndimage.minimum_filter(mask, 3), mask


def two_wires(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return a wire, and another with nothing but the width in common."""
    return wire(random, shape, 1 + i % 7), wire(random, shape, 1 + i % 7)


def straight_lines(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return a row and a column, one pixel wide: the one crosses the other."""
    prediction, reference = np.zeros((2, *shape), bool)
    prediction[shape[0] // 2, i:], reference[: shape[0] - i, shape[1] // 2] = True, True
    return prediction, reference


def pixels(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return one pixel each, the first time in a corner."""
    prediction, reference = np.zeros((2, *shape), bool)
    prediction[tuple(random.integers(0, shape) * (i > 0))] = True
    reference[tuple(random.integers(0, shape))] = True
    return prediction, reference


def pixel_and_blob(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return one pixel against blobs, either way."""
    one = pixels(random, shape, i)[1]
    return (one, blobs(random, shape)) if i % 2 else (blobs(random, shape), one)


def full(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return the whole image against blobs."""
    return np.ones(shape, bool), blobs(random, shape)


def full_but_one(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return the whole image, and all but one pixel of it."""
    return ~pixels(random, shape, i)[1], np.ones(shape, bool)


def nested(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return a disc within a disc."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    radius = np.hypot(rows - shape[0] / 2, columns - shape[1] / 2)
    return radius < 6 + i, radius < 12 + i


def disjoint(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return blobs on either side of the middle."""
    left = np.arange(shape[1]) < shape[1] // 2
    masks = blobs(random, shape) & left, blobs(random, shape) & ~left
    return masks if all(mask.any() for mask in masks) else disjoint(random, shape, i)


def identical(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return one twice."""
    mask = wire(random, shape, 1 + i) if i % 2 else blobs(random, shape)
    return mask, mask


def prediction_empty(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return a missed wire or blob."""
    mask = identical(random, shape, i)[0]
    return np.zeros_like(mask), mask


def reference_empty(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return a false alarm."""
    return prediction_empty(random, shape, i)[::-1]


def both_empty(random: np.random.Generator, shape: tuple[int, int], i: int) -> Masks:
    """Return nothing at all."""
    return np.zeros(shape, bool), np.zeros(shape, bool)


KINDS: dict[str, Callable[[np.random.Generator, tuple[int, int], int], Masks]] = {
    function.__name__: function
    for function in (
        *(two_blobs, moved_blobs, holes, several_pieces, noise),
        *(moved_wire, wire_with_gap, wire_of_other_width, two_wires, straight_lines),
        *(pixels, pixel_and_blob, full, full_but_one, nested),
        *(disjoint, identical, prediction_empty, reference_empty, both_empty),
    )
}
