"""Grey values: a robust range for each frame, and the frame as it is looked at. Free of jax."""

import numpy as np

PERCENTILES = (0.5, 99.5)
LEAST_SPAN = 1e-6
"""Of a float frame's range, as a share of its values: eight steps of float32, as all is scaled."""
TINY = 1e-30
"""Least span of a frame of zeros; large enough to be divided by in float32."""


def intensity_range(image: np.ndarray) -> tuple[float, float]:
    """Return the 0.5th and 99.5th percentile of `image: [H, W]`, so far apart that one can divide.

    Percentiles, because a single dead or saturated pixel must not set the scale of a frame.
    Integers are at least one grey value apart. Floats have no such step: what is one in a frame of
    12 bits may be 1 / 65535 in theirs, so they are apart by LEAST_SPAN of the larger of both.
    """
    if image.dtype.kind != "f":
        low, high = np.percentile(image, PERCENTILES)
        return float(low), float(max(high, low + 1.0))
    low, high = np.percentile(image.astype(np.float64), PERCENTILES)
    least = max(LEAST_SPAN * max(abs(low), abs(high)), TINY)
    return float(low), float(max(high, low + least))


def shown(image: np.ndarray) -> np.ndarray:
    """Return `image: [H, W]` as it is looked at, and as the network sees it: float32 in [0, 1]."""
    low, high = intensity_range(image)
    return np.clip((image.astype(np.float32) - np.float32(low)) / np.float32(high - low), 0, 1)
