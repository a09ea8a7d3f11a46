"""Grey frames and label masks from files, at the bit depth in which they are stored.

Frames: DICOM, PNG, TIFF, JPEG, BMP, NIfTI slices and videos; masks: PNG and TIFF. A picture is read
as people see it, whatever its format and compression: turned as its file says, a larger value
brighter, and refused where transparency or colours say something else.
"""

import functools
import logging
import os
import stat
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.core.files import MIB, reading
from fluorojax.data import bmp, dicom, jpeg, nifti, png, tiff, video
from fluorojax.data.picture import Picture, grey_values, label_values, most_bytes
from fluorojax.data.pil_image import pixels_of
from fluorojax.schema.frame import Frame

JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe")
MASK_SUFFIXES = (".png", ".tif", ".tiff")
PICTURE_SUFFIXES = (*MASK_SUFFIXES, *JPEG_SUFFIXES, bmp.SUFFIX)
"""Of masks, and of pictures; masks are not read from JPEG, which changes label values."""

_APPLE_DOUBLE = "AppleDouble (what macOS keeps beside a file)"
_SIGNATURES = {
    png.SIGNATURE: "PNG",
    **dict.fromkeys(tiff.SIGNATURES, "TIFF"),
    jpeg.SIGNATURE: "JPEG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"%PDF": "PDF",
    b"PK\3\4": "ZIP",
    b"8BPS": "Photoshop",
    b"\x00\x05\x16\x07": _APPLE_DOUBLE,
}
_SUFFIXES_OF: dict[str, tuple[str, ...]] = {
    "PNG": (".png",),
    "TIFF": (".tif", ".tiff"),
    "JPEG": JPEG_SUFFIXES,
    "BMP": (bmp.SUFFIX,),
    "DICOM": dicom.SUFFIXES,
}
_one_at_a_time = threading.RLock()  # filters of warnings are the process's, not the thread's
_LOGS = [logging.getLogger(name) for name in ("PIL", "tifffile", "pydicom", "nibabel", "libav")]
for _log in _LOGS:
    _log.addHandler(logging.NullHandler())


def read_frame(path: str | os.PathLike[str], number: int | None = None) -> Frame:
    """Read one grey frame, without rescaling: an 8-bit file gives uint8, a 16-bit file uint16.

    Grey stored as RGB or RGBA with equal channels is accepted (in JPEG they may differ by 2, and
    the luma is taken); where 0 is white it is inverted, so that a larger value is always brighter
    on the screen. An orientation (EXIF in PNG and JPEG, tag 274 in TIFF) is obeyed.

    Args:
        path: an 8- or 16-bit PNG, TIFF, JPEG or BMP file with a single frame, a NIfTI slice, or a
            DICOM file or video of one or several frames.
        number: which one of several frames, from 1; None: the file has one.

    Returns:
        [H, W] uint8 or uint16, rows and columns as shown, the file as its source; DICOM and NIfTI
        say a spacing, the others none.

    Raises:
        InputError: the file is missing, damaged, too large (`picture.most_pixels`), in colour, a
            float or multi-page TIFF, or of another format; its transparency varies; or it has
            several frames and no number, or not that number.
    """
    path = Path(path)
    container = _container(path)
    if container is None:
        return Frame(_read(path, grey_values, mask=False), source=os.fspath(path))
    _check_file(path)
    with _naming(str(path)):
        return container.read(path, number)


def frame_count(path: Path) -> int:
    """Return the number of frames in a file; of pictures, whatever is in them, 1.

    Raises:
        InputError: it cannot be read.
    """
    container = _container(path)
    if container is None:
        return 1
    _check_file(path)
    with _naming(str(path)):
        return container.count(path)


def holds_several(path: Path) -> bool:
    """Say whether a file holds several frames; False where it cannot be read, too."""
    try:
        return _container(path) is not None and frame_count(path) > 1
    except InputError:
        return False


