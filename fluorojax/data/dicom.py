"""DICOM: single frames and cines of XA, RF, CR, DX and the like, by pydicom and its decoders.

Values come as people see them, a larger one brighter, after the modality LUT and a VOI LUT that is
a table. A VOI window is not applied by default: grey values are scaled by percentiles later, which
serves every frame, and a window that somebody left at a preset may hide what is looked for.
Overlay planes are never read.

Source: DICOM PS3.3 2024, C.7.6.3 (pixels), C.11.1 and C.11.2 (LUTs), C.7.6.11 (shutter), C.8.7.3
(collimator).
"""

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.pixels.processing import (
    apply_color_lut,
    apply_modality_lut,
    apply_voi,
    apply_windowing,
)
from pydicom.pixels.utils import pixel_array
from pydicom.uid import DeflatedExplicitVRLittleEndian, MediaStorageDirectoryStorage

from fluorojax.core.errors import InputError
from fluorojax.core.files import kept_for_each_file
from fluorojax.data import dicom_codecs
from fluorojax.data.dicom_geometry import outside, spacing_of
from fluorojax.data.picture import Picture, check_size, grey_values
from fluorojax.schema.frame import Frame, Spacing, SpacingOrigin

dicom_codecs.register()

SUFFIXES = (".dcm", ".dicom", ".ima")
"""Of names; files without any are DICOM by their content."""
PREAMBLE, MAGIC = 128, b"DICM"

_GROUPS = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_MOST_BITS = 16


@dataclasses.dataclass(frozen=True)
class Header:
    """What a file says of itself beside its pixels.

    Identifiers are the file's own and belong to a person: they are never written anywhere.

    Attributes:
        patient, study, series, instance: identifiers; empty where the file has none.
        modality: such as XA; empty where it is not said.
        frames: number of frames.
        rows, columns, bits: of a frame; bits that are stored.
        instance_number: number of the file in its series, -1 where it is not said.
        frame_time_ms: between frames of a cine; None where it is not said.
        body_part, view: as the machine wrote them; empty where it did not.
        burned_in: whether text is part of the picture, None where it is not said.
        spacing_mm, spacing_origin: of the first frame (see `Frame`).
    """

    patient: str
    study: str
    series: str
    instance: str
    modality: str
    frames: int
    rows: int
    columns: int
    bits: int
    instance_number: int
    frame_time_ms: float | None
    body_part: str
    view: str
    burned_in: bool | None
    spacing_mm: Spacing
    spacing_origin: SpacingOrigin


def is_dicom(path: Path) -> bool:
    """Say whether a file is DICOM by its content; an index of others (DICOMDIR) is not."""
    try:
        with path.open("rb") as file:
            start = file.read(PREAMBLE + len(MAGIC))
    except OSError:
        return False
    return start[PREAMBLE:] == MAGIC and path.name.upper() != "DICOMDIR"


def header_of(path: Path) -> Header:
    """Return what a file says of itself; its pixels are not read.

    Raises:
        InputError: no picture is in it.
        Exception: whatever pydicom raises at a damaged file.
    """
    dataset = dataset_of(path)
    first = _of_frame(dataset, 1)
    spacing, origin = spacing_of(first)
    return Header(
        patient=_text(dataset, "PatientID") or _text(dataset, "PatientName"),
        study=_text(dataset, "StudyInstanceUID"),
        series=_text(dataset, "SeriesInstanceUID"),
        instance=_text(dataset, "SOPInstanceUID"),
        modality=_text(dataset, "Modality"),
        frames=_frames(dataset),
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        bits=int(dataset.BitsStored),
        instance_number=_whole(dataset, "InstanceNumber"),
        frame_time_ms=_frame_time(dataset),
        body_part=_text(dataset, "BodyPartExamined"),
        view=_text(dataset, "ViewPosition"),
        burned_in={"YES": True, "NO": False}.get(_text(dataset, "BurnedInAnnotation")),
        spacing_mm=spacing,
        spacing_origin=origin,
    )


