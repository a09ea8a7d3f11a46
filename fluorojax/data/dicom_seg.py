"""DICOM segmentations (DICOM-SEG) as masks: a plane a segment and source frame."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array

from fluorojax.core.errors import InputError
from fluorojax.core.files import read_bytes
from fluorojax.data.catalogue import MOST_BYTES
from fluorojax.data.dicom import is_dicom
from fluorojax.data.label_rules import Subject
from fluorojax.data.problems import one_line, said
from fluorojax.data.readers import header_of

TYPES = ("BINARY", "FRACTIONAL", "LABELMAP")
LABEL = "SegmentLabel"


class _Source(NamedTuple):
    """A frame that a plane was drawn on: its file by its UID, and its number; None: all of it."""

    uid: str
    numbers: tuple[int, ...] | None


class _Plane(NamedTuple):
    """One plane of a segmentation: its place, the segment (0: several), and its source frames."""

    place: int
    segment: int
    sources: tuple[_Source, ...]


class SegmentationFile:
    """A DICOM segmentation: its segments and planes; the pixels are decoded plane by plane."""

    def __init__(self, path: Path, dataset: Dataset):
        """Read the functional groups of a data set."""
        self.path = path
        self.type = str(dataset.get("SegmentationType", ""))
        self.shape = int(dataset.Rows), int(dataset.Columns)
        self.most = float(dataset.get("MaximumFractionalValue", 0) or 0)
        self.labels = {
            int(item.SegmentNumber): str(item.get(LABEL, "")).strip()
            for item in dataset.SegmentSequence
        }
        self.planes = [_plane(n, group, dataset) for n, group in enumerate(_groups(dataset))]
        self.sources = {source.uid for plane in self.planes for source in plane.sources} | {
            str(item.ReferencedSOPInstanceUID)
            for series in dataset.get("ReferencedSeriesSequence", ())
            for item in series.get("ReferencedInstanceSequence", ())
        }
        self._dataset = dataset

    @property
    def says_frames(self) -> bool:
        """Whether it says of a plane which frames it was drawn on."""
        return any(plane.sources for plane in self.planes)

    @property
    def is_of_many(self) -> bool:
        """Whether its planes were drawn on several frames."""
        return len({plane.sources for plane in self.planes}) > 1

    def pixels(self, plane: _Plane) -> np.ndarray:
        """Return the stored values of a plane, [rows, columns]."""
        packed = self._dataset.BitsAllocated == 1
        if packed and not self._dataset.file_meta.TransferSyntaxUID.is_encapsulated:
            return self._unpacked(plane.place)
        return pixel_array(self._dataset, index=plane.place).reshape(self.shape)

    def _unpacked(self, place: int) -> np.ndarray:
        """Return a plane of single bits, which begins within a byte: pydicom reads whole ones."""
        size = self.shape[0] * self.shape[1]
        first, last = place * size, (place + 1) * size
        data = np.frombuffer(self._dataset.PixelData[first // 8 : -(-last // 8)], np.uint8)
        bits = np.unpackbits(data, bitorder="little")
        return bits[first % 8 :][:size].reshape(self.shape)


def parse_seg(path: Path, case: str) -> SegmentationFile:
    """Read a DICOM segmentation without its pixels.

    Raises:
        InputError: it cannot be read, is too long or damaged, or is no segmentation.
    """
    named = f"{path}: case {case}" if case else f"{path}"
    data = read_bytes(path, most=MOST_BYTES, case=case)
    with _decoding(named):
        dataset = pydicom.dcmread(io.BytesIO(data))
        if "SegmentSequence" not in dataset:
            kind = said(dataset.get("Modality", "unknown"))
            raise InputError(
                f"{named}: DICOM of modality {kind}, which is no segmentation (SEG); name the "
                "segmentation as the annotation, and the frame as the image"
            )
        found = SegmentationFile(path, dataset)
    if found.type not in TYPES:
        raise InputError(
            f"{named}: SegmentationType '{said(found.type)}' is not read; save it as one of "
            f"{', '.join(TYPES)}"
        )
    return found


def read_seg(file: SegmentationFile, subject: Subject) -> np.ndarray:
    """Draw the planes of a frame, a mask a class; fractional ones count from half on.

    A segment is the class of its SegmentLabel, in upper or lower case, or of its name in
    `label_names`. A frame of the source without a plane is empty, as empty planes may be left out.

    Returns:
        [*shape, C] bool.

    Raises:
        InputError: another size than the frame's, a segment of no class, another image's
            segmentation, or one that does not say which plane is of which frame.
    """
    where = f"{file.path}: case {subject.case}"
    if file.shape != tuple(subject.shape):
        raise InputError(
            f"{where}: the segmentation is {file.shape[0]} x {file.shape[1]}, the frame "
            f"{subject.shape[0]} x {subject.shape[1]} (rows x columns); draw it on the frame itself"
        )
    mask = np.zeros((*subject.shape, len(subject.info.classes)), bool)
    for number, inside in _segments(file, subject.image, subject.frame, where):
        class_index = subject.class_of(
            _name_of(_label(file, number, where), subject), f"{where}: segment {number}", LABEL
        )
        if class_index is not None:
            mask[..., class_index] |= inside
    return mask


def segments_on(
    file: SegmentationFile, image: Path, frame: int, case: str
) -> Iterator[tuple[str, bool]]:
    """Yield the labels of a frame's segments, and whether anything is drawn of them on it.

    Args:
        file: the segmentation.
        image: the frame's file.
        frame: its number, the first of a file of several being 1; -1: not said.
        case: the case's name, for messages.

    Raises:
        InputError: as for `read_seg`.
    """
    where = f"{file.path}: case {case}"
    for number, inside in _segments(file, image, frame, where):
        yield _label(file, number, where), bool(inside.any())


def _segments(
    file: SegmentationFile, image: Path | None, frame: int, where: str
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the segments that were drawn on a frame with their pixels, plane by plane."""
    for plane in _planes_of(file, image, frame, where):
        with _decoding(where):
            values = file.pixels(plane)
        yield from _inside(file, plane, values)


