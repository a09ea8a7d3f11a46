import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from fluorojax.measure.axes import straightest
from fluorojax.measure.film import FOUND_EDGE_PX
from fluorojax.measure.plane import Plane

PLANE = Plane((256, 256), (1.0, 1.0), 0.3, "px")


def digitised(flare: float, rows: int, slope: float = 0.03) -> tuple[np.ndarray, np.ndarray]:
    """Return heights and the middle of a bone's edges, bent by `flare` px over its first 20 rows.

    The bone tapers, so that its two edges step at different heights.
    """
    heights = np.arange(float(rows))
    bend = flare * np.clip(1 - heights / 20, 0, 1) ** 2
    edges = [slope * heights + bend + side * (15 - 0.08 * heights) for side in (-1, 1)]
    return heights, np.round(edges).mean(0)


@pytest.mark.parametrize("flare", [6.0, -6.0])
def test_a_flare_on_one_side_is_no_shaft(flare):
    heights, middle = digitised(flare, 80)
    used, doubt = straightest(heights, middle, PLANE)
    assert 5 < np.flatnonzero(used)[0] <= 25
    assert used[-1]
    slope = np.polyfit(heights[used], middle[used], 1)[0]
    assert np.degrees(abs(slope - 0.03)) < 0.4
    assert doubt < 0.5
    whole = np.polyfit(heights, middle, 1)[0]
    assert np.degrees(abs(whole - 0.03)) > 1.5


def test_a_straight_midline_is_used_whole():
    used, doubt = straightest(*digitised(0.0, 80), PLANE)
    assert used.mean() > 0.9
    assert doubt < 0.2


def test_edges_that_wander_smoothly_are_no_flare_where_they_are_known_to():
    """As a network's do: neighbours wander together, so that no residual among them shows it."""
    rng, off = np.random.default_rng(0), {PLANE.edge_error_px: [], FOUND_EDGE_PX: []}
    for _ in range(20):
        heights, middle = digitised(0.0, 80)
        wander = ndimage.gaussian_filter1d(rng.normal(size=80), 6.0)
        middle = middle + 0.7 * wander / wander.std()
        for edge_error, found in off.items():
            plane = dataclasses.replace(PLANE, edge_error_px=edge_error)
            used, _ = straightest(heights, middle, plane)
            found.append(abs(np.polyfit(heights[used], middle[used], 1)[0] - 0.03))
    assert np.mean(off[FOUND_EDGE_PX]) < 0.7 * np.mean(off[PLANE.edge_error_px])


def test_doubt_grows_where_little_is_seen():
    doubts = [straightest(*digitised(0.0, rows), PLANE)[1] for rows in (16, 80)]
    assert doubts[0] > 2 * doubts[1]


def test_a_shutter_across_the_end_is_left_out():
    heights, middle = digitised(0.0, 60)
    middle[-5:] += 3 * np.arange(1, 6)
    used, _ = straightest(heights, middle, PLANE)
    assert not used[-4:].any()
    assert used[5:50].all()


def test_too_few_midpoints_have_no_direction():
    used, doubt = straightest(np.arange(5.0), np.zeros(5), PLANE)
    assert not used.any()
    assert doubt == np.inf
