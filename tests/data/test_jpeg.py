import io
import struct

import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.data.jpeg import read_jpeg
from fluorojax.data.picture import DamagedError, grey_values, label_values, upright
from tests.faults.pictures import GREY, by_pillow, exif


def jpeg(pixels=GREY, **options):
    return by_pillow(pixels, "jpg", quality=95, **options)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 2}])
def test_grey_is_what_pillow_decodes(options):
    with Image.open(io.BytesIO(jpeg(**options))) as image:
        expected = np.asarray(image)
    found = grey_values(read_jpeg(jpeg(**options)))
    np.testing.assert_array_equal(found, expected)
    assert np.abs(found.astype(int) - GREY).mean() < 4


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_grey_stored_as_colour_is_its_luma(subsampling):
    found = grey_values(read_jpeg(jpeg(np.stack([GREY] * 3, -1), subsampling=subsampling)))
    expected = grey_values(read_jpeg(jpeg()))
    np.testing.assert_allclose(found.astype(int), expected.astype(int), atol=1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_it(orientation):
    plain = read_jpeg(jpeg()).samples
    turned = read_jpeg(jpeg(exif=b"Exif\0\0" + exif(orientation)))
    np.testing.assert_array_equal(grey_values(turned), upright(plain, orientation))


def test_it_is_no_mask():
    with pytest.raises(InputError, match=r"lossy compression .JPEG., which changes label values"):
        label_values(read_jpeg(jpeg()))


def test_bytes_after_the_last_marker_do_not_count():
    np.testing.assert_array_equal(read_jpeg(jpeg() + bytes(50)).samples, read_jpeg(jpeg()).samples)


def test_cut_anywhere_it_is_refused():
    for data in (jpeg(), jpeg(progressive=True)):
        for end in range(len(data)):
            with pytest.raises((DamagedError, struct.error, IndexError)):
                read_jpeg(data[:end])
