"""Centrelines of thin classes."""

from collections.abc import Sequence

import numpy as np
from skimage.morphology import skeletonize


def centrelines(mask: np.ndarray, curves: Sequence[int]) -> np.ndarray:
    """Thin each class of `curves` to a line one pixel wide (scikit-image `skeletonize`).

    Args:
        mask: [H, W, C] in {0, 1}.
        curves: indices of the classes that have a centreline.

    Returns:
        [H, W, C] bool; all False where the class is not in `curves`.

    References:
        T. Y. Zhang, C. Y. Suen, A fast parallel algorithm for thinning digital patterns,
        Communications of the ACM 27(3), 1984.
    """
    lines = np.zeros(mask.shape, bool)
    for k in curves:
        lines[..., k] = skeletonize(mask[..., k].astype(bool))
    return lines
