from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from fluorojax.core.errors import InputError
from fluorojax.data.picture import (
    RECIPE,
    Picture,
    check_size,
    grey_values,
    label_values,
    most_bytes,
    most_pixels,
    transparency,
    upright,
)

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_is_what_exif_means(orientation):
    image = Image.fromarray(GREY)
    image.getexif()[0x0112] = orientation
    np.testing.assert_array_equal(
        upright(GREY, orientation), np.asarray(ImageOps.exif_transpose(image))
    )


def test_where_zero_is_white_the_values_are_turned_round():
    np.testing.assert_array_equal(grey_values(Picture(GREY, zero_is_white=True)), 255 - GREY)
    wide = GREY.astype(np.uint16) * 257
    found = grey_values(Picture(wide, 16, zero_is_white=True))
    np.testing.assert_array_equal(found, 65535 - wide)
    assert found.dtype == np.uint16


@pytest.mark.parametrize("values", [grey_values, label_values])
def test_a_transparency_that_says_what_the_values_say_is_left_out(values):
    opaque = np.where(GREY > 0, 255, 0).astype(np.uint8)
    for alpha in (None, np.full_like(GREY, 255), opaque):
        np.testing.assert_array_equal(values(Picture(GREY, alpha=alpha)), GREY)


@pytest.mark.parametrize("values", [grey_values, label_values])
def test_a_transparency_that_says_something_else_is_refused(values):
    stroke = np.where(GREY > 100, 255, 0).astype(np.uint8)
    for grey in (0 * GREY, 0 * GREY + 255, GREY):
        with pytest.raises(InputError, match=r"transparency varies .alpha from 0 to 255"):
            values(Picture(grey, alpha=stroke))
    with pytest.raises(InputError, match="wholly transparent"):
        values(Picture(GREY, alpha=0 * GREY))


def test_one_value_or_colour_that_is_transparent():
    expected = np.where(GREY == 40, 0, 255)
    np.testing.assert_array_equal(transparency(GREY, 40, 8), expected)
    np.testing.assert_array_equal(transparency(np.dstack([GREY] * 3), (40, 40, 40), 8), expected)
    assert transparency(GREY.astype(np.uint16), 40, 16).max() == 65535


def test_lossy_grey_may_differ_by_two_and_is_the_luma():
    samples = np.stack([GREY, GREY + 2, GREY + 1], -1)
    luma = np.rint(0.299 * samples[..., 0] + 0.587 * samples[..., 1] + 0.114 * samples[..., 2])
    np.testing.assert_array_equal(grey_values(Picture(samples, lossy=True)), luma)
    with pytest.raises(InputError, match=r"a colour image .12 pixels"):
        grey_values(Picture(samples))
    with pytest.raises(InputError, match="a colour image"):
        grey_values(Picture(np.stack([GREY, GREY + 3, GREY], -1), lossy=True))


def test_a_mask_in_colours_names_them_by_their_number():
    samples = np.zeros((3, 4, 3), np.uint8)
    samples[0, :3] = 255, 0, 0
    samples[2, 1] = 0, 0, 255
    with pytest.raises(
        InputError,
        match=r"\(0, 0, 0\) 8 pixels, \(255, 0, 0\) 3 pixels, \(0, 0, 255\) 1 pixels; .*'Masks in",
    ):
        label_values(Picture(samples))


def test_a_drawing_in_the_transparency_of_one_colour_is_no_mask_in_colours():
    red = np.zeros((3, 4, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    stroke = np.where(GREY > 100, 255, 0).astype(np.uint8)
    with pytest.raises(InputError, match="transparency varies"):
        label_values(Picture(red, alpha=stroke))
    with pytest.raises(InputError, match="a mask in colours"):
        label_values(Picture(red * (stroke > 0)[..., None], alpha=stroke))


def test_masks_are_neither_lossy_nor_is_0_white():
    for picture, message in (
        (Picture(GREY, lossy=True), "changes label values"),
        (Picture(GREY, zero_is_white=True), "0 is white"),
    ):
        with pytest.raises(InputError, match=message):
            label_values(picture)


def test_the_limit_is_100_million_pixels_or_what_the_environment_says(monkeypatch):
    assert most_pixels() == 100_000_000
    assert most_bytes() == 400_000_000 + 2**26
    check_size(10_000, 10_000, 4)
    for size in ((10_000, 10_001, 1), (10_000, 10_000, 6)):
        with pytest.raises(InputError, match="FLUOROJAX_MAX_PIXELS"):
            check_size(*size)
    check_size(5_000, 10_000, 8)
    monkeypatch.setenv("FLUOROJAX_MAX_PIXELS", " 200000000 ")
    check_size(10_000, 10_001, 4)


def test_the_recipe_of_the_message_turns_colours_into_numbers(tmp_path, monkeypatch):
    page, section = RECIPE.rsplit(" in ", 1)[1], RECIPE.split("'")[1]
    text = (Path(__file__).parents[2] / page).read_text()
    code = text.split(f"## {section}")[1].split("```python")[1].split("```")[0]
    colours = np.zeros((3, 4, 3), np.uint8)
    colours[0, 1], colours[2, 3] = (255, 0, 0), (0, 255, 0)
    Image.fromarray(colours).save(tmp_path / "coloured.png")
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    expected = np.zeros((3, 4), np.uint8)
    expected[0, 1], expected[2, 3] = 1, 2
    np.testing.assert_array_equal(np.asarray(Image.open("mask.png")), expected)
    colours[1, 1] = 0, 0, 255
    Image.fromarray(colours).save("coloured.png")
    with pytest.raises(AssertionError, match="without a number"):
        exec(code, {})
