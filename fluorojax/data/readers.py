"""Grey frames and label masks from PNG and TIFF, at the bit depth in which they were stored."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, UnidentifiedImageError

from fluorojax.core.errors import InputError
from fluorojax.schema.frame import Frame

IMAGE_SUFFIXES = (".png", ".tif", ".tiff")

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_GREY, _PNG_PALETTE = 0, 3
_UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError)
_CORRUPT = (struct.error, zlib.error, tifffile.TiffFileError, Image.DecompressionBombError)


def read_frame(path: str | os.PathLike[str]) -> Frame:
    """Read one grey frame, without rescaling: an 8-bit file gives uint8, a 16-bit file uint16.

    Grey stored as RGB or RGBA with equal channels is accepted; a TIFF in which 0 is white is
    inverted, so that a larger value is always brighter on the screen.

    Args:
        path: an 8- or 16-bit PNG or TIFF file with a single frame.

    Returns:
        [H, W] uint8 or uint16, the file as its source; these files say no spacing.

    Raises:
        InputError: the file is missing, truncated, in colour, a float or multi-page TIFF, or of
            another format.
    """
    return Frame(_read(Path(path), _png_frame, _tiff_frame), source=os.fspath(path))


def read_image(image: Image.Image) -> Frame:
    """Return a picture that Pillow has opened or made as a frame, the same rules as for a file.

    Raises:
        InputError: it has a palette, colours, one bit a pixel or several pictures.
    """
    source = str(getattr(image, "filename", "") or "PIL image")
    if image.mode in ("1", "P", "PA"):
        raise InputError(f"{source}: mode {image.mode}; image.convert('L') has grey values")
    if (count := getattr(image, "n_frames", 1)) > 1:
        raise InputError(f"{source}: {count} pictures in one; give one frame at a time")
    return Frame(_grey(np.asarray(image), Path(source)), source=source)


def read_mask_image(path: str | Path) -> np.ndarray:
    """Read a label image: the stored values, or the entries' numbers of a palette PNG.

    Args:
        path: a PNG (1, 8 or 16 bit, or palette) or TIFF (8 or 16 bit) file with a single frame.

    Returns:
        [H, W] uint8 or uint16.

    Raises:
        InputError: as for `read_frame`.
    """
    return _read(Path(path), _png_mask, _tiff_mask)


def _read(
    path: Path, png: Callable[[Path], np.ndarray], tiff: Callable[[Path], np.ndarray]
) -> np.ndarray:
    suffix = path.suffix.lower()
    if suffix in (".dcm", ".dicom", ".ima"):
        raise InputError(f"{path}: DICOM is not read yet; save the frame as a 16-bit PNG or TIFF")
    if suffix not in IMAGE_SUFFIXES:
        raise InputError(f"{path}: '{suffix}' is not read; save it as an 8- or 16-bit PNG or TIFF")
    if not path.is_file():
        raise InputError(f"{path}: no such file; correct the path, or put the file there")
    try:
        return np.ascontiguousarray((png if suffix == ".png" else tiff)(path))
    except InputError:
        raise
    except (*_UNREADABLE, *_CORRUPT) as error:
        raise InputError(
            f"{path}: cannot be decoded ({_reason(error)}): the file is truncated or damaged; "
            "copy or export it again"
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__


def _png_frame(path: Path) -> np.ndarray:
    depth, colour = _png_header(path)
    if colour == _PNG_PALETTE:
        raise InputError(f"{path}: a palette PNG; save it as 8- or 16-bit grey")
    if depth < 8:
        raise InputError(f"{path}: {depth} bit a pixel; save it as 8- or 16-bit grey")
    return _grey(_png_pixels(path, depth, colour), path)


def _png_mask(path: Path) -> np.ndarray:
    depth, colour = _png_header(path)
    if depth in (2, 4) and colour == _PNG_GREY:
        # Pillow spreads such values over 0..255, so the labels would be lost.
        raise InputError(f"{path}: {depth} bit a pixel; save the mask as 8-bit grey")
    return _grey(_png_pixels(path, depth, colour), path)


def _png_header(path: Path) -> tuple[int, int]:
    """Return bit depth and colour type from the file's first chunk."""
    with path.open("rb") as file:
        head = file.read(33)
    if len(head) < 33 or head[:8] != _PNG_SIGNATURE or head[12:16] != b"IHDR":
        raise ValueError("not a whole PNG header")
    return head[24], head[25]


