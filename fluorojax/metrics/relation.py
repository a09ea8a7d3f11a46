"""The relation between two classes: does the predicted wire come out of the predicted endoscope?"""

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree

from fluorojax.geometry.centreline import EIGHT_NEIGHBOURS
from fluorojax.geometry.surface import ROUNDING, Scale, contour, positions, within


def touching(child: np.ndarray, parent: np.ndarray, scale: Scale, tolerance: float) -> np.ndarray:
    """Return the pixels of the child on the parent, or on its own contour within `tolerance`."""
    near = child & parent
    edge = positions(contour(child))
    tree = KDTree(positions(contour(parent)) * scale)
    # Above the tolerance, so that what lies on it, but for rounding, is found too.
    bound = np.nextafter(tolerance, np.inf) * (1 + 2 * ROUNDING)
    away = tree.query(edge * scale, distance_upper_bound=bound)[0]
    near[tuple(edge[within(away, tolerance)].T)] = True
    return near


def attachment(
    child: np.ndarray, parent: np.ndarray, scale: Scale, tolerance: float
) -> tuple[float, float]:
    """Return whether the child is attached to the parent, and which share of it is.

    A component (8-connected) of the child is attached where one of its pixels lies within
    `tolerance` of the parent, centre to centre. One behind a gap is not, however small the gap.

    Args:
        child, parent: [H, W] bool, the two predictions.
        scale: size of a pixel.
        tolerance: in the unit of `scale`.

    Returns:
        (1.0 if the largest component is attached else 0.0, share in [0, 1] of the child's pixels
        that lie in attached components); (0.0, 0.0) where either mask is empty.
    """
    if not (child.any() and parent.any()):
        return 0.0, 0.0
    component, count = ndimage.label(child, EIGHT_NEIGHBOURS)
    size = np.bincount(component.ravel(), minlength=count + 1)
    size[0] = 0  # the background is no component
    held = np.unique(component[touching(child, parent, scale, tolerance)])
    return float(np.argmax(size) in held), float(size[held].sum() / size.sum())
