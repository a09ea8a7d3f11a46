import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.data.annotations import read_annotation
from fluorojax.schema.info import ClassInfo, DatasetInfo

nibabel = pytest.importorskip("nibabel")

INFO = DatasetInfo("toy", (ClassInfo("scope", "region"), ClassInfo("wire", "curve")))
SHAPE = (20, 30)


def save(path, values):
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path)
    return path


def read(path):
    return read_annotation(path, INFO, "index", SHAPE, "c7")


@pytest.mark.parametrize("name", ["m.nii", "m.nii.gz"])
@pytest.mark.parametrize("slices", [(), (1,), (1, 1)])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32])
def test_the_first_axis_runs_along_a_row(tmp_path, name, slices, kind):
    labels = np.random.default_rng(0).integers(0, 3, SHAPE)
    values = labels.T.reshape(*SHAPE[::-1], *slices).astype(kind)
    mask = read(save(tmp_path / name, values))
    np.testing.assert_array_equal(mask, np.stack([labels == 1, labels == 2], -1))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((30, 20, 2), np.uint8), "30 x 20 x 2 values; one slice is read"),
        (np.zeros((20, 30), np.uint8), "the mask is 30 x 20, the frame 20 x 30"),
        (np.full((30, 20), 0.5, np.float32), "values that are no whole numbers|values from -1"),
        (np.full((30, 20), np.nan, np.float32), "values that are no whole numbers|values from -1"),
        (np.full((30, 20), -1, np.int16), "values that are no whole numbers|values from -1"),
        (np.full((30, 20), 9, np.uint8), "unknown label value 9"),
    ],
)
def test_what_is_no_mask_of_the_frame_is_named(tmp_path, values, message):
    with pytest.raises(InputError, match=message):
        read(save(tmp_path / "m.nii.gz", values))


@pytest.mark.parametrize("data", [b"", b"\x1f\x8b" + b"x" * 400, b"n+1" * 200])
def test_damaged_files_are_refused(tmp_path, data):
    (tmp_path / "m.nii.gz").write_bytes(data)
    with pytest.raises(InputError, match=r"case c7: .*m\.nii\.gz: cannot be decoded"):
        read(tmp_path / "m.nii.gz")
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "n.nii")
