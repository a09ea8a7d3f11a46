import io
import logging
import struct
import warnings
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from fluorojax.core.errors import InputError
from fluorojax.data.readers import frames_in, read_frame, read_image, read_mask_image

RAMP8 = np.arange(30 * 40, dtype=np.uint16).reshape(30, 40).astype(np.uint8)
RAMP16 = (np.arange(30 * 40, dtype=np.uint32) * 54).astype(np.uint16).reshape(30, 40)


def png(path, pixels, mode=None):
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)
    return path


def tiff(path, pixels, **options):
    tifffile.imwrite(path, pixels, **options)
    return path


@pytest.mark.parametrize("pixels", [RAMP8, RAMP16], ids=["8 bit", "16 bit"])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".TIFF"])
def test_grey_values_and_depth_are_those_of_the_file(tmp_path, pixels, suffix):
    path = tmp_path / f"frame{suffix}"
    png(path, pixels) if suffix == ".png" else tiff(path, pixels)
    frame = read_frame(path)
    assert frame.pixels.dtype == pixels.dtype
    assert frame.pixels.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(frame.pixels, pixels)
    assert frame.source == str(path)
    assert not frame.spacing_known
    np.testing.assert_array_equal(read_mask_image(path), pixels)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_grey_stored_as_colour_is_grey(tmp_path, mode):
    np.testing.assert_array_equal(read_frame(png(tmp_path / "a.png", RAMP8, mode)).pixels, RAMP8)


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_16_bit_grey_stored_as_colour_tiff_keeps_its_depth(tmp_path, planar):
    channels = np.stack([RAMP16] * 3, 0 if planar == "separate" else -1)
    path = tiff(tmp_path / "a.tif", channels, photometric="rgb", planarconfig=planar)
    np.testing.assert_array_equal(read_frame(path).pixels, RAMP16)


def test_true_colour_is_refused_by_name(tmp_path):
    coloured = np.stack([RAMP8] * 3, -1)
    coloured[3, 4, 0] ^= 1
    for path in (
        png(tmp_path / "a.png", coloured),
        tiff(tmp_path / "b.tif", coloured, photometric="rgb"),
    ):
        with pytest.raises(InputError, match=rf"{path.name}: a colour image .1 pixels.*grey"):
            read_frame(path)


def test_16_bit_colour_png_is_refused_rather_than_cut(tmp_path):
    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    row = b"\0" + struct.pack(">6H", 300, 300, 300, 301, 301, 301)
    content = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(row)), chunk(b"IEND", b"")]
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(content))
    with pytest.raises(InputError, match=r"a\.png: 16 bit a channel.*16-bit grey"):
        read_frame(path)


@pytest.mark.parametrize("compression", [None, "zlib", "packbits", "tiff_lzw"])
def test_compressed_tiff(tmp_path, compression):
    path = tmp_path / "a.tif"
    if compression in ("tiff_lzw", "packbits"):
        Image.fromarray(RAMP16).save(path, compression=compression)
    else:
        tiff(path, RAMP16, compression=compression)
    np.testing.assert_array_equal(read_frame(path).pixels, RAMP16)


def test_tiff_where_zero_is_white_is_inverted_and_no_mask(tmp_path):
    path = tiff(tmp_path / "a.tif", RAMP16, photometric="miniswhite")
    np.testing.assert_array_equal(read_frame(path).pixels, 65535 - RAMP16)
    with pytest.raises(InputError, match="0 is white"):
        read_mask_image(path)


def test_float_tiff_is_refused_with_remedy(tmp_path):
    path = tiff(tmp_path / "a.tif", RAMP8.astype(np.float32))
    with pytest.raises(InputError, match=r"a\.tif: pixels of type float32; save it as unsigned"):
        read_frame(path)


def test_multi_page_tiff_is_refused_with_remedy(tmp_path):
    path = tiff(tmp_path / "a.tif", np.stack([RAMP8] * 3), photometric="minisblack")
    with pytest.raises(InputError, match=r"a\.tif: 3 pages.*one file a frame"):
        read_frame(path)


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"gone\.png: no such file"):
        read_frame(tmp_path / "gone.png")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.95])
@pytest.mark.parametrize(
    ("suffix", "layout"),
    [
        (".png", {}),
        (".tif", {}),
        (".tif", {"rowsperstrip": 8, "compression": "zlib"}),
        (".tif", {"tile": (16, 16)}),
    ],
)
def test_truncated_files_are_refused_by_name(tmp_path, suffix, layout, share):
    noise = np.random.default_rng(0).integers(0, 65535, (64, 64), np.uint16)
    path = tmp_path / f"a{suffix}"
    png(path, noise) if suffix == ".png" else tiff(path, noise, **layout)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=rf"a\{suffix}: cannot be decoded.*truncated or damaged"):
        read_frame(path)


