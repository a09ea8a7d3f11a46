import numpy as np
import pytest
from scipy import ndimage

from fluorojax.metrics.relation import attachment

ONE = (1.0, 1.0)


def scene(*wire: slice) -> tuple[np.ndarray, np.ndarray]:
    """A scope in the columns 0..9 of a strip, and pieces of wire in its middle row."""
    child, parent = np.zeros((2, 9, 60), bool)
    parent[:, :10] = True
    for columns in wire:
        child[4, columns] = True
    return child, parent


def test_a_wire_that_overlaps_or_touches_is_attached():
    assert attachment(*scene(slice(5, 30)), ONE, 0.0) == (1.0, 1.0)
    assert attachment(*scene(slice(10, 30)), ONE, 1.0) == (1.0, 1.0)


def test_the_tolerance_is_a_distance_between_centres_and_itself_within():
    child, parent = scene(slice(12, 30))  # nearest centres 3 columns apart
    assert attachment(child, parent, ONE, 3.0) == (1.0, 1.0)
    assert attachment(child, parent, ONE, 2.99) == (0.0, 0.0)
    assert attachment(child, parent, (1.0, 0.2), 0.61) == (1.0, 1.0)


def test_the_tolerance_itself_is_within_but_for_rounding():
    for shift in range(30):
        child, parent = np.zeros((2, 3, 60), bool)
        parent[:, shift], child[1, shift + 5 :] = True, True
        assert attachment(child, parent, (0.2, 0.2), 1.0) == (1.0, 1.0), shift


def test_what_lies_behind_a_gap_is_not_attached():
    attached, share = attachment(*scene(slice(10, 20), slice(22, 52)), ONE, 2.0)
    assert attached == 0.0  # the largest piece hangs in the air
    assert share == pytest.approx(10 / 40)
    attached, share = attachment(*scene(slice(10, 40), slice(42, 52)), ONE, 2.0)
    assert (attached, share) == (1.0, 30 / 40)


def test_a_piece_inside_the_parent_is_on_it():
    assert attachment(*scene(slice(3, 6)), ONE, 0.0) == (1.0, 1.0)


def test_nothing_is_attached_to_nothing():
    child, parent = scene(slice(10, 20))
    assert attachment(np.zeros_like(child), parent, ONE, 9.0) == (0.0, 0.0)
    assert attachment(child, np.zeros_like(child), ONE, 9.0) == (0.0, 0.0)


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_a_distance_map(seed):
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.standard_normal((2, 50, 40)), (0, 2, 2))
    child, parent = smooth[0] > 0.1, smooth[1] > 0.2
    scale, tolerance = (0.5, 0.8), 1.0
    away = ndimage.distance_transform_edt(~parent, sampling=scale)
    piece, count = ndimage.label(child, np.ones((3, 3)))
    held = [k for k in range(1, count + 1) if away[piece == k].min() <= tolerance]
    largest = 1 + np.argmax(np.bincount(piece.ravel())[1:])
    expected = float(largest in held), np.isin(piece, held).sum() / child.sum()
    assert attachment(child, parent, scale, tolerance) == pytest.approx(expected)
