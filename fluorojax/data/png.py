"""PNG: header and checksums first, then the samples, by Pillow."""

import io
import zlib
from collections.abc import Iterator
from struct import unpack_from
from typing import Any

import numpy as np
from PIL.PngImagePlugin import PngImageFile

from fluorojax.core.errors import InputError
from fluorojax.data.picture import ORIENTATION, DamagedError, Picture, check_size, transparency

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
_CHANNELS = {GREY: 1, COLOUR: 3, PALETTE: 1, GREY_ALPHA: 2, COLOUR_ALPHA: 4}
_MOST_CHUNKS = 1_000_000


def read_png(data: bytes, mask: bool) -> Picture:
    """Return the picture in a PNG file.

    Args:
        data: the whole file.
        mask: whether it holds labels: then a palette gives its entries' numbers, and one bit a
            pixel is 0 and 1; in a frame both are refused.

    Raises:
        InputError: a depth or kind that is not read, too many pixels, an animation.
        ValueError: the file is damaged; whatever else Pillow raises says so, too.
    """
    depth, kind = _header(data)
    _check_kind(depth, kind, mask)
    _check_chunks(data)
    with PngImageFile(io.BytesIO(data)) as image:
        if getattr(image, "n_frames", 1) > 1:
            raise InputError("an animated PNG; save one file a frame")
        if image.size != unpack_from(">II", data, 16):
            raise DamagedError("two headers of different sizes")
        image.load()
        orientation = image.getexif().get(ORIENTATION, 1)
        key = image.info.get("transparency")
        pixels = np.asarray(image)
    return _picture(pixels, depth, kind, orientation, key)


def _header(data: bytes) -> tuple[int, int]:
    """Return bit depth and kind of colour from the file's first chunk."""
    if len(data) < 33 or data[:8] != SIGNATURE or data[12:16] != b"IHDR":
        raise DamagedError("not a whole PNG header")
    columns, rows, depth, kind = unpack_from(">IIBB", data, 16)
    if kind not in _CHANNELS:
        raise DamagedError(f"colour type {kind}, which PNG does not have")
    check_size(rows, columns, _CHANNELS[kind] * (2 if depth == 16 else 1))
    return depth, kind


def _check_kind(depth: int, kind: int, mask: bool) -> None:
    if depth == 16 and kind not in (GREY, PALETTE):
        # Pillow would cut the channels to 8 bits without a word.
        raise InputError("16 bit a channel with colour or alpha; save it as 16-bit grey")
    if kind == PALETTE and not mask:
        raise InputError("a palette PNG; save it as 8- or 16-bit grey")
    if kind == GREY and (depth in (2, 4) or (depth == 1 and not mask)):
        # Pillow spreads such values over 0..255, so labels would be lost.
        what = "the mask as 8-bit grey" if mask else "it as 8- or 16-bit grey"
        raise InputError(f"{depth} bit a pixel; save {what}")


def _check_chunks(data: bytes) -> None:
    """Check that every chunk is whole and has its checksum, up to the last, IEND."""
    for count, (name, at, length) in enumerate(_chunks(data)):
        if count >= _MOST_CHUNKS:
            raise DamagedError(f"more than {_MOST_CHUNKS} chunks")
        body = memoryview(data)[at : at + length]
        (checksum,) = unpack_from(">I", data, at + length)
        if zlib.crc32(body, zlib.crc32(name)) != checksum:
            raise DamagedError(f"the checksum of the chunk {name.decode('latin-1')!r} is wrong")


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk's name, and the place and length of its body."""
    at = len(SIGNATURE)
    name = b""
    while name != b"IEND":
        if at + 12 > len(data):
            raise DamagedError("it ends before its last chunk")
        length, name = unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            raise DamagedError(f"it ends within the chunk {name.decode('latin-1')!r}")
        yield name, at + 8, length
        at += 12 + length


def _picture(
    pixels: np.ndarray,
    depth: int,
    kind: int,
    orientation: int,
    key: Any,
) -> Picture:
    bits = depth if depth == 16 else 8
    pixels = pixels.astype(np.uint16 if bits == 16 else np.uint8, copy=False)
    if kind in (GREY_ALPHA, COLOUR_ALPHA):
        colour = pixels[..., 0] if kind == GREY_ALPHA else pixels[..., :3]
        return Picture(colour, bits, pixels[..., -1], orientation=orientation)
    # The numbers of a palette's entries say all, whatever their colours and transparency.
    if key is None or kind == PALETTE:
        return Picture(pixels, bits, orientation=orientation)
    if depth == 1:
        key = int(key > 0)  # Pillow says 255 for 1
    return Picture(pixels, bits, transparency(pixels, key, bits), orientation=orientation)