def frame_rate(path: Path) -> float | None:
    """Return the frames a second of a cine or video; None where its file says none.

    Raises:
        InputError: it cannot be read.
    """
    if suffix_of(path) in video.SUFFIXES:
        with _naming(str(path)):
            return video.frame_rate(path)
    if not holds_dicom(path):
        return None
    between_ms = header_of(path).frame_time_ms
    return 1000.0 / between_ms if between_ms else None


def holds_dicom(path: Path) -> bool:
    """Say whether a file is read as DICOM: by its ending, or its content where it has none."""
    return _container(path) is _DICOM


def header_of(path: Path) -> dicom.Header:
    """Return what a DICOM file says of itself (see `dicom.header_of`).

    Raises:
        InputError: it cannot be read, or no picture is in it.
    """
    _check_file(path)
    with _naming(str(path)):
        return dicom.header_of(path)


class Container(NamedTuple):
    """How files that say more than one picture's pixels are read.

    Attributes:
        read: f(path, number from 1 or None) -> the frame; None where several are there is refused.
        count: f(path) -> number of frames.
    """

    read: Callable[[Path, int | None], Frame]
    count: Callable[[Path], int]


_DICOM = Container(dicom.read_dicom, dicom.frame_count)
CONTAINERS = {
    **dict.fromkeys(dicom.SUFFIXES, _DICOM),
    **dict.fromkeys(nifti.SUFFIXES, Container(nifti.read_nifti, lambda path: 1)),
    **dict.fromkeys(video.SUFFIXES, Container(video.read_video, video.frame_count)),
}
"""By the ending of the name, in lower case: a new reader is a module, and an entry here."""


def frame_suffixes() -> tuple[str, ...]:
    """Return the endings of all files that frames are read from."""
    return (*PICTURE_SUFFIXES, *CONTAINERS)


def suffix_of(path: Path) -> str:
    """Return the ending of a file's name that says its format, in lower case."""
    return ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix.lower()


def stem_of(path: Path) -> str:
    """Return a file's name without the ending that says its format.

    A number behind a point, as in 1.2.840.113619, is no ending.
    """
    suffix = suffix_of(path)
    return path.name[: -len(suffix)] if suffix in frame_suffixes() else path.name


def _container(path: Path) -> Container | None:
    """Return how a file is read by its suffix, or by its content where it has none of ours."""
    suffix = suffix_of(path)
    if suffix in CONTAINERS:
        return CONTAINERS[suffix]
    return _DICOM if suffix not in PICTURE_SUFFIXES and dicom.is_dicom(path) else None


def read_image(image: Image.Image) -> Frame:
    """Return a picture that Pillow has opened or made as a frame, the same rules as for a file.

    Raises:
        InputError: it has a palette, colours, one bit a pixel or several pictures, is too large, or
            its transparency varies.
    """
    source = str(getattr(image, "filename", "") or "PIL image")
    with _naming(source):
        pixels = pixels_of(image)
    return Frame(pixels, source=source)


def read_mask_image(path: str | Path) -> np.ndarray:
    """Read a label image: the stored values, or the entries' numbers of a palette PNG.

    An orientation is obeyed as in frames.

    Args:
        path: a PNG (1, 8 or 16 bit, or palette) or TIFF (8 or 16 bit) file with a single frame.

    Returns:
        [H, W] uint8 or uint16.

    Raises:
        InputError: as for `read_frame`; a mask in colours or in JPEG.
    """
    return _read(Path(path), label_values, mask=True)


def frames_in(folder: Path) -> list[Path]:
    """Return the picture files in a folder, by name, without the hidden ones.

    Hidden are names that begin with a dot, such as `._f1.png`, which macOS leaves on USB sticks.

    Raises:
        InputError: the folder is missing or cannot be listed.
    """
    with reading(folder):
        return sorted(path for path in folder.iterdir() if _is_visible_picture(path))