def frame_count(path: Path) -> int:
    """Return the number of frames in a file.

    Raises:
        InputError: no picture is in it, or its number of frames is 0.
    """
    return _frames(dataset_of(path))


def read_dicom(path: Path, number: int | None = None, *, window: bool = False) -> Frame:
    """Read one grey frame.

    Args:
        path: of the file.
        number: of the frame, from 1; None: the file has one.
        window: apply the file's own VOI window, which cuts values off; a file without one is read
            as without it.

    Returns:
        A frame of uint8 or uint16 with its spacing and where that comes from. `hidden` are the
        pixels of padding and those behind a shutter or collimator that the file names; padding has
        the smallest value of the others.

    Raises:
        InputError: no picture, several frames and no number, a number beyond them, colours, more
            than 16 bits, or a compression that is not read.
        Exception: whatever pydicom raises at a damaged file.
    """
    dataset = dataset_of(path)
    count = _frames(dataset)
    number = _checked(number, count)
    _check_kind(dataset)
    stored = _decoded(path, dataset, number)
    frame = _of_frame(dataset, number)
    spacing, origin = spacing_of(frame)
    if dataset.SamplesPerPixel == 3 or dataset.PhotometricInterpretation == "PALETTE COLOR":
        pixels = _grey_of_colours(stored, frame)
        hidden = outside(frame, (stored.shape[0], stored.shape[1]))
    else:
        stored = _without_unused_bits(stored, frame)
        padding = _padding(stored, frame)
        pixels = _unsigned(*_shown(stored, frame, window), frame)
        hidden = outside(frame, pixels.shape) | padding
        if padding.any() and not padding.all():
            pixels[padding] = pixels[~padding].min()
    return Frame(
        pixels,
        spacing,
        origin,
        number=number if count > 1 else _whole(dataset, "InstanceNumber"),
        source=os.fspath(path),
        hidden=hidden if hidden.any() else None,
    )


@kept_for_each_file(4)  # cines are read frame by frame
def dataset_of(path: Path) -> pydicom.Dataset:
    """Return all of a file but its pixels, with usual values where it leaves some out.

    Raises:
        InputError: no picture is in it.
        Exception: whatever pydicom raises at a damaged file.
    """
    dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    kind = dataset.file_meta.get("MediaStorageSOPClassUID") if "file_meta" in dir(dataset) else None
    if kind == MediaStorageDirectoryStorage:
        raise InputError("an index of other files (DICOMDIR) and no picture; leave it out")
    if not all(name in dataset for name in ("Rows", "Columns", "BitsAllocated")):
        name = dataset.get("SOPClassUID")
        if not name:
            raise InputError("no DICOM file, or a damaged one; copy or export it again")
        raise InputError(f"no picture is in it ('{name.name}'); leave it out")
    if not dataset.file_meta.get("TransferSyntaxUID"):
        raise InputError(
            "it does not say how its pixels are stored (no transfer syntax), as files without the "
            "header of the DICOM file format do not; export it again as a DICOM file"
        )
    for name, usual in (("SamplesPerPixel", 1), ("PixelRepresentation", 0)):
        if name not in dataset:
            setattr(dataset, name, usual)
    if "BitsStored" not in dataset:
        dataset.BitsStored = dataset.BitsAllocated
    if "PhotometricInterpretation" not in dataset:
        raise InputError(
            "it does not say whether 0 is black (no photometric interpretation); export it again"
        )
    return dataset


def _frames(dataset: pydicom.Dataset) -> int:
    count = dataset.get("NumberOfFrames")
    if count is None or count == "":
        return 1
    if int(count) < 1:
        raise InputError(f"a cine of {count} frames, so no picture is in it; leave it out")
    return int(count)


def _checked(number: int | None, count: int) -> int:
    if number is None and count > 1:
        raise InputError(
            f"a file of {count} frames; say which one, from 1 to {count} (in the column 'frame')"
        )
    number = number if number is not None and count > 1 else 1
    if not 1 <= number <= count:
        raise InputError(f"frame {number} of a file of {count}; write 1 to {count}")
    return number


