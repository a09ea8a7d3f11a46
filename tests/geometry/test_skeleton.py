import numpy as np
from skimage.measure import label

from fluorojax.geometry.skeleton import centrelines


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
