from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from fluorojax.drawing import overlay

SHAPE = (64, 80)
GREY = np.full(SHAPE, 0.5, np.float32)


def masks(*classes: tuple[slice, slice]) -> np.ndarray:
    mask = np.zeros((*SHAPE, len(classes)), bool)
    for k, window in enumerate(classes):
        mask[(*window, k)] = True
    return mask


BLOCK = masks((slice(20, 50), slice(20, 50)))
WIRE = masks((slice(0), slice(0)), (slice(30, 33), slice(0, 80)))


def coloured(rgb: np.ndarray) -> np.ndarray:
    """Pixels that are not grey."""
    return np.ptp(rgb.astype(int), axis=-1) > 0


def test_a_frame_alone_is_the_frame():
    image = np.linspace(0, 1, 64 * 80).reshape(SHAPE)
    picture = overlay.overlay(image, None)
    assert picture.shape == (*SHAPE, 3)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, np.rint(image * 255)[..., None].repeat(3, -1))


def test_values_out_of_range_are_clipped():
    image = np.array([[-1.0, 2.0], [np.nan, 1.0]])
    np.testing.assert_array_equal(overlay.grey(image)[..., 0], [[0, 255], [0, 255]])


def test_the_tint_lies_on_the_prediction_and_nowhere_else():
    picture = overlay.overlay(GREY, BLOCK)
    np.testing.assert_array_equal(coloured(picture), BLOCK[..., 0])
    inside = (1 - overlay.TINT) * 128 + overlay.TINT * overlay.colour(0)
    np.testing.assert_array_equal(picture[35, 35], np.rint(inside))


def test_the_outline_lies_just_outside_the_reference():
    picture = overlay.overlay(GREY, None, BLOCK)
    line = coloured(picture)
    assert not line[BLOCK[..., 0]].any()
    assert line.sum() == 32 * 32 - 30 * 30
    np.testing.assert_array_equal(picture[19, 30], overlay.colour(0))


def test_a_wire_of_three_pixels_is_tinted_more_than_a_block():
    picture = overlay.overlay(GREY, BLOCK | WIRE[..., 1:]).astype(int)
    thin = overlay.overlay(GREY, WIRE).astype(int)[31, 40]
    assert np.abs(thin - 128).sum() > 1.5 * np.abs(picture[45, 45] - 128).sum()


def test_a_wire_stays_visible_under_its_reference():
    picture = overlay.overlay(GREY, WIRE, WIRE)
    tinted = picture[WIRE[..., 1]]
    assert (tinted == tinted[0]).all()
    assert (tinted[0] != overlay.colour(1)).any()  # an outline drawn over it would be its colour
    np.testing.assert_array_equal(picture[29], np.tile(overlay.colour(1), (80, 1)))


def test_a_class_keeps_its_colour():
    np.testing.assert_array_equal(overlay.colour(10), overlay.colour(0))
    only_wire = overlay.overlay(GREY, None, WIRE)
    np.testing.assert_array_equal(only_wire[29, 0], overlay.colour(1))


def test_ten_classes_have_colours_that_can_be_told_apart():
    colours = rgb2lab(np.array([overlay.colour(k) for k in range(10)])[None] / 255)[0]
    apart = np.linalg.norm(colours[:, None] - colours[None], axis=-1)
    assert (apart[~np.eye(10, dtype=bool)] > 25).all()
    assert (np.linalg.norm(colours[:, 1:], axis=-1) > 25).all()  # none is nearly grey


def test_ignored_pixels_are_hatched_in_grey():
    ignore = np.zeros(SHAPE, bool)
    ignore[:20] = True
    picture = overlay.overlay(GREY, None, None, ignore)
    changed = (picture != 128).any(-1)
    assert 0.15 < changed[:20].mean() < 0.4
    assert not changed[20:].any()
    assert not coloured(picture).any()


def test_outlines_grow_with_the_frame():
    assert overlay.line_width((300, 300)) == overlay.line_width((512, 512)) == 1
    assert overlay.line_width((1024, 1024)) == 2


