"""Curves on a coarser grid: drawn anew along their centrelines, not cut out of shrunken masks."""

import numpy as np
from scipy import ndimage

from fluorojax.geometry.skeleton import window

LEAST = 0.5  # px of the coarser grid: half the least width, and what keeps a line 8-connected
_STEPS = ((0, 1), (1, -1), (1, 0), (1, 1))  # to the neighbours that come later in reading order
_EDGE = 1 / 3
"""By what the distance to the next pixel outside is longer than half the width, in the mean (px):
by a half where an odd number of pixels lies side by side, and by nothing where it is even."""


def redrawn(mask: np.ndarray, line: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Draw a curve on a coarser grid: straight pieces between the pixels of its centreline.

    A pixel belongs to the curve if its centre is at most h from a piece, h half of the curve's
    width there, in coarser pixels, and at least LEAST:

        h = max(LEAST, s (d - 1/3))

    with d the distance from the centreline to the nearest pixel outside of the mask, and s the mean
    scale of rows and columns.

    Args:
        mask, line: [H, W] bool, the curve and its centreline.
        size: rows and columns of the coarser grid, which shows the same field.

    Returns:
        `size` bool. A pixel of the line may fall beside all of them, where it stands alone.
    """
    return drawn(*pieces(mask, line, size), size)


def drawn(
    starts: np.ndarray, ends: np.ndarray, half: np.ndarray, size: tuple[int, ...]
) -> np.ndarray:
    """Return the pixels whose centres are at most `half` from a piece, `size` bool.

    Args:
        starts, ends: [N, 2] of straight pieces, at most sqrt(2) px long.
        half: [N] half their width (px).
        size: rows and columns.
    """
    result = np.zeros(size, bool)
    if len(starts):
        reach = int(np.ceil(half.max() + 1.5))
        near = np.argwhere(np.ones((2 * reach + 1, 2 * reach + 1))) - reach
        pixels = np.rint((starts + ends) / 2).astype(int)[:, None] + near
        hit = pixels[_distance(pixels, starts, ends) <= half[:, None]]
        row, column = hit[((hit >= 0) & (hit < size)).all(-1)].T
        result[row, column] = True
    return result


def pieces(
    mask: np.ndarray, line: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pieces of a centreline on the coarser grid: starts [N, 2], ends [N, 2], half [N].

    Each joins two pixels of the line that touch; a pixel alone is a piece of no length.
    """
    scale = np.array(size) / np.array(line.shape)
    points = np.argwhere(line)
    place = np.full(np.array(line.shape) + 2, -1)
    place[tuple((points + 1).T)] = np.arange(len(points))
    number = np.arange(len(points))
    first, second = [number], [number]
    for step in _STEPS:
        beside = place[tuple((points + 1 + step).T)]
        first.append(number[beside >= 0])
        second.append(beside[beside >= 0])
    one, other = np.concatenate(first), np.concatenate(second)
    moved = (points + 0.5) * scale - 0.5
    half = np.maximum((_outside(mask, points) - _EDGE) * scale.mean(), LEAST)
    return moved[one], moved[other], (half[one] + half[other]) / 2


def _outside(mask: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the distance (px) from each point to the nearest pixel outside; the border is none."""
    inside = window(mask)
    if not mask[inside].size:
        return np.ones(len(points))
    around = [slice(max(s.start - 1, 0), s.stop + 1) for s in inside]
    within = np.zeros(mask.shape, np.float32)
    within[tuple(around)] = ndimage.distance_transform_edt(mask[tuple(around)])
    return np.maximum(within[tuple(points.T)], 1.0)


def _distance(pixels: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the distance of `pixels: [N, M, 2]` to the N pieces, [N, M]."""
    along = ends - starts
    squared = np.maximum((along**2).sum(-1), 1e-12)[:, None]
    share = ((pixels - starts[:, None]) * along[:, None]).sum(-1) / squared
    nearest = starts[:, None] + np.clip(share, 0, 1)[..., None] * along[:, None]
    return np.hypot(*np.moveaxis(pixels - nearest, -1, 0))
