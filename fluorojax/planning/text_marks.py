"""Marks at the rim of a frame that may be burnt-in text: a name, a date, a side marker's letters.

Letters are small pieces of about one height in a row, each nearly of one extreme grey, with sharp
edges. Nothing is read: what is found may be something else, and what is not found may be there.
"""

import numpy as np
from scipy import ndimage

RIM = 0.2
"""Share of the frame's sides, from each edge, in which is looked."""
LEAST_LETTERS = 4
"""In a row."""
_LEAST_CONTRAST = 0.35  # of a letter against what lies around it, of the frame's whole range
_LEAST_PX, _TALL_PX, _TALL_SHARE = 5, 32, 0.05  # heights of letters: px, px, share of the rows
_EVEN = 0.2  # range of the strongest third of a letter's pixels, of the frame's


def may_have_text(pixels: np.ndarray) -> bool:
    """Say whether a frame `[H, W]` of any integer type may have text at its rim."""
    low, high = float(pixels.min()), float(pixels.max())
    if high <= low or min(pixels.shape) < 32:
        return False
    grey = (pixels.astype(np.float32) - low) / (high - low)
    around = ndimage.uniform_filter(grey, max(15, min(pixels.shape) // 16), mode="nearest")
    return any(_has_row(_letters(grey, sign * (grey - around))) for sign in (1, -1))


def _letters(grey: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """Return top, bottom, left, right of each piece that may be a letter, [N, 4]."""
    height, width = grey.shape
    labels, count = ndimage.label(contrast > _LEAST_CONTRAST, np.ones((3, 3)))
    if not 0 < count < 20_000:
        return np.zeros((0, 4), int)
    tallest = max(_TALL_PX, _TALL_SHARE * height)
    found = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        tall, wide = rows.stop - rows.start, columns.stop - columns.start
        middle = (rows.start + rows.stop) / 2 / height, (columns.start + columns.stop) / 2 / width
        if not (_LEAST_PX <= tall <= tallest and wide <= 1.6 * tall):
            continue
        if not any(m < RIM or m > 1 - RIM for m in middle):
            continue
        inside = labels[rows, columns] == number
        filled = inside.mean() <= 0.95 or wide <= 0.3 * tall
        if filled and _is_even(grey[rows, columns][inside], contrast[rows, columns][inside]):
            found.append((rows.start, rows.stop, columns.start, columns.stop))
    return np.array(found, int).reshape(-1, 4)


def _is_even(grey: np.ndarray, contrast: np.ndarray) -> bool:
    """Say whether a piece has one grey where it is strongest: letters' edges may be smoothed."""
    strongest = grey[contrast >= np.quantile(contrast, 0.7)]
    return bool(np.ptp(strongest) < _EVEN)


def _has_row(boxes: np.ndarray) -> bool:
    """Say whether enough pieces stand in a row: of like heights, on one line, near each other."""
    boxes = boxes[np.argsort(boxes[:, 2])]
    for top, bottom, *_ in boxes:
        tall = bottom - top
        like = abs(boxes[:, 1] - bottom) <= 0.25 * tall
        like &= abs(boxes[:, 0] - top) <= 0.45 * tall
        row = boxes[like]
        gaps = row[1:, 2] - row[:-1, 3]
        run = longest = 1
        for gap in gaps:
            run = run + 1 if gap <= 1.2 * tall else 1
            longest = max(longest, run)
        if longest >= LEAST_LETTERS:
            return True
    return False
