import numpy as np

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
