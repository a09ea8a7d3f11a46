import numpy as np
import pytest

from fluorojax.geometry import centreline
from fluorojax.inference.postprocess import (
    GapClosing,
    attached_only,
    bridged,
    without_small_components,
)

KNOWN, UNKNOWN = (0.5, 0.5), (np.nan, np.nan)


def scene(*stretches):
    """A scope at the left border, and stretches of a wire 3 rows wide that leaves it."""
    masks = np.zeros((40, 80, 2), bool)
    masks[10:30, :20, 0] = True
    for stretch in stretches:
        masks[19:22, stretch, 1] = True
    return masks


def gap_closing(masks, probabilities=None, spacing=UNKNOWN, **settings):
    found = 0.9 * masks if probabilities is None else probabilities
    return GapClosing(**settings)(masks, found, child=1, parent=0, spacing=spacing)


WHOLE = scene(slice(20, 70))
BROKEN = scene(slice(20, 40), slice(46, 70))


def test_a_gap_is_bridged_as_wide_as_the_wire():
    mended = gap_closing(BROKEN, bridge_px=10.0)
    assert centreline.component_count(mended[..., 1]) == 1
    gap = mended[:, 40:46, 1]
    assert gap.any(axis=0).all()
    assert (gap.sum(axis=0) <= 5).all()
    assert (mended[..., 1] & BROKEN[..., 1] == BROKEN[..., 1]).all()
    np.testing.assert_array_equal(mended[..., 0], BROKEN[..., 0])
    assert not BROKEN[:, 40:46, 1].any()  # what was given is not changed


def test_a_longer_gap_is_left_in_pixels_or_in_millimetres():
    # From pixel 46 back to pixel 39: 7 steps.
    for settings, spacing, joined in (
        ({"bridge_px": 6.9}, UNKNOWN, False),
        ({"bridge_px": 7.1}, UNKNOWN, True),
        ({"bridge_mm": 3.4, "bridge_px": 99.0}, KNOWN, False),
        ({"bridge_mm": 3.6}, KNOWN, True),
    ):
        mended = gap_closing(BROKEN, spacing=spacing, **settings)
        assert (centreline.component_count(mended[..., 1]) == 1) == joined, settings


def test_the_bridge_goes_where_the_wire_is_likely():
    probabilities = 0.9 * BROKEN.astype(np.float32)
    detour = [(r, 40) for r in range(21, 27)] + [(26, c) for c in range(40, 47)]
    detour += [(r, 46) for r in range(21, 27)]
    for row, column in detour:
        probabilities[row, column, 1] = 0.8
    mended = gap_closing(BROKEN, probabilities, bridge_px=40.0)
    assert mended[26, 43, 1]
    assert not mended[20, 43, 1]


def test_a_piece_may_hang_on_another_that_is_joined_first():
    pieces = scene(slice(22, 25), slice(30, 45), slice(50, 70))
    mended = gap_closing(pieces, bridge_px=8.0)
    assert centreline.component_count(mended[..., 1]) == 1
    assert mended[20, 20:70, 1].all()


def test_a_piece_smaller_than_a_quarter_of_what_is_attached_is_not_bridged():
    masks = scene(slice(20, 50), slice(56, 63))  # 7 of 30 columns
    np.testing.assert_array_equal(gap_closing(masks, bridge_px=20.0), masks)
    larger = scene(slice(20, 50), slice(56, 64))  # 8 of 30
    assert centreline.component_count(gap_closing(larger, bridge_px=20.0)[..., 1]) == 1


def test_what_stays_detached_is_dropped_where_it_is_asked_for():
    masks = scene(slice(20, 50))
    masks[2:5, 60:66, 1] = True
    assert gap_closing(masks)[3, 65, 1]
    dropped = gap_closing(masks, drop_detached=True)
    np.testing.assert_array_equal(dropped, scene(slice(20, 50)))
    broken = gap_closing(scene(slice(30, 50)), bridge_px=20.0, drop_detached=True)
    assert centreline.component_count(broken[..., 1]) == 1
    assert broken[20, 20:50, 1].all()


