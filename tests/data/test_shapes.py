import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.data import shapes

SHAPE = (60, 80)


def by_definition(points, widths):
    """Return the pixels of a line whose width changes from point to point, each looked at alone."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    found = np.zeros(SHAPE, bool)
    for n in range(len(points) - 1):
        (x0, y0), (x1, y1) = points[n : n + 2]
        length = np.hypot(x1 - x0, y1 - y0)
        along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length
        across = np.abs((x - x0) * (y1 - y0) - (y - y0) * (x1 - x0)) / length
        width = widths[n] + (widths[n + 1] - widths[n]) * along / length
        found |= (along >= 0) & (along <= length) & (across <= width / 2)
    for n in range(1, len(points) - 1):
        found |= np.hypot(x - points[n][0], y - points[n][1]) <= widths[n] / 2
    return found


@pytest.mark.parametrize("step", [6, 70])
def test_a_width_changes_evenly_between_points(step):
    rng = np.random.default_rng(step)
    points = np.array([40, 30]) + np.cumsum(rng.uniform(-step, step, (5, 2)), axis=0)
    widths = rng.uniform(1, 14, 5)
    canvas = shapes.Canvas(SHAPE, 1)
    canvas.draw(0, shapes.Outline("linestrip", points, "", widths))
    np.testing.assert_array_equal(canvas.mask[..., 0], by_definition(points, widths))


@pytest.mark.parametrize("corner", [(5, 7), (-2, -3), (57, 76)])
def test_pixels_are_put_where_they_belong_and_cut_at_the_frame(corner):
    pixels = np.random.default_rng(0).random((6, 9)) < 0.5
    canvas = shapes.Canvas(SHAPE, 2)
    canvas.put(1, pixels, corner, "x")
    wide = np.zeros((80, 100), bool)
    wide[10 + corner[0] : 16 + corner[0], 10 + corner[1] : 19 + corner[1]] = pixels
    np.testing.assert_array_equal(canvas.mask[..., 1], wide[10:70, 10:90])
    assert not canvas.mask[..., 0].any()


@pytest.mark.parametrize("corner", [(60, 0), (0, 80), (-6, 0), (0, -9)])
def test_pixels_outside_of_the_frame_are_refused(corner):
    with pytest.raises(InputError, match="x: its mask has no pixel in the frame"):
        shapes.Canvas(SHAPE, 1).put(0, np.ones((6, 9), bool), corner, "x")


def test_one_part_of_a_thing_must_be_seen():
    box = shapes.Outline("rectangle", np.array([[3.0, 2], [10, 8]]), "box")
    away = shapes.Outline("rectangle", np.array([[90.0, 2], [99, 8]]), "away")
    canvas = shapes.Canvas(SHAPE, 1)
    canvas.draw(0, away, box)
    assert canvas.mask.sum() == 42
    with pytest.raises(InputError, match="away: draws no pixel: it lies outside"):
        canvas.draw(0, away, away)


def test_masks_count_as_work(monkeypatch):
    monkeypatch.setattr(shapes, "MOST_WORK", 0)
    canvas = shapes.Canvas((10, 10), 1)
    for _ in range(100):
        canvas.put(0, np.ones((10, 10), bool), (0, 0), "x")
    with pytest.raises(InputError, match="over the frame hundreds of times"):
        canvas.put(0, np.ones((10, 10), bool), (0, 0), "x")
