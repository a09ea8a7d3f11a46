"""Label images in NIfTI, of a single slice."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.core.files import reading
from fluorojax.data.picture import most_pixels

SUFFIXES = (".nii", ".nii.gz")


def is_nifti(path: Path) -> bool:
    """Say whether a path is that of a NIfTI file, compressed or not."""
    return path.name.lower().endswith(SUFFIXES)


def read_nifti_labels(path: Path) -> np.ndarray:
    """Return the labels of a slice as they are stored: NIfTI's first axis runs along a row.

    Returns:
        [H, W] uint16.

    Raises:
        InputError: nibabel is not installed; the file is missing, damaged or too large, holds
            several slices, or values that are no labels.
    """
    try:
        import nibabel
    except ImportError as error:
        raise InputError(
            f"{path}: NIfTI needs nibabel; install it: pip install 'fluorojax[nifti]'"
        ) from error
    with reading(path):
        path.stat()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = _slice(nibabel.load(path), path)
    except InputError:
        raise
    except Exception as error:  # a damaged file raises anything
        raise InputError(
            f"{path}: cannot be decoded ({type(error).__name__}): truncated, damaged, or no NIfTI "
            "file; copy or export it again"
        ) from error
    if values.dtype.kind not in "biuf" or not _are_labels(values):
        raise InputError(
            f"{path}: values that are no labels (whole numbers from 0 to 65535); export the "
            "labels, not probabilities"
        )
    return np.ascontiguousarray(values.astype(np.uint16))


def _are_labels(values: np.ndarray) -> bool:
    within = (values >= 0) & (values <= np.iinfo(np.uint16).max)  # not where NaN
    return bool(within.all() and (values == np.rint(values)).all())


def _slice(stored: Any, path: Path) -> np.ndarray:
    """Return the one slice of an open file, as rows and columns."""
    shape = tuple(stored.shape)
    if len(shape) < 2 or any(n != 1 for n in shape[2:]) or not all(shape):
        raise InputError(
            f"{path}: {' x '.join(map(str, shape))} pixels; only single slices are read: save "
            "each as a file of its own"
        )
    if shape[0] * shape[1] > most_pixels():
        raise InputError(f"{path}: {shape[0]} x {shape[1]} pixels, more than {most_pixels()}")
    return np.asarray(stored.dataobj).reshape(shape[:2], order="F").T
