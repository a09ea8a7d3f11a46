"""The dark line between two places: where an instrument runs, found in the frame itself."""

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree
from skimage import feature, graph, measure
from skimage.transform import downscale_local_mean

from fluorojax.geometry.ridges import ridges

MARGIN = 40  # px about both places within which the path stays
COARSE = 4.0  # px of the grid that a line is followed on: its width there, or less
LEAST_SIGMA = 1.0
WIDTHS = 1 / 3  # of the line's width: the smoothing, as of `geometry.ridges`
FLAT = 0.03  # cost of a step along the sharpest line, as a share of that on flat ground
SURE = 99.0  # percentile of the darkness that counts as the sharpest line
TOLERANCE = 0.4  # px of the grid that the few points of a path may lie beside it
SMOOTHED = 5  # steps of a path that are averaged
REACH = 4.0  # px that an end may move to the line
CREST = 1.5  # px between a step of a path and the crest that it is moved to
LOW = 0.05  # darkness below which no crest is looked for


def darkness(pixels: np.ndarray, width: float) -> np.ndarray:
    """Return how much each pixel lies on a dark line, [H, W] in [0, 1].

    The largest second derivative of the frame, smoothed by a Gaussian of a third of the width:
    across a dark line grey values curve upwards, and along it they do not.

    Args:
        pixels: [H, W] grey values.
        width: of the line (px).
    """
    sigma = max(LEAST_SIGMA, width * WIDTHS)
    hessian = feature.hessian_matrix(
        pixels.astype(np.float32), sigma, mode="nearest", order="rc", use_gaussian_derivatives=False
    )
    curved = np.maximum(feature.hessian_matrix_eigvals(hessian)[0], 0.0)
    sharpest = float(np.percentile(curved, SURE))
    return np.clip(curved / sharpest, 0.0, 1.0) if sharpest > 0 else curved


def trace(
    pixels: np.ndarray,
    start: tuple[float, float],
    end: tuple[float, float],
    width: float,
    *,
    keep_start: bool = False,
) -> np.ndarray:
    """Return the cheapest path along dark pixels between two places.

    A step over a pixel of darkness s costs its length times FLAT / (FLAT + s). It is looked for
    where the line is at most COARSE pixels wide, on means of blocks, and moved to the crest of the
    darkness, to a fraction of a pixel.

    Args:
        pixels: [H, W] grey values.
        start, end: x and y as LabelMe counts them: the first pixel is from 0 to 1.
        width: of the line that is followed (px).
        keep_start: the start is a point already, and stays; else both ends move to the darkest
            pixel within REACH.

    Returns:
        [N, 2] x and y, N >= 2, from start to end.
    """
    ends = [np.clip(_pixel(place), 0, np.array(pixels.shape) - 1) for place in (start, end)]
    margin = MARGIN + int(width) + int(np.abs(ends[1] - ends[0]).max() / 4)
    low = np.maximum(np.minimum(*ends) - margin, 0)
    high = np.minimum(np.maximum(*ends) + margin + 1, pixels.shape)
    factor = max(1, int(width / COARSE))
    crop = pixels[low[0] : high[0], low[1] : high[1]].astype(np.float32)
    places = _path(crop, [one - low for one in ends], width, factor, keep_start)
    found = (places + 0.5) * factor + low
    found = np.clip(found, 0.0, np.array(pixels.shape, float))[:, ::-1]
    if keep_start:
        found[0] = start
    return found if len(found) > 1 else np.array([start, end], float)


def _path(
    crop: np.ndarray, ends: list[np.ndarray], width: float, factor: int, keep_start: bool
) -> np.ndarray:
    """Return few places [N, 2], rows and columns, on a grid that is `factor` times as coarse."""
    if factor > 1:
        padding = [(0, -side % factor) for side in crop.shape]
        crop = downscale_local_mean(np.pad(crop, padding, mode="edge"), (factor, factor))
    dark = darkness(crop, width / factor)
    first, last = (one // factor for one in ends)
    if not keep_start:
        first = _darkest(dark, first, REACH / factor)
    last = _darkest(dark, last, REACH / factor)
    steps, _ = graph.route_through_array(FLAT / (FLAT + dark), first, last, geometric=True)
    return measure.approximate_polygon(_on_the_crest(np.asarray(steps, float), dark), TOLERANCE)


def _pixel(place: tuple[float, float]) -> np.ndarray:
    return np.floor(np.asarray(place, float)[::-1]).astype(int)


def _darkest(dark: np.ndarray, place: np.ndarray, reach: float) -> np.ndarray:
    """Return the darkest pixel within reach of a place, the nearer of two alike."""
    rows, columns = np.indices(dark.shape)
    distance = np.hypot(rows - place[0], columns - place[1])
    worth = np.where(distance <= max(reach, 1.0), dark - 0.01 * distance, -np.inf)
    row, column = np.unravel_index(np.argmax(worth), dark.shape)
    return np.array([row, column])


def _on_the_crest(steps: np.ndarray, dark: np.ndarray) -> np.ndarray:
    """Return the steps of a path where the darkness is greatest across it, and smoothed along."""
    crest = ridges(dark, 1.0, LOW).position
    places = steps.copy()
    if len(crest):
        distance, nearest = KDTree(crest).query(steps, distance_upper_bound=CREST)
        near = np.isfinite(distance)
        places[near] = crest[nearest[near]]
    size = min(SMOOTHED, len(places))
    smooth = ndimage.uniform_filter1d(places, size, axis=0, mode="nearest")
    smooth[[0, -1]] = places[[0, -1]]
    return np.asarray(smooth)
