"""A decoder of 12-bit JPEG for pydicom, whose own ones take 8 bits alone.

The form of these names is pydicom's (its guide "Creating decoder plugins").
"""

import imagecodecs
from pydicom.pixels.common import RunnerBase
from pydicom.uid import UID, JPEGExtended12Bit

DECODER_DEPENDENCIES = {JPEGExtended12Bit: ("imagecodecs",)}


def is_available(uid: UID) -> bool:
    """Say whether a transfer syntax is decoded here."""
    return uid in DECODER_DEPENDENCIES


def decode(src: bytes, runner: RunnerBase) -> bytearray:
    """Return the pixels of a compressed frame, little endian.

    Args:
        src: the frame, a JPEG of 8 or 12 bits.
        runner: what the file says of it; it hears how many bits a pixel has here.
    """
    pixels = imagecodecs.jpeg_decode(src)
    runner.set_option("bits_allocated", 8 * pixels.itemsize)
    return bytearray(pixels.astype(pixels.dtype.newbyteorder("<")).tobytes())
