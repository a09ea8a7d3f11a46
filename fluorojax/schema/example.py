"""One stored frame with its annotation, as the network, the scores and the pictures get it."""

from typing import TypedDict

import numpy as np

from fluorojax.schema.frame import SpacingOrigin


class Example(TypedDict):
    """One frame on its own grid.

    Attributes:
        case, patient, sequence: names; the sequence may be empty.
        stratum: how hard the frame is, in words; empty where nobody said.
        frame: number in the sequence, -1 where unknown.
        image: [H, W] uint8 or uint16.
        mask: [H, W] bitmask, bit k = class k (see `fluorojax.schema.bitmask`).
        skeleton: [H, W] bitmask of the centrelines of the curves, one pixel wide.
        ignore: [H, W] uint8 in {0, 1}: 1 counts neither in loss nor in scores.
        labelled: whether there is an annotation; without one, mask and skeleton are 0.
        attached: whether the relation holds: 1 yes, 0 no, -1 cannot be said.
        spacing_mm: [2] float32, rows and columns, NaN where unknown.
        spacing_origin: where the spacing comes from (see `fluorojax.schema.frame.ORIGINS`).
        low, high: the frame's `intensity_range`.
        image_labels: [A] int8, the place of each image label's value, UNKNOWN where nobody said.
    """

    case: str
    patient: str
    sequence: str
    stratum: str
    frame: int
    image: np.ndarray
    mask: np.ndarray
    skeleton: np.ndarray
    ignore: np.ndarray
    labelled: bool
    attached: int
    spacing_mm: np.ndarray
    spacing_origin: SpacingOrigin
    low: float
    high: float
    image_labels: np.ndarray
