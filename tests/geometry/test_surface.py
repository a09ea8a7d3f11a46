import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.distance import cdist
from skimage.metrics import hausdorff_distance

from fluorojax.geometry import surface


def blobs(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((48, 40))
    return ndimage.gaussian_filter(noise, 3) > 0.05


def test_spacing_gives_millimetres_and_its_absence_pixels():
    assert surface.scale_and_unit((0.2, 0.3)) == ((0.2, 0.3), "mm")
    assert surface.scale_and_unit((np.nan, 0.3)) == ((1.0, 1.0), "px")
    with pytest.raises(ValueError, match="positive"):
        surface.scale_and_unit((0.0, 0.3))


def test_diagonal_follows_the_spacing():
    assert surface.diagonal((30, 40), (1.0, 1.0)) == 50.0
    assert surface.diagonal((30, 20), (1.0, 2.0)) == 50.0


def test_contour_of_a_block_is_its_rim_also_at_the_border():
    block = np.zeros((7, 7), bool)
    block[1:6, 1:6] = True
    assert surface.contour(block).sum() == 16
    whole = np.ones((5, 5), bool)
    np.testing.assert_array_equal(surface.contour(whole), surface.contour(block)[1:6, 1:6])


def test_contour_agrees_with_erosion():
    mask = blobs(3)
    np.testing.assert_array_equal(surface.contour(mask), mask & ~ndimage.binary_erosion(mask))


@pytest.mark.parametrize("scale", [(1.0, 1.0), (0.2, 0.5)])
def test_distances_agree_with_brute_force(scale):
    p, r = surface.contour(blobs(0)), surface.contour(blobs(1))
    all_pairs = cdist(np.argwhere(p) * scale, np.argwhere(r) * scale)
    between = surface.distances(p, r, scale)
    np.testing.assert_allclose(between.to_reference, all_pairs.min(1))
    np.testing.assert_allclose(between.to_prediction, all_pairs.min(0))
    pooled = np.concatenate([all_pairs.min(1), all_pairs.min(0)])
    assert surface.assd(between) == pytest.approx(pooled.mean())
    assert surface.nsd(between, 0.7) == pytest.approx(np.mean(pooled <= 0.7))
    if scale == (1.0, 1.0):
        assert max(map(np.max, between)) == pytest.approx(hausdorff_distance(p, r))


def test_positions_are_those_of_argwhere():
    mask = blobs(4)
    np.testing.assert_array_equal(surface.positions(mask), np.argwhere(mask))
    assert surface.positions(np.zeros((3, 4), bool)).shape == (0, 2)


def test_a_distance_of_the_tolerance_is_within_it_wherever_it_lies():
    for column in range(40):
        p, r = np.zeros((2, 1, 50), bool)
        p[0, column], r[0, column + 5] = True, True
        between = surface.distances(p, r, (0.2, 0.2))
        assert surface.nsd(between, 1.0) == 1.0, column
        assert surface.nsd(between, 0.999) == 0.0


def test_hd95_is_the_larger_direction_and_not_the_pooled_one():
    between = surface.Distances(np.zeros(100), np.arange(101.0))
    assert surface.hd95(between) == 95.0
    assert surface.hd95(surface.Distances(*between[::-1])) == 95.0
    assert np.percentile(np.concatenate(between), 95) < 95.0


def test_hand_values_of_two_parallel_lines():
    p, r = np.zeros((2, 9, 20), bool)
    p[2], r[5] = True, True
    between = surface.distances(p, r, (0.5, 9.0))
    assert surface.hd95(between) == surface.assd(between) == 1.5
    assert surface.nsd(between, 1.5) == 1.0  # the tolerance itself is within it
    assert surface.nsd(between, 1.49) == 0.0


def test_an_empty_set_has_no_distance():
    with pytest.raises(ValueError, match="EMPTY_POLICY"):
        surface.distances(np.zeros((3, 3), bool), np.ones((3, 3), bool), (1.0, 1.0))
