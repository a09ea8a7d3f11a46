import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image
from skimage.measure import label

from fluorojax.data import grid
from fluorojax.geometry.skeleton import centrelines

SIZES = st.tuples(st.integers(1, 90), st.integers(1, 90))


def test_place_by_hand():
    wide = grid.place((100, 200), (64, 64))
    assert (wide.scale, wide.resized, wide.offset) == (0.32, (32, 64), (16, 0))
    small = grid.place((30, 41), (64, 64))
    assert (small.scale, small.resized, small.offset) == (1.0, (30, 41), (17, 11))


@given(SIZES, SIZES)
@settings(deadline=None, max_examples=60)
def test_the_frame_is_never_enlarged_and_lies_inside(shape, image_size):
    placement = grid.place(shape, image_size)
    for n, m, r, o in zip(shape, image_size, placement.resized, placement.offset, strict=True):
        assert 1 <= r <= min(n, m)
        assert 0 <= o <= m - r


@given(SIZES, SIZES)
@settings(deadline=None, max_examples=40)
def test_all_arrays_come_out_on_the_working_grid(shape, image_size):
    placement = grid.place(shape, image_size)
    mask = np.ones((*shape, 2), bool)
    assert grid.image_to_grid(np.ones(shape, np.uint8), placement).shape == image_size
    assert grid.mask_to_grid(mask, mask & False, placement).shape == (*image_size, 2)
    assert grid.skeleton_to_grid(mask, placement).shape == (*image_size, 2)
    assert grid.ignore_to_grid(mask[..., 0], placement).shape == image_size
    back = grid.to_native(np.zeros((*image_size, 2), np.float32), placement)
    assert back.shape == (*shape, 2)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_scale_1_is_the_identity_bit_by_bit(dtype):
    rng = np.random.default_rng(0)
    image = (rng.random((30, 41)) * 200).astype(dtype)
    placement = grid.place(image.shape, (64, 48))
    padded = grid.image_to_grid(image, placement)
    assert padded.dtype == dtype
    np.testing.assert_array_equal(padded[placement.window], image)
    probabilities = rng.random((64, 48, 3), np.float32)
    np.testing.assert_array_equal(
        grid.to_native(probabilities, placement), probabilities[placement.window]
    )
    mask = rng.random((30, 41, 2)) > 0.5
    np.testing.assert_array_equal(
        grid.mask_to_grid(mask, mask & False, placement)[placement.window], mask
    )


def test_the_edge_is_repeated_around_the_image_and_nothing_around_the_masks():
    image = np.full((10, 10), 7, np.uint8)
    placement = grid.place((10, 10), (10, 20))
    assert (grid.image_to_grid(image, placement) == 7).all()
    ones = np.ones((10, 10, 1), bool)
    assert grid.mask_to_grid(ones, ones, placement).sum() == 100


def test_shrinking_is_antialiased():
    # Stripes one pixel wide: picking every fourth pixel would give one of the two values.
    stripes = np.tile(np.array([0, 200], np.uint8), (64, 32))
    shrunk = grid.image_to_grid(stripes, grid.place((64, 64), (16, 16)))
    assert abs(shrunk[:, 2:-2].astype(int) - 100).max() <= 15


def test_a_thin_wire_keeps_more_contrast_than_with_the_first_filter():
    image = np.full((200, 200), 30_000, np.uint16)
    image[:, 99:102] = 10_000  # 3 px
    placement = grid.place((200, 200), (50, 50))
    depth = {
        name: 30_000 - int(grid.image_to_grid(image, placement, name).min())
        for name in ("lanczos", "triangle")
    }
    assert depth["triangle"] < depth["lanczos"] <= 20_000
    expected = Image.fromarray(image.astype(np.float32)).resize((50, 50), Image.Resampling.BILINEAR)
    first = grid.image_to_grid(image, placement, grid.FIRST_RESAMPLING)
    np.testing.assert_array_equal(first, np.rint(expected).astype(np.uint16))


