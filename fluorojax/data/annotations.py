"""Annotations to masks: label images in three encodings, and what annotation tools write."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from fluorojax.core.errors import InputError
from fluorojax.core.files import read_json
from fluorojax.data import dicom, nifti
from fluorojax.data.catalogue import MOST_BYTES, Catalogue, kept
from fluorojax.data.coco import CocoFile, is_coco, read_coco
from fluorojax.data.cvat import parse_cvat, read_cvat
from fluorojax.data.dicom_seg import SegmentationFile, parse_seg, read_seg
from fluorojax.data.label_rules import PLAIN, LabelRules, Subject
from fluorojax.data.labelme import read_labelme
from fluorojax.data.line_table import read_line_table
from fluorojax.data.readers import holds_dicom, read_frame, read_mask_image, suffix_of
from fluorojax.schema import bitmask
from fluorojax.schema.info import DatasetInfo, index_values

CLASS_PLACEHOLDER = "{class}"

_BINARY_VALUES = (0, 1, 255)
_SMOOTHED = (
    ". They lie between labels at edges, which a drawing program has smoothed (anti-aliasing): "
    "export the mask without it (a pencil instead of a brush, resizing by the nearest neighbour)"
)


def annotation_files(path: str | Path, info: DatasetInfo) -> tuple[Path, ...]:
    """Return the files behind an annotation: one, or one a class where it holds `{class}`."""
    if CLASS_PLACEHOLDER not in str(path):
        return (Path(path),)
    return tuple(Path(str(path).replace(CLASS_PLACEHOLDER, name)) for name in info.class_names)


def read_annotation(
    path: str | Path,
    info: DatasetInfo,
    encoding: str,
    shape: tuple[int, int],
    case: str,
    *,
    image: Path | None = None,
    frame: int = -1,
    rules: LabelRules = PLAIN,
) -> np.ndarray:
    """Read one annotation as a mask a class.

    A path that ends in one of `OF_TOOLS`, or DICOM without such an ending, is a file of an
    annotation tool, whatever the encoding.
    Otherwise a label image: `bitmask` (bit k = class k), `index` (value k + 1, or the class's
    `mask_value`; 0 is nothing) or `per_class` (a file a class, 0 and 1 or 0 and 255; every class
    needs its file, so that a forgotten one is not taken for an absent object). In a mask of 0 and
    255 alone, a smoothed edge is taken at half.

    Args:
        path: the annotation; with `per_class` it holds `{class}` in the place of the class's name.
        info: the classes.
        encoding: one of `ENCODINGS`.
        shape: rows and columns of the frame.
        case: the case's name, for messages.
        image: the frame's file, which files of many frames' annotations list.
        frame: its number, the first of a file of several being 1; -1: not said.
        rules: what else dataset.json says of labels.

    Returns:
        [*shape, C] bool.

    Raises:
        InputError: a missing or unreadable file, another size than the frame's, an unknown label
            value or name, or a shape that cannot be drawn.
    """
    if read := OF_TOOLS.get(_suffix(path)):
        return read(Path(path), Subject(info, shape, case, image, frame, rules))
    if rules.values:
        return _read_values(Path(path), rules, shape, case)
    return _DECODERS[encoding](Path(path), info, shape, case)


def of_a_tool(path: str | Path) -> bool:
    """Say whether an annotation is a file of an annotation tool, which needs no mask encoding."""
    return _suffix(path) in OF_TOOLS


def catalogue_of(path: str | Path, case: str = "") -> Catalogue | None:
    """Return the pictures that an annotation lists, where it is a file of many frames' ones.

    Raises:
        InputError: it cannot be read.
    """
    found = parsed(path, case) if _suffix(path) not in dicom.SUFFIXES else None
    return found if isinstance(found, Catalogue) else None


def parsed(path: str | Path, case: str = "") -> Catalogue | SegmentationFile | None:
    """Return what a file holds that may be of many frames: COCO, CVAT, DICOM-SEG; None: another.

    Raises:
        InputError: it cannot be read.
    """
    parse = _OF_MANY.get(_suffix(path))
    found = kept(Path(path), case, parse) if parse else None
    return found if isinstance(found, Catalogue | SegmentationFile) else None


def is_of_many(path: str | Path) -> bool:
    """Say whether an annotation says itself which of several frames it is of.

    Raises:
        InputError: it cannot be read.
    """
    found = parsed(path)
    return found.is_of_many if isinstance(found, SegmentationFile) else found is not None


def _suffix(path: str | Path) -> str:
    """Return the ending that says what a file is; DICOM is known by its content, too."""
    suffix = Path(path).suffix.lower()
    named = suffix in OF_TOOLS or not holds_dicom(Path(path))
    return suffix if named else dicom.SUFFIXES[0]


def _parse_json(path: Path, case: str) -> Any:
    """Return a COCO file, or what another JSON file says."""
    document = read_json(path, most=MOST_BYTES, case=case)
    return CocoFile(path, document) if is_coco(document) else document


def _read_json_shapes(path: Path, subject: Subject) -> np.ndarray:
    found = kept(path, subject.case, _parse_json)
    if isinstance(found, CocoFile):
        return read_coco(found, subject)
    return read_labelme(path, found, subject)


def _read_xml(path: Path, subject: Subject) -> np.ndarray:
    return read_cvat(kept(path, subject.case, parse_cvat), subject)


def _read_dicom(path: Path, subject: Subject) -> np.ndarray:
    return read_seg(kept(path, subject.case, parse_seg), subject)


OF_TOOLS: dict[str, Callable[[Path, Subject], np.ndarray]] = {
    ".json": _read_json_shapes,
    ".xml": _read_xml,
    ".csv": read_line_table,
    **dict.fromkeys(dicom.SUFFIXES, _read_dicom),
}
"""What reads the files of annotation tools, by their ending."""
_OF_MANY: dict[str, Callable[[Path, str], Any]] = {
    ".json": _parse_json,
    ".xml": parse_cvat,
    **dict.fromkeys(dicom.SUFFIXES, parse_seg),
}


def read_ignore(
    path: str | Path, shape: tuple[int, int], case: str, value: int | None = None
) -> np.ndarray:
    """Read the pixels that count neither in loss nor in scores: values 0 and 1, or 0 and 255.

    With a `value` it is a label image, in which that value is such pixels'.

    Returns:
        `shape` bool, True = ignored.

    Raises:
        InputError: as for `read_annotation`.
    """
    if value is not None:
        return _read_labels(Path(path), shape, case) == value
    return _read_binary(Path(path), shape, case)


def read_labels(path: Path) -> np.ndarray:
    """Read a label image, PNG, TIFF or NIfTI, as [H, W] of values.

    Raises:
        InputError: it cannot be read.
    """
    return read_frame(path).pixels if suffix_of(path) in nifti.SUFFIXES else read_mask_image(path)


def _sharpen(labels: np.ndarray) -> np.ndarray:
    """Take the soft edge of a mask of 0 and 255 at half: grey, next to a 0 and next to a 255.

    Drawing programs smooth edges. Grey elsewhere is left as it is, to be refused by its value.
    """
    grey = (labels > 0) & (labels < 255)
    if not grey.any():
        return labels
    edge = grey
    for value in (0, 255):
        edge = edge & ndimage.binary_dilation(labels == value, np.ones((3, 3)))
    return np.where(edge, np.where(labels >= 128, 255, 0), labels)


def _read_labels(path: Path, shape: tuple[int, int], case: str) -> np.ndarray:
    try:
        labels = read_labels(path)
    except InputError as error:
        raise InputError(f"case {case}: {error}") from error
    if labels.shape != tuple(shape):
        raise InputError(
            f"{path}: case {case}: the mask is {_size(labels.shape)}, the frame {_size(shape)} "
            "(rows x columns); draw it on the frame itself, without resizing"
        )
    return labels


def _read_bitmask(path: Path, info: DatasetInfo, shape: tuple[int, int], case: str) -> np.ndarray:
    labels = _read_labels(path, shape, case)
    classes = len(info.classes)
    meaning = ", ".join(f"{2**k} = {name}" for k, name in enumerate(info.class_names))
    _refuse_unknown(labels, labels >= 2**classes, path, case, f"bitmask of {meaning}")
    return bitmask.unpack(labels.astype(bitmask.dtype(classes)), classes).astype(bool)


def _read_index(path: Path, info: DatasetInfo, shape: tuple[int, int], case: str) -> np.ndarray:
    labels = _read_labels(path, shape, case)
    values = index_values(info)
    if values == (255,):
        labels = _sharpen(labels)
    meaning = ", ".join(f"{v} = {n}" for v, n in zip(values, info.class_names, strict=True))
    unknown = ~np.isin(labels, (0, *values))
    _refuse_unknown(labels, unknown, path, case, f"index of 0 = nothing, {meaning}")
    return np.stack([labels == value for value in values], -1)


def _read_values(path: Path, rules: LabelRules, shape: tuple[int, int], case: str) -> np.ndarray:
    """Read a label image in which each class has one value or several."""
    labels = _read_labels(path, shape, case)
    known = {0, *(v for values in rules.values for v in values)}
    known |= set() if rules.ignore_value is None else {rules.ignore_value}
    meaning = ", ".join(map(str, sorted(known)))
    _refuse_unknown(labels, ~np.isin(labels, list(known)), path, case, f"labels {meaning}")
    return np.stack([np.isin(labels, values) for values in rules.values], -1)


def _read_per_class(path: Path, info: DatasetInfo, shape: tuple[int, int], case: str) -> np.ndarray:
    if CLASS_PLACEHOLDER not in str(path):
        raise InputError(
            f"{path}: case {case}: with mask_encoding per_class the annotation is a path with "
            f"'{CLASS_PLACEHOLDER}' in it, such as masks/{case}_{CLASS_PLACEHOLDER}.png"
        )
    return np.stack([_read_binary(file, shape, case) for file in annotation_files(path, info)], -1)


_DECODERS: dict[str, Callable[[Path, DatasetInfo, tuple[int, int], str], np.ndarray]] = {
    "bitmask": _read_bitmask,
    "index": _read_index,
    "per_class": _read_per_class,
}


def _read_binary(path: Path, shape: tuple[int, int], case: str) -> np.ndarray:
    labels = _sharpen(_read_labels(path, shape, case))
    _refuse_unknown(labels, ~np.isin(labels, _BINARY_VALUES), path, case, "0 and 1, or 0 and 255")
    return labels > 0


def _refuse_unknown(
    labels: np.ndarray, unknown: np.ndarray, path: Path, case: str, allowed: str
) -> None:
    if not unknown.any():
        return
    values = np.unique(labels[unknown])
    row, column = np.argwhere(unknown)[0]
    named = ", ".join(map(str, values[:8])) + (", ..." if len(values) > 8 else "")
    smoothed = _SMOOTHED if _at_edges(labels, unknown) else ""
    raise InputError(
        f"{path}: case {case}: unknown label value {named} (first at row {row}, column {column}, "
        f"{int(unknown.sum())} pixels); allowed: {allowed}{smoothed}. Correct the mask, or "
        "classes, mask_value or mask_encoding in dataset.json"
    )


def _at_edges(labels: np.ndarray, unknown: np.ndarray) -> bool:
    """Say whether most unknown values lie between a smaller and a larger known one near them."""
    known = np.where(unknown, -1, labels.astype(np.int64))
    largest = ndimage.maximum_filter(known, 7)
    smallest = ndimage.minimum_filter(np.where(unknown, 2**16, known), 7)
    between = unknown & (smallest < labels) & (labels < largest)
    return 2 * int(between.sum()) > int(unknown.sum())


def _size(shape: tuple[Any, ...]) -> str:
    return " x ".join(map(str, shape))
