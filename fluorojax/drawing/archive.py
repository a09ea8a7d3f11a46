"""A case as grey PNG from which any threshold can be drawn later: `maps/<case>.png`.

Its planes [H, W] uint8 stand one below the other: the frame; what is ignored; then, class by class,
the probability (255 = 1) and the reference mask (255 = inside). Where that is more than MOST
pixels, as of a large film with many classes, the planes that do not fit stand on further pages,
`maps/<case>.pages/<number>.png`, and the text `rows` of the first says how high a plane is.
"""

import shutil
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from fluorojax.core.errors import InputError

MOST = 2**26
"""Pixels of a page, but for a plane that has more alone; other programs open that unasked."""
MOST_READ = 2**29
"""Pixels of a file that is read; before there were pages, all planes stood in one."""
ROWS = "rows"
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)


class PredictionArchive(NamedTuple):
    """The planes of a case.

    Attributes:
        frame: [H, W] uint8.
        ignore: [H, W] bool.
        probabilities: [H, W, C] uint8, 255 = 1; 0 and 255 alone where only a mask was known.
        reference: [H, W, C] bool.
    """

    frame: np.ndarray
    ignore: np.ndarray
    probabilities: np.ndarray
    reference: np.ndarray


def save(
    path: Path,
    image: np.ndarray,
    ignore: np.ndarray,
    found: np.ndarray,
    reference: np.ndarray,
) -> None:
    """Write a case.

    Args:
        path: of the PNG; its folder is made if missing.
        image: [H, W] in [0, 1].
        ignore: [H, W] bool.
        found: [H, W, C] in [0, 1], or bool.
        reference: [H, W, C] bool.
    """
    classes = [k for pair in zip(_planes(found), _planes(reference), strict=True) for k in pair]
    planes = [image, ignore, *classes]
    rows, columns = image.shape
    on_a_page = max(1, MOST // (rows * columns))
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(pages_of(path), ignore_errors=True)
    starts = range(0, len(planes), on_a_page)
    # The first page is written last: where it is, all are.
    for number, start in reversed(list(enumerate(starts))):
        about = PngInfo()
        if len(starts) > 1:
            about.add_text(ROWS, str(rows))
        _write(_page(path, number), planes[start : start + on_a_page], about)


def pages_of(path: Path) -> Path:
    """Return the folder of the further pages of an archive."""
    return path.with_name(f"{path.stem}.pages")


def _page(path: Path, number: int) -> Path:
    return pages_of(path) / f"{number}.png" if number else path


def _write(path: Path, planes: Sequence[np.ndarray], about: PngInfo) -> None:
    path.parent.mkdir(exist_ok=True)
    stack = np.concatenate([_bytes(plane) for plane in planes])
    Image.fromarray(stack).save(path, format="PNG", compress_level=4, pnginfo=about)


def _planes(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(array, -1, 0)


def _bytes(plane: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(np.nan_to_num(plane.astype(np.float32)), 0, 1) * 255).astype(np.uint8)


def load(path: Path, classes: int) -> PredictionArchive:
    """Read a case of so many classes.

    Raises:
        InputError: a file of it is missing or no such picture, or there are not so many planes.
    """
    first, rows = _read(path)
    count = 2 + 2 * classes
    if rows is None and len(first) % count:
        raise InputError(
            f"{path} has {len(first)} rows, which is no multiple of the {count} planes that "
            f"{classes} classes have; evaluate again"
        )
    height = rows or len(first) // count
    shape = (height, first.shape[1])
    planes = _all_planes(path, first, shape, count)
    frame, ignore = next(planes).copy(), next(planes) > 127
    probabilities = np.zeros((*shape, classes), np.uint8)
    reference = np.zeros((*shape, classes), bool)
    for k in range(classes):
        probabilities[..., k] = next(planes)
        reference[..., k] = next(planes) > 127
    return PredictionArchive(frame, ignore, probabilities, reference)


def _all_planes(
    path: Path, first: np.ndarray, shape: tuple[int, int], count: int
) -> Iterator[np.ndarray]:
    """Yield the planes of all pages, in order."""
    number, left, page = 0, count, first
    while True:
        there, rest = divmod(len(page), shape[0])
        if page.shape[1] != shape[1] or rest or not 0 < there <= left:
            raise InputError(
                f"{_page(path, number)} has {len(page)} x {page.shape[1]} pixels, which are no "
                f"planes of {shape[0]} x {shape[1]} of a case with {count}; evaluate again"
            )
        yield from page.reshape(-1, *shape)
        left, number = left - there, number + 1
        if not left:
            return
        page, _ = _read(_page(path, number))


def _read(path: Path) -> tuple[np.ndarray, int | None]:
    """Return the grey values of a page, and how many rows a plane has, where that is said."""
    try:
        # Not by `Image.open`, whose limit is one for pictures from elsewhere.
        with path.open("rb") as file, PngImageFile(file) as picture:
            if picture.mode != "L" or picture.width * picture.height > MOST_READ:
                raise ValueError(f"{picture.mode}, {picture.height} x {picture.width}")
            rows = picture.info.get(ROWS)
            pixels, height = np.asarray(picture), None if rows is None else int(rows)
    except _DAMAGED as error:
        raise InputError(f"{path} cannot be read ({error}); evaluate again") from error
    if height is not None and not 0 < height <= len(pixels):
        raise InputError(f"{path} cannot be read (planes of {height} rows); evaluate again")
    return pixels, height


def pooled(case: PredictionArchive, side: int) -> PredictionArchive:
    """Return a case at most `side` pixels long and wide, by a whole factor.

    The frame is averaged. A mask keeps every pixel that any of its block had, so that no thin wire
    is lost, and so does a probability: its mask at a threshold is then the pooled mask.
    """
    factor = -(-max(case.frame.shape) // side)
    if factor == 1:
        return case
    mean = _blocks(case.frame.astype(np.float32), factor).mean((1, 3))
    most = (_blocks(a, factor).max((1, 3)) for a in case[1:])
    return PredictionArchive(np.rint(mean).astype(np.uint8), *most)


def _blocks(array: np.ndarray, factor: int) -> np.ndarray:
    """Return [h, factor, w, factor, ...], the edge repeated where the sides are no multiples."""
    pad = [(0, -n % factor) for n in array.shape[:2]] + [(0, 0)] * (array.ndim - 2)
    padded = np.pad(array, pad, mode="edge")
    rows, columns = (n // factor for n in padded.shape[:2])
    return padded.reshape(rows, factor, columns, factor, *array.shape[2:])
