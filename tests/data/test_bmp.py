import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.data.readers import read_frame

GREY = np.arange(6 * 7, dtype=np.uint8).reshape(6, 7) * 6


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_grey_is_read_whatever_it_is_stored_as(tmp_path, mode):
    Image.fromarray(GREY).convert(mode).save(tmp_path / "a.bmp")
    np.testing.assert_array_equal(read_frame(tmp_path / "a.bmp").pixels, GREY)


def test_colours_and_single_bits_are_refused(tmp_path):
    colours = np.zeros((6, 7, 3), np.uint8)
    colours[2, 3] = 200, 10, 10
    Image.fromarray(colours).save(tmp_path / "a.bmp")
    with pytest.raises(InputError, match=r"a\.bmp: a colour image"):
        read_frame(tmp_path / "a.bmp")
    Image.fromarray(GREY > 100).save(tmp_path / "b.bmp")
    with pytest.raises(InputError, match=r"b\.bmp: one bit a pixel"):
        read_frame(tmp_path / "b.bmp")


def test_a_cut_file_is_refused(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.bmp")
    content = (tmp_path / "a.bmp").read_bytes()
    for length in (2, 20, 60, len(content) - 9):
        (tmp_path / "a.bmp").write_bytes(content[:length])
        with pytest.raises(InputError, match=r"a\.bmp: cannot be decoded"):
            read_frame(tmp_path / "a.bmp")
