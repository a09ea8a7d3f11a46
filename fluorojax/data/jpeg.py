"""JPEG: frames only, as its compression changes the values of labels."""

import io
from struct import unpack_from

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from fluorojax.core.errors import InputError
from fluorojax.data.picture import ORIENTATION, DamagedError, Picture, check_size

SIGNATURE = b"\xff\xd8\xff"
_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_BARE = (0x01, *range(0xD0, 0xD9))  # markers without a segment
_MOST_SCANS = 100
_MOST_FILL = 1024


def read_jpeg(data: bytes) -> Picture:
    """Return the picture in a JPEG file, 8-bit grey or RGB.

    Args:
        data: the whole file.

    Raises:
        InputError: four colours of a printer, several pictures, or too many pixels.
        ValueError: the file is damaged; whatever else Pillow raises says so, too.
    """
    _check_segments(data)
    with JpegImageFile(io.BytesIO(data)) as image:
        columns, rows = image.size
        check_size(rows, columns, len(image.getbands()))
        # Every block of 8 x 8 pixels takes at least a bit; what is missing would come out as grey.
        if rows * columns > 64 * 8 * len(data):
            raise DamagedError("too few bytes for its pixels")
        if image.mode not in ("L", "RGB"):
            raise InputError(f"a JPEG in {image.mode} colours, for print; save it as grey PNG")
        if "mp" in image.info:
            raise InputError("several pictures in one JPEG; save one file a frame")
        image.load()
        orientation = image.getexif().get(ORIENTATION, 1)
        return Picture(np.asarray(image), orientation=orientation, lossy=True)


def _check_segments(data: bytes) -> None:
    """Check that segments follow each other up to the first scan, and that the scans end."""
    at = 2
    while data[at : at + 2] != _SCAN:
        at = _after_fill(data, at)
        marker, length = unpack_from(">BH", data, at)
        at += 1 if marker in _BARE else 1 + length
        if marker not in _BARE and length < 2:
            raise DamagedError("a segment without a length")
    if data.count(_SCAN, at) > _MOST_SCANS:
        raise DamagedError(f"more than {_MOST_SCANS} scans of one picture")
    if data.rfind(_END) < at:
        raise DamagedError("it ends before its last marker")


def _after_fill(data: bytes, at: int) -> int:
    """Return the place of the marker's second byte; 0xFF before it may be repeated."""
    if data[at] != 0xFF:
        raise DamagedError("no marker where one should be")
    window = data[at : at + _MOST_FILL]
    return at + len(window) - len(window.lstrip(b"\xff"))
