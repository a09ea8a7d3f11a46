"""What a frame looks like, in numbers: noise, spectrum, grey values, contrast of a thin wire.

Frames are [H, W] floats in [0, 1]. Real and simulated frames are measured alike and from the frame
alone, so the estimators' own small losses (the high pass takes up to 5 % of correlated noise) are
the same on both sides and are not corrected.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

HIGH_PASS_PX = 4.0  # s.d. of the Gaussian that is taken off to leave noise
BLOCK_PX = 24  # side of the blocks that noise is measured in
GUARD_PX = 12  # around dark and saturated pixels: the high pass rings there
DARK, SATURATED = 0.08, 0.95  # of the frame's bright level
BRIGHT_PERCENTILE = 99.5
TILE_PX = 256  # side of the windows of the spectrum
LEAST_USABLE = 0.9  # of a tile's pixels
QUANTILES = 512  # with which a histogram is kept


class Noise(NamedTuple):
    """The noise of a frame; NaN where no block of it can be measured."""

    relative: float  # standard deviation over the frame's median grey
    autocorrelation: float  # at a lag of one pixel, rows and columns averaged
    exponent: float  # b where the standard deviation goes with grey^b


def open_field(frame: np.ndarray, margin_px: int) -> np.ndarray:
    """Return where the collimator is open, [H, W] bool, and at least `margin_px` from its edge.

    The largest region brighter than `DARK` of the bright level, without holes. Dense metal at the
    border of the field counts as outside.
    """
    bright = smooth(frame) > DARK * np.percentile(frame, BRIGHT_PERCENTILE)
    inside = ndimage.binary_opening(ndimage.binary_fill_holes(bright), iterations=GUARD_PX)
    regions, count = ndimage.label(inside)
    if count == 0:
        return np.zeros(frame.shape, bool)
    largest = regions == 1 + np.argmax(np.bincount(regions.ravel())[1:])
    return ndimage.distance_transform_edt(np.pad(largest, 1))[1:-1, 1:-1] > margin_px


def measurable(frame: np.ndarray, margin_px: int = 24) -> np.ndarray:
    """Return the open field without what is dark or saturated and its surroundings, [H, W] bool."""
    level, local = np.percentile(frame, BRIGHT_PERCENTILE), smooth(frame)
    extreme = (local < DARK * level) | (local > SATURATED * level)
    field = open_field(frame, margin_px)
    if not extreme.any():
        return field
    return field & (ndimage.distance_transform_edt(~extreme) > GUARD_PX)


def smooth(frame: np.ndarray) -> np.ndarray:
    """Return the frame without its noise: a Gaussian of `HIGH_PASS_PX`."""
    return ndimage.gaussian_filter(frame, HIGH_PASS_PX)


def noise(frame: np.ndarray, where: np.ndarray) -> Noise:
    """Measure noise in the blocks that lie wholly inside `where`.

    The residual is r = frame - smooth(frame). A block's standard deviation is 1.4826 median |r|,
    its autocorrelation <r(x) r(x + 1)> / <r²>. The frame's values are medians over blocks, for most
    blocks hold no edge. The exponent is the Theil-Sen slope of log standard deviation against log
    grey: +0.5 where grey is proportional to the counted quanta, below 0 where a curve lifts the
    dark.

    Args:
        frame: [H, W] in [0, 1].
        where: [H, W] bool, for instance `measurable(frame)`.
    """
    whole = blocks(where).all((1, 2))
    if not whole.any():
        return Noise(np.nan, np.nan, np.nan)
    residual = blocks(frame - smooth(frame))[whole]
    grey = blocks(frame)[whole].mean((1, 2))
    deviation = 1.4826 * np.median(np.abs(residual), axis=(1, 2))
    residual = residual - residual.mean((1, 2), keepdims=True)
    down = (residual[:, 1:] * residual[:, :-1]).mean((1, 2))
    right = (residual[:, :, 1:] * residual[:, :, :-1]).mean((1, 2))
    lagged = (down + right) / 2 / np.maximum((residual**2).mean((1, 2)), 1e-12)
    return Noise(
        float(np.median(deviation) / np.median(frame[where])),
        float(np.median(lagged)),
        theil_sen(np.log(grey), np.log(np.maximum(deviation, 1e-6))),
    )


def blocks(image: np.ndarray) -> np.ndarray:
    """Cut `image: [H, W]` into [N, BLOCK_PX, BLOCK_PX]; what is left at the border is dropped."""
    rows, columns = (size // BLOCK_PX for size in image.shape)
    cut = image[: rows * BLOCK_PX, : columns * BLOCK_PX]
    cut = cut.reshape(rows, BLOCK_PX, columns, BLOCK_PX).swapaxes(1, 2)
    return cut.reshape(-1, BLOCK_PX, BLOCK_PX)


def theil_sen(x: np.ndarray, y: np.ndarray) -> float:
    """Return the median slope over pairs of points with different x; NaN without such a pair."""
    # A tenth of the x range apart at least: neighbours' slopes are noise and would be many.
    apart = x[None, :] - x[:, None]
    pairs = apart > max(0.1 * np.ptp(x), 1e-9)
    return (
        float(np.median((y[None, :] - y[:, None])[pairs] / apart[pairs])) if pairs.any() else np.nan
    )


def spectrum(
    frame: np.ndarray, where: np.ndarray, pixel_mm: float, edges: np.ndarray
) -> np.ndarray:
    """Return the radial power spectrum of the frame over its median, in mm².

    Hann-windowed tiles that overlap by three quarters; of each its best plane is taken off, and
    unusable pixels are set to that plane. P = |F|² pixel² / sum(window²), averaged over tiles and
    over the rings between `edges`.

    Args:
        frame: [H, W] in [0, 1].
        where: [H, W] bool; a tile counts with at least `LEAST_USABLE` of its pixels inside.
        pixel_mm: mm.
        edges: [K + 1] cycles/mm, rising.

    Returns:
        [K] power; NaN where no tile counts or no frequency falls into a ring.
    """
    window = np.hanning(TILE_PX)[:, None] * np.hanning(TILE_PX)
    frequency = np.fft.fftfreq(TILE_PX, pixel_mm)
    ring = np.digitize(np.hypot(frequency[:, None], frequency).ravel(), edges)
    frame = frame / np.median(frame[where]) if where.any() else frame
    powers = []
    for top in range(0, frame.shape[0] - TILE_PX + 1, TILE_PX // 4):
        for left in range(0, frame.shape[1] - TILE_PX + 1, TILE_PX // 4):
            cut = np.s_[top : top + TILE_PX, left : left + TILE_PX]
            if where[cut].mean() >= LEAST_USABLE:
                powers.append(np.abs(np.fft.fft2(window * flattened(frame[cut], where[cut]))) ** 2)
    if not powers:
        return np.full(len(edges) - 1, np.nan)
    power = np.mean(powers, 0).ravel() * pixel_mm**2 / (window**2).sum()
    count = np.bincount(ring, minlength=len(edges) + 1)[1:-1]
    total = np.bincount(ring, power, minlength=len(edges) + 1)[1:-1]
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def flattened(tile: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Take the least-squares plane of `tile: [N, N]` off; 0 outside `where`."""
    y, x = (axis.ravel() / tile.shape[0] for axis in np.indices(tile.shape))
    design = np.stack([y, x, np.ones_like(y)], 1)
    inside = where.ravel()
    # Normal equations of three unknowns: exact enough, and quick over a hundred tiles.
    normal = design[inside].T @ design[inside]
    plane = np.linalg.solve(normal, design[inside].T @ tile.ravel()[inside])
    return np.where(where, tile - (design @ plane).reshape(tile.shape), 0.0)


