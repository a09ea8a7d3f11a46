"""Pictures of a frame with its masks: predicted classes as tint, reference as thin outline."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from fluorojax.core import files

# The first seven, Okabe and Ito's (2008), are distinct with every common form of colour blindness
# and far from grey; the other three are as far from them.
PALETTE = np.array(
    [
        (86, 180, 233),  # sky blue
        (230, 159, 0),  # orange
        (0, 158, 115),  # bluish green
        (240, 228, 66),  # yellow
        (204, 121, 167),  # reddish purple
        (213, 94, 0),  # vermillion
        (0, 114, 178),  # blue
        (110, 70, 255),  # violet
        (120, 255, 170),  # mint
        (170, 20, 50),  # crimson
    ],
    np.uint8,
)

TINT = 0.45
"""Opacity of a prediction: enough for a colour, little enough to see the frame through it."""

THIN_TINT = 0.75
"""Opacity where the mask is thin: a wire has no inside through which to see anything."""

WHITE, BLACK = (255, 255, 255), (0, 0, 0)

LEAST_SIDE = 768
"""Frames are enlarged for a picture until their longer side has this many pixels, or more."""


class Axis(NamedTuple):
    """The axis of a curve, which is drawn thinly, with a ring at its exit and a dot at its tip.

    Attributes:
        class_index: of the class, whose colour is around the dot.
        points: [N, 2], row and column (px; the centre of the first pixel is 0, 0), N >= 2.
        has_exit: the first point is one; else both ends are tips.
    """

    class_index: int
    points: np.ndarray
    has_exit: bool


def colour(k: int) -> np.ndarray:
    """Return the colour of class k, [3] uint8; the palette starts again after ten classes."""
    return PALETTE[k % len(PALETTE)]


def grey(image: np.ndarray) -> np.ndarray:
    """Return `image: [H, W] in [0, 1]` as [H, W, 3] uint8."""
    levels = np.clip(np.nan_to_num(image), 0, 1) * 255
    return np.repeat(np.rint(levels).astype(np.uint8)[..., None], 3, axis=-1)


def line_width(shape: tuple[int, ...]) -> int:
    """Return the width of an outline (px): 1 up to 767 rows or columns, then growing with them."""
    return max(1, round(min(shape[:2]) / 512))


def _opacity(mask: np.ndarray, width: int) -> np.ndarray:
    """Return TINT inside a mask and THIN_TINT where it is only a few pixels across, 0 outside."""
    box = 8 * width + 1
    opened = ndimage.maximum_filter(ndimage.minimum_filter(mask, box), box)
    return np.where(mask, np.where(opened, TINT, THIN_TINT), 0.0).astype(np.float32)


def _outline(mask: np.ndarray, width: int) -> np.ndarray:
    """Return the pixels just *outside* a mask, so that what lies under a thin one is not hidden."""
    return ndimage.maximum_filter(mask, 2 * width + 1) & ~mask


def _enlarged(array: np.ndarray | None, factor: int) -> np.ndarray | None:
    """Repeat each pixel of `array: [H, W, ...]` factor x factor times: nothing is made up."""
    return None if array is None else array.repeat(factor, 0).repeat(factor, 1)


def _hatch(rgb: np.ndarray, ignore: np.ndarray) -> None:
    """Darken diagonal lines over ignored pixels, in place."""
    rows, columns = (np.arange(n, dtype=np.int32) for n in ignore.shape)
    period = 8 * line_width(ignore.shape)
    stripes = ignore & ((rows[:, None] + columns) % period < period // 4)
    rgb[stripes] = rgb[stripes] // 2


def overlay(
    image: np.ndarray,
    prediction: np.ndarray | None,
    reference: np.ndarray | None = None,
    ignore: np.ndarray | None = None,
    class_names: Sequence[str] = (),
    caption: str = "",
    axes: Sequence[Axis] = (),
) -> np.ndarray:
    """Return the frame in grey, predictions as tint and references as outlines of the same colour.

    Tint inside an outline is right, tint without one is false, an outline without tint is missed.
    Ignored pixels are hatched. A class keeps its colour whatever else is in the picture.

    Args:
        image: [H, W] in [0, 1].
        prediction, reference: [H, W, C] bool; None: not drawn.
        ignore: [H, W] bool or None.
        class_names: with names or a caption it becomes a picture to look at: a small frame is
            enlarged by a whole factor (LEAST_SIDE), and a strip with the legend is added below.
        caption: a line of the strip, such as scores.
        axes: of predicted curves.

    Returns:
        [H, W, 3] uint8, pixel for pixel; with a strip [f H + strip, f W, 3], f the factor.
    """
    if not class_names and not caption:
        return _with_axes(_paint(image, prediction, reference, ignore), axes, 1)
    painted = _paint(*_to_look_at(image, prediction, reference, ignore))
    painted = _with_axes(painted, axes, len(painted) // len(image))
    return _with_legend(painted, class_names, caption)


def strip(
    image: np.ndarray,
    prediction: np.ndarray | None,
    reference: np.ndarray | None = None,
    ignore: np.ndarray | None = None,
    class_names: Sequence[str] = (),
    caption: str = "",
) -> np.ndarray:
    """Return frame | reference | prediction | both side by side, the legend below.

    Arguments as for `overlay`; the reference is tinted where it stands alone, and small frames are
    enlarged. Without a reference: frame | prediction.

    Returns:
        [h, w, 3] uint8.
    """
    image, prediction, reference, ignore = _to_look_at(image, prediction, reference, ignore)
    panels = [grey(image)]
    if reference is not None:
        panels.append(_paint(image, reference, None, ignore))
    panels.append(_paint(image, prediction, None, ignore))
    if reference is not None:
        panels.append(_paint(image, prediction, reference, ignore))
    gap = np.full((len(image), 4 * line_width(image.shape), 3), 255, np.uint8)
    row = np.concatenate([p for panel in panels for p in (panel, gap)][:-1], axis=1)
    return _with_legend(row, class_names, caption) if class_names or caption else row


def _to_look_at(
    image: np.ndarray, *masks: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    factor = math.ceil(LEAST_SIDE / max(image.shape))
    prediction, reference, ignore = (_enlarged(mask, factor) for mask in masks)
    return image.repeat(factor, 0).repeat(factor, 1), prediction, reference, ignore


def _paint(
    image: np.ndarray,
    prediction: np.ndarray | None,
    reference: np.ndarray | None,
    ignore: np.ndarray | None,
) -> np.ndarray:
    rgb = grey(image)
    width = line_width(rgb.shape)
    if ignore is not None and ignore.any():
        _hatch(rgb, ignore.astype(bool))
    for k, mask in _classes(prediction):
        opacity = _opacity(mask, width)[mask][:, None]
        rgb[mask] = np.rint((1 - opacity) * rgb[mask] + opacity * colour(k))
    for k, mask in _classes(reference):
        rgb[_outline(mask, width)] = colour(k)
    return rgb


def _with_axes(rgb: np.ndarray, axes: Sequence[Axis], factor: int) -> np.ndarray:
    """Draw axes into a picture whose pixels are `factor` times as fine as the frame's."""
    if not axes:
        return rgb
    picture = Image.fromarray(rgb)
    draw, width = ImageDraw.Draw(picture), line_width(rgb.shape)
    for axis in axes:
        places = (np.asarray(axis.points, float)[:, ::-1] + 0.5) * factor - 0.5
        draw.line([tuple(xy) for xy in places.tolist()], fill=WHITE, width=width)
        own = tuple(int(v) for v in colour(axis.class_index))
        ring, dot = (BLACK, WHITE), (WHITE, own)
        for place, look in ((places[0], ring if axis.has_exit else dot), (places[-1], dot)):
            box = [*(place - 4 * width).tolist(), *(place + 4 * width).tolist()]
            draw.ellipse(box, fill=look[0], outline=look[1], width=width)
    return np.asarray(picture)


