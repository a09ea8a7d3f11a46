"""From a frame's own grid to the network's and back."""

import dataclasses
from typing import Literal

import numpy as np
from PIL import Image
from scipy import ndimage

from fluorojax.geometry.redrawing import redrawn

_EIGHT = np.ones((3, 3), bool)

Fit = Literal["shrink", "native"]
"""What becomes of a frame larger than the network's grid: shrunk onto it, or seen in tiles."""
Resampling = Literal["lanczos", "triangle"]
"""The filter that shrinks frames, widened by the factor (see benchmarks/studies/shrinking.py)."""
RESAMPLING: Resampling = "lanczos"
FIRST_RESAMPLING: Resampling = "triangle"  # of the exports from before there was a choice
_FILTERS = {"lanczos": Image.Resampling.LANCZOS, "triangle": Image.Resampling.BILINEAR}


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where a frame lies on the working grid; all sizes are (rows, columns) in pixels.

    Attributes:
        shape: the frame's own size.
        image_size: the working grid's size.
        scale: working pixels a native pixel, at most 1: a frame is never enlarged.
        resized: the frame's size after scaling.
        offset: first row and column of the frame on the working grid.
    """

    shape: tuple[int, int]
    image_size: tuple[int, int]
    scale: float
    resized: tuple[int, int]
    offset: tuple[int, int]

    @property
    def window(self) -> tuple[slice, slice]:
        """The part of the working grid that the frame covers; the rest is padding."""
        (top, left), (height, width) = self.offset, self.resized
        return slice(top, top + height), slice(left, left + width)


def place(
    shape: tuple[int, int],
    image_size: tuple[int, int],
    fit: Fit = "shrink",
    size: float = 1.0,
) -> Placement:
    """Fit a frame into the working grid: aspect kept, never enlarged, centred.

    scale = size min(1, image_size[0] / shape[0], image_size[1] / shape[1]), `size` at most 1

    With `fit` 'native' the working grid is as large as the frame, where that is larger than
    `image_size`: nothing is shrunk, and the network sees windows of it.
    """
    if fit == "native":
        image_size = (max(shape[0], image_size[0]), max(shape[1], image_size[1]))
    scale = size * min(1.0, image_size[0] / shape[0], image_size[1] / shape[1])
    height = min(max(1, round(shape[0] * scale)), image_size[0])
    width = min(max(1, round(shape[1] * scale)), image_size[1])
    offset = ((image_size[0] - height) // 2, (image_size[1] - width) // 2)
    return Placement(shape, image_size, scale, (height, width), offset)


def image_to_grid(
    image: np.ndarray, placement: Placement, resampling: Resampling = RESAMPLING
) -> np.ndarray:
    """Put a frame on the working grid: antialiased where it shrinks, its edge repeated around it.

    Args:
        image: [H, W] of `placement.shape`, uint8, uint16 or float32.
        placement: see `place`.
        resampling: the filter where it shrinks.

    Returns:
        `placement.image_size` of the same type, integers rounded; equal to `image` bit by bit
        where the scale is 1.
    """
    if placement.resized != placement.shape:
        shrunk = _resize(image.astype(np.float32), placement.resized, resampling)
        image = shrunk.astype(image.dtype) if image.dtype.kind == "f" else _round(shrunk, image)
    return np.pad(image, _margins(placement), mode="edge")


def shrink(
    image: np.ndarray, size: tuple[int, int], resampling: Resampling = RESAMPLING
) -> np.ndarray:
    """Return `image: [H, W]` as it fits into `size`, antialiased; itself where it does."""
    placement = place(image.shape, size)
    return image_to_grid(image, placement, resampling)[placement.window]


def shrink_masks(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return what of each pixel's area `mask: [H, W, C] bool` covers when it is shrunk into `size`.

    Returns:
        [*resized, C] float32 in [0, 1]; the mask itself where it fits.
    """
    placement = place(mask.shape[:2], size)
    return mask if placement.scale == 1 else _coverage(mask, placement.resized)


def mask_to_grid(mask: np.ndarray, skeleton: np.ndarray, placement: Placement) -> np.ndarray:
    """Put masks on the working grid, so that a thin class stays in one piece.

    A working pixel belongs to a region if half of its area or more does. A curve is drawn anew
    along its centreline where the frame shrinks, as wide as it is there, but at least 1 px, and
    wherever a pixel of the centreline falls: of a wire 3 px wide, half a working pixel is covered
    by chance alone when the frame shrinks 3 times.

    Args:
        mask: [H, W, C] in {0, 1} of `placement.shape`.
        skeleton: [H, W, C] in {0, 1}, the centrelines; zero for a class that has none.
        placement: see `place`.

    Returns:
        [*image_size, C] bool; padding is False.
    """
    covered = mask != 0 if placement.scale == 1 else _shrunk(mask, skeleton, placement.resized)
    return np.pad(covered | _any(skeleton, placement.resized), [*_margins(placement), (0, 0)])


