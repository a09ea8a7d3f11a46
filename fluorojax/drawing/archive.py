"""A case as one grey PNG from which any threshold can be drawn later: `maps/<case>.png`.

Its planes [H, W] uint8 stand one below the other: the frame; what is ignored; then, class by class,
the probability (255 = 1) and the reference mask (255 = inside).
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from fluorojax.core.errors import InputError


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
    path.parent.mkdir(parents=True, exist_ok=True)
    stack = np.concatenate([_bytes(plane) for plane in (image, ignore, *classes)])
    Image.fromarray(stack).save(path, format="PNG", compress_level=4)


def _planes(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(array, -1, 0)


def _bytes(plane: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(np.nan_to_num(plane.astype(np.float32)), 0, 1) * 255).astype(np.uint8)


def load(path: Path, classes: int) -> PredictionArchive:
    """Read a case of so many classes.

    Raises:
        InputError: the file is no picture, or not of so many planes.
    """
    try:
        with Image.open(path) as picture:
            stack = np.asarray(picture.convert("L"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error}); evaluate again") from error
    count = 2 + 2 * classes
    if len(stack) % count:
        raise InputError(
            f"{path} has {len(stack)} rows, which is no multiple of the {count} planes that "
            f"{classes} classes have; evaluate again"
        )
    frame, ignore, *of_class = stack.reshape(count, -1, stack.shape[1])
    return PredictionArchive(
        frame,
        ignore > 127,
        np.stack(of_class[0::2], axis=-1),
        np.stack(of_class[1::2], axis=-1) > 127,
    )


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
