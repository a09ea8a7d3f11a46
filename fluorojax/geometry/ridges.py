"""Ridges of a map: the crests along which something thin is most likely, with their directions."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from fluorojax.geometry.skeleton import window
from fluorojax.geometry.surface import contour

LEAST_SIGMA = 1.0  # px, of the smoothing
WIDTHS = 1 / 3  # of the width: the smoothing of a thicker line
SHARPNESS = 0.1
"""Least curvature across, in heights a squared sigma: flat ground has none."""
HALF_PIXEL = 0.5  # a crest is of the pixel that it passes


class Ridges(NamedTuple):
    """Points of crests, one a pixel that a crest passes.

    Attributes:
        position: [N, 2] float, row and column (px), between pixels.
        tangent: [N, 2] unit vectors along the crest; which of the two ways is chance.
        height: [N] of the smoothed map.
    """

    position: np.ndarray
    tangent: np.ndarray
    height: np.ndarray


def typical_width(mask: np.ndarray) -> float:
    """Return the mean width (px) of thin things, twice their area over the length of both sides.

    Args:
        mask: [H, W] bool; of an empty one 1 is returned, the least there is.
    """
    area, edge = np.count_nonzero(mask), np.count_nonzero(contour(mask))
    return max(2.0 * area / edge, 1.0) if edge else 1.0


def ridges(values: np.ndarray, width: float, low: float) -> Ridges:
    """Return the crests of a map, smoothed by a Gaussian, to a fraction of a pixel.

    With H the second derivatives, lambda their most negative eigenvalue and n its direction, a
    pixel's crest lies at t n from its centre, t = -(g n) / lambda; it is the pixel's own where that
    is within half of it, and where the map curves more across it than along it, which it does not
    beside a line (Steger, IEEE Trans. PAMI 20(2), 1998, with differences of pixels).

    Args:
        values: [H, W] >= 0.
        width: of the lines (px); sigma is a third of it, and at least 1 px.
        low: least height, after smoothing; it is looked for nowhere else.
    """
    sigma = max(LEAST_SIGMA, width * WIDTHS)
    if not (values > low).any():
        return Ridges(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0))
    inside = _around(values > low, int(3 * sigma) + 2)
    smooth = ndimage.gaussian_filter(values[inside], sigma, truncate=3.0, mode="nearest")
    candidates = smooth > low
    candidates[[0, -1], :] = candidates[:, [0, -1]] = False
    row, column = np.divmod(np.flatnonzero(candidates), max(smooth.shape[1], 1))

    def beside(down: int, right: int) -> np.ndarray:
        return smooth[row + down, column + right]

    height = beside(0, 0)
    slope_r, slope_c = (beside(1, 0) - beside(-1, 0)) / 2, (beside(0, 1) - beside(0, -1)) / 2
    rr = beside(1, 0) - 2 * height + beside(-1, 0)
    cc = beside(0, 1) - 2 * height + beside(0, -1)
    rc = (beside(1, 1) - beside(1, -1) - beside(-1, 1) + beside(-1, -1)) / 4
    most_negative = (rr + cc) / 2 - np.hypot((rr - cc) / 2, rc)
    angle = 0.5 * np.arctan2(2 * rc, rr - cc)  # of the other eigenvector, from the row axis
    across = np.stack([-np.sin(angle), np.cos(angle)], -1)
    sharp = (most_negative < -SHARPNESS * height / sigma**2) & (rr + cc < 0.0)
    t = -(slope_r * across[:, 0] + slope_c * across[:, 1]) / np.where(sharp, most_negative, -1.0)
    offset = t[:, None] * across
    own = sharp & (np.abs(offset) <= HALF_PIXEL).all(-1)
    corner = np.array([inside[0].start, inside[1].start], float)
    position = np.stack([row, column], -1) + offset + corner
    along = np.stack([-across[:, 1], across[:, 0]], -1)
    return Ridges(position[own], along[own], height[own].astype(float))


def _around(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    """Return the window of a mask with a margin; 0 x 0 of an empty mask."""
    rows, columns = window(mask)
    if rows.stop == 0:
        return rows, columns
    return (
        slice(max(rows.start - margin, 0), rows.stop + margin),
        slice(max(columns.start - margin, 0), columns.stop + margin),
    )
