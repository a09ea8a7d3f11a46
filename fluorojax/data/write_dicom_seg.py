"""Masks of a DICOM file as a DICOM segmentation: a plane a segment and frame, on the file's grid.

highdicom's own `Segmentation` wants a frame of reference with plane positions, which a projection
has not: of XA and RF it takes neither single frames without a NumberOfFrames nor cines, and of
CR and DX single frames. So the file is put together here of its parts, and read again by its
`segread`.

- Planes are BINARY and may overlap: a wire that lies over an endoscope is in both.
- Each plane names its segment, and the instance and frame it was found in (Derivation Image). By
  A.51.5.1 its pixels are then the source's pixels, and no plane position is needed.
- Planes are indexed by segment and by their place in time, as no place in space tells them apart.
- A frame without a plane of a segment shows nothing of it; `ImageComments` says so.
- The frame of reference is the source's, where it has one, and absent where it has none.

Source: DICOM PS3.3 2024, A.51 and C.8.20 (segmentation), C.7.6.16.2.6 (derivation image), C.7.6.17
(dimensions).
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.tag import Tag
from pydicom.uid import SegmentationStorage, generate_uid

from fluorojax.core.errors import InputError
from fluorojax.data.dicom_out import (
    FAMILY,
    LONGEST,
    MANUFACTURER,
    Algorithm,
    begun,
    copying,
    library,
    source_of,
)
from fluorojax.data.dicom_terms import term_of

MODEL = "fluorojax predict"
SEGMENTATION = Code("113076", "DCM", "Segmentation")
SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")
MOST_PIXELS = 2**32 - 2
"""Bytes of pixels that one file holds."""
_COPIED = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")


class PackedPlanes:
    """Single bits of planes one after the other, as DICOM stores them, in a file.

    A plane begins where the one before it ends, in the middle of a byte too; the first pixel is a
    byte's lowest bit.
    """

    def __init__(self, file: IO[bytes]):
        """Take an empty file."""
        self._file, self._bytes = file, 0
        self._rest = np.zeros(0, np.uint8)

    def add(self, plane: np.ndarray) -> None:
        """Append a plane `[H, W] bool`.

        Raises:
            InputError: there would be more bytes than a file of DICOM can hold.
        """
        bits = np.concatenate([self._rest, plane.ravel().astype(np.uint8)])
        whole = len(bits) // 8 * 8
        self._rest = bits[whole:]
        self._write(bits[:whole])

    def end(self) -> None:
        """Append what is left, and a byte where their number is odd."""
        self._write(self._rest)
        self._file.write(b"\0" * (self._bytes % 2))
        self._file.seek(0)

    def _write(self, bits: np.ndarray) -> None:
        self._bytes += self._file.write(np.packbits(bits, bitorder="little").tobytes())
        if self._bytes > MOST_PIXELS:
            raise InputError(
                "masks of more than 4 GiB, which one DICOM file cannot hold; give fewer frames of "
                "the cine, by a dataset folder whose table names them"
            )


def write_dicom_seg(
    path: Path,
    source: Path,
    masks: Iterable[tuple[int, np.ndarray]],
    names: Sequence[str],
    algorithm: Algorithm,
    colours: Sequence[Sequence[int]] = (),
) -> None:
    """Write the masks of a DICOM file's frames; what was found in one frame is in memory at a time.

    Args:
        path: to be written.
        source: the DICOM file.
        masks: number of a frame, from 1, and its masks [H, W, C] bool; rising. Of a file of one
            frame the number is not looked at.
        names: of the C classes.
        algorithm: what found them.
        colours: [C, 3], red, green and blue in 0..255, to be shown in; none given: none is said.

    Raises:
        InputError: highdicom is not installed, masks of another size than the frames, too many, or
            a header that cannot be copied.
    """
    with tempfile.TemporaryFile(dir=path.parent) as pixels, copying(source):
        image = source_of(source)
        cine = int(image.get("NumberOfFrames") or 1) > 1
        planes, overlap, numbers = _pack(masks, image, source, len(names), pixels)
        made = begun(image, SegmentationStorage, "SEG", f"Segmentation: {', '.join(names)}", MODEL)
        _add_reference(made, image)
        _add_image(made, image, names, algorithm, colours)
        made.SegmentsOverlap = "YES" if overlap else "NO"
        made.ImageComments = _comment(numbers, int(image.get("NumberOfFrames") or 1))
        _add_dimensions(made, cine)
        made.SharedFunctionalGroupsSequence = [Dataset()]
        made.PerFrameFunctionalGroupsSequence = list(_groups(planes, image, cine))
        made.NumberOfFrames = len(planes)
        # A stream: all planes of a long cine need not fit into memory.
        made["PixelData"] = DataElement(Tag("PixelData"), "OB", pixels)
        made.save_as(path, enforce_file_format=True)


def _pack(
    masks: Iterable[tuple[int, np.ndarray]],
    image: Dataset,
    source: Path,
    count: int,
    file: IO[bytes],
) -> tuple[list[tuple[int, int]], bool, list[int]]:
    """Put the planes that are not empty into a file, without any an empty one a segment.

    Returns:
        (segment from 1, frame) of each plane, whether any two overlap, and all frames' numbers.
    """
    planes: list[tuple[int, int]] = []
    numbers: list[int] = []
    packed, overlap = PackedPlanes(file), False
    shape = int(image.Rows), int(image.Columns)
    several = int(image.get("NumberOfFrames") or 1) > 1
    for number, mask in masks:
        number = number if several else 1
        if mask.shape != (*shape, count):
            raise InputError(
                f"{source}: masks of {mask.shape} for frames of {shape} and {count} classes; "
                "predict it again into a new folder"
            )
        if number in numbers[-1:]:
            raise InputError(
                f"{source}: frame {number} is that of two cases; leave one of them out of the table"
            )
        numbers.append(number)
        overlap = overlap or bool((mask.sum(-1) > 1).any())
        for k in np.flatnonzero(mask.any((0, 1))).tolist():
            packed.add(mask[..., k])
            planes.append((k + 1, number))
    if not planes:  # an image has at least one
        planes = [(k + 1, number) for number in numbers[:1] for k in range(count)]
        for _ in planes:
            packed.add(np.zeros(shape, bool))
    packed.end()
    return planes, overlap, numbers


def _comment(numbers: Sequence[int], count: int) -> str:
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)
    said = ", ".join(f"{r[0]}-{r[-1]}" if len(r) > 1 else f"{r[0]}" for r in runs)
    return (
        f"Segmented were the frames {said} of {count}; one of them without a plane of a segment "
        "shows nothing of it."
    )


def _add_reference(made: Any, image: Dataset) -> None:
    """Say of which instance it is, and in which frame of reference if the instance says one."""
    instance = Dataset()
    instance.ReferencedSOPClassUID = image.SOPClassUID
    instance.ReferencedSOPInstanceUID = image.SOPInstanceUID
    series = Dataset()
    series.SeriesInstanceUID = image.SeriesInstanceUID
    series.ReferencedInstanceSequence = [instance]
    made.ReferencedSeriesSequence = [series]
    if image.get("FrameOfReferenceUID"):
        made.FrameOfReferenceUID = image.FrameOfReferenceUID
        made.PositionReferenceIndicator = image.get("PositionReferenceIndicator")


def _add_image(
    made: Any,
    image: Dataset,
    names: Sequence[str],
    algorithm: Algorithm,
    colours: Sequence[Sequence[int]],
) -> None:
    """Say what a pixel is, and what segments there are."""
    made.ImageType = ["DERIVED", "PRIMARY"]
    made.Rows, made.Columns = image.Rows, image.Columns
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated = made.BitsStored = 1
    made.HighBit = made.PixelRepresentation = 0
    made.LossyImageCompression = "00"
    for name in _COPIED:
        if image.get(name):
            setattr(made, name, image.get(name))
    made.SegmentationType = "BINARY"
    made.ContentLabel, made.ContentCreatorName = "SEGMENTATION", None
    made.ContentDescription = f"Found by {algorithm.name}"[:LONGEST]
    made.SegmentSequence = [
        _segment(k, name, algorithm, colours[k] if len(colours) else None)
        for k, name in enumerate(names)
    ]


def _segment(k: int, name: str, algorithm: Algorithm, colour: Sequence[int] | None) -> Any:
    highdicom, term = library("DICOM segmentations"), term_of(name)
    identified = highdicom.AlgorithmIdentificationSequence(
        name=algorithm.name[:LONGEST],
        family=FAMILY,
        version=algorithm.checksum[:LONGEST],
        source=MANUFACTURER,
        parameters={"sha256": algorithm.checksum, "masks": algorithm.details},
    )
    shown = None if colour is None else highdicom.color.CIELabColor.from_rgb(*map(int, colour))
    return highdicom.seg.SegmentDescription(
        *(k + 1, name[:LONGEST], term.category, term.type, "AUTOMATIC", identified),
        display_color=shown,
    )


def _add_dimensions(made: Any, cine: bool) -> None:
    """Index planes by segment, and those of a cine by frame."""
    organisation = generate_uid(None)
    pairs = [("ReferencedSegmentNumber", "SegmentIdentificationSequence")]
    pairs += [("TemporalPositionIndex", "FrameContentSequence")] * cine
    made.DimensionOrganizationSequence = [Dataset()]
    made.DimensionOrganizationSequence[0].DimensionOrganizationUID = organisation
    made.DimensionIndexSequence = []
    for pointer, group in pairs:
        item = Dataset()
        item.DimensionOrganizationUID = organisation
        item.DimensionIndexPointer, item.FunctionalGroupPointer = Tag(pointer), Tag(group)
        item.DimensionDescriptionLabel = pointer
        made.DimensionIndexSequence.append(item)


def _groups(planes: Sequence[tuple[int, int]], image: Dataset, cine: bool) -> Iterator[Dataset]:
    """Yield what is said of each plane."""
    places = {n: place for place, n in enumerate(sorted({n for _, n in planes}), 1)}
    for segment, number in planes:
        group, content, identified = Dataset(), Dataset(), Dataset()
        content.DimensionIndexValues = [segment, places[number]] if cine else [segment]
        if cine:
            content.TemporalPositionIndex = number
        identified.ReferencedSegmentNumber = segment
        group.FrameContentSequence = [content]
        group.SegmentIdentificationSequence = [identified]
        group.DerivationImageSequence = [_derivation(image, number if cine else None)]
        yield group


def _derivation(image: Dataset, number: int | None) -> Dataset:
    """Return which frame a plane is of; None: the instance has no frames to be told apart."""
    source, derivation = Dataset(), Dataset()
    source.ReferencedSOPClassUID = image.SOPClassUID
    source.ReferencedSOPInstanceUID = image.SOPInstanceUID
    if number is not None:
        source.ReferencedFrameNumber = number
    source.SpatialLocationsPreserved = "YES"
    source.PurposeOfReferenceCodeSequence = [_coded(SOURCE_IMAGE)]
    derivation.SourceImageSequence = [source]
    derivation.DerivationCodeSequence = [_coded(SEGMENTATION)]
    return derivation


def _coded(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme_designator
    item.CodeMeaning = code.meaning
    return item