def test_png_with_damaged_pixels_is_refused(tmp_path):
    noise = np.random.default_rng(0).integers(0, 65535, (64, 64), np.uint16)
    content = bytearray(png(tmp_path / "a.png", noise).read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match="cannot be decoded"):
        read_frame(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a"])
def test_other_formats_are_refused_with_remedy(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InputError, match=r"PNG or TIFF"):
        read_frame(tmp_path / name)


def test_text_named_png_is_refused(tmp_path):
    (tmp_path / "a.png").write_text("no picture, but more than thirty-three bytes long")
    with pytest.raises(InputError, match=r"a\.png: cannot be decoded"):
        read_frame(tmp_path / "a.png")


def test_palette_mask_gives_entry_numbers_and_palette_frame_is_refused(tmp_path):
    image = Image.fromarray(RAMP8 % 3).convert("P")
    image = Image.fromarray((RAMP8 % 3), "P") if image.mode != "P" else image
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    image.save(tmp_path / "a.png")
    assert set(np.unique(read_mask_image(tmp_path / "a.png"))) == {0, 1, 2}
    with pytest.raises(InputError, match="palette"):
        read_frame(tmp_path / "a.png")


def test_one_bit_mask_is_0_and_1(tmp_path):
    path = png(tmp_path / "a.png", RAMP8 > 100)
    assert Image.open(io.BytesIO(path.read_bytes())).mode == "1"
    np.testing.assert_array_equal(read_mask_image(path), (RAMP8 > 100).astype(np.uint8))


@pytest.mark.parametrize("pixels", [RAMP8, RAMP16], ids=["8 bit", "16 bit"])
def test_a_picture_of_pillow_is_the_same_frame_as_its_file(tmp_path, pixels):
    path = png(tmp_path / "a.png", pixels)
    with Image.open(path) as image:
        frame = read_image(image)
    np.testing.assert_array_equal(frame.pixels, read_frame(path).pixels)
    assert frame.source == str(path)


def test_pictures_without_one_grey_value_a_pixel_are_refused():
    colour = Image.fromarray(np.dstack([RAMP8, RAMP8, RAMP8 // 2]))
    for image, message in (
        (Image.fromarray(RAMP8).convert("1"), r"mode 1; image\.convert"),
        (Image.fromarray(RAMP8).convert("P"), "mode P"),
        (colour, "PIL image: a colour image"),
    ):
        with pytest.raises(InputError, match=message):
            read_image(image)


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".jpe"])
def test_jpeg_is_read_as_a_frame_and_not_as_a_mask(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    smooth = np.add.outer(np.arange(30), np.arange(40)).astype(np.uint8)
    Image.fromarray(smooth).save(path, "jpeg", quality=95)
    np.testing.assert_allclose(read_frame(path).pixels.astype(int), smooth, atol=3)
    with pytest.raises(InputError, match=r"a mask as JPEG, which changes label values.*as PNG"):
        read_mask_image(path)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_an_orientation_is_that_which_pillow_obeys(tmp_path, suffix, orientation):
    path = tmp_path / f"a{suffix}"
    image = Image.fromarray(RAMP8)
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(path, exif=exif)
    with Image.open(io.BytesIO(path.read_bytes())) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened))
    with Image.open(path) as opened:
        np.testing.assert_array_equal(read_image(opened).pixels, expected)
    np.testing.assert_array_equal(read_frame(path).pixels, expected)
    if suffix != ".jpg":
        np.testing.assert_array_equal(read_mask_image(path), expected)


def test_the_frames_in_a_folder_are_the_pictures_that_are_not_hidden(tmp_path):
    for name in ("b.png", "a.TIF", "c.jpeg", "._b.png", ".DS_Store", "Thumbs.db", "cases.csv"):
        (tmp_path / name).touch()
    (tmp_path / "d.png").mkdir()
    (tmp_path / "e.png").symlink_to("gone.png")
    assert [path.name for path in frames_in(tmp_path)] == ["a.TIF", "b.png", "c.jpeg", "e.png"]
    with pytest.raises(InputError, match="no such file"):
        frames_in(tmp_path / "gone")


def test_reading_leaves_pillow_and_the_warnings_as_they_were(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    filters, propagate = list(warnings.filters), logging.getLogger("PIL").propagate
    path = png(tmp_path / "a.png", RAMP8)
    np.testing.assert_array_equal(read_frame(path).pixels, RAMP8)
    with pytest.raises(InputError):
        read_frame(tmp_path / "gone.png")
    assert Image.MAX_IMAGE_PIXELS == 10
    assert (warnings.filters, logging.getLogger("PIL").propagate) == (filters, propagate)


def test_too_little_memory_is_named(tmp_path, monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr("fluorojax.data.png.np.asarray", full)
    with pytest.raises(InputError, match=r"a\.png: too little memory to decode it"):
        read_frame(png(tmp_path / "a.png", RAMP8))


def test_an_interrupt_comes_through(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("fluorojax.data.png.np.asarray", interrupt)
    with pytest.raises(KeyboardInterrupt):
        read_frame(png(tmp_path / "a.png", RAMP8))
