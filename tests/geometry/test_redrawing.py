import numpy as np
import pytest
from skimage.measure import label

from fluorojax.geometry.redrawing import LEAST, pieces, redrawn
from fluorojax.geometry.skeleton import skeleton

SIDE = 240


def straight(side, width, middle, angle):
    """Return a line [side, side] bool of a field of SIDE pixels, by its formula."""
    rows, columns = (np.mgrid[:side, :side] + 0.5) * SIDE / side - 0.5
    across = (rows - middle[0]) * np.cos(angle) - (columns - middle[1]) * np.sin(angle)
    return np.abs(across) <= width / 2


@pytest.mark.parametrize("factor", [1.25, 2, 4])
@pytest.mark.parametrize("width", [3, 4, 5, 8, 14])
def test_a_line_is_as_wide_as_one_drawn_on_the_coarse_grid(factor, width):
    rng, side = np.random.default_rng(width), round(SIDE / factor)
    inside = (slice(side // 6, -(side // 6)),) * 2  # a skeleton may fork at the border
    drawn = expected = 0
    for _ in range(6):
        middle, angle = SIDE / 2 + rng.uniform(-5, 5, 2), rng.uniform(0, np.pi)
        mask = straight(SIDE, width, middle, angle)
        drawn += redrawn(mask, skeleton(mask), (side, side))[inside].sum()
        expected += straight(side, max(width, factor), middle, angle)[inside].sum()
    assert drawn == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("angle", np.linspace(0, np.pi, 7))
def test_a_thin_line_is_one_piece_about_one_pixel_wide(angle):
    mask = straight(SIDE, 3, (120.3, 119.6), angle)
    drawn = redrawn(mask, skeleton(mask), (30, 30))
    assert label(drawn, connectivity=2).max() == 1
    long = 30 / max(abs(np.cos(angle)), abs(np.sin(angle)))
    assert 0.8 * long <= drawn.sum() <= 1.7 * long


def test_pieces_join_neighbours_and_a_pixel_alone_is_one():
    line = np.zeros((8, 8), bool)
    line[2, 2:4] = line[6, 6] = True
    starts, ends, half = pieces(line, line, (4, 4))
    assert len(starts) == 3 + 1  # each pixel, and the pair
    np.testing.assert_allclose(np.hypot(*(ends - starts).T), [0, 0, 0, 0.5])
    assert (half == LEAST).all()


def test_of_nothing_nothing_is_drawn():
    nothing = np.zeros((20, 30), bool)
    assert not redrawn(nothing, nothing, (10, 15)).any()
