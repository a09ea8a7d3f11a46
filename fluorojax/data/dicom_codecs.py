"""Decoders of compressed DICOM frames for pydicom: JPEG, JPEG-LS, JPEG 2000, HTJ2K by imagecodecs.

pydicom's own choice, GDCM, ends the process at some damaged files; the libraries behind imagecodecs
(libjpeg-turbo, CharLS, OpenJPEG) raise an error at each of 20,000 (`FUZZ_INPUTS=20000 pytest
tests/faults -k fuzz_dicom`). What they would do for minutes, or with all memory, at a wrong size is
asked of the stream's header before.

The form of these names is pydicom's (its guide "Creating decoder plugins").
"""

import struct
from collections.abc import Callable

import imagecodecs
import numpy as np
from pydicom.pixels.common import RunnerBase
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from fluorojax.data.picture import DamagedError

NAME = "imagecodecs"
"""Of the plugin, as `pixel_array(decoding_plugin=...)` takes it."""

_START = b"\xff\x4f\xff\x51"  # of a JPEG 2000 stream, up to the marker of its size
_END, _PADDING = b"\xff\xd9", 16  # of JPEG and JPEG-LS; and bytes among the last of which it stands
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG and JPEG-LS behind which the size stands."""
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length


def size_of_jpeg(src: bytes) -> tuple[int, int]:
    """Return (rows, columns) that a JPEG or JPEG-LS stream says, which is there up to its end.

    Where the end is missing, CharLS looks for more for a quarter of a minute.

    Raises:
        DamagedError: it says none, or ends too early.
    """
    if _END not in src[-_PADDING:]:
        raise DamagedError("the compressed frame has no end")
    place = 2 if src[:2] == b"\xff\xd8" else len(src)
    while place + 4 <= len(src) and src[place] == 0xFF:
        marker = src[place + 1]
        if marker in _FRAMES and place + 9 <= len(src):
            rows, columns = struct.unpack(">HH", src[place + 5 : place + 9])
            return rows, columns
        length = struct.unpack(">H", src[place + 2 : place + 4])[0]
        place += 1 if marker == 0xFF else 2 if marker in _ALONE else 2 + length
    raise DamagedError("the compressed frame says no size")


def size_of_jpeg2000(src: bytes) -> tuple[int, int]:
    """Return (rows, columns) that a JPEG 2000 stream says, whether in a JP2 file or bare.

    Raises:
        DamagedError: it says none.
    """
    place = src.find(_START)
    if place < 0 or place + 24 > len(src):
        raise DamagedError("the compressed frame says no size")
    right, bottom, left, top = struct.unpack(">4I", src[place + 8 : place + 24])
    return bottom - top, right - left


Size = Callable[[bytes], tuple[int, int]]
Decode = Callable[[bytes], np.ndarray]
_CODECS: dict[UID, tuple[Size, Decode]] = {
    **dict.fromkeys(
        (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1),
        (size_of_jpeg, imagecodecs.jpeg8_decode),
    ),
    **dict.fromkeys(
        (JPEGLSLossless, JPEGLSNearLossless), (size_of_jpeg, imagecodecs.jpegls_decode)
    ),
    **dict.fromkeys(
        (JPEG2000Lossless, JPEG2000, HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K),
        (size_of_jpeg2000, imagecodecs.jpeg2k_decode),
    ),
}
"""Transfer syntax -> how the size of its frames is read, and the frames."""

DECODER_DEPENDENCIES = dict.fromkeys(_CODECS, (NAME,))


def is_available(uid: UID) -> bool:
    """Say whether a transfer syntax is decoded here."""
    return uid in _CODECS


def decode(src: bytes, runner: RunnerBase) -> bytearray:
    """Return the pixels of a compressed frame, little endian; colours one pixel after the other.

    Args:
        src: the frame.
        runner: what the file says of it; it hears what the pixels are here.

    Raises:
        DamagedError: it says another size than the file, or another number of values a pixel.
        RuntimeError: the library's own errors are of its kind.
    """
    size_of, decoded = _CODECS[runner.transfer_syntax]
    said, rows, columns = size_of(src), runner.rows, runner.columns
    if said != (rows, columns):
        raise DamagedError(f"a compressed frame of {said}, and the file says {(rows, columns)}")
    pixels = decoded(src)
    if pixels.size != rows * columns * runner.samples_per_pixel:
        raise DamagedError(f"a compressed frame of {pixels.shape}, and the file says another")
    runner.set_option("bits_allocated", 8 * pixels.itemsize)
    if pixels.ndim == 3:
        runner.set_option("planar_configuration", 0)
        runner.set_option("photometric_interpretation", "RGB")
    return bytearray(pixels.astype(pixels.dtype.newbyteorder("<")).tobytes())


def register() -> None:
    """Make pydicom know this module's decoders; once, as it knows no second of a name."""
    for syntax in _CODECS:
        get_decoder(syntax).add_plugin(NAME, (__name__, "decode"))
