import io

import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.data.picture import upright
from fluorojax.data.pil_image import pixels_of
from tests.faults.pictures import GREY, by_pillow, chunk, exif, png, tiff

WIDE = GREY.astype(np.uint16) * 257


def opened(data):
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_orientation_is_obeyed_in_every_format_and_only_once(orientation):
    expected = upright(GREY, orientation)
    for data in (png(chunk(b"eXIf", exif(orientation))), tiff({274: orientation})):
        np.testing.assert_array_equal(pixels_of(opened(data)), expected)
    jpeg = opened(by_pillow(GREY, "jpg", exif=b"Exif\0\0" + exif(orientation)))
    assert pixels_of(jpeg).shape == expected.shape


@pytest.mark.parametrize("pixels", [GREY, WIDE], ids=["8 bit", "16 bit"])
def test_where_zero_is_white_it_is_inverted_once(pixels):
    depth = 8 * pixels.itemsize
    data = tiff({262: 0, 258: depth}, (np.iinfo(pixels.dtype).max - pixels).tobytes())
    np.testing.assert_array_equal(pixels_of(opened(data)), pixels)


@pytest.mark.parametrize("mode", ["LA", "RGB", "RGBA"])
def test_grey_stored_otherwise_is_grey(mode):
    np.testing.assert_array_equal(pixels_of(Image.fromarray(GREY).convert(mode)), GREY)


def test_integers_of_32_bits_and_floats_stay_what_they_are():
    for pixels in (GREY.astype(np.int32) - 5, GREY / np.float32(7)):
        found = pixels_of(Image.fromarray(pixels))
        np.testing.assert_array_equal(found, pixels)
        assert found.dtype == pixels.dtype


def test_16_bits_of_the_other_byte_order_are_native():
    found = pixels_of(Image.fromarray(WIDE.astype(">u2")))
    np.testing.assert_array_equal(found, WIDE)
    assert found.dtype == np.uint16


def test_a_transparency_that_varies_is_refused():
    image = Image.fromarray(np.dstack([0 * GREY, GREY]))
    with pytest.raises(InputError, match="transparency varies"):
        pixels_of(image)


def test_what_pillow_would_cut_or_garble_is_read_from_its_file(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff({274: 6}))
    with Image.open(path) as image:
        np.testing.assert_array_equal(pixels_of(image), upright(GREY, 6))
        assert image.size == (24, 32)
    colours = tiff({258: 16, 262: 2, 277: 3}, np.dstack([WIDE] * 3).tobytes())
    np.testing.assert_array_equal(pixels_of(opened(colours)), WIDE)


def test_a_picture_that_was_changed_after_it_was_opened_is_the_changed_one():
    image = opened(png())
    image.putpixel((3, 2), 77)
    changed = GREY.copy()
    changed[2, 3] = 77
    np.testing.assert_array_equal(pixels_of(image), changed)
