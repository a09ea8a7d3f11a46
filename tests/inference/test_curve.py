"""Curves in frames whose lines are known: where they lie, how wide they are, where they start."""

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from fluorojax.geometry.centreline import EIGHT_NEIGHBOURS
from fluorojax.inference.curve import LEAST, Curve, CurveRules, drawn_curves, find_curves
from tests.lines import (
    arc,
    away_from,
    dense,
    length,
    looped,
    moved_into_view,
    segment,
    soft,
    turned,
)

MIDDLE = (47.3, 48.6)
FREE, ATTACHED = CurveRules("free"), CurveRules("attached")
REACH = 12.0  # px
SIZE = (120, 200)
# A parent comes in at the left border and ends in a tip, out of which a wire goes on.
TIP = 45.0  # column
PARENT = soft([(60.0, -20.0), (60.0, TIP - 7)], 14, SIZE) >= 0.5
WIRE = [(60.0, TIP), (60.0, 150.0)]


def only(frame, parent=None, rules=FREE, reach=REACH):
    """Return the only curve of a frame."""
    (curve,) = find_curves(frame, parent, rules, reach).curves
    return curve


@pytest.mark.parametrize("width", [2, 3, 4, 5, 6, 8])
def test_axis_and_width_of_a_straight_line_at_any_angle(width):
    for angle in range(0, 180, 7):
        curve = only(soft(segment(MIDDLE, angle, 60), width))
        inner = segment(MIDDLE, angle, 56 - 2 * width)
        within = away_from(inner, curve.points) < 2
        assert away_from(segment(MIDDLE, angle, 200), curve.points)[within].max() < 0.25
        assert np.abs(curve.widths[within] - width).max() < 0.5
        assert away_from(curve.points, dense(inner)).max() < 0.25
        assert curve.length() == pytest.approx(60 + width, abs=0.4 * width + 1)
        assert (curve.confidence[within] > 0.9).all()
        assert not curve.attached


@pytest.mark.parametrize(("width", "radius"), [(2, 12), (3, 16), (4, 25), (6, 30), (8, 38)])
def test_axis_and_width_of_most_of_a_circle(width, radius):
    for first in (0, 77, 200):
        line = arc(MIDDLE, radius, first, first + 270)
        curve = only(soft(line, width))
        inner = away_from(arc(MIDDLE, radius, first + 30, first + 240), curve.points) < 2
        assert away_from(line, curve.points)[inner].max() < 0.3
        assert np.abs(curve.widths[inner] - width).max() < 0.5
        assert curve.length() == pytest.approx(length(line) + width, abs=width)


def walks(curve, line, width):
    """Say whether a curve is a line from end to end, each part as often as the line."""
    longer = curve.length() - length(line)
    there, back = away_from(line, curve.points), away_from(curve.points, dense(line))
    return abs(longer) < width + 5 and there.max() < width / 2 + 1 and back.max() < width / 2 + 1


LOOPS = [(90, 2), (90, 3), (90, 4), (135, 3), (135, 4), (60, 3), (180, 3), (180, 4)]


@pytest.mark.parametrize(("opening", "width"), [*LOOPS, (45, 3)])
def test_a_loop_is_walked_through(opening, width):
    for angle in (0, 13):
        line, size = moved_into_view(turned(looped(opening), angle))
        assert walks(only(soft(line, width, size)), line, width), angle


@pytest.mark.parametrize(("opening", "width"), [*LOOPS, (45, 4), (135, 2)])
def test_a_loop_out_of_the_parents_tip_is_walked_through(opening, width):
    line = turned(looped(opening), 13)
    out = (line[0] - line[1]) / np.hypot(*(line[0] - line[1]))
    line, size = moved_into_view(np.concatenate([[line[0] + 30 * out], line]))
    parent = soft([line[0], line[0] + 20 * (line[2] - line[1]) / length(line[1:3])], 14, size)
    exit_at = line[0] - 27 * out
    outside = np.concatenate([[exit_at], line[1:]])
    curve = only(soft(line, width, size), parent >= 0.5, ATTACHED)
    assert curve.attached
    assert walks(curve, outside, width)