def test_values_beyond_the_range_of_the_type_are_cut():
    edge = np.zeros((60, 60), np.uint8)
    edge[:, 30:] = 255  # Lanczos overshoots beside it
    shrunk = grid.image_to_grid(edge, grid.place((60, 60), (20, 20)))
    assert (shrunk[:, :8] <= 20).all()
    assert (shrunk[:, 12:] >= 235).all()


def test_at_native_size_the_grid_is_as_large_as_the_frame_or_a_tile():
    large = grid.place((100, 40), (64, 64), "native")
    assert (large.image_size, large.scale, large.offset) == ((100, 64), 1.0, (0, 12))
    assert grid.place((30, 41), (64, 64), "native") == grid.place((30, 41), (64, 64))


def test_16_bit_values_keep_their_precision():
    image = np.full((64, 64), 51_234, np.uint16)
    assert (grid.image_to_grid(image, grid.place((64, 64), (20, 20))) == 51_234).all()


def test_a_region_covers_where_half_of_the_area_is_covered():
    mask = np.zeros((8, 8, 1), bool)
    mask[:4, :2] = True  # half of the working pixel (0, 0)
    mask[4:, :1] = True  # a quarter of (1, 0)
    shrunk = grid.mask_to_grid(mask, mask & False, grid.place((8, 8), (2, 2)))[..., 0]
    np.testing.assert_array_equal(shrunk, [[True, False], [False, False]])


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 9))
@settings(deadline=None, max_examples=40)
def test_coverage_keeps_the_area_at_any_ratio(n, bins, seed):
    bins = min(n, bins)
    values = np.random.default_rng(seed).random((n, 3)).astype(np.float32)
    np.testing.assert_allclose(grid._bin_means(values, bins, 0).mean(0), values.mean(0), rtol=1e-5)


def test_coverage_of_bins_that_cut_pixels():
    values = np.array([[1.0], [0.0], [0.0]], np.float32)
    np.testing.assert_allclose(grid._bin_means(values, 2, 0)[:, 0], [2 / 3, 0.0], atol=1e-6)


@pytest.mark.parametrize("side", [128, 64, 100])
@pytest.mark.parametrize("slope", [0.0, 0.37, 1.0, 2.6])
def test_a_thin_wire_stays_in_one_piece_when_it_shrinks_4_to_8_times(side, slope):
    y, x = np.mgrid[:512, :512]
    wire = np.abs((y - 200) - slope * (x - 200)) / np.hypot(1, slope) <= 1.5
    wire = wire[..., None]
    line = centrelines(wire, [0])
    placement = grid.place((512, 512), (side, side))
    for shrunk in (
        grid.mask_to_grid(wire, line, placement),
        grid.skeleton_to_grid(line, placement),
    ):
        pieces = label(shrunk[..., 0], connectivity=2).max()
        assert pieces == 1
        # It still reaches from border to border.
        assert max(np.ptp(np.nonzero(shrunk[..., 0]), axis=1)) >= side - 2


def test_the_skeleton_is_five_pixels_wide():
    line = np.zeros((40, 40, 1), bool)
    line[20, 10:30] = True
    wide = grid.skeleton_to_grid(line, grid.place((40, 40), (40, 40)))[..., 0]
    expected = np.zeros((40, 40), bool)
    expected[18:23, 8:32] = True
    np.testing.assert_array_equal(wide, expected)


def test_one_ignored_pixel_is_enough_and_the_padding_is_ignored():
    ignore = np.zeros((8, 8), np.uint8)
    ignore[5, 2] = 1
    on_grid = grid.ignore_to_grid(ignore, grid.place((8, 8), (4, 6)))
    np.testing.assert_array_equal(
        on_grid, [[1, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 1], [1, 0, 1, 0, 0, 1], [1, 0, 0, 0, 0, 1]]
    )


