"""NIfTI files of one slice, by nibabel (an extra: `pip install 'fluorojax[formats]'`)."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from fluorojax.core.errors import InputError, needs
from fluorojax.data.picture import check_size
from fluorojax.schema.frame import UNKNOWN_SPACING, Frame, Spacing

SUFFIXES = (".nii", ".nii.gz")
_MM = 2  # NIfTI's code of millimetres; 0 where nobody said, which nobody means otherwise


def read_nifti(path: Path, number: int | None = None) -> Frame:
    """Read a file of one slice as a frame: x of the file are columns, y rows.

    So do nnU-Net and SimpleITK with two-dimensional pictures.

    Args:
        path: `.nii` or `.nii.gz`.
        number: of no use, as there is one slice.

    Raises:
        InputError: several slices, values that are no whole numbers from 0 to 65535, or nibabel is
            not installed.
        Exception: whatever nibabel raises at a damaged file.
    """
    values, spacing = read_slice(path)
    known = spacing is not UNKNOWN_SPACING
    return Frame(values, spacing, "stated" if known else "unknown", source=os.fspath(path))


def read_slice(path: Path) -> tuple[np.ndarray, Spacing]:
    """Return the values [rows, columns] of a file of one slice, uint8 or uint16, and its spacing.

    Raises:
        InputError: as for `read_nifti`.
    """
    image = _loaded(path)
    sides = image.shape
    if len(sides) < 2 or any(side != 1 for side in sides[2:]):
        raise InputError(
            f"{' x '.join(map(str, sides))} values; one slice is read: save each as a file"
        )
    check_size(sides[1], sides[0], 8)
    values = np.asarray(image.dataobj).reshape(sides[:2]).T
    return _whole_numbers(values), _spacing(image.header)


def _loaded(path: Path) -> Any:
    nibabel = needs("nibabel", "formats", "NIfTI files")
    return nibabel.load(path)


def _whole_numbers(values: np.ndarray) -> np.ndarray:
    whole = np.rint(values)
    if not np.isfinite(values).all() or (whole != values).any():
        raise InputError("values that are no whole numbers; save it as 16-bit whole numbers")
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 2**16 - 1:
        raise InputError(f"values from {low:g} to {high:g}; 0 to 65535 are read")
    wide = values.dtype.itemsize > 1 and high > 255
    return np.ascontiguousarray(whole.astype(np.uint16 if wide else np.uint8))


def _spacing(header: Any) -> Spacing:
    """Return (rows, columns) in mm; unknown where it is in other units, or not above 0."""
    column_mm, row_mm = map(float, header.get_zooms()[:2])
    units = int(header["xyzt_units"]) & 7
    if units not in (0, _MM) or not (row_mm > 0 and column_mm > 0):
        return UNKNOWN_SPACING
    return row_mm, column_mm