@pytest.mark.parametrize("angle", [0, 20, 45])
def test_a_gap_below_the_reach_is_passed_and_one_above_is_not(angle):
    def found(gap, reach):
        middle = np.array([80.0, 80.0])
        along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        ends = [middle + along * x for x in (-60, -gap / 2, gap / 2, 60)]
        frame = np.maximum(soft(ends[:2], 3, (160, 160)), soft(ends[2:], 3, (160, 160)))
        return find_curves(frame, None, dataclasses.replace(FREE, most=2), reach).curves

    # What is in view between the ends is less than the gap by their round ends.
    (whole,) = found(15.0, 15.0)
    assert whole.length() == pytest.approx(123, abs=3)
    assert len(found(22.0, 15.0)) == 2
    assert len(found(15.0, 8.0)) == 2
    assert len(found(22.0, 22.0)) == 1


def test_a_curve_starts_at_the_tip_and_not_where_lines_touch_the_shaft():
    frame = soft(WIRE, 3, SIZE)
    beside = soft([(54.0, 20.0), (5.0, 30.0)], 3, SIZE)  # longer with its crossing below
    across = soft([(5.0, 12.0), (115.0, 22.0)], 3, SIZE)
    for more in (np.zeros(SIZE), beside, across, np.maximum(beside, across)):
        curve = only(np.maximum(frame, more), PARENT, ATTACHED)
        assert curve.attached
        assert np.hypot(*(curve.points[0] - WIRE[0])) < 5
        assert np.hypot(*(curve.points[-1] - WIRE[1])) < 3
        assert away_from([(60, TIP - 5), (60, 155)], curve.points).max() < 1


def test_a_wire_that_begins_beyond_the_tip_starts_at_it():
    frame = soft([(60.0, TIP + 9), (60.0, 150.0)], 3, SIZE)
    curve = only(frame, PARENT, ATTACHED, reach=15.0)
    assert curve.attached
    assert np.hypot(*(curve.points[0] - (60, TIP))) < 3
    assert not only(frame, PARENT, ATTACHED, reach=5.0).attached


def test_the_attached_wire_is_taken_up_to_its_share_of_a_free_one():
    frame = np.maximum(0.9 * soft(WIRE, 3, SIZE), soft([(20.0, 10.0), (20.0, 190.0)], 3, SIZE))
    attached, free = (only_evidence(frame, PARENT, share) for share in (0.0, 1.0))
    assert (attached.attached, free.attached) == (True, False)
    assert free.points[:, 0].max() < 25
    assert attached.points[:, 0].min() > 55
    share = attached.evidence / free.evidence
    assert 0.2 < share < 0.7
    assert only_evidence(frame, PARENT, share - 0.01).attached
    assert not only_evidence(frame, PARENT, share + 0.01).attached


def only_evidence(frame, parent, share):
    rules = CurveRules("attached", attached_share=share, most=1)
    return only(frame, parent, rules)


@pytest.mark.parametrize("parent", [None, np.zeros(SIZE, bool)])
def test_without_a_parent_the_free_curve_is_found(parent):
    frame = soft(WIRE, 3, SIZE)
    curve = only(frame, parent, ATTACHED)
    assert not curve.attached
    np.testing.assert_array_equal(curve.points, only(frame).points)


def test_several_free_curves_up_to_as_many_as_asked_for_and_the_surest_first():
    rows = {20.0: 180.0, 60.0: 140.0, 100.0: 100.0}
    lines = [soft([(row, 10.0), (row, 10 + width)], 3, SIZE) for row, width in rows.items()]
    frame = np.max(lines, axis=0)
    for most in (1, 2, 3, 4):
        found = find_curves(frame, None, CurveRules("free", most=most), REACH).curves
        assert [round(c.points[:, 0].mean()) for c in found] == [20, 60, 100][:most]
    evidence = [c.evidence for c in found]
    assert evidence == sorted(evidence, reverse=True)


def test_nothing_is_found_in_noise_and_in_an_empty_frame():
    rng = np.random.default_rng(0)
    for _ in range(5):
        noise = np.clip(ndimage.gaussian_filter(rng.normal(0, 1, SIZE), 1.5) * 0.6 + 0.1, 0, 1)
        found = find_curves(noise.astype(np.float32), PARENT, ATTACHED, REACH)
        assert found.curves == ()
        assert found.evidence < LEAST
    assert find_curves(np.zeros(SIZE), PARENT, ATTACHED, REACH) == ((), -np.inf)