def _classes(masks: np.ndarray | None) -> list[tuple[int, np.ndarray]]:
    """Return the classes that are in the picture, and their masks [H, W] bool."""
    if masks is None:
        return []
    of_class = np.moveaxis(masks, -1, 0).astype(bool)
    return [(k, mask) for k, mask in enumerate(of_class) if mask.any()]


def _with_legend(rgb: np.ndarray, class_names: Sequence[str], caption: str) -> np.ndarray:
    return np.concatenate([rgb, legend(rgb.shape[1], class_names, caption)])


def legend(width: int, class_names: Sequence[str], caption: str = "") -> np.ndarray:
    """Return a dark strip [h, width, 3] uint8: a patch of colour and a name a class, a caption.

    What does not fit in a line goes on in the next.
    """
    size = min(max(width // 40, 12), 22)
    font = ImageFont.load_default(size)
    entries = [
        (k, name, math.ceil(size * 2.2 + font.getlength(name)))
        for k, name in enumerate(class_names)
    ]
    if caption:
        entries.append((-1, caption, math.ceil(size * 0.8 + font.getlength(caption))))
    places, x, y = [], size // 2, 0
    for _, _, extent in entries:
        if x + extent > width and x > size // 2:
            x, y = size // 2, y + 1
        places.append((x, y))
        x += extent
    line = round(size * 1.6)
    picture = Image.new("RGB", (width, line * (y + 1)), (24, 26, 30))
    draw = ImageDraw.Draw(picture)
    for (k, text, _), (left, row) in zip(entries, places, strict=True):
        middle = row * line + line // 2
        if k >= 0:
            half = size // 3
            box = (left, middle - half, left + 2 * half, middle + half)
            draw.rectangle(box, fill=tuple(int(v) for v in colour(k)))
            left += size
        draw.text((left, middle), text, (225, 228, 232), font, anchor="lm")
    return np.asarray(picture)


def file_name(case: str) -> str:
    """Return the name of a case's picture, without its ending (see `core.files.file_name`)."""
    return files.file_name(case, plain=True)


def save_png(rgb: np.ndarray, path: str | os.PathLike[str]) -> None:
    """Write `rgb: [H, W, 3] uint8` as PNG, making the folder if it is missing."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rgb).save(path, format="PNG", compress_level=4)
