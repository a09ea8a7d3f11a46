"""A picture that Pillow has opened or made, as grey values."""

import functools
from collections.abc import Callable

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile

from fluorojax.core.errors import InputError
from fluorojax.data.picture import (
    ORIENTATION,
    Picture,
    check_size,
    grey_values,
    transparency,
    upright,
)
from fluorojax.data.png import read_png
from fluorojax.data.tiff import read_tiff

_PHOTOMETRIC = 262
_READERS: dict[str, Callable[[bytes], Picture]] = {
    "PNG": functools.partial(read_png, mask=False),
    "TIFF": read_tiff,
}
_WIDE = ("I", "F")
_GREY = ("L", "LA", "RGB", "RGBA", "I;16", "I;16L", "I;16B", "I;16N")


def pixels_of(image: Image.Image) -> np.ndarray:
    """Return grey values, upright; integers of 32 bits and floats stay what they are.

    Returns:
        [H, W] uint8, uint16, int32 or float32.

    Raises:
        InputError: a mode without one grey value a pixel, several pictures, too many pixels, or a
            transparency that varies.
    """
    if image.mode not in (*_GREY, *_WIDE):
        raise InputError(f"mode {image.mode}; image.convert('L') has grey values")
    if (count := getattr(image, "n_frames", 1)) > 1:
        raise InputError(f"{count} pictures in one; give one frame at a time")
    columns, rows = image.size
    check_size(rows, columns, 4 if image.mode in _WIDE else len(image.getbands()))
    if (picture := _unloaded(image)) is not None:
        return grey_values(picture)
    # Pillow inverts 8-bit pictures where 0 is white, and those of 16 bits not.
    white = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0 and image.mode != "L"
    image.load()
    orientation = image.getexif().get(ORIENTATION, 1)
    if image.mode in _WIDE:
        return upright(np.asarray(image), orientation)
    return grey_values(_picture(image, white, orientation))


def _unloaded(image: Image.Image) -> Picture | None:
    """Return the picture of a file that Pillow has opened, and not loaded; None: any other.

    When it loads them, Pillow cuts several channels of 16 bits to 8, and it garbles an uncompressed
    TIFF that its orientation turns on its side.
    """
    reader = _READERS.get(image.format or "")
    if reader is None or not isinstance(image, ImageFile) or not image.tile or image.fp is None:
        return None
    if image.mode in _WIDE:
        return None
    place = image.fp.tell()
    image.fp.seek(0)
    data = image.fp.read()
    image.fp.seek(place)
    return reader(data)


def _picture(image: Image.Image, white: bool, orientation: int) -> Picture:
    pixels = np.asarray(image)
    bits = 16 if image.mode.startswith("I;16") else 8
    pixels = pixels.astype(np.uint16 if bits == 16 else np.uint8, copy=False)
    alpha = None
    if image.mode in ("LA", "RGBA"):
        alpha = pixels[..., -1]
        pixels = pixels[..., 0] if image.mode == "LA" else pixels[..., :3]
    elif (key := image.info.get("transparency")) is not None:
        alpha = transparency(pixels, key, bits)
    return Picture(pixels, bits, alpha, white, orientation, lossy=image.format == "JPEG")
