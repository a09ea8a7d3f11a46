import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage
from skimage.morphology import reconstruction

from fluorojax.geometry import morphology


def random(seed, shape=(2, 24, 20)):
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def test_dilate_is_scipys_grey_dilation():
    x = random(0)
    expected = ndimage.grey_dilation(x, size=(1, 3, 3), mode="constant", cval=0)
    np.testing.assert_array_equal(morphology.dilate(x), expected)


def test_erode_cross_is_scipys_grey_erosion_by_a_cross():
    x = random(0)
    cross = ndimage.generate_binary_structure(2, 1)[None]
    expected = ndimage.grey_erosion(x, footprint=cross, mode="constant", cval=1)
    np.testing.assert_allclose(morphology.erode_cross(x), expected, atol=1e-6)


def test_pool_max_takes_what_does_not_fill_a_block():
    x = np.zeros((1, 5, 6), np.float32)
    x[0, 4, 5] = 0.5
    np.testing.assert_array_equal(morphology.pool_max(x, 4), [[[0, 0], [0, 0.5]]])


def test_pool_max_takes_any_number_of_rows_and_columns():
    x = random(5, (2, 7, 13))
    blocks = np.pad(x, ((0, 0), (0, 1), (0, 3))).reshape(2, 2, 4, 4, 4)
    np.testing.assert_array_equal(morphology.pool_max(x, 4), blocks.max((2, 4)))


def test_enlarge_repeats_each_pixel():
    np.testing.assert_array_equal(
        morphology.enlarge(np.float32([[[1, 2]]]), 2), [[[1, 1, 2, 2], [1, 1, 2, 2]]]
    )


@pytest.mark.parametrize("seed", range(3))
def test_reconstruct_is_scikit_images_reconstruction(seed):
    marker, mask = random(seed), random(seed + 100)
    expected = [reconstruction(np.minimum(a, b), b) for a, b in zip(marker, mask, strict=True)]
    found = morphology.reconstruct(marker, mask, iterations=200)
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-6)


def test_the_gradient_of_reconstruct_goes_to_the_bottleneck():
    mask = np.zeros((1, 3, 9), np.float32)
    mask[0, 1] = 0.9
    mask[0, 1, 4] = 0.2  # the weakest pixel between the marker and the end
    marker = np.zeros_like(mask)
    marker[0, 1, 0] = 1.0
    end = jax.grad(lambda m: morphology.reconstruct(jnp.asarray(marker), m, 20)[0, 1, 8])(mask)
    assert np.unravel_index(np.argmax(end), end.shape) == (0, 1, 4)
    np.testing.assert_allclose(np.sum(end), 1.0, rtol=1e-6)


def test_proximity_falls_to_zero_over_its_reach():
    x = np.zeros((1, 1, 12), np.float32)
    x[0, 0, 0] = 1.0
    near = np.asarray(morphology.proximity(x, reach=4))[0, 0]
    np.testing.assert_allclose(near, [1, 0.75, 0.5, 0.25, *[0] * 8], atol=1e-6)


def test_the_share_around_is_a_mean_over_squares_with_the_border_repeated():
    x = np.random.default_rng(0).random((2, 9, 7)).astype(np.float32)
    expected = ndimage.uniform_filter(x, size=(1, 5, 5), mode="nearest")
    np.testing.assert_allclose(morphology.share_around(x, 2), expected, atol=1e-6)


def tube(tilt):
    """Return a tube 5 pixels wide that comes from the left and ends in the middle."""
    rows, columns = np.mgrid[:64, :64] - 32.0
    along = columns * np.cos(tilt) + rows * np.sin(tilt)
    across = rows * np.cos(tilt) - columns * np.sin(tilt)
    return ((np.abs(across) <= 2.5) & (along <= 0)).astype(np.float32)[None]


@pytest.mark.parametrize("tilt", [0.0, 0.4])
def test_in_front_of_a_tube_is_beyond_its_end_and_not_beside_it(tilt):
    seen = np.asarray(morphology.in_front(tube(tilt)))[0]
    ahead = np.round(32 + 6 * np.array([np.sin(tilt), np.cos(tilt)])).astype(int)
    behind = np.round(32 - 20 * np.array([np.sin(tilt), np.cos(tilt)])).astype(int)
    side = np.round(np.array([-np.cos(tilt), np.sin(tilt)]) * 6).astype(int)
    assert seen[tuple(ahead)] > 0.25
    assert seen[tuple(behind + side)] == 0.0
    assert seen[tuple(behind - side)] == 0.0
    assert (seen <= np.asarray(morphology.proximity(tube(tilt)))[0] + 1e-6).all()


def test_nothing_is_in_front_of_nothing_and_its_gradient_is_finite():
    empty = np.zeros((1, 16, 16), np.float32)
    assert morphology.in_front(empty).max() == 0.0
    slope = jax.grad(lambda x: morphology.in_front(x, reach=4).sum())
    for x in (empty, tube(0.0)[:, 16:48, 16:48] * 0.7):
        assert np.isfinite(slope(x)).all()
