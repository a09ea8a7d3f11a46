"""Skeletons: masks of thin things, thinned to centrelines one pixel wide.

References:
    T. Y. Zhang, C. Y. Suen, A fast parallel algorithm for thinning digital patterns,
    Communications of the ACM 27(3), 1984 (scikit-image `skeletonize`).
"""

from collections.abc import Sequence

import numpy as np
from skimage.morphology import skeletonize


def window(mask: np.ndarray) -> tuple[slice, slice]:
    """Return the smallest window that holds all of `mask: [H, W] bool`; 0 x 0 of an empty mask.

    Time goes with the area, and what lies outside changes nothing.
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return slice(0), slice(0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def skeleton(mask: np.ndarray) -> np.ndarray:
    """Return the centreline of `mask: [H, W] bool` as [H, W] bool, one pixel wide.

    Every 8-connected component keeps at least one pixel; of an empty mask nothing is left.
    """
    result = np.zeros_like(mask)
    if mask.any():
        inside = window(mask)
        result[inside] = skeletonize(mask[inside])
    return result


def centrelines(mask: np.ndarray, curves: Sequence[int]) -> np.ndarray:
    """Return the `skeleton` of each class of `curves`.

    Args:
        mask: [H, W, C] in {0, 1}.
        curves: indices of the classes that have a centreline.

    Returns:
        [H, W, C] bool; all False where the class is not in `curves`.
    """
    lines = np.zeros(mask.shape, bool)
    for k in curves:
        lines[..., k] = skeleton(mask[..., k].astype(bool))
    return lines
