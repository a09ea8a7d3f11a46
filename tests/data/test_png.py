import struct

import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.data.picture import DamagedError, grey_values, label_values, upright
from fluorojax.data.png import read_png
from tests.faults.pictures import GREY, by_pillow, chunk, exif, header, png


def test_grey_of_8_and_16_bits_is_as_stored():
    for pixels in (GREY, GREY.astype(np.uint16) * 257):
        picture = read_png(by_pillow(pixels, "png"), mask=False)
        np.testing.assert_array_equal(picture.samples, pixels)
        assert (picture.bits, picture.alpha) == (8 * pixels.itemsize, None)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_frames_and_masks(orientation):
    data = png(chunk(b"eXIf", exif(orientation)))
    expected = upright(GREY, orientation)
    np.testing.assert_array_equal(grey_values(read_png(data, mask=False)), expected)
    np.testing.assert_array_equal(label_values(read_png(data, mask=True)), expected)


def test_exif_after_the_pixels_and_in_xmp_counts_too():
    whole = png()
    late = whole[:-12] + chunk(b"eXIf", exif(3)) + whole[-12:]
    xmp = b'XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation="3"/>'
    for data in (late, png(chunk(b"iTXt", xmp))):
        assert read_png(data, mask=False).orientation == 3


def test_interlaced_pictures_are_read():
    passes = [(0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2)]
    parts = [GREY[top::down, left::right] for top, down, left, right in passes] + [GREY[1::2]]
    rows = b"".join(b"\0" + row.tobytes() for part in parts for row in part)
    picture = read_png(png(head=header(interlace=1), rows=rows), mask=False)
    np.testing.assert_array_equal(picture.samples, GREY)


def test_a_palette_mask_keeps_its_numbers_whatever_is_transparent(tmp_path):
    image = Image.fromarray(GREY % 3).convert("L")
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    image.save(tmp_path / "a.png", transparency=0)
    picture = read_png((tmp_path / "a.png").read_bytes(), mask=True)
    np.testing.assert_array_equal(label_values(picture), GREY % 3)


def test_a_grey_that_is_transparent_gives_an_alpha():
    picture = read_png(png(chunk(b"tRNS", b"\0\xfa")), mask=False)
    np.testing.assert_array_equal(picture.alpha == 0, GREY == 250)
    unused = read_png(png(chunk(b"tRNS", b"\0\x03")), mask=False)
    np.testing.assert_array_equal(grey_values(unused), GREY)


def test_bytes_after_the_last_chunk_do_not_count():
    np.testing.assert_array_equal(read_png(png() + b"more", mask=False).samples, GREY)


def test_cut_anywhere_it_is_damaged():
    for end in range(len(png())):
        with pytest.raises((DamagedError, struct.error)):
            read_png(png()[:end], mask=False)


def test_any_byte_changed_it_is_refused():
    data = png()
    for at in range(len(data)):
        damaged = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises((DamagedError, InputError)):
            read_png(damaged, mask=False)


def test_one_bit_whose_background_is_transparent_is_0_and_1():
    drawn = GREY == 250
    rows = b"".join(b"\0" + row.tobytes() for row in np.packbits(drawn, axis=1))
    data = png(chunk(b"tRNS", b"\0\0"), head=header(depth=1), rows=rows)
    np.testing.assert_array_equal(label_values(read_png(data, mask=True)), drawn)