def test_a_picture_to_look_at_is_enlarged_and_has_a_legend():
    picture = overlay.overlay(GREY, BLOCK, BLOCK, None, ["scope"], "case 1")
    assert picture.shape[1] == 800  # 10 times
    assert picture.shape[0] > 640
    assert (picture[640:] == overlay.colour(0)).all(-1).any()
    large = np.zeros((900, 1000))
    assert overlay.overlay(large, None, class_names=["scope"]).shape[1] == 1000


def test_the_legend_breaks_its_lines_where_it_must():
    names = [f"a class with a long name, number {k}" for k in range(5)]
    one, many = overlay.legend(4000, names), overlay.legend(400, names, "caption")
    assert len(many) >= 5 * 0.8 * len(overlay.legend(400, names[:1]))
    assert one.shape[1] == 4000
    for k in range(5):
        assert (many == overlay.colour(k)).all(-1).any()


def test_strip_has_two_panels_or_four():
    four = overlay.strip(GREY, BLOCK, BLOCK)
    two = overlay.strip(GREY, BLOCK)
    assert four.shape[1] == 4 * 800 + 3 * 4
    assert two.shape[1] == 2 * 800 + 4
    assert not coloured(four[:, :800]).any()
    np.testing.assert_array_equal(two[:, 804:], four[:, 1608:2408])
    assert len(overlay.strip(GREY, BLOCK, class_names=["scope"])) > len(two)


def test_file_names_are_safe_and_never_shared():
    assert overlay.file_name("hip01_0025.b-2") == "hip01_0025.b-2"
    odd = ["a/b", "a b", "a_b", "../a_b", "ä", ".a_b", ""]
    names = [overlay.file_name(case) for case in odd]
    assert len(set(names)) == len(odd)
    assert all(name and not name.startswith(".") for name in names[:-1])
    assert all(set(name).isdisjoint("/\\ :") for name in names)


def test_png_comes_back_as_saved(tmp_path):
    picture = overlay.overlay(GREY, BLOCK)
    overlay.save_png(picture, tmp_path / "new" / "a.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "new" / "a.png")), picture)


def test_a_real_wire_shows_in_the_picture():
    folder = Path(__file__).parents[2] / "../shared/data/carm_wire"
    if not folder.is_dir():
        pytest.skip("needs ../shared/data/carm_wire")
    bits = np.asarray(Image.open(folder / "masks/0020.png"))
    mask = np.stack([bits & 1, bits >> 1], axis=-1).astype(bool)
    image = np.asarray(Image.open(folder / "images/0020.png")) / 65535
    drawn = coloured(overlay.overlay(image, mask))
    np.testing.assert_array_equal(drawn, mask.any(-1))


def test_an_axis_is_a_thin_line_with_a_ring_at_its_exit_and_a_dot_at_its_tip():
    points = np.stack([np.full(41, 31.0), np.arange(20.0, 61.0)], -1)
    plain = overlay.overlay(GREY, WIRE, class_names=["scope", "wire"])
    drawn = overlay.overlay(
        GREY, WIRE, class_names=["scope", "wire"], axes=[overlay.Axis(1, points, True)]
    )
    assert drawn.shape == plain.shape
    white = (drawn == 255).all(-1)
    middle = white[200:500, 350]  # of a frame enlarged 10 times
    assert middle.sum() == 1
    assert abs(np.flatnonzero(middle)[0] + 200 - 315) <= 1
    assert (drawn[315, 602:608] == 255).all()  # within the dot
    assert (drawn[313, 202:208] == 0).all()  # within the ring
    changed = (drawn != plain).any(-1)
    assert not changed[:300].any()
    assert not changed[331:].any()


def test_a_curve_without_an_exit_has_two_tips():
    points = np.array([[31.0, 20.0], [31.0, 60.0]])
    drawn = overlay.overlay(GREY, None, axes=[overlay.Axis(1, points, False)])
    assert (drawn[31, 18:23] == 255).all()
    assert (drawn[31, 58:63] == 255).all()
    for column in (16, 24, 56, 64):
        assert (drawn[31, column] == overlay.colour(1)).all()
    assert (drawn[31, 40] == 255).all()