def log_slope(edges: np.ndarray, power: np.ndarray, band: tuple[float, float]) -> float:
    """Return the slope of log power against log frequency over the rings within `band`.

    Args:
        edges: [K + 1] cycles/mm, of the rings.
        power: [K], from `spectrum`.
        band: lowest and highest frequency, cycles/mm.
    """
    centre = np.sqrt(edges[1:] * edges[:-1])
    inside = (centre >= band[0]) & (centre <= band[1]) & np.isfinite(power) & (power > 0)
    if inside.sum() < 3:
        return np.nan
    return float(np.polyfit(np.log(centre[inside]), np.log(power[inside]), 1)[0])


def grey_quantiles(frame: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return the histogram of grey over the frame's bright level as [QUANTILES] rising values."""
    at = (np.arange(QUANTILES) + 0.5) / QUANTILES
    if not where.any():
        return np.full(QUANTILES, np.nan)
    return np.quantile(frame[where], at) / np.percentile(frame, BRIGHT_PERCENTILE)


def pooled(quantiles: np.ndarray) -> np.ndarray:
    """Return the histogram of frames [N, QUANTILES] together, each with the same weight."""
    return np.sort(quantiles, axis=None).reshape(QUANTILES, -1).mean(1)


def wasserstein(first: np.ndarray, second: np.ndarray) -> float:
    """Return the 1-Wasserstein distance ∫ |F⁻¹ - G⁻¹| of two histograms kept as quantiles."""
    return float(np.abs(first - second).mean())


def contrast_to_noise(frame: np.ndarray, wire: np.ndarray, usable: np.ndarray) -> float:
    """Return |mean under the wire - mean beside it| over the noise's standard deviation beside it.

    Beside is from 2 to 8 px off the wire. The ground under the wire is the mean of what lies beside
    nearby (Gaussian of `HIGH_PASS_PX`), so a wire that crosses bone is held against bone there and
    against soft tissue elsewhere. The noise is 1.4826 median |frame - ground| beside.

    Args:
        frame: [H, W].
        wire: [H, W] bool, the wire's label.
        usable: [H, W] bool, free of other instruments and of the collimator's edge.

    Returns:
        The ratio, or NaN with fewer than 50 px of wire or of ground.
    """
    distance = ndimage.distance_transform_edt(~wire) if wire.any() else np.full(wire.shape, np.inf)
    beside = (distance > 2) & (distance <= 8) & usable
    under = wire & usable
    if min(under.sum(), beside.sum()) < 50:
        return np.nan
    weight = smooth(beside.astype(np.float64))
    ground = smooth(np.where(beside, frame, 0.0)) / np.maximum(weight, 1e-6)
    # A wire's pixel far from all usable ground has none to be compared with.
    under &= weight > 0.05
    deviation = 1.4826 * np.median(np.abs(frame - ground)[beside])
    contrast = np.abs((frame - ground)[under].mean()) if under.any() else np.nan
    return float(contrast / max(deviation, 1e-12))