def _inside(
    file: SegmentationFile, plane: _Plane, values: np.ndarray
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the segments of a plane with their pixels."""
    if file.type == "LABELMAP":
        for number in np.unique(values[values > 0]).tolist():  # 0 is the background
            yield number, values == number
    elif file.type == "FRACTIONAL":
        yield plane.segment, (2 * values.astype(float) >= file.most) & (values > 0)
    else:
        yield plane.segment, values > 0


def _label(file: SegmentationFile, number: int, where: str) -> str:
    if number not in file.labels:
        raise InputError(f"{where}: segment {number} is not described in the file; save it again")
    return file.labels[number]


def _name_of(label: str, subject: Subject) -> str:
    """Return a label as dataset.json writes it, in upper or lower case."""
    folded = {name.casefold(): name for name in subject.info.class_names}
    return label if label in subject.rules.names else folded.get(label.casefold(), label)


def _planes_of(
    file: SegmentationFile, image: Path | None, frame: int, where: str
) -> Sequence[_Plane]:
    """Return the planes that were drawn on a frame."""
    if not file.says_frames:
        segments = [plane.segment for plane in file.planes]
        if len(set(segments)) == len(segments):
            return file.planes
        raise InputError(
            f"{where}: several planes a segment, and not said which frame each is of; save it "
            "with references to its source frames"
        )
    source = _source(file, image, frame, where)
    return [plane for plane in file.planes if _is_on(plane, *source)]


def _is_on(plane: _Plane, uid: str, number: int) -> bool:
    return any(
        source.uid == uid and (source.numbers is None or number in source.numbers)
        for source in plane.sources
    )


def _source(file: SegmentationFile, image: Path | None, frame: int, where: str) -> tuple[str, int]:
    """Return the UID and the number of a case's frame.

    Raises:
        InputError: the segmentation is of another image, or it is not said which frame it is.
    """
    if image is None or not is_dicom(image):
        return _only_source(file, frame, where)
    header = header_of(image)
    uid, frames = header.instance, header.frames
    if uid not in file.sources:
        raise InputError(
            f"{where}: the segmentation of another image than {image.name}; correct the "
            "column 'annotation'"
        )
    if frames > 1 and frame < 1:
        raise InputError(
            f"{where}: which of the {frames} frames it is is not said; write its number from 1 up "
            "into the column 'frame'"
        )
    return uid, frame if frames > 1 else 1


def _only_source(file: SegmentationFile, frame: int, where: str) -> tuple[str, int]:
    """Return the one image of a segmentation, for a frame that was saved in another format."""
    numbers = {n for p in file.planes for s in p.sources for n in s.numbers or (1,)}
    if len(file.sources) == 1:
        (uid,) = file.sources
        if len(numbers) <= 1:
            return uid, min(numbers, default=1)
        if frame >= 1:
            return uid, frame
    raise InputError(
        f"{where}: the segmentation of {len(file.sources)} images and {len(numbers)} frames, and "
        "not said which this is; name the DICOM file as the case's image, or its number in the "
        "column 'frame'"
    )


def _groups(dataset: Dataset) -> Sequence[Dataset]:
    """Return what is said of each plane; of a file without functional groups nothing."""
    found: Sequence[Dataset] = dataset.get("PerFrameFunctionalGroupsSequence", ())
    if not found and int(dataset.get("NumberOfFrames", 1) or 1) > 1:
        raise ValueError("planes without functional groups, which say what they are")
    return found or [Dataset()]


def _plane(place: int, group: Dataset, dataset: Dataset) -> _Plane:
    shared = next(iter(dataset.get("SharedFunctionalGroupsSequence", ())), Dataset())

    def items(name: str) -> Any:
        return group.get(name) or shared.get(name) or ()

    segment = next((int(i.ReferencedSegmentNumber) for i in items("SegmentIdentificationSequence")),
                   0)  # fmt: skip
    if not segment and len(dataset.SegmentSequence) == 1:
        segment = int(dataset.SegmentSequence[0].SegmentNumber)
    return _Plane(
        place,
        segment,
        tuple(
            _source_of(item)
            for derivation in items("DerivationImageSequence")
            for item in derivation.get("SourceImageSequence", ())
        ),
    )


def _source_of(item: Dataset) -> _Source:
    given = item.get("ReferencedFrameNumber")
    numbers = None if given is None else tuple(int(n) for n in np.atleast_1d(given))
    return _Source(str(item.ReferencedSOPInstanceUID), numbers)


@contextmanager
def _decoding(named: str) -> Iterator[None]:
    """Name the file in what the library says of a damaged one, and print none of its remarks."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except Exception as error:  # pydicom raises anything on damaged files, OSError too
        reason = one_line(str(error).split("\n")[0], 120) or type(error).__name__
        raise InputError(
            f"{named}: cannot be decoded ({reason}): truncated, damaged, or no DICOM file; copy "
            "or export it again"
        ) from error
