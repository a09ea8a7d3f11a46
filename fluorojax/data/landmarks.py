"""Two landmarks of a relation: the exit, where the child leaves its parent, and the child's tip."""

import numpy as np

from fluorojax.data.grid import Placement, points_to_grid
from fluorojax.geometry.centreline import longest_path_ends
from fluorojax.geometry.surface import positions
from fluorojax.schema.info import DatasetInfo

PIXELS = (1.0, 1.0)
BORDER = 2  # pixels: an end this near to the border is where the frame cuts the wire, not its tip


def landmarks_of(
    skeleton: np.ndarray, mask: np.ndarray, info: DatasetInfo, attached: int
) -> np.ndarray:
    """Return where the child leaves its parent and where it ends, from the masks alone.

    They are the ends of the longest path along the child's centreline: the exit the one nearer to
    the parent, the tip the one farther from it, if it is not where the border cuts the child.

    Args:
        skeleton: [H, W, C] in {0, 1}, centrelines one pixel wide.
        mask: [H, W, C] in {0, 1}.
        info: the classes and their relation.
        attached: 1 where the relation holds; elsewhere there is neither point.

    Returns:
        [2, 2] float, (row, column) in pixels of exit and tip; NaN where there is none.
    """
    landmarks = np.full((2, 2), np.nan)
    if info.relation is None or attached != 1:
        return landmarks
    line = skeleton[..., info.index(info.relation.child)].astype(bool)
    parent = positions(mask[..., info.index(info.relation.parent)].astype(bool))
    if not (line.any() and len(parent)):
        return landmarks
    ends = longest_path_ends(line, PIXELS)
    away = [np.hypot(*(parent - end).T).min() for end in ends]
    if away[0] == away[1]:
        return landmarks
    landmarks[0], tip = ends[np.argmin(away)], ends[np.argmax(away)]
    if (tip >= BORDER).all() and (tip < np.array(line.shape) - BORDER).all():
        landmarks[1] = tip
    return landmarks


def landmarks_to_grid(
    landmarks: np.ndarray, placement: Placement, side: int | None = None
) -> np.ndarray:
    """Return a disc about each point on the working grid, [*image_size, N] bool.

    Its radius is a 64th of `side`, but 2 pixels at least: about 2 mm of an ERCP.

    Args:
        landmarks: [N, 2] (row, column) on the frame's own grid; NaN: no disc.
        placement: where the frame lies.
        side: the longer side of what the network sees; None: that of the working grid.
    """
    radius = max(2.0, (side or max(placement.image_size)) / 64)
    moved = points_to_grid(landmarks, placement)
    rows, columns = (np.arange(n)[:, None] for n in placement.image_size)
    near = (rows - moved[:, 0])[:, None] ** 2 + (columns - moved[:, 1])[None] ** 2
    return near <= radius**2  # NaN compares as False