def _is_visible_picture(path: Path) -> bool:
    if path.name.startswith(".") or path.is_dir():
        return False  # a link to nothing is a picture, to be named as such later
    # Machines name DICOM files by numbers alone, such as IM000001 or 1.2.840.113619.
    return suffix_of(path) in frame_suffixes() or dicom.is_dicom(path)


def _read(path: Path, values: Callable[[Picture], np.ndarray], *, mask: bool) -> np.ndarray:
    decode = _decoder(path, mask)
    data = _whole(path)
    _check_content(path, data)
    with _naming(str(path)):
        return np.ascontiguousarray(values(decode(data)))


def _decoder(path: Path, mask: bool) -> Callable[[bytes], Picture]:
    suffix = suffix_of(path)
    if suffix in CONTAINERS:
        raise InputError(f"{path}: '{suffix}' is not read as a mask; save it as PNG or TIFF")
    if suffix in JPEG_SUFFIXES and mask:
        raise InputError(
            f"{path}: a mask as JPEG, which changes label values at every edge; export it anew as "
            "PNG or TIFF, not from this file"
        )
    if suffix not in (MASK_SUFFIXES if mask else PICTURE_SUFFIXES):
        raise InputError(f"{path}: '{suffix}' is not read; save it as an 8- or 16-bit PNG or TIFF")
    if suffix == ".png":
        return functools.partial(png.read_png, mask=mask)
    if suffix == bmp.SUFFIX:
        return bmp.read_bmp
    return jpeg.read_jpeg if suffix in JPEG_SUFFIXES else tiff.read_tiff


def _check_file(path: Path) -> None:
    """Refuse what is no file."""
    if "\0" in str(path):
        raise InputError(f"{str(path)!r}: no such file; correct the path")
    with reading(path):
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: no such file, but a folder or a device; correct the path")


def _whole(path: Path) -> bytes:
    """Return a file's bytes, if it is a file and not too long."""
    most = most_bytes()
    _check_file(path)
    with reading(path):
        size = path.stat().st_size
        if size > most:
            raise InputError(
                f"{path}: {size / MIB:.0f} MiB, and at most {most / MIB:.0f} MiB are read; save "
                "it as PNG, or one frame a file"
            )
        return path.read_bytes()


def _check_content(path: Path, data: bytes) -> None:
    """Refuse a file that is whole, but not what its name says."""
    kind = _kind(data)
    suffixes = _SUFFIXES_OF.get(kind, ())
    if not kind or path.suffix.lower() in suffixes:
        return
    remedy = f"rename it to {suffixes[0]}" if suffixes else "save it as an 8- or 16-bit PNG or TIFF"
    if kind == _APPLE_DOUBLE:
        remedy = "leave it out"
    raise InputError(f"{path}: named {path.suffix}, but its content is {kind}; {remedy}")


def _kind(data: bytes) -> str:
    """Return what a file is by its first bytes; empty: nothing that is known."""
    for start, name in _SIGNATURES.items():
        if data.startswith(start):
            return name
    if data[128:132] == b"DICM":
        return "DICOM"
    return "WebP" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""


@contextmanager
def _naming(source: str) -> Iterator[None]:
    """Put the file's name before what is wrong with it, whatever a decoder says of it."""
    try:
        with _quietly():
            yield
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    except MemoryError as error:
        raise InputError(
            f"{source}: too little memory to decode it; free some, or save it smaller"
        ) from error
    except Exception as error:  # decoders raise anything on damaged files
        raise InputError(
            f"{source}: cannot be decoded ({_reason(error)}): the file is truncated or damaged; "
            "copy or export it again"
        ) from error


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text[:160] if text else type(error).__name__


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep the decoders' remarks from being printed, or raised where warnings are errors.

    Pillow's own limit of pixels does not count: ours does, before.
    """
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = [log.propagate for log in _LOGS], Image.MAX_IMAGE_PIXELS
        for log in _LOGS:
            log.propagate = False
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            for log, propagate in zip(_LOGS, before[0], strict=True):
                log.propagate = propagate
            Image.MAX_IMAGE_PIXELS = before[1]
