"""Scores of area: how much of two masks is shared.

Every function takes two boolean masks of one shape and returns a number in [0, 1]. A ratio 0/0 is
not decided here: it raises, and `fluorojax.metrics.case.EMPTY_POLICY` gives the scores instead.
"""

import numpy as np


def _ratio(part: np.integer | int, whole: np.integer | int, of: str) -> float:
    if whole == 0:
        raise ValueError(f"{of} of empty masks is not defined; see metrics.case.EMPTY_POLICY")
    return float(part / whole)


def dice(prediction: np.ndarray, reference: np.ndarray) -> float:
    """Return 2 |P ∩ R| / (|P| + |R|) (Dice 1945).

    Raises:
        ValueError: both masks are empty.
    """
    shared = np.count_nonzero(prediction & reference)
    return _ratio(2 * shared, np.count_nonzero(prediction) + np.count_nonzero(reference), "Dice")


def iou(prediction: np.ndarray, reference: np.ndarray) -> float:
    """Return |P ∩ R| / |P ∪ R|, the Jaccard index.

    Raises:
        ValueError: both masks are empty.
    """
    shared = np.count_nonzero(prediction & reference)
    return _ratio(shared, np.count_nonzero(prediction | reference), "IoU")


def precision(prediction: np.ndarray, reference: np.ndarray) -> float:
    """Return |P ∩ R| / |P|, the share of the prediction that is right.

    Raises:
        ValueError: the prediction is empty.
    """
    shared = np.count_nonzero(prediction & reference)
    return _ratio(shared, np.count_nonzero(prediction), "precision")


def recall(prediction: np.ndarray, reference: np.ndarray) -> float:
    """Return |P ∩ R| / |R|, the share of the reference that is found.

    Raises:
        ValueError: the reference is empty.
    """
    shared = np.count_nonzero(prediction & reference)
    return _ratio(shared, np.count_nonzero(reference), "recall")
