"""Anything that shows a frame, as a `Frame`: arrays, files, PIL images, stored examples."""

import dataclasses
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.data import grid
from fluorojax.data.readers import read_frame, read_image
from fluorojax.schema.example import Example
from fluorojax.schema.frame import Frame, Spacing, SpacingOrigin

FrameLike = Frame | np.ndarray | Image.Image | str | Path
"""What can be given where a frame is asked for; arrays of other libraries do, too."""


def as_frame(given: FrameLike, spacing_mm: Spacing | float | None = None) -> Frame:
    """Return what is given as a `Frame`.

    Args:
        given: a `Frame`; [H, W] grey values of NumPy, JAX or another library; the path of a file
            (see `readers.read_frame`); or a PIL image.
        spacing_mm: (rows, columns) in the plane of the thing shown, or one number for both; None:
            what the frame itself says, and unknown where it says nothing.

    Raises:
        InputError: something else, several frames, or one that cannot be used (see `Frame`).
    """
    frame = _frame(given)
    if spacing_mm is None:
        return frame
    spacing = spacing_mm if isinstance(spacing_mm, tuple) else (spacing_mm, spacing_mm)
    return dataclasses.replace(frame, spacing_mm=spacing, spacing_origin="stated")


def _frame(given: Any) -> Frame:
    if isinstance(given, Frame):
        return given
    if isinstance(given, str | os.PathLike):
        return read_frame(given)
    if isinstance(given, Image.Image):
        return read_image(given)
    if isinstance(given, list | tuple):
        raise InputError(
            f"a {type(given).__name__} of {len(given)} is no frame; give one frame at a time, or "
            "np.asarray(rows) where it holds the rows of one"
        )
    if not hasattr(given, "__array__"):
        raise InputError(
            f"a {type(given).__name__} is no frame; give an array [rows, columns] of grey values, "
            "the path of a PNG, TIFF or JPEG file, or a PIL image"
        )
    return Frame(np.asarray(given))


def frame_of(example: Example) -> Frame:
    """Return the frame of a stored example, with its spacing and number."""
    row_mm, column_mm = map(float, example["spacing_mm"])
    origin: SpacingOrigin = "unknown" if math.isnan(row_mm) else example["spacing_origin"]
    return Frame(
        example["image"],
        (row_mm, column_mm),
        origin,
        number=example["frame"],
        source=f"case {example['case']}",
    )


def shrunk(
    frame: Frame, size: tuple[int, int], resampling: grid.Resampling = grid.RESAMPLING
) -> Frame:
    """Return a frame as it fits into `size`, antialiased, its pixels larger by as much; or itself.

    spacing = spacing * (H / h, W / w) for H x W pixels that became h x w
    """
    pixels = grid.shrink(frame.pixels, size, resampling)
    if pixels.shape == frame.shape:
        return frame
    row_mm, column_mm = (
        mm * before / after
        for mm, before, after in zip(frame.spacing_mm, frame.shape, pixels.shape, strict=True)
    )
    size = (row_mm, column_mm)
    return dataclasses.replace(frame, pixels=pixels, spacing_mm=size, hidden=None)
