import numpy as np
import pytest
from safetensors.numpy import save_file

from fluorojax.core.errors import InputError
from fluorojax.inference.arrays import check_size, read_arrays

SHAPES = {"a/kernel": (3, 2), "a/bias": (2,)}


@pytest.fixture
def path(tmp_path):
    arrays = {name: np.full(shape, 0.25, np.float32) for name, shape in SHAPES.items()}
    save_file(arrays, tmp_path / "x.safetensors")
    return tmp_path / "x.safetensors"


def test_what_is_expected_is_read(path):
    check_size(path, SHAPES)
    found = read_arrays(path, SHAPES)
    assert {name: a.shape for name, a in found.items()} == SHAPES
    assert found["a/bias"].tolist() == [0.25, 0.25]


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"a/bias": (2,)}, "the network has no array a/kernel"),
        ({**SHAPES, "b": (1,)}, "the array b is missing"),
        ({**SHAPES, "a/bias": (1,)}, r"a/bias has the shape \(2,\), and the network needs \(1,\)"),
    ],
)
def test_what_is_not_expected_is_named(path, expected, message):
    with pytest.raises(InputError, match=message):
        read_arrays(path, expected)


def test_a_file_that_is_far_too_large_is_not_read(path):
    with path.open("r+b") as file:
        file.truncate(2**30)
    with pytest.raises(InputError, match="1024 MiB, and the network's arrays take less than 16"):
        check_size(path, SHAPES)


def test_numbers_are_finite(path):
    save_file(
        {"a/kernel": np.full((3, 2), np.nan, np.float32), "a/bias": np.zeros(2, np.float32)}, path
    )
    with pytest.raises(InputError, match="a/kernel has 6 numbers that are not finite"):
        read_arrays(path, SHAPES)