@pytest.mark.parametrize("settings", [{"drop_detached": True}, {"bridge_px": 5.0}])
def test_where_the_relation_does_not_hold_nothing_is_lost(settings):
    alone = scene(slice(40, 70))
    np.testing.assert_array_equal(gap_closing(alone, **settings), alone)  # left behind
    away = alone.copy()
    away[..., 0] = False
    np.testing.assert_array_equal(gap_closing(away, **settings), away)  # the scope is out of view
    np.testing.assert_array_equal(gap_closing(scene(), **settings), scene())


def test_a_speck_at_the_scope_does_not_make_a_wire_that_was_left_behind_vanish():
    masks = scene(slice(20, 23), slice(40, 70))
    np.testing.assert_array_equal(gap_closing(masks, drop_detached=True), masks)
    many = scene(slice(20, 30), *(slice(k, k + 4) for k in (40, 50, 60)))  # each too small alone
    np.testing.assert_array_equal(gap_closing(many, drop_detached=True), many)
    few = scene(slice(20, 40), slice(50, 54), slice(60, 64))
    np.testing.assert_array_equal(gap_closing(few, drop_detached=True), scene(slice(20, 40)))


def test_nothing_is_dropped_that_a_bridge_joins():
    # Beside what is attached before the bridge the last piece is large; beside all of it, small.
    masks = scene(slice(20, 30), slice(34, 70), slice(74, 78))
    mended = gap_closing(masks, bridge_px=10.0, drop_detached=True)
    assert mended[20, 20:78, 1].all()


def test_nothing_is_done_where_the_parent_is_not_sure():
    probabilities = 0.9 * BROKEN.astype(np.float32)
    for certainty, pieces in ((0.89, 1), (0.91, 2)):
        mended = gap_closing(BROKEN, probabilities, bridge_px=10.0, certainty=certainty)
        assert centreline.component_count(mended[..., 1]) == pieces


def test_by_default_nothing_is_done():
    np.testing.assert_array_equal(gap_closing(BROKEN), BROKEN)


def test_anisotropic_pixels_are_measured_in_millimetres():
    probability = 0.9 * BROKEN[..., 1]
    for scale, pieces in (((3.0, 0.5), 1), ((0.5, 3.0), 2)):
        mended = bridged(BROKEN[..., 1], BROKEN[..., 0], probability, scale, 3.6)
        assert centreline.component_count(mended) == pieces


def test_pieces_that_touch_the_parent_by_a_corner_are_attached():
    child, parent = np.zeros((10, 10), bool), np.zeros((10, 10), bool)
    parent[:5, :5] = True
    child[5, 5:10] = child[9, 0] = True
    found = np.argwhere(attached_only(child, parent, (1.0, 1.0)))
    np.testing.assert_array_equal(found, [[5, k] for k in range(5, 10)])


def test_pieces_that_are_too_small_go():
    mask = np.zeros((12, 12), bool)
    mask[0, 0] = mask[1, 1] = mask[2, 0] = True  # one piece, by its corners
    mask[6:8, 4:9] = mask[11, 11] = True
    np.testing.assert_array_equal(without_small_components(mask, 1), mask)
    assert without_small_components(mask, 3).sum() == 13
    np.testing.assert_array_equal(np.argwhere(without_small_components(mask, 4)).min(0), (6, 4))
    assert not without_small_components(mask, 11).any()
    assert not without_small_components(np.zeros((3, 3), bool), 1).any()


def test_a_gap_as_long_as_the_longest_is_bridged():
    assert centreline.component_count(gap_closing(BROKEN, bridge_px=7.0)[..., 1]) == 1  # 7 steps


def test_the_shorter_way_is_the_shorter_one_in_millimetres():
    """The parent is 4 rows (12 mm) above the piece, and 8 columns (4 mm) beside it."""
    parent, child = np.zeros((2, 30, 40), bool)
    parent[:7] = parent[:, :13] = True
    child[10:12, 20:30] = True
    mended = bridged(child, parent, 0.9 * child, (3.0, 0.5), 14.0)
    assert mended[10:12, 13:20].any(axis=0).all()
    assert not mended[7:9].any()
