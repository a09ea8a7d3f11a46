import numpy as np
from scipy import ndimage
from skimage.draw import line as line_of
from skimage.measure import label
from skimage.morphology import skeletonize

from fluorojax.geometry.skeleton import centrelines, skeleton


def bar():
    mask = np.zeros((20, 40, 2), np.uint8)
    mask[8:13, 5:35] = 1
    return mask


def test_the_line_runs_along_the_middle_of_a_bar_and_is_one_pixel_wide():
    line = centrelines(bar(), [1])[..., 1]
    np.testing.assert_array_equal(line[:, 10:30].sum(0), 1)
    assert line[10, 10:30].all()


def test_only_curves_have_a_centreline():
    lines = centrelines(bar(), [1])
    assert lines.dtype == bool
    assert not lines[..., 0].any()


def test_a_bent_wire_gives_one_connected_line_inside_it():
    y, x = np.mgrid[:80, :80]
    ring = np.abs(np.hypot(y - 80, x - 80) - 50) <= 2
    line = centrelines(ring[..., None], [0])[..., 0]
    assert label(line, connectivity=2).max() == 1
    assert not (line & ~ring).any()


def test_nothing_gives_nothing():
    assert not centrelines(np.zeros((9, 9, 1), bool), [0]).any()


def test_a_skeleton_is_that_of_the_whole_image():
    mask = np.zeros((60, 80), bool)
    for ends in ((5, 0, 30, 40), (30, 40, 59, 60)):
        mask[line_of(*ends)] = True
    mask = ndimage.binary_dilation(mask, np.ones((3, 3)))
    rng = np.random.default_rng(1)
    sparse = np.pad(rng.random((9, 14)) > 0.5, ((0, 3), (4, 0)))
    for case in (mask, sparse):
        np.testing.assert_array_equal(skeleton(case), skeletonize(case))
    assert not skeleton(np.zeros((4, 4), bool)).any()


def test_every_component_however_small_keeps_a_pixel():
    rng = np.random.default_rng(0)
    for _ in range(50):
        mask = rng.random((9, 9)) > 0.6
        assert label(skeleton(mask), connectivity=2).max() == label(mask, connectivity=2).max()
