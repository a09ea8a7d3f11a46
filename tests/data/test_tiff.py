import io
import itertools
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from fluorojax.data.picture import grey_values, upright
from fluorojax.data.tiff import read_tiff
from tests.faults.pictures import GREY, tiff

WIDE = GREY.astype(np.uint16) * 257 + np.arange(32, dtype=np.uint16)
EXACT = ["tiff_lzw", "packbits", "tiff_adobe_deflate", "tiff_deflate", "zstd", "lzma"]
WRITTEN = [None, "zlib", "lzw", "packbits", "zstd", "lzma"]


def by_tifffile(pixels, orientation=1, **options):
    file = io.BytesIO()
    tags = [(274, "H", 1, orientation, True)] if orientation > 1 else []
    tifffile.imwrite(file, pixels, extratags=tags, **options)
    return file.getvalue()


def by_pillow(pixels, compression, white=False, orientation=1, predictor=1):
    file = io.BytesIO()
    tags = {274: orientation, 278: 8} | ({317: predictor} if predictor > 1 else {})
    image = Image.fromarray(pixels)
    image.save(file, "tiff", compression=compression, tiffinfo=tags)
    data = file.getvalue()
    black = struct.pack("<HHIH", 262, 3, 1, 1)
    assert not white or black in data
    return data.replace(black, struct.pack("<HHIH", 262, 3, 1, 0)) if white else data


def check(data, expected):
    found = grey_values(read_tiff(data))
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def check_roughly(data, expected):
    found = grey_values(read_tiff(data))
    assert np.abs(found.astype(int) - expected).mean() < 4


def stored_as(pixels, photometric, planar):
    """Return the samples of a grey picture, and how tifffile is told what they are."""
    full = np.iinfo(pixels.dtype).max
    if photometric in ("minisblack", "miniswhite"):
        return (full - pixels if photometric == "miniswhite" else pixels), {
            "photometric": photometric
        }
    channels = [pixels] * 3 + ([np.full_like(pixels, full)] if photometric == "rgba" else [])
    options = {"photometric": "rgb", "planarconfig": planar}
    options |= {"extrasamples": ["unassalpha"]} if photometric == "rgba" else {}
    return np.stack(channels, 0 if planar == "separate" else -1), options


@pytest.mark.parametrize("pixels", [GREY, WIDE], ids=["8 bit", "16 bit"])
@pytest.mark.parametrize("compression", WRITTEN)
def test_one_picture_is_the_same_however_tifffile_stores_it(pixels, compression):
    for photometric, planar, tile, order, big, orientation, predictor in itertools.product(
        ["minisblack", "miniswhite", "rgb", "rgba"],
        ["contig", "separate"],
        [None, (16, 16)],
        "<>",
        [False, True],
        [1, 6],
        [False, True] if compression in ("zlib", "lzw", "zstd") else [False],
    ):
        samples, options = stored_as(pixels, photometric, planar)
        data = by_tifffile(
            samples, orientation, compression=compression, predictor=predictor or None, tile=tile,
            rowsperstrip=None if tile else 5, byteorder=order, bigtiff=big, **options,
        )  # fmt: skip
        check(data, upright(pixels, orientation))


@pytest.mark.parametrize("pixels", [GREY, WIDE], ids=["8 bit", "16 bit"])
@pytest.mark.parametrize("white", [False, True], ids=["0 is black", "0 is white"])
@pytest.mark.parametrize("compression", [None, *EXACT])
def test_one_picture_is_the_same_in_every_compression_of_pillow(pixels, white, compression):
    full = np.iinfo(pixels.dtype).max
    for orientation, predictor in itertools.product(range(1, 9), [1, 2]):
        if predictor == 2 and compression not in ("tiff_lzw", "tiff_adobe_deflate"):
            continue
        stored = full - pixels if white else pixels
        data = by_pillow(stored, compression, white, orientation, predictor)
        check(data, upright(pixels, orientation))


@pytest.mark.parametrize("white", [False, True], ids=["0 is black", "0 is white"])
def test_jpeg_in_tiff_is_nearly_the_same_and_said_to_be_lossy(white):
    for orientation in range(1, 9):
        data = by_pillow(255 - GREY if white else GREY, "jpeg", white, orientation)
        check_roughly(data, upright(GREY, orientation))
        assert read_tiff(data).lossy


@pytest.mark.parametrize("compression", [None, *EXACT, "jpeg"])
def test_grey_stored_as_colour_is_grey_in_every_compression(compression):
    data = by_pillow(np.stack([GREY] * 3, -1), compression)
    (check_roughly if compression == "jpeg" else check)(data, GREY)
    opaque = np.full_like(GREY, 255)
    if compression != "jpeg":
        check(by_pillow(np.dstack([GREY] * 3 + [opaque]), compression), GREY)


def test_bits_stored_in_reverse_order_are_turned_round():
    reverse = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
    check(tiff({266: 2}, GREY.tobytes().translate(reverse)), GREY)


def test_packbits_of_runs_literals_and_nothing_are_unpacked():
    packed = b"\x80" + bytes([257 - 100, 9]) + b"\x80" + bytes([257 - 128, 7]) * 5 + b"\x1b"
    packed += bytes(range(28))
    expected = np.array([9] * 100 + [7] * 640 + list(range(28)), np.uint8).reshape(24, 32)
    check(tiff({259: 32773}, packed), expected)


def test_an_orientation_that_does_not_exist_changes_nothing():
    for orientation in (0, 9, 65535):
        check(tiff({274: orientation}), GREY)


@pytest.mark.parametrize("length", [None, 0, 700, 2**31])
def test_an_uncompressed_strip_has_the_length_of_its_pixels_whatever_the_file_says(length):
    check(tiff({279: length}), GREY)
    with pytest.raises(ValueError, match="failed to read 76800 bytes"):
        read_tiff(tiff({279: length, 256: 3200}))


def test_tiles_may_be_given_as_strips():
    tile = np.zeros((32, 32), np.uint8)
    tile[:24] = GREY
    check(tiff({278: None, 322: 32, 323: 32}, tile.tobytes()), GREY)


def test_an_unnamed_channel_that_says_nothing_is_left_out():
    samples = np.dstack([GREY, 0 * GREY + 3])
    check(tiff({277: 2, 338: 0}, samples.tobytes()), GREY)
    assert read_tiff(tiff({277: 2, 338: 0}, samples.tobytes())).alpha is None


def test_cut_anywhere_it_is_refused():
    for data in (by_pillow(GREY, "tiff_lzw"), by_tifffile(WIDE, compression="zlib"), tiff()):
        for end in range(0, len(data), 5):
            with pytest.raises((ValueError, struct.error, RuntimeError)):
                read_tiff(data[:end])
