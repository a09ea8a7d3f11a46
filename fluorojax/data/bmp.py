"""BMP, by Pillow: grey values of 8 bits, or colours of equal channels."""

import io

import numpy as np
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.data.picture import Picture, check_size

SUFFIX = ".bmp"


def read_bmp(data: bytes) -> Picture:
    """Return the picture in a BMP file; its palette, if any, as colours.

    Args:
        data: the whole file.

    Raises:
        InputError: one bit a pixel, or too many pixels.
    """
    with Image.open(io.BytesIO(data), formats=["BMP"]) as image:
        columns, rows = image.size
        check_size(rows, columns, 3)
        if image.mode == "1":
            raise InputError("one bit a pixel, which is a mask and no frame; save it as 8-bit grey")
        colours = image.convert("RGB") if image.mode not in ("L", "RGB", "RGBA") else image
        samples = np.asarray(colours)
        alpha = samples[..., 3] if colours.mode == "RGBA" else None
        return Picture(samples[..., :3] if samples.ndim == 3 else samples, alpha=alpha)
