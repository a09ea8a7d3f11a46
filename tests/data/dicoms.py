"""DICOM files for tests: frames as some machine might have written them."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
    XRayAngiographicImageStorage,
)

Encode = Callable[[np.ndarray], bytes]

NATIVE = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)


def packed(frame: np.ndarray) -> bytes:
    """Return a frame in DICOM's RLE: a segment a byte of the values, the highest first."""
    planes = frame.astype(frame.dtype.newbyteorder(">")).view(np.uint8)
    planes = planes.reshape(*frame.shape, frame.itemsize)
    segments = []
    for k in range(frame.itemsize):
        rows = b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in planes[..., k])
        segments.append(rows + b"\0" * (len(rows) % 2))
    starts = np.cumsum([64, *(len(s) for s in segments[:-1])])
    header = np.zeros(16, "<u4")
    header[0], header[1 : 1 + len(segments)] = len(segments), starts
    return header.tobytes() + b"".join(segments)


LOSSLESS: dict[UID, Encode] = {
    RLELossless: packed,
    JPEGLossless: lambda frame: imagecodecs.ljpeg_encode(frame, bitspersample=_bits(frame)),
    JPEGLosslessSV1: lambda frame: imagecodecs.ljpeg_encode(frame, bitspersample=_bits(frame)),
    JPEGLSLossless: imagecodecs.jpegls_encode,
    JPEG2000Lossless: lambda frame: _j2k(frame, level=0),
    HTJ2KLossless: imagecodecs.htj2k_encode,
    HTJ2KLosslessRPCL: imagecodecs.htj2k_encode,
}


def by_pillow(data: bytes) -> np.ndarray:
    """Return what Pillow, with libraries of its own, unpacks."""
    return np.asarray(Image.open(io.BytesIO(data)))


LOSSY: dict[UID, tuple[Encode, Callable[[bytes], np.ndarray] | None, int]] = {
    JPEGBaseline8Bit: (lambda f: imagecodecs.jpeg8_encode(f, level=90), by_pillow, 6),
    JPEGExtended12Bit: (
        lambda f: imagecodecs.jpeg8_encode(f, level=95, bitspersample=12),
        None,
        40,
    ),
    JPEGLSNearLossless: (lambda f: imagecodecs.jpegls_encode(f, level=2), None, 2),
    JPEG2000: (lambda f: _j2k(f, level=40), by_pillow, 16),
    HTJ2K: (imagecodecs.htj2k_encode, None, 0),
}
"""How each is made, how another library than ours unpacks it (None: there is none), and how far
from the original it may be: of JPEG-LS by its standard, of the others at this quality."""


def _bits(frame: np.ndarray) -> int:
    return 8 * frame.itemsize


def _j2k(frame: np.ndarray, level: int) -> bytes:
    return imagecodecs.jpeg2k_encode(frame, codecformat="j2k", level=level)


def about_a_person() -> Dataset:
    """Return tags that name somebody, none of which may come through."""
    person = Dataset()
    person.PatientName, person.PatientID = "Doe^Jane", "HIP01"
    person.PatientBirthDate, person.StudyDate = "19500102", "20010203"
    person.InstitutionName, person.ReferringPhysicianName = "St. Elsewhere", "Roe^Richard"
    person.StudyInstanceUID, person.SeriesInstanceUID = "1.2.3.4.1", "1.2.3.4.2"
    person.SOPInstanceUID, person.SOPClassUID = "1.2.3.4.3", XRayAngiographicImageStorage
    return person


def dataset(
    frames: np.ndarray,
    syntax: UID = ExplicitVRLittleEndian,
    data: Sequence[bytes] | None = None,
    *,
    empty_table: bool = False,
    **tags: Any,
) -> Dataset:
    """Return a data set of pixels [H, W], [H, W, 3] or [N, H, W], with whatever else is given.

    Args:
        frames: the stored values.
        syntax: how they are stored.
        data: the compressed frames; None: they are stored as they are.
        empty_table: leave out where each frame begins.
        tags: keyword = value; None removes.
    """
    made = about_a_person()
    several = frames.ndim == 3 and frames.shape[-1] != 3
    made.Modality = "XA"
    made.Rows, made.Columns = frames.shape[1:3] if several else frames.shape[:2]
    made.SamplesPerPixel = 3 if frames.shape[-1] == 3 and frames.ndim == 3 else 1
    made.PhotometricInterpretation = "RGB" if made.SamplesPerPixel == 3 else "MONOCHROME2"
    if made.SamplesPerPixel == 3:
        made.PlanarConfiguration = 0
    made.BitsAllocated = made.BitsStored = 8 * frames.itemsize
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(frames.dtype.kind == "i")
    if several:
        made.NumberOfFrames = len(frames)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    if data is None:
        made.PixelData = frames.astype(frames.dtype.newbyteorder(order)).tobytes()
        made.PixelData += b"\0" * (len(made.PixelData) % 2)
    else:
        made.PixelData = encapsulate(list(data), has_bot=not empty_table)
    made["PixelData"].VR = "OB" if data is not None or frames.itemsize == 1 else "OW"
    for name, value in tags.items():
        if value is None:
            delattr(made, name)
        else:
            setattr(made, name, value)
    return made


def write(path: Path, frames: np.ndarray, *args: Any, **tags: Any) -> Path:
    """Write a file of `dataset`."""
    dataset(frames, *args, **tags).save_as(path, enforce_file_format=True)
    return path


def item(**tags: Any) -> Dataset:
    """Return an item of a sequence."""
    made = Dataset()
    for name, value in tags.items():
        setattr(made, name, value)
    return made


def table(values: Sequence[int], first: int, bits: int, **more: Any) -> Items:
    """Return a look-up table: `values` from the input `first` on."""
    lut = item(LUTDescriptor=[len(values), first, bits], **more)
    lut.LUTData = np.array(values, "<u2").tobytes()
    return Items([lut])
