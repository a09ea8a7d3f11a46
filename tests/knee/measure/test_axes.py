import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from fluorojax.knee.measure.axes import Shaft, ShaftRules, shaft, straightest
from fluorojax.knee.measure.film import FOUND_EDGE_PX
from fluorojax.knee.measure.fits import huber_line
from fluorojax.knee.measure.plane import Plane
from fluorojax.knee.measure.result import NotMeasurable

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


def bone(width: int) -> np.ndarray:
    """Return a bone of a film of 256 x 256: `width` columns, from row 20 to the lower border."""
    field = np.zeros((256, 256))
    field[20:, 100 : 100 + width] = 1.0
    return field


def midline(silhouette: np.ndarray) -> Shaft:
    """Measure the shaft of a bone without a component."""
    none = np.zeros_like(silhouette)
    start, away = np.array([20.0, 115.0]), np.array([1.0, 0.0])
    return shaft(silhouette, silhouette, none, PLANE, start, away, ShaftRules(), "tibia")


def test_a_string_that_leaks_along_another_bone_does_not_cut_the_midline_short():
    leaking = bone(30)
    leaking[120:180, 150:153] = leaking[120:123, 130:150] = 1.0  # the other bone's edge
    leaking[177:180, 130:150] = 1.0
    clean, found = midline(bone(30)), midline(leaking)
    np.testing.assert_allclose(found.line.direction, clean.line.direction, atol=1e-3)
    assert found.width == pytest.approx(clean.width, abs=0.1)
    assert found.length == pytest.approx(clean.length, abs=3)


def test_a_bone_as_thin_as_a_string_has_no_shaft():
    with pytest.raises(
        NotMeasurable, match="visible shaft of the tibia too short: no straight part"
    ):
        midline(bone(3))


def test_not_to_know_where_a_bent_shaft_begins_is_part_of_its_error():
    """Edges that bend softly by 6 px over 100 rows: any part of them is nearly a line."""
    rows, columns = np.mgrid[:256, :256]
    bend = 6 * np.clip((rows - 20) / 100, 0, 1) ** 2
    bent = np.clip(np.minimum(columns - 99.5 - bend, 130.5 + bend - columns), 0, 1)
    bent[:20] = bent[120:] = 0
    line = midline(bent).line
    assert line.error_deg > 1.5 * huber_line(line.points, line.direction, PLANE.step).error_deg
