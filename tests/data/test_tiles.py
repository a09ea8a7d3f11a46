import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from fluorojax.data.tiles import OVERLAP, mean_over_tiles, starts, weights, windows


@given(st.integers(1, 3000), st.integers(8, 600))
@settings(deadline=None, max_examples=100)
def test_tiles_cover_all_from_end_to_end_and_overlap_by_half(length, tile):
    length = max(length, tile)
    found = starts(length, tile)
    assert (found[0], found[-1]) == (0, length - tile)
    steps = np.diff(found)
    assert (steps > 0).all()
    assert (steps <= tile * OVERLAP).all()


def test_tiles_by_hand():
    assert starts(64, 64) == [0]
    assert starts(65, 64) == [0, 1]
    assert starts(128, 64) == [0, 32, 64]
    assert starts(140, 64) == [0, 25, 51, 76]
    assert len(list(windows((128, 65), (64, 64)))) == 6


def test_weights_are_largest_in_the_middle_and_nowhere_nothing():
    weight = weights((64, 32))
    assert weight.shape == (64, 32, 1)
    assert weight.min() > 1e-8
    np.testing.assert_allclose(weight, weight[::-1, ::-1], rtol=1e-5)
    # One standard deviation, an eighth of a side, from the middle.
    assert weight[32 + 8, 16] / weight[32, 16] == pytest.approx(np.exp(-0.5), abs=0.05)


def test_maps_that_agree_are_their_mean_and_a_whole_frame_is_one_tile():
    image = np.random.default_rng(0).random((90, 70)).astype(np.float32)

    def maps_of(tile):
        return np.stack([tile, 1 - tile], -1)

    found = mean_over_tiles(maps_of, image, (32, 24))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, maps_of(image), atol=1e-6)
    np.testing.assert_array_equal(mean_over_tiles(maps_of, image, image.shape), maps_of(image))


def test_tiles_are_averaged_by_their_weights():
    numbers = iter((1.0, 4.0))
    found = mean_over_tiles(
        lambda tile: np.full((*tile.shape, 1), next(numbers), np.float32),
        np.zeros((8, 12), np.float32),
        (8, 8),
    )[..., 0]
    weight = weights((8, 8))[..., 0].astype(np.float64)
    np.testing.assert_allclose(found[:, :4], 1, atol=1e-6)
    np.testing.assert_allclose(found[:, 8:], 4, atol=1e-6)
    left, right = weight[:, 4:], weight[:, :4]
    np.testing.assert_allclose(found[:, 4:8], (left + 4 * right) / (left + right), rtol=1e-6)