def _png_pixels(path: Path, depth: int, colour: int) -> np.ndarray:
    if depth == 16 and colour != _PNG_GREY:
        # Pillow would cut the channels to 8 bits without a word.
        raise InputError(f"{path}: 16 bit a channel with colour or alpha; save it as 16-bit grey")
    with Image.open(path) as image:
        if getattr(image, "n_frames", 1) > 1:
            raise InputError(f"{path}: an animated PNG; save one file a frame")
        image.load()
        pixels = np.asarray(image)
    if pixels.dtype == bool:
        return pixels.astype(np.uint8)
    return pixels.astype(np.uint16) if depth == 16 else pixels


def _tiff_frame(path: Path) -> np.ndarray:
    pixels, bits, zero_is_white = _tiff_pixels(path)
    grey = _grey(pixels, path)
    return (2**bits - 1 - grey).astype(grey.dtype) if zero_is_white else grey


def _tiff_mask(path: Path) -> np.ndarray:
    pixels, _, zero_is_white = _tiff_pixels(path)
    if zero_is_white:
        raise InputError(f"{path}: 0 is white in this TIFF; save the mask as 8-bit PNG")
    return _grey(pixels, path)


def _tiff_pixels(path: Path) -> tuple[np.ndarray, int, bool]:
    """Return pixels with the channels last, bits a sample, and whether 0 stands for white."""
    with tifffile.TiffFile(path) as tiff:
        if len(tiff.pages) != 1:
            raise InputError(f"{path}: {len(tiff.pages)} pages in one TIFF; save one file a frame")
        page = tiff.pages.first
        _check_tiff_type(page, path)
        pixels = _tiff_decode(page, path)
        if page.axes == "SYX":
            pixels = np.moveaxis(pixels, 0, -1)
        return pixels, page.bitspersample, page.photometric == tifffile.PHOTOMETRIC.MINISWHITE


def _check_tiff_type(page: tifffile.TiffPage, path: Path) -> None:
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        raise InputError(f"{path}: a palette TIFF; save it as 8- or 16-bit grey")
    if page.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"{path}: pixels of type {page.dtype}; save it as unsigned 8- or 16-bit grey, with a "
            "scale that is the same for all frames"
        )
    if page.axes not in ("YX", "YXS", "SYX"):
        raise InputError(f"{path}: axes {page.axes}; save one grey frame a file")


def _tiff_decode(page: tifffile.TiffPage, path: Path) -> np.ndarray:
    try:
        return page.asarray()
    except ValueError as error:
        if "imagecodecs" not in str(error) or page.axes != "YX":
            raise
    # tifffile decodes LZW and JPEG only with a further package; Pillow has libtiff on board.
    with Image.open(path) as image:
        image.load()
        return np.asarray(image).astype(page.dtype)


def _grey(pixels: np.ndarray, path: Path) -> np.ndarray:
    """Return `[H, W]` from grey, grey with alpha, or RGB(A) with three equal channels."""
    if pixels.ndim == 2:
        return pixels
    colour = pixels[..., :3] if pixels.shape[-1] >= 3 else pixels[..., :1]
    different = (colour != colour[..., :1]).any(-1)
    if different.any():
        raise InputError(
            f"{path}: a colour image ({int(different.sum())} pixels whose channels differ); "
            "save it as 8- or 16-bit grey"
        )
    return colour[..., 0]