def skeleton_to_grid(skeleton: np.ndarray, placement: Placement) -> np.ndarray:
    """Put centrelines on the working grid and dilate them twice by 3 x 3, to 5 pixels wide.

    A working pixel is on the line if any native pixel of the line falls into it, so a connected
    (8-neighbour) line stays connected.

    Args:
        skeleton: [H, W, C] in {0, 1} of `placement.shape`.
        placement: see `place`.

    Returns:
        [*image_size, C] bool; the padding is False, but for what the dilation spills into it.
    """
    lines = np.pad(_any(skeleton, placement.resized), [*_margins(placement), (0, 0)])
    return ndimage.binary_dilation(lines, _EIGHT[..., None], iterations=2)


def points_to_grid(points: np.ndarray, placement: Placement) -> np.ndarray:
    """Put points on the working grid, scaled as the masks are: by whole numbers of pixels.

    The grid's rows over the frame's are not `placement.scale`, of which they are rounded. So a
    pixel's centre comes to lie in the very pixel that `mask_to_grid` puts the pixel into.

    Args:
        points: [N, 2] (row, column) in pixels of the frame's own grid, centres at whole numbers;
            NaN stays.
        placement: see `place`.

    Returns:
        [N, 2] float, (row, column) on the working grid.
    """
    moved = (points + 0.5) * np.array(placement.resized) / np.array(placement.shape)
    return moved - 0.5 + placement.offset


def ignore_to_grid(ignore: np.ndarray, placement: Placement) -> np.ndarray:
    """Put the pixels that do not count on the working grid; the padding does not count either.

    Args:
        ignore: [H, W] in {0, 1} of `placement.shape`.
        placement: see `place`.

    Returns:
        `image_size` uint8 in {0, 1}: 1 where any native pixel of the working pixel is ignored.
    """
    inside = _any(ignore[..., None], placement.resized)[..., 0]
    return np.pad(inside, _margins(placement), constant_values=True).astype(np.uint8)


def to_native(probabilities: np.ndarray, placement: Placement) -> np.ndarray:
    """Bring predictions back to the frame's own grid (bilinear, half-pixel centres).

    Args:
        probabilities: [*image_size, C] float32.
        placement: that of the frame.

    Returns:
        [*shape, C] float32; the very values of the window where the scale is 1.
    """
    window = np.asarray(probabilities, np.float32)[placement.window]
    if placement.resized == placement.shape:
        return window.copy()
    return np.stack([_resize(window[..., k], placement.shape) for k in range(window.shape[-1])], -1)


def _resize(
    image: np.ndarray, size: tuple[int, int], resampling: Resampling = "triangle"
) -> np.ndarray:
    """Resize `[h, w] float32`; Pillow widens the filter where the image shrinks."""
    return np.asarray(Image.fromarray(image).resize(size[::-1], _FILTERS[resampling]))


def _round(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, np.iinfo(like.dtype).max).astype(like.dtype)


def _shrunk(mask: np.ndarray, skeleton: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return masks `[H, W, C]` as `[*size, C] bool`; those with a centreline are redrawn."""
    covered = _coverage(mask, size) >= 0.5 - 1e-6  # a half, rounding aside
    for k in np.flatnonzero(skeleton.any((0, 1))):
        covered[..., k] = redrawn(mask[..., k] != 0, skeleton[..., k] != 0, size)
    return covered


def _coverage(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the share of each working pixel's area that `mask: [H, W, C]` covers, exactly."""
    return _bin_means(_bin_means(mask.astype(np.float32), size[0], 0), size[1], 1)


def _bin_means(values: np.ndarray, bins: int, axis: int) -> np.ndarray:
    """Average along `axis` over `bins` equal bins, whose borders may cut a pixel."""
    values = np.moveaxis(values, axis, 0)
    n = len(values)
    if n != bins:
        borders = np.arange(bins + 1) * n / bins
        whole = borders.astype(int)
        part = (borders - whole).astype(np.float32).reshape(-1, *[1] * (values.ndim - 1))
        # Whole pixels from border to border; of the pixel that a border cuts, the part before it
        # goes over to the bin before.
        before = part * values[np.minimum(whole, n - 1)]
        sums = np.add.reduceat(values, whole[:-1], axis=0) - before[:-1] + before[1:]
        values = sums * np.float32(bins / n)
    return np.moveaxis(values, 0, axis)


def _any(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return `[*size, C] bool`: does any True pixel's centre fall into the working pixel?"""
    shrunk = np.zeros((*size, mask.shape[-1]), bool)
    row, column, channel = np.nonzero(mask != 0)
    row = (2 * row + 1) * size[0] // (2 * mask.shape[0])
    column = (2 * column + 1) * size[1] // (2 * mask.shape[1])
    shrunk[row, column, channel] = True
    return shrunk


def _margins(placement: Placement) -> list[tuple[int, int]]:
    """Return the padding (before, after) of the rows and of the columns."""
    sizes = zip(placement.offset, placement.image_size, placement.resized, strict=True)
    return [(start, total - start - length) for start, total, length in sizes]
