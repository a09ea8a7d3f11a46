"""Grey values: a robust range for each frame, and the frame as it is looked at. Free of jax."""

import numpy as np

PERCENTILES = (0.5, 99.5)


def intensity_range(image: np.ndarray) -> tuple[float, float]:
    """Return the 0.5th and 99.5th percentile of `image: [H, W]`, at least one grey value apart.

    Percentiles, because a single dead or saturated pixel must not set the scale of a frame.
    """
    low, high = np.percentile(image, PERCENTILES)
    return float(low), float(max(high, low + 1.0))


def shown(image: np.ndarray) -> np.ndarray:
    """Return `image: [H, W]` as it is looked at, and as the network sees it: float32 in [0, 1]."""
    low, high = intensity_range(image)
    return np.clip((image.astype(np.float32) - np.float32(low)) / np.float32(high - low), 0, 1)
