import gzip
import struct

import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.data.readers import frames_in, read_frame, stem_of

nibabel = pytest.importorskip("nibabel")
GREY = np.random.default_rng(0).integers(0, 60000, (12, 16), np.uint16)


def write_bytes(values, zooms=(0.2, 0.3, 1.0), units=2):
    """Return a NIfTI-1 file made by hand: values are [x, y, ...], the first axis fastest."""
    kinds = {"u1": 2, "i2": 4, "u2": 512, "f4": 16, "f8": 64, "i4": 8}
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    sizes = [values.ndim, *values.shape, *[1] * (7 - values.ndim)]
    struct.pack_into("<8h", header, 40, *sizes)
    kind = values.dtype.str[1:]
    struct.pack_into("<2h", header, 70, kinds[kind], 8 * values.itemsize)
    struct.pack_into("<8f", header, 76, 1.0, *zooms, *[1.0] * (7 - len(zooms)))
    struct.pack_into("<f", header, 108, 352.0)
    struct.pack_into("<f", header, 112, 1.0)
    header[123] = units
    header[344:348] = b"n+1\0"
    return bytes(header) + values.astype(values.dtype.newbyteorder("<")).tobytes(order="F")


def write(path, values, **about):
    content = write_bytes(values, **about)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("shape", [(16, 12), (16, 12, 1)])
def test_a_slice_is_a_frame_whose_first_axis_are_columns(tmp_path, name, shape):
    frame = read_frame(write(tmp_path / name, GREY.T.reshape(shape)))
    np.testing.assert_array_equal(frame.pixels, GREY)
    assert frame.pixels.dtype == np.uint16
    assert frame.spacing_mm == pytest.approx((0.3, 0.2))
    assert frame.spacing_origin == "stated"


def test_whole_numbers_stored_as_floats_are_read_and_others_refused(tmp_path):
    small = (GREY.T % 200).astype(np.float32)
    assert read_frame(write(tmp_path / "a.nii", small)).pixels.dtype == np.uint8
    with pytest.raises(InputError, match=r"a\.nii: values that are no whole numbers"):
        read_frame(write(tmp_path / "a.nii", small + 0.5))
    with pytest.raises(InputError, match="values from -2 to"):
        read_frame(write(tmp_path / "a.nii", small - 2 - small.min()))


def test_several_slices_are_refused(tmp_path):
    with pytest.raises(InputError, match="16 x 12 x 2 values; one slice is read"):
        read_frame(write(tmp_path / "a.nii", np.stack([GREY.T, GREY.T], -1)))


def test_a_spacing_in_other_units_is_unknown(tmp_path):
    assert not read_frame(write(tmp_path / "a.nii", GREY.T, units=1)).spacing_known


@pytest.mark.parametrize("length", [0, 100, 360])
def test_a_cut_file_is_refused(tmp_path, length):
    path = write(tmp_path / "a.nii", GREY.T)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match=r"a\.nii: cannot be decoded"):
        read_frame(path)


def test_the_ending_of_a_packed_file_has_two_parts(tmp_path):
    path = write(tmp_path / "knee.1.nii.gz", GREY.T)
    (tmp_path / "other.gz").write_bytes(b"")
    assert frames_in(tmp_path) == [path]
    assert stem_of(path) == "knee.1"