def test_there_and_back_leaves_a_smooth_image_where_it_was():
    y, x = np.mgrid[:200, :150].astype(np.float32)
    smooth = np.exp(-((y - 60) ** 2 + (x - 100) ** 2) / 900)
    placement = grid.place(smooth.shape, (100, 100))
    back = grid.to_native(grid.image_to_grid(smooth, placement)[..., None], placement)[..., 0]
    assert np.abs(back - smooth).max() < 0.02


def test_what_is_only_shrunk_has_no_padding():
    image = np.arange(24, dtype=np.uint16).reshape(4, 6) * 100
    np.testing.assert_array_equal(grid.shrink(image, (4, 6)), image)
    assert grid.shrink(image, (3, 3)).shape == (2, 3)
    mask = np.zeros((4, 6, 1), bool)
    mask[:3, :3] = True
    assert grid.shrink_masks(mask, (9, 9)) is mask
    expected = [[1.0, 0.5, 0.0], [0.5, 0.25, 0.0]]
    np.testing.assert_allclose(grid.shrink_masks(mask, (3, 3))[..., 0], expected)


def test_a_pixel_that_a_border_cuts_belongs_where_its_centre_lies():
    """Five rows on three: the centre of row 3 is at 3.5 * 3 / 5 = 2.1, its border at 1.8."""
    placement = grid.place((5, 5), (3, 3))
    for pixel, found in (((3, 0), (2, 0)), ((0, 3), (0, 2)), ((1, 2), (0, 1)), ((2, 1), (1, 0))):
        ignore = np.zeros((5, 5), np.uint8)
        ignore[pixel] = 1
        on_grid = grid.ignore_to_grid(ignore, placement)
        np.testing.assert_array_equal(np.argwhere(on_grid), [found])


@settings(deadline=None, max_examples=40)
@given(shape=st.tuples(*[st.integers(1, 700)] * 2), size=st.tuples(*[st.integers(8, 200)] * 2))
def test_a_point_falls_into_the_pixel_that_the_mask_has_there(shape, size):
    placement = grid.place(shape, size)
    points = np.stack([np.linspace(0, n - 1, 9).astype(int) for n in shape], 1)
    lines = np.zeros((*shape, len(points)), bool)  # a channel a point
    lines[(*points.T, np.arange(len(points)))] = True
    found = grid.mask_to_grid(lines & False, lines, placement)
    moved = grid.points_to_grid(points.astype(float), placement)
    pixels = np.floor(moved + 0.5).astype(int)
    assert found[(*pixels.T, np.arange(len(points)))].all()


def test_a_point_stays_where_the_frame_is_not_scaled():
    points = np.array([[3.0, 70.0], [np.nan, np.nan], [47.0, 0.0]])
    moved = grid.points_to_grid(points, grid.place((48, 71), (64, 96)))
    np.testing.assert_array_equal(moved, points + np.array([8, 12]))


def test_a_smaller_size_has_the_frame_s_edge_around_it():
    rows, columns = np.mgrid[:64, :48]
    image = (1000 + 10 * rows + 5 * columns).astype(np.uint16)
    small = grid.place(image.shape, (32, 32), size=0.5)
    assert (small.scale, small.resized, small.offset) == (0.25, (16, 12), (8, 10))
    shown = grid.image_to_grid(image, small)
    assert shown.shape == (32, 32)
    np.testing.assert_array_equal(shown[:8], np.repeat(shown[8:9], 8, 0))
    # The same as a frame with a wide border of its own.
    wide = np.pad(image, ((32, 32), (24, 24)), "edge")
    border = grid.image_to_grid(wide, grid.place(wide.shape, (32, 32)))
    inside = (slice(10, 22), slice(12, 20))  # where no edge is near
    np.testing.assert_allclose(shown[inside].astype(int), border[inside].astype(int), atol=2)
