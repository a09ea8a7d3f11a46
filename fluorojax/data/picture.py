"""A picture as its file stores it: its limits, and one grey value or label a pixel from it."""

import os
from typing import NamedTuple

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.core.files import MIB

PIXELS_VARIABLE = "FLUOROJAX_MAX_PIXELS"
"""The environment variable that says how many pixels a picture may have."""
MOST_PIXELS = 100_000_000
"""How many it may have where nothing else is said; a chest film has 10 million."""
BYTES_A_PIXEL = 4
"""Of a picture with as many pixels as may be; one of fewer pixels may have more."""
BESIDE = 64 * MIB
"""Bytes of a file beside its pixels: profiles, previews, comments."""
LOSSY_DIFFERENCE = 2
"""By so much may the channels of grey stored as colour differ after a lossy compression."""
RECIPE = "'Masks in colours' in docs/how-to/own-frames.md"
ORIENTATION = 0x0112
"""EXIF's tag, and TIFF's."""
_LISTED = 8  # colours that a message names


class DamagedError(ValueError):
    """A file that breaks its format's rules."""


class Picture(NamedTuple):
    """The samples of one picture, and what its file says of them.

    Attributes:
        samples: [H, W] or [H, W, 3] uint8 or uint16, as stored.
        bits: of a sample, so that 2**bits - 1 is the largest.
        alpha: [H, W], 2**bits - 1 = opaque; None: opaque everywhere.
        zero_is_white: a larger sample is darker.
        orientation: EXIF's number from 1 to 8: how the stored rows and columns are shown.
        lossy: the compression changes values.
    """

    samples: np.ndarray
    bits: int = 8
    alpha: np.ndarray | None = None
    zero_is_white: bool = False
    orientation: int = 1
    lossy: bool = False


def transparency(samples: np.ndarray, key: int | tuple[int, ...], bits: int) -> np.ndarray:
    """Return the alpha of samples of which one value, or one colour, is transparent: [H, W]."""
    through = samples == np.asarray(key)
    if samples.ndim == 3:
        through = through.all(-1)
    return np.where(through, 0, 2**bits - 1).astype(samples.dtype)


def most_pixels() -> int:
    """Return how many pixels a picture may have.

    Raises:
        InputError: the environment variable is no whole number above 0.
    """
    text = os.environ.get(PIXELS_VARIABLE, "").strip()
    if not text:
        return MOST_PIXELS
    if text.isascii() and text.isdigit() and len(text) < 16 and int(text) > 0:
        return int(text)
    raise InputError(
        f"the environment variable {PIXELS_VARIABLE} is '{text}'; write a whole number of pixels "
        f"above 0, such as {MOST_PIXELS}, or leave it out"
    )


def most_bytes() -> int:
    """Return how many bytes the file of a picture may have."""
    return most_pixels() * BYTES_A_PIXEL + BESIDE


def check_size(rows: int, columns: int, bytes_a_pixel: int) -> None:
    """Refuse a picture without pixels or with too many, by what its header says.

    Raises:
        InputError: the number of pixels or of bytes is out of bounds.
    """
    if rows < 1 or columns < 1:
        raise InputError(f"{rows} x {columns} pixels, so nothing is in it; export it again")
    most = most_pixels()
    if rows * columns > most or rows * columns * bytes_a_pixel > most * BYTES_A_PIXEL:
        raise InputError(
            f"{rows} x {columns} pixels of {bytes_a_pixel} bytes, and at most {most} pixels of "
            f"{BYTES_A_PIXEL} bytes are read; if the picture is meant to be so large, set the "
            f"environment variable {PIXELS_VARIABLE}"
        )


