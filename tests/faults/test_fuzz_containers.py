"""DICOM files, NIfTI slices and videos with bytes changed, cut, repeated and put in."""

import contextlib
import io
import os
import warnings

import numpy as np
import pytest
from hypothesis import given
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from fluorojax.core.errors import InputError
from fluorojax.data.readers import frame_count, header_of, read_frame
from tests.data import dicoms, test_nifti, test_video
from tests.faults.fuzz import fuzzed, mutated, survives

SMALL = np.add.outer(np.arange(12) * 7, np.arange(16) * 5).astype(np.uint8)
TOKENS = [b"\0\0\0\0", b"\xff" * 4, b"\xfe\xff\x00\xe0", b"\xe0\x7f\x10\x00", b"(\0\x10\0US\2\0"]


@pytest.fixture(autouse=True)
def _no_word(capsys):
    """Nothing is printed by Python, and no warning gets out; the decoders' C code may speak."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    assert capsys.readouterr() == ("", "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def bytes_of(dataset):
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def dicom_seeds():
    """Yield whole files, of each kind that is read in its own way."""
    cine = np.stack([SMALL, SMALL[::-1]])
    spacing = {"ImagerPixelSpacing": [0.2, 0.2], "FrameTime": "40"}
    lut = {"VOILUTSequence": dicoms.table(range(256), 0, 8)}
    shutter = {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [1, 1, 12, 1, 12, 16]}
    for syntax in (ImplicitVRLittleEndian, ExplicitVRBigEndian):
        yield bytes_of(dicoms.dataset(cine.astype(np.uint16), syntax, BitsStored=12, **spacing))
    yield bytes_of(dicoms.dataset(SMALL, **lut, **shutter, PixelPaddingValue=3))
    for syntax in (RLELossless, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless):
        frames = [dicoms.LOSSLESS[syntax](np.ascontiguousarray(frame)) for frame in cine]
        yield bytes_of(dicoms.dataset(cine, syntax, frames, empty_table=True))
    yield bytes_of(
        dicoms.dataset(SMALL, JPEGBaseline8Bit, [dicoms.LOSSY[JPEGBaseline8Bit][0](SMALL)])
    )
    group = dicoms.item(PixelValueTransformationSequence=Items([dicoms.item(RescaleSlope="-1")]))
    yield bytes_of(dicoms.dataset(cine, PerFrameFunctionalGroupsSequence=Items([group, group])))


def use(path, data):
    path.write_bytes(data)
    os.utime(
        path, ns=(0, hash(data) % 2**40)
    )  # another file than the last, whatever the clock says
    survives(lambda: header_of(path))
    survives(lambda: frame_count(path))
    survives(lambda: read_frame(path, 1))


@fuzzed
@given(data=mutated(list(dicom_seeds()), TOKENS))
def test_fuzz_dicom(folder, data):
    use(folder / "a.dcm", data)


@fuzzed
@given(data=mutated([test_nifti.write_bytes(SMALL.T), test_nifti.write_bytes(SMALL.T + 0.5)]))
def test_fuzz_nifti(folder, data):
    path = folder / "a.nii"
    path.write_bytes(data)
    survives(lambda: read_frame(path))


def test_a_video_with_bytes_changed_is_read_or_refused(tmp_path):
    """Fewer than of other files, as each is decoded by some hundred thousand lines of C."""
    path = test_video.write(tmp_path / "a.avi", test_video.FRAMES[:2])
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    read = 0
    for _ in range(60):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 4):
            data[place] = rng.integers(256)
        path.write_bytes(bytes(data[: rng.integers(len(data) // 2, len(data) + 1)]))
        with contextlib.suppress(InputError):
            read += read_frame(path, 1).pixels.ndim == 2
    assert 0 < read < 60