@pytest.mark.parametrize("width", [3, 4, 6])
def test_a_stub_of_three_widths_is_kept_and_a_speck_is_not(width):
    stub = soft([(60.0, TIP), (60.0, TIP + 2.5 * width)], width, SIZE)
    assert only(stub, PARENT, ATTACHED).attached
    speck = soft([(20.0, 120.0), (20.0, 120.0 + width / 4)], width, SIZE)
    assert find_curves(speck, PARENT, ATTACHED, REACH).curves == ()
    assert find_curves(speck, None, FREE, REACH).curves == ()


def test_the_mask_is_one_piece_of_the_likely_pixels_and_passes_gaps():
    frame = soft([(60.0, TIP), (70.0, 150.0)], 4, SIZE)
    speck = soft([(20.0, 120.0), (20.0, 122.0)], 4, SIZE)
    curve = only(frame, PARENT, ATTACHED)
    for threshold in (0.3, 0.5, 0.9):
        mask = drawn_curves([curve], np.maximum(frame, speck), threshold)
        assert ndimage.label(mask, EIGHT_NEIGHBOURS)[1] == 1
        right_of_tip = np.arange(SIZE[1]) > TIP + 2
        likely = frame >= threshold
        assert not (likely & ~mask)[:, right_of_tip].any()
        if threshold <= 0.5:  # of a higher one the line itself may have pixels
            assert (mask & ~likely)[:, right_of_tip].sum() <= 6
    frame[:, 90:97] = 0
    mask = drawn_curves([only(frame, PARENT, ATTACHED)], frame, 0.5)
    assert ndimage.label(mask, EIGHT_NEIGHBOURS)[1] == 1
    assert mask[:, 90:97].any(0).all()
    assert mask[:, 90:97].sum(0).max() <= 4
    np.testing.assert_array_equal(drawn_curves([], frame, 0.5), np.zeros(SIZE, bool))


MOVES = {
    "upside down": (lambda x: x[::-1], lambda p: np.array([SIZE[0] - 1, 0]) + p * [-1, 1]),
    "left is right": (lambda x: x[:, ::-1], lambda p: np.array([0, SIZE[1] - 1]) + p * [1, -1]),
    "transposed": (lambda x: x.T, lambda p: p[:, ::-1]),
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("rules", [FREE, ATTACHED])
def test_a_mirrored_frame_gives_the_mirrored_curve(move, rules):
    bent = np.concatenate([[(60.0, TIP - 5)], arc((95.3, 91.1), 35.0, 180, 40)])
    frame = soft(bent, 3.3, SIZE)
    frame[:, 104:111] = 0
    of_frame, of_points = MOVES[move]
    moved = only(np.ascontiguousarray(of_frame(frame)), of_frame(PARENT), rules)
    curve = only(frame, PARENT, rules)
    back = of_points(curve.points)
    if np.hypot(*(back[0] - moved.points[0])) > 5:  # a free one may begin at either end
        back = back[::-1]
    assert away_from(moved.points, back).max() < 0.1
    assert away_from(back, moved.points).max() < 0.1
    assert moved.evidence == pytest.approx(curve.evidence, rel=0.01)
    assert np.abs(back[[0, -1]] - moved.points[[0, -1]]).max() < 0.1


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (16, 1), (1, 16), (3, 3), (20, 20)])
@pytest.mark.parametrize("rules", [FREE, ATTACHED])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_no_frame_is_too_small_or_too_plain(shape, rules, value):
    frame = np.full(shape, value, np.float32)
    for parent in (None, np.zeros(shape, bool), np.ones(shape, bool)):
        found = find_curves(frame, parent, rules, REACH)
        assert drawn_curves(found.curves, frame, 0.5).shape == shape
        assert all(np.isfinite(c.points).all() for c in found.curves)


def test_a_curve_on_a_finer_grid_and_its_length():
    curve = Curve(np.array([[0.0, 0.0], [3.0, 4.0]]), np.ones(2), np.ones(2), True, 9.0)
    finer = curve.enlarged(4)
    np.testing.assert_allclose(finer.points, [[1.5, 1.5], [13.5, 17.5]])
    np.testing.assert_allclose(finer.widths, 4)
    assert curve.length() == 5
    assert curve.length((0.5, 0.25)) == pytest.approx(np.hypot(1.5, 1.0))