def _check_kind(dataset: pydicom.Dataset) -> None:
    """Refuse pixels that are not read, before they are unpacked."""
    bits = int(dataset.BitsAllocated)
    if bits not in (8, _MOST_BITS):
        raise InputError(f"{bits} bits a pixel; 8 and 16 are read")
    if not 1 <= int(dataset.BitsStored) <= bits:
        raise InputError(f"{dataset.BitsStored} bits stored in {bits}; export it again")
    samples = int(dataset.SamplesPerPixel)
    if samples not in (1, 3):
        raise InputError(f"{samples} values a pixel; save it as grey")
    check_size(int(dataset.Rows), int(dataset.Columns), samples * bits // 8)


def _decoded(path: Path, dataset: pydicom.Dataset, number: int) -> np.ndarray:
    """Return the stored values of one frame, [H, W] or [H, W, 3]; only it is read from the file."""
    syntax = dataset.file_meta.TransferSyntaxUID
    # What is deflated is deflated as a whole, so there is nothing to seek in.
    source = pydicom.dcmread(path) if syntax == DeflatedExplicitVRLittleEndian else path
    if isinstance(source, pydicom.Dataset) and not any(name in source for name in _PIXELS):
        raise InputError("no picture is in it (no pixel data); leave it out")
    # What a file leaves out has its usual value; bits above the stored ones are looked at later.
    options: dict[str, Any] = {
        "bits_stored": int(dataset.BitsStored),
        "pixel_representation": int(dataset.PixelRepresentation),
        "samples_per_pixel": int(dataset.SamplesPerPixel),
        "correct_unused_bits": False,
        "decoding_plugin": dicom_codecs.NAME if dicom_codecs.is_available(syntax) else "",
    }
    try:
        pixels = pixel_array(source, index=number - 1, **options)
    except NotImplementedError as error:
        raise InputError(
            f"its pixels are stored as '{syntax.name}', which is not read; export it without "
            "compression or as JPEG 2000"
        ) from error
    except AttributeError as error:
        if "no pixel data" in str(error):
            raise InputError("no picture is in it (no pixel data); leave it out") from error
        raise
    return np.array(pixels)


def _of_frame(dataset: pydicom.Dataset, number: int) -> pydicom.Dataset:
    """Return a file's values with those of one frame, which enhanced files keep in groups."""
    flat = pydicom.Dataset()
    flat.update(dataset)  # a copy of it shares its values, and those of another frame would stay
    flat.file_meta = dataset.file_meta
    flat.set_original_encoding(*dataset.original_encoding)
    places = (number - 1, 0)
    for name, place in zip(_GROUPS, places, strict=True):
        groups = dataset.get(name) or []
        if place >= len(groups):
            continue
        for element in groups[place]:
            if element.VR == "SQ" and element.value:
                _add_missing(flat, element.value[0])
    return flat


def _add_missing(dataset: pydicom.Dataset, item: pydicom.Dataset) -> None:
    for element in item:
        if element.tag not in dataset:
            dataset.add(element)


def _grey_of_colours(stored: np.ndarray, frame: pydicom.Dataset) -> np.ndarray:
    colours = apply_color_lut(stored, frame) if stored.ndim == 2 else stored
    return grey_values(Picture(colours, 8 * colours.dtype.itemsize, lossy=True))


def _without_unused_bits(stored: np.ndarray, frame: pydicom.Dataset) -> np.ndarray:
    """Return the values without what stands in the bits above them, such as an overlay.

    Returns:
        [H, W] int32.
    """
    bits = int(frame.BitsStored)
    values = stored.astype(np.int32)
    shift = int(frame.get("HighBit") or bits - 1) - (bits - 1)
    if shift > 0 and not frame.file_meta.TransferSyntaxUID.is_compressed:
        values >>= shift
    values &= (1 << bits) - 1
    if frame.PixelRepresentation == 1:
        sign = 1 << (bits - 1)
        values = (values ^ sign) - sign
    return values


def _padding(stored: np.ndarray, frame: pydicom.Dataset) -> np.ndarray:
    """Return where the file says that there is no picture, by its stored values: [H, W] bool."""
    value = frame.get("PixelPaddingValue")
    if value is None or value == "":
        return np.zeros(stored.shape, bool)
    limit = frame.get("PixelPaddingRangeLimit")
    ends = [_signed(v, frame) for v in (value, value if limit in (None, "") else limit)]
    return (stored >= min(ends)) & (stored <= max(ends))


def _signed(value: Any, frame: pydicom.Dataset) -> int:
    """Return a value that was read as unsigned as it is meant where pixels are signed."""
    value = int(value)
    return value - 2**16 if frame.PixelRepresentation == 1 and value >= 2**15 else value


def _shown(
    stored: np.ndarray, frame: pydicom.Dataset, window: bool
) -> tuple[np.ndarray, float, float]:
    """Return values after the LUTs, and the lowest and highest that they can have."""
    bits = int(frame.BitsStored)
    signed = frame.PixelRepresentation == 1
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    table = bool(frame.get("VOILUTSequence"))
    window = window and not table and frame.get("WindowWidth") not in (None, "")
    if frame.get("ModalityLUTSequence"):
        values, (low, high) = apply_modality_lut(stored, frame), _range_of(frame, "Modality")
    else:
        values, low, high = _rescaled(stored, low, high, frame, whole=not (table or window))
    if table:
        looked_up = apply_voi(np.rint(values).astype(np.int32), frame)
        return looked_up, *_range_of(frame, "VOI")
    if window:
        values = apply_windowing(values, frame)
        low, high = float(values.min()), float(values.max())
    return values, low, high


def _range_of(frame: pydicom.Dataset, name: str) -> tuple[int, int]:
    """Return the lowest and highest value of a table by the bits of its entries."""
    return 0, 2 ** int(frame[f"{name}LUTSequence"].value[0].LUTDescriptor[2]) - 1


def _rescaled(
    stored: np.ndarray, low: int, high: int, frame: pydicom.Dataset, *, whole: bool
) -> tuple[np.ndarray, float, float]:
    """Return values after slope and intercept, slope * v + intercept.

    `whole`: stored values are returned, turned where the slope is negative, since nothing but the
    order and the ratios of differences will count; so they stay whole numbers.
    """
    slope = float(frame.get("RescaleSlope") or 1.0)
    if whole:
        return (stored, low, high) if slope > 0 else (-stored, -high, -low)
    intercept = float(frame.get("RescaleIntercept") or 0.0)
    ends = sorted((slope * low + intercept, slope * high + intercept))
    return stored * slope + intercept, ends[0], ends[1]


def _unsigned(values: np.ndarray, low: float, high: float, frame: pydicom.Dataset) -> np.ndarray:
    """Return values from 0 up, a larger one brighter: uint8, or uint16 beyond 255."""
    span = high - low
    values = high - values if frame.PhotometricInterpretation == "MONOCHROME1" else values - low
    if values.dtype.kind == "f":  # a window's
        values, span = np.rint(values * (2**_MOST_BITS - 1) / (span or 1.0)), 2**_MOST_BITS - 1
    return values.astype(np.uint8 if span < 2**8 else np.uint16)


def _frame_time(dataset: pydicom.Dataset) -> float | None:
    """Return the milliseconds from one frame to the next."""
    times = dataset.get("FrameTimeVector")
    if times and len(times) > 1:
        return float(np.mean([float(t) for t in times[1:]]))
    if dataset.get("FrameTime"):
        return float(dataset.FrameTime)
    rate = dataset.get("CineRate") or dataset.get("RecommendedDisplayFrameRate")
    return 1000.0 / float(rate) if rate else None


def _text(dataset: pydicom.Dataset, name: str) -> str:
    value = dataset.get(name)
    return "" if value is None else str(value).strip()


def _whole(dataset: pydicom.Dataset, name: str) -> int:
    text = _text(dataset, name)
    return int(text) if text.isascii() and text.isdigit() else -1
