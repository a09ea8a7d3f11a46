import numpy as np
import pytest

from fluorojax.geometry.ridges import ridges, typical_width
from tests.lines import arc, away_from, segment, soft

WIDTHS = (2, 3, 4, 5, 6, 8)
MIDDLE = (47.3, 48.6)
LOW = 0.1


def crests(frame):
    return ridges(frame, typical_width(frame >= 0.5), LOW)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_width_of_a_line_is_its_area_over_half_its_edge(width):
    line = np.zeros((40, 200), bool)
    line[10 : 10 + width] = True
    assert typical_width(line) == pytest.approx(width, rel=0.05)
    assert typical_width(np.zeros((5, 5), bool)) == 1.0


@pytest.mark.parametrize("width", WIDTHS)
def test_crests_lie_on_the_axis_of_a_straight_line_and_point_along_it(width):
    for angle in range(0, 180, 7):
        found = crests(soft(segment(MIDDLE, angle, 60), width))
        within = away_from(segment(MIDDLE, angle, 56 - 2 * width), found.position) < 2
        assert within.sum() >= 0.9 * (56 - 2 * width) / np.sqrt(2)
        assert away_from(segment(MIDDLE, angle, 200), found.position)[within].max() < 0.2
        along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        assert np.abs(found.tangent[within] @ along).min() > 0.98


@pytest.mark.parametrize(
    ("width", "radius"), [(2, 12), (3, 12), (4, 12), (4, 25), (6, 25), (8, 25)]
)
def test_crests_lie_on_a_circle_all_the_way_round_and_nowhere_else(width, radius):
    circle = arc(MIDDLE, radius, 0, 360)
    found = crests(soft(circle, width))
    assert away_from(circle, found.position).max() < 0.25
    assert away_from(found.position, circle).max() < 1.5
    outward = (found.position - MIDDLE) / radius
    assert np.abs((found.tangent * outward).sum(-1)).max() < 0.2


def test_places_are_those_of_a_moved_window_and_of_a_line_at_the_border():
    frame = soft(segment((30.2, 40.4), 33, 30), 4, (64, 96))
    found = crests(frame)
    moved = ridges(np.pad(frame, ((50, 9), (7, 30))), typical_width(frame >= 0.5), LOW)
    np.testing.assert_allclose(moved.position, found.position + np.array([50, 7]), atol=1e-4)
    at_border = soft([(-20.0, 40.0), (84.0, 40.0)], 3, (64, 96))
    rows = np.unique(np.rint(crests(at_border).position[:, 0]))
    np.testing.assert_array_equal(rows, np.arange(1, 63))  # differences need both neighbours


def test_no_crest_where_nothing_is_high_enough_or_all_is_flat():
    for frame in (np.zeros((9, 9)), np.full((9, 9), 0.05), np.ones((9, 9)), np.ones((1, 1))):
        found = ridges(frame, 1.0, LOW)
        assert found.position.shape == found.tangent.shape == (0, 2)
        assert found.height.shape == (0,)