def grey_values(picture: Picture) -> np.ndarray:
    """Return the grey values that people see: upright, and a larger value is brighter.

    Three channels must be equal, but for up to `LOSSY_DIFFERENCE` after a lossy compression; then
    the grey value is the luma, 0.299 R + 0.587 G + 0.114 B, rounded.

    Returns:
        [H, W], or [W, H] for the orientations 5 to 8, of the samples' type.

    Raises:
        InputError: colours, or a transparency that shows something else than the samples.
    """
    _refuse_transparency(picture)
    different = _different(picture.samples, LOSSY_DIFFERENCE if picture.lossy else 0)
    if different is not None and different.any():
        raise InputError(
            f"a colour image ({int(different.sum())} pixels whose channels differ); save it as 8- "
            "or 16-bit grey"
        )
    return upright(_black_is_zero(_grey(picture.samples), picture), picture.orientation)


def label_values(picture: Picture) -> np.ndarray:
    """Return the labels of a mask: its samples as stored, upright.

    Returns:
        [H, W], or [W, H] for the orientations 5 to 8, of the samples' type.

    Raises:
        InputError: a lossy compression, 0 as white, colours, or a drawing in the transparency.
    """
    if picture.lossy:
        raise InputError(
            "a mask in a lossy compression (JPEG), which changes label values at every edge; "
            "export it anew as PNG, not from this file"
        )
    if picture.zero_is_white:
        raise InputError("0 is white in this TIFF; save the mask as 8-bit PNG")
    _refuse_transparency(picture)
    different = _different(picture.samples, 0)
    if different is not None and different.any():
        raise InputError(_colours(picture.samples))
    return upright(_grey(picture.samples), picture.orientation)


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Return `[H, W, ...]` pixels as EXIF's orientation says that they are shown.

    Any other number than 2 to 8 leaves them as they are, which viewers do, too.
    """
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _different(samples: np.ndarray, allowed: int) -> np.ndarray | None:
    """Return where three channels differ by more than `allowed`, `[H, W]` bool; None: one."""
    if samples.ndim == 2:
        return None
    first, second, third = (samples[..., k] for k in range(3))
    largest = np.maximum(np.maximum(first, second), third)
    return largest - np.minimum(np.minimum(first, second), third) > allowed


def _grey(samples: np.ndarray) -> np.ndarray:
    """Return the luma where three channels differ, and else their common value."""
    different = _different(samples, 0)
    if different is None:
        return samples
    grey = samples[..., 0].copy()
    luma = samples[different].astype(np.uint32) @ np.array([299, 587, 114], np.uint32)
    grey[different] = (luma + 500) // 1000
    return grey


def _black_is_zero(values: np.ndarray, picture: Picture) -> np.ndarray:
    if not picture.zero_is_white:
        return values
    return (2**picture.bits - 1 - values).astype(values.dtype)


def _refuse_transparency(picture: Picture) -> None:
    """Refuse a transparency that says something which the samples do not.

    Opaque everywhere, or opaque where a sample is above black and wholly transparent where all are
    black: on black, people see the samples themselves. Anything else may hold the drawing.
    """
    alpha, samples = picture.alpha, picture.samples
    if alpha is None:
        return
    full = 2**picture.bits - 1
    opaque = alpha == full
    if opaque.all():
        return
    if not alpha.any():
        raise InputError(
            "wholly transparent (alpha is 0 everywhere), so nothing is to be seen; export it "
            "again without transparency, as 8- or 16-bit grey"
        )
    brightest = _black_is_zero(samples if samples.ndim == 2 else samples.max(-1), picture)
    if not ((alpha == 0) | opaque).all() or ((brightest > 0) != opaque).any():
        raise InputError(
            f"its transparency varies (alpha from {alpha.min()} to {alpha.max()}) and shows "
            "something that its colour does not, perhaps the drawing; flatten it onto black and "
            "save it as grey without transparency"
        )


def _colours(samples: np.ndarray) -> str:
    values, counts = np.unique(samples.reshape(-1, 3), axis=0, return_counts=True)
    often = np.argsort(-counts, kind="stable")
    named = ", ".join(f"{tuple(map(int, values[k]))} {counts[k]} pixels" for k in often[:_LISTED])
    more = f" and {len(often) - _LISTED} more" if len(often) > _LISTED else ""
    return (
        f"a mask in colours: {named}{more}; a mask holds a number for each class and 0 for "
        f"nothing: replace each colour by its number, as {RECIPE} shows"
    )
