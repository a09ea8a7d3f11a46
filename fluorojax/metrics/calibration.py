"""Calibration: does a share p of the pixels with predicted probability p belong to the class?

Pixels are pooled over all cases of a split: a curve is a statement about the network's numbers, and
single frames hold too few pixels of a thin class for one of their own.
"""

import numpy as np

BINS = 20
"""Bins of equal width over [0, 1]."""

SURE = 0.05
"""Below this probability a pixel is surely background; most are, and hide all others in a mean."""


def reliability(
    probability: np.ndarray, reference: np.ndarray, counts: np.ndarray | None = None
) -> np.ndarray:
    """Return what a reliability diagram is drawn from; tables of several cases are added up.

    Args:
        probability: [H, W] in [0, 1].
        reference: [H, W] bool.
        counts: [H, W] bool, the pixels that count; None: all.

    Returns:
        [BINS, 3] float64: pixels in the bin, the sum of their probabilities, those of the class.
        Bin k holds k / BINS <= p < (k + 1) / BINS, the last one p = 1 too.

    Raises:
        ValueError: a probability outside [0, 1].
    """
    chosen = np.ones(probability.shape, bool) if counts is None else counts
    p, truth = probability[chosen].astype(np.float64), reference[chosen]
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("a probability lies outside [0, 1]")
    place = np.minimum((p * BINS).astype(int), BINS - 1)
    columns = (None, p, truth.astype(np.float64))
    return np.stack([np.bincount(place, weights, BINS) for weights in columns], axis=1)


def calibration_error(table: np.ndarray, least: float = 0.0) -> float | None:
    """Return the expected calibration error, in [0, 1]; None where no pixel counts.

    ECE = sum_b n_b / N |share of the class in b - mean probability in b| over the bins b that
    start at `least` or above (Guo et al. 2017, arXiv:1706.04599, for segmentation pixel by pixel).

    Args:
        table: [BINS, 3], of `reliability`.
        least: 0: all pixels. SURE: those that were not taken for background at once; the choice is
            by prediction alone, so that a perfectly calibrated network has 0 there too.
    """
    chosen = table[np.arange(BINS) / BINS >= least - 1e-9]
    pixels, probability, positive = chosen.T
    if not pixels.sum():
        return None
    return float(np.abs(positive - probability).sum() / pixels.sum())
