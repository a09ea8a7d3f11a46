import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.schema import bitmask


def test_bit_k_is_class_k():
    mask = np.array([[1, 0, 1], [0, 0, 0]], bool)
    np.testing.assert_array_equal(bitmask.pack(mask), np.array([5, 0], np.uint8))


@pytest.mark.parametrize("classes", [1, 2, 8, 9, 16])
def test_unpack_undoes_pack(classes):
    mask = np.random.default_rng(classes).random((5, 7, classes)) < 0.5
    packed = bitmask.pack(mask)
    assert packed.dtype == (np.uint8 if classes <= 8 else np.uint16)
    np.testing.assert_array_equal(bitmask.unpack(packed, classes), mask)
    np.testing.assert_array_equal(bitmask.unpack(jnp.asarray(packed), classes), mask)


def test_more_classes_than_bits_are_refused():
    with pytest.raises(ValueError, match="17 classes"):
        bitmask.dtype(17)
