import numpy as np
import pytest

from fluorojax.data.intensity import intensity_range, shown
from fluorojax.models.intensity import normalise


def test_a_few_extreme_pixels_do_not_set_the_range():
    image = np.linspace(1000, 2000, 10_000).reshape(100, 100).astype(np.uint16)
    image[0, :10] = 65535
    low, high = intensity_range(image)
    assert 1000 <= low < 1010
    assert 1990 < high < 2000


def test_a_flat_frame_has_a_range_that_can_be_divided_by():
    assert intensity_range(np.full((4, 4), 7, np.uint8)) == (7.0, 8.0)


def test_integers_have_the_range_of_their_percentiles_to_the_bit():
    rng = np.random.default_rng(0)
    for image in (rng.integers(0, 4096, (40, 50)).astype(np.uint16), np.uint8([[1, 3], [2, 2]])):
        low, high = np.percentile(image, (0.5, 99.5))
        assert intensity_range(image) == (low, max(high, low + 1.0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_are_scaled_by_their_own_range(dtype):
    image = np.random.default_rng(0).integers(0, 4096, (40, 50)).astype(np.uint16)
    expected = normalise(image, *intensity_range(image))
    for scale in (1 / 65535, 1 / 4095, 1000.0):
        floats = (image * scale).astype(dtype)
        found = normalise(floats, *intensity_range(floats))
        np.testing.assert_allclose(found, expected, atol=1e-6)
        np.testing.assert_allclose(shown(floats), expected, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 7.3, -2e5, 3e-20])
def test_a_flat_frame_of_floats_is_not_divided_by_zero(value):
    image = np.full((4, 4), value, np.float32)
    np.testing.assert_array_equal(normalise(image, *intensity_range(image)), 0.0)
    np.testing.assert_array_equal(shown(image), 0.0)


def test_normalise_maps_the_range_to_zero_and_one_and_clips():
    image = np.array([[[100, 200], [300, 50]]], np.uint16)
    scaled = normalise(image, np.float32([100]), np.float32([200]))
    np.testing.assert_array_equal(scaled, np.float32([[[0, 1], [1, 0]]]))
    assert scaled.dtype == np.float32


def test_what_is_shown_is_what_is_learned_from():
    image = np.random.default_rng(0).integers(0, 60_000, (20, 30)).astype(np.uint16)
    expected = normalise(image, *intensity_range(image))
    np.testing.assert_allclose(shown(image), expected, atol=1e-6)
    assert shown(image).dtype == np.float32
