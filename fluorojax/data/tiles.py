"""A frame seen in overlapping tiles, and the mean of what is found in them. Pure.

As in nnU-Net (Isensee et al., Nature Methods 18, 2021): neighbours overlap by half a tile or more,
and a pixel counts the more the nearer it is to its tile's middle, as the network knows least about
what lies at a border.
"""

import functools
from collections.abc import Callable, Iterator

import numpy as np

OVERLAP = 0.5  # of a tile's side, at least
SPREAD = 1 / 8  # standard deviation of the weights, of a tile's side


def starts(length: int, tile: int) -> list[int]:
    """Return where tiles begin that cover `length` pixels, evenly spread from end to end.

    Args:
        length: of the frame, at least `tile`.
        tile: length of each.
    """
    room, step = length - tile, max(1, int(tile * (1 - OVERLAP)))
    steps = -(-room // step)
    return [round(k * room / steps) for k in range(steps + 1)] if steps else [0]


def windows(shape: tuple[int, int], size: tuple[int, int]) -> Iterator[tuple[slice, slice]]:
    """Yield the tiles of `size` that cover a frame of `shape`, row by row."""
    for top in starts(shape[0], size[0]):
        for left in starts(shape[1], size[1]):
            yield slice(top, top + size[0]), slice(left, left + size[1])


@functools.lru_cache(maxsize=4)
def weights(size: tuple[int, int]) -> np.ndarray:
    """Return a Gaussian [h, w, 1] float32, 1 in the middle, SPREAD sides wide.

    It is 1e-7 in a corner, so that no pixel that a single tile shows is lost.
    """
    down, right = (np.exp(-0.5 * (((np.arange(n) + 0.5) / n - 0.5) / SPREAD) ** 2) for n in size)
    return (down[:, None] * right)[..., None].astype(np.float32)


def mean_over_tiles(
    maps_of: Callable[[np.ndarray], np.ndarray], image: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Return the weighted mean of the maps of all tiles.

    Args:
        maps_of: gives maps [h, w, N] float32 of a tile [h, w].
        image: [H, W], at least as large as a tile.
        size: (h, w) of a tile.

    Returns:
        [H, W, N] float32; of an image as large as a tile its very maps.
    """
    if image.shape == size:
        return maps_of(image)
    weight = weights(size)
    total: np.ndarray | None = None
    known = np.zeros((*image.shape, 1), np.float32)
    for window in windows(image.shape, size):
        maps = maps_of(image[window])
        if total is None:
            total = np.zeros((*image.shape, maps.shape[-1]), np.float32)
        total[window] += weight * maps
        known[window] += weight
    assert total is not None  # there is always a tile
    total /= known
    return total
