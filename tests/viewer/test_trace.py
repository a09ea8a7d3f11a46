import numpy as np
import pytest
from scipy import ndimage

from fluorojax.viewer.trace import darkness, trace

SIDE = 120


def bent_line(noise=60.0):
    """Return a frame with a dark sine from left to right, and its rows by column."""
    rng = np.random.default_rng(0)
    columns = np.arange(SIDE)
    rows = 60 + 25 * np.sin(columns / 18)
    distance = np.abs(np.arange(SIDE)[:, None] - rows[None])
    image = (
        3000 - 700 * np.exp(-((distance / 2.0) ** 2)) + noise * rng.standard_normal((SIDE, SIDE))
    )
    image += 400 * ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), 15) * 30
    return np.clip(image, 0, 65535).astype(np.uint16), rows


def test_the_dark_line_between_two_clicks_beside_it_is_found():
    image, rows = bent_line()
    found = trace(image, (10.5, rows[10] + 2.5), (105.5, rows[105] - 2.0), 4.0)
    assert 4 < len(found) < 40
    x = np.linspace(found[0, 0], found[-1, 0], 300)
    beside = np.interp(x, found[:, 0], found[:, 1]) - np.interp(
        x, np.arange(SIDE) + 0.5, rows + 0.5
    )
    assert np.abs(beside).max() < 2.0
    assert np.sqrt((beside**2).mean()) < 0.8


def test_a_point_that_is_there_already_stays():
    image, rows = bent_line()
    start = (10.25, rows[10] + 3.0)
    found = trace(image, start, (60.5, rows[60]), 4.0, keep_start=True)
    assert tuple(found[0]) == start
    assert abs(found[-1, 1] - rows[60] - 0.5) < 2.0


@pytest.mark.parametrize("end", [(5.0, 5.0), (400.0, -70.0), (119.9, 119.9)])
def test_a_flat_frame_and_places_outside_give_a_path_all_the_same(end):
    found = trace(np.full((SIDE, SIDE), 7, np.uint8), (5.0, 5.0), end, 3.0)
    assert found.shape[1] == 2
    assert len(found) >= 2
    assert np.isfinite(found).all()


def test_darkness_is_of_dark_lines_alone():
    image = np.full((40, 40), 100.0)
    image[:, 10] -= 50
    image[:, 30] += 50
    found = darkness(image, 1.0)
    assert found[20, 10] > 0.9
    assert found[20, 30] == 0
    assert found[20, 20] < 0.01
