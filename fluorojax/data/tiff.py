"""TIFF, by tifffile and its codecs; what its directory says is checked before anything is unpacked.

Samples come as stored. That 0 is white, and how the picture is turned, are handed on, so that both
are applied in one place whatever the compression.
"""

import io
import math

import numpy as np
from tifffile import TiffFile, TiffPage

from fluorojax.core.errors import InputError
from fluorojax.data.picture import ORIENTATION, DamagedError, Picture, check_size

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_WHITE, _BLACK, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_PHOTOMETRICS = {4: "a transparency mask", 5: "CMYK", _YCBCR: "YCbCr", 8: "CIELab", 9: "ICCLab"}
_PLAIN, _JPEG = 1, 7
_READ = (_PLAIN, 5, _JPEG, 8, 32946, 32773, 34925, 50000)
"""Compressions: none, LZW, JPEG, deflate (two numbers), PackBits, LZMA, zstd."""
_NAMES = {
    2: "CCITT", 3: "fax group 3", 4: "fax group 4", 6: "old JPEG", 33003: "JPEG 2000",
    33005: "JPEG 2000", 34712: "JPEG 2000", 34887: "LERC", 34892: "lossy JPEG", 50001: "WebP",
    50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
_FORMATS = {1: "uint", 2: "int", 3: "float", 4: "undefined", 5: "complex int", 6: "complex float"}
_UNNAMED = 0  # of what a channel beside the colours means
_MOST_CHANNELS = 8
_MOST_SEGMENTS = 500_000


def read_tiff(data: bytes) -> Picture:
    """Return the picture in a TIFF file, classic or BigTIFF, of either byte order.

    Args:
        data: the whole file.

    Raises:
        InputError: a type, kind of colour or compression that is not read, several pictures, or
            too many pixels.
        ValueError: the file is damaged; whatever else tifffile raises says so, too.
    """
    with TiffFile(io.BytesIO(data)) as file:
        page = _only_page(file)
        bits = _check_type(page)
        check_size(page.imagelength, page.imagewidth, page.samplesperpixel * bits // 8)
        _check_kind(page)
        _check_segments(page, len(data))
        pixels = _channels_last(page, page.asarray(maxworkers=1))
        colours = 1 if page.photometric in (_WHITE, _BLACK) else 3
        return Picture(
            pixels[..., 0] if colours == 1 else pixels[..., :3],
            bits,
            _alpha(pixels, colours, page),
            zero_is_white=page.photometric == _WHITE,
            orientation=_orientation(page),
            lossy=page.compression == _JPEG,
        )


def _only_page(file: TiffFile) -> TiffPage:
    if not (pages := len(file.pages)):
        raise DamagedError("its directory is missing")
    if pages > 1:
        raise InputError(f"{pages} pages in one TIFF; save one file a frame")
    page = file.pages.first
    if page.subifds:
        raise InputError(
            f"{len(page.subifds)} further pictures within the first (SubIFDs); save one a file"
        )
    return page


def _check_type(page: TiffPage) -> int:
    """Return the bits of a sample: 8 or 16, unsigned."""
    if page.dtype not in (np.uint8, np.uint16) or page.bitspersample not in (8, 16):
        kind = _FORMATS.get(page.sampleformat, page.sampleformat)
        raise InputError(
            f"pixels of type {kind}{page.bitspersample}; save it as unsigned 8- or 16-bit grey, "
            "with a scale that is the same for all frames"
        )
    return page.bitspersample


def _check_kind(page: TiffPage) -> None:
    photometric, compression = page.photometric, page.compression
    if "PhotometricInterpretation" not in page.tags:
        raise InputError(
            "it does not say whether 0 is black or white (no PhotometricInterpretation); save it "
            "as 8- or 16-bit grey PNG"
        )
    if photometric == _PALETTE:
        raise InputError("a palette TIFF; save it as 8- or 16-bit grey")
    if photometric not in (_WHITE, _BLACK, _RGB) and (photometric, compression) != (_YCBCR, _JPEG):
        number = int(photometric)
        what = _PHOTOMETRICS.get(number, f"photometric interpretation {number}")
        raise InputError(f"{what} in a TIFF; save it as 8- or 16-bit grey")
    if compression not in _READ:
        name = _NAMES.get(int(compression), f"of number {int(compression)}")
        raise InputError(f"compression {name} is not read in a TIFF; save it as PNG")
    if page.imagedepth != 1:
        raise InputError("a volume in one TIFF; save one frame a file")
    if page.samplesperpixel > _MOST_CHANNELS:
        raise InputError(f"{page.samplesperpixel} channels; save it as 8- or 16-bit grey")


def _check_segments(page: TiffPage, size: int) -> None:
    """Check that every strip or tile is in the file: what is missing would come out as black."""
    rows, columns = page.imagelength, page.imagewidth
    if page.is_tiled:
        height, width = page.tilelength, page.tilewidth
        check_size(height, width, page.samplesperpixel * page.bitspersample // 8)
    else:
        height, width = min(page.rowsperstrip, rows), columns
    if height < 1 or page.planarconfig not in (1, 2):
        raise DamagedError(f"strips of {height} rows, planes of kind {page.planarconfig}")
    planes = page.samplesperpixel if page.planarconfig == 2 else 1
    many = planes * math.ceil(rows / height) * math.ceil(columns / width)
    if many > _MOST_SEGMENTS:
        raise InputError(f"{many} strips or tiles; save it with larger ones, or as PNG")
    offsets = page.dataoffsets
    # Without compression, a strip has the length of its pixels, whatever the file says.
    counts = [1] * many if page.compression == _PLAIN else page.databytecounts
    if len(offsets) < many or len(counts) < many:
        raise DamagedError(f"{min(len(offsets), len(counts))} strips or tiles of {many}")
    if any(at < 1 or n < 1 or at + n > size for at, n in zip(offsets, counts, strict=False)):
        raise DamagedError("a strip or tile that is empty or beyond the end of the file")


def _channels_last(page: TiffPage, pixels: np.ndarray) -> np.ndarray:
    """Return `[H, W, samples]`."""
    shape = (page.imagelength, page.imagewidth)
    if page.samplesperpixel == 1:
        return pixels.reshape(*shape, 1)
    if page.planarconfig == 2:
        return np.moveaxis(pixels.reshape(-1, *shape), 0, -1)
    return pixels.reshape(*shape, -1)


def _orientation(page: TiffPage) -> int:
    tag = page.tags.get(ORIENTATION)
    value = tag.value if tag else 1
    return value if isinstance(value, int) else 1


def _alpha(pixels: np.ndarray, colours: int, page: TiffPage) -> np.ndarray | None:
    """Return what stands beside grey or RGB: transparency, or something that is not named."""
    beside = pixels.shape[-1] - colours
    if beside < 0:
        raise DamagedError(f"{pixels.shape[-1]} channels of {colours}")
    if beside > 1:
        raise InputError(f"{pixels.shape[-1]} channels; save it as 8- or 16-bit grey")
    if not beside:
        return None
    alpha = pixels[..., -1]
    unnamed = _UNNAMED in page.extrasamples
    return None if unnamed and (alpha == alpha.flat[0]).all() else alpha
