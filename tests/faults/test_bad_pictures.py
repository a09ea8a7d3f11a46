"""Bad pictures, as frames, masks and ignore masks: what the user is told of each."""

import io
import os
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from fluorojax.data.annotations import read_annotation, read_ignore
from fluorojax.data.frames import as_frame
from fluorojax.data.readers import frames_in, read_frame, read_mask_image
from fluorojax.schema.info import ClassInfo, DatasetInfo
from tests.faults.matrix import Bad, names, refused
from tests.faults.pictures import (
    GREY,
    SIGNATURE,
    by_pillow,
    checksums_mended,
    chunk,
    exif,
    header,
    png,
    tiff,
)

DAMAGED = "cannot be decoded .*: the file is truncated or damaged; copy or export it again"
COLOUR = np.stack([GREY, GREY // 2, GREY], -1)
FULL = np.full_like(GREY, 255)
STROKE = np.where(GREY == 250, 255, 0).astype(np.uint8)
SOFT = np.where(GREY == 250, 255, np.where(GREY > 90, 128, 0)).astype(np.uint8)


def rows_of(*channels: np.ndarray, kind: str = "u1") -> bytes:
    """Return what a PNG packs: each row after a byte that names its filter."""
    return b"".join(b"\0" + row.astype(f">{kind}").tobytes() for row in np.dstack(channels))


def with_alpha(*channels: np.ndarray) -> bytes:
    return by_pillow(np.dstack(channels).astype(np.uint8), "png")


def packed(text: bytes = bytes(2**22)) -> bytes:
    return zlib.compress(text)


def bits(depth: int) -> bytes:
    return png(head=header(depth=depth), rows=(b"\0" + bytes(32 * depth // 8)) * 24)


def palette() -> bytes:
    image = Image.fromarray(GREY % 3)
    image = image.convert("P")
    file = io.BytesIO()
    image.save(file, "png")
    return file.getvalue()


def animation() -> bytes:
    file = io.BytesIO()
    first, second = Image.fromarray(GREY), Image.fromarray(255 - GREY)
    first.save(file, "png", save_all=True, append_images=[second])
    return file.getvalue()


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def jpeg(pixels=GREY, **options) -> bytes:
    return by_pillow(pixels, "jpg", quality=95, **options)


def replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new, 1)


def jpeg_of_size(rows: int, columns: int) -> bytes:
    return replaced(jpeg(), struct.pack(">HH", 24, 32), struct.pack(">HH", rows, columns))


def print_colours() -> bytes:
    file = io.BytesIO()
    Image.fromarray(COLOUR).convert("CMYK").save(file, "jpeg")
    return file.getvalue()


def several() -> bytes:
    file = io.BytesIO()
    Image.fromarray(GREY).save(
        file, "mpo", save_all=True, append_images=[Image.fromarray(255 - GREY)]
    )
    return file.getvalue()


def compressed(compression: str, pixels: np.ndarray = GREY) -> bytes:
    return by_pillow(pixels, "tif", compression=compression)


def spoiled(compression: str, share: float = 0.5) -> bytes:
    """Return a compressed TIFF with zeros in the place of half its strip."""
    data = compressed(compression)
    with Image.open(io.BytesIO(data)) as image:
        (start,), (count,) = image.tag_v2[273], image.tag_v2[279]
    keep = start + int(share * count)
    return data[:keep] + bytes(start + count - keep) + data[start + count :]


def pages(count: int) -> bytes:
    """Return a TIFF of directories that name each other, the last one none."""
    data = tiff()
    first = 8 + GREY.size
    directory = data[first : first + 2 + 9 * 12]
    chain = b"".join(
        directory + struct.pack("<I", 0 if k == count - 1 else first + (k + 1) * 114)
        for k in range(count)
    )
    return data[:first] + chain


def big(tags: dict[int, int], order: str = "<") -> bytes:
    """Return a BigTIFF of the ramp, with tags of 64 bits."""
    given = {256: 32, 257: 24, 258: 8, 259: 1, 262: 1, 273: 16, 277: 1, 278: 24, 279: 768} | tags
    entries = b"".join(struct.pack(order + "HHQQ", t, 16, 1, v) for t, v in sorted(given.items()))
    mark = b"II" if order == "<" else b"MM"
    start = struct.pack(order + "HHHQ", 43, 8, 0, 16 + GREY.size)
    return mark + start + GREY.tobytes() + struct.pack(order + "Q", len(given)) + entries + bytes(8)


SHARED: list[tuple[str, str, bytes, str]] = [
    # PNG: damaged
    ("png empty", "png", b"", DAMAGED),
    ("png text", "png", b"no picture, but more than thirty-three bytes long", DAMAGED),
    ("png signature alone", "png", SIGNATURE, DAMAGED),
    ("png cut in its header", "png", png()[:30], DAMAGED),
    ("png without pixels", "png", SIGNATURE + header() + chunk(b"IEND", b""), DAMAGED),
    ("png without end", "png", png()[:-12], "ends before its last chunk.*truncated"),
    ("png cut in its last chunk", "png", png()[:-3], "ends before its last chunk"),
    ("png cut in its pixels", "png", png()[:100], "ends within the chunk 'IDAT'"),
    ("png of zeros after the header", "png", png()[:33] + bytes(500), DAMAGED),
    ("png checksum of the header", "png", flipped(png(), 30), "checksum of the chunk 'IHDR'"),
    ("png checksum of the pixels", "png", flipped(png(), 90), "checksum of the chunk 'IDAT'"),
    ("png deflate damaged", "png", checksums_mended(flipped(png(), 43)), DAMAGED),
    ("png too few rows", "png", png(rows=rows_of(GREY)[:300]), DAMAGED),
    ("png unknown filter", "png", png(rows=b"\x09" + rows_of(GREY)[1:]), DAMAGED),
    ("png chunk of 2 GiB", "png", SIGNATURE + header() + b"\x7f\xff\xff\xffIDAT", DAMAGED),
    ("png no width", "png", png(head=header(columns=0)), "24 x 0 pixels, so nothing"),
    ("png no height", "png", png(head=header(rows=0)), "0 x 32 pixels, so nothing"),
    ("png a million squared", "png", png(head=header(10**6, 10**6)), "at most 100000000 pixels"),
    ("png 2 to the 31 wide", "png", png(head=header(1, 2**31)), "at most 100000000 pixels"),
    ("png a row too many", "png", png(head=header(10001, 10000)), "10001 x 10000.*MAX_PIXELS"),
    ("png colour type 1", "png", png(head=header(kind=1)), "colour type 1.*damaged"),
    ("png colour type 5", "png", png(head=header(kind=5)), "colour type 5"),
    ("png depth 3", "png", png(head=header(depth=3)), DAMAGED),
    ("png depth 32", "png", png(head=header(depth=32)), DAMAGED),
    ("png two headers", "png", png(header(rows=48)), "two headers|cannot be decoded"),
    ("png pixels before the header", "png", png(head=chunk(b"IDAT", b"")), DAMAGED),
    # PNG: depths and kinds
    ("png 16 bit RGB", "png", png(head=header(depth=16, kind=2)), "16 bit a channel.*16-bit grey"),
    ("png 16 bit grey, alpha", "png", png(head=header(depth=16, kind=4)), "16 bit a channel"),
    ("png 16 bit RGBA", "png", png(head=header(depth=16, kind=6)), "16 bit a channel"),
    ("png 2 bit", "png", bits(2), "2 bit a pixel; save"),
    ("png 4 bit", "png", bits(4), "4 bit a pixel; save"),
    ("png animated", "png", animation(), "an animated PNG; save one file a frame"),
    # PNG: what unpacks to far more than it is
    ("png zTXt bomb", "png", png(chunk(b"zTXt", b"a\0\0" + packed())), "too large.*damaged"),
    ("png iTXt bomb", "png", png(chunk(b"iTXt", b"a\0\1\0\0\0" + packed())), "too large"),
    ("png iCCP bomb", "png", png(chunk(b"iCCP", b"a\0\0" + packed())), "too large"),
    ("png pixels bomb", "png", png(head=header(30000, 30000), rows=bytes(2**22)), "at most"),
    # PNG: transparency
    (
        "png black on nothing",
        "png",
        with_alpha(0 * GREY, STROKE),
        "transparency varies .alpha",
    ),
    ("png white on nothing", "png", with_alpha(FULL, STROKE), "flatten it onto black"),
    (
        "png RGBA black on nothing",
        "png",
        with_alpha(*[0 * GREY] * 3, STROKE),
        "perhaps the drawing",
    ),
    ("png RGBA white on nothing", "png", with_alpha(*[FULL] * 3, STROKE), "perhaps the drawing"),
    ("png soft stroke", "png", with_alpha(SOFT, SOFT), "alpha from 0 to 255"),
    ("png half transparent", "png", with_alpha(GREY, 0 * GREY + 128), "alpha from 128 to 128"),
    (
        "png one pixel let through",
        "png",
        with_alpha(GREY, 255 - (GREY == 4)),
        "transparency varies",
    ),
    ("png nothing to be seen", "png", with_alpha(GREY, 0 * GREY), "wholly transparent.*nothing"),
    ("png RGBA nothing", "png", with_alpha(*[GREY] * 3, 0 * GREY), "wholly transparent"),
    ("png a grey transparent", "png", png(chunk(b"tRNS", b"\0\xfa")), "transparency varies"),
    (
        "png 16 bit, a grey transparent",
        "png",
        png(
            chunk(b"tRNS", b"\x03\xe8"), head=header(depth=16), rows=rows_of(GREY * 4.0, kind="u2")
        ),
        "alpha from 0 to 65535",
    ),
    (
        "png RGB, white transparent",
        "png",
        png(chunk(b"tRNS", b"\0\xfa" * 3), head=header(kind=2), rows=rows_of(*[GREY] * 3)),
        "transparency varies",
    ),
    # Named as something else
    (
        "GIF named png",
        "png",
        b"GIF89a" + bytes(40),
        "content is GIF; save it as an",
    ),
    ("BMP named png", "png", b"BM" + bytes(40), "content is BMP"),
    ("WebP named png", "png", b"RIFF\0\0\0\0WEBP" + bytes(40), "content is WebP"),
    ("JPEG 2000 named png", "png", b"\0\0\0\x0cjP  \r\n" + bytes(40), "content is JPEG 2000"),
    ("JPEG 2000 stream named tif", "tif", b"\xff\x4f\xff\x51" + bytes(40), "content is JPEG 2000"),
    ("PDF named tif", "tif", b"%PDF-1.4" + bytes(40), "content is PDF"),
    ("ZIP named png", "png", b"PK\3\4" + bytes(40), "content is ZIP"),
    ("Photoshop named tif", "tif", b"8BPS" + bytes(40), "content is Photoshop"),
    ("DICOM named png", "png", bytes(128) + b"DICM" + bytes(40), "content is DICOM"),
    (
        "AppleDouble named png",
        "png",
        b"\0\5\x16\7" + bytes(40),
        "content is AppleDouble .*; leave it out",
    ),
    ("TIFF named png", "png", tiff(), r"named \.png, but its content is TIFF; rename it to \.tif"),
    ("JPEG named png", "png", jpeg(), r"content is JPEG; rename it to \.jpg"),
    ("PNG named tif", "tif", png(), r"content is PNG; rename it to \.png"),
    ("JPEG named tif", "tif", jpeg(), "content is JPEG; rename"),
    # TIFF: damaged
    ("tiff empty", "tif", b"", DAMAGED),
    ("tiff text", "tif", b"II, this is a text", DAMAGED),
    ("tiff header alone", "tif", tiff()[:8], DAMAGED),
    ("tiff cut in its pixels", "tif", tiff()[:500], DAMAGED),
    ("tiff cut in its directory", "tif", tiff()[:-20], DAMAGED),
    ("tiff directory beyond the end", "tif", b"II*\0\xff\xff\xff\x7f" + tiff()[8:], DAMAGED),
    ("tiff no tag", "tif", b"II*\0\x08\0\0\0" + bytes(20), "pixels of type uint1"),
    ("tiff 65535 tags", "tif", b"II*\0\x08\0\0\0" + b"\xff" * 900_000, DAMAGED),
    ("tiff no width", "tif", tiff({256: 0}), "24 x 0 pixels, so nothing is in it"),
    ("tiff no height", "tif", tiff({257: 0}), "0 x 32 pixels"),
    ("tiff without width", "tif", tiff({256: None}), "24 x 0 pixels"),
    ("tiff without height", "tif", tiff({257: None}), "0 x 32 pixels"),
    ("tiff width of no number", "tif", tiff({256: ("H", [])}), DAMAGED),
    ("tiff width as text", "tif", tiff({256: ("s", [b"32"])}), DAMAGED),
    ("tiff width as float", "tif", tiff({256: ("f", [32.0])}), DAMAGED),
    ("tiff a million squared", "tif", tiff({256: 10**6, 257: 10**6}), "at most 100000000 pixels"),
    ("tiff 2 to the 32 squared", "tif", tiff({256: 2**32 - 1, 257: 2**32 - 1}), "at most"),
    ("tiff taller than its pixels", "tif", tiff({257: 2400, 278: 2400}), DAMAGED),
    ("tiff without strips", "tif", tiff({273: None}), "0 strips or tiles of 1"),
    ("tiff fewer strips than rows need", "tif", tiff({278: 8}), "1 strips or tiles of 3"),
    (
        "tiff strips without lengths",
        "tif",
        tiff({259: 8, 278: 12, 279: None}),
        DAMAGED,
    ),
    ("tiff strip beyond the end", "tif", tiff({273: 2**31}), "beyond the end of the file"),
    (
        "tiff strip longer than the file",
        "tif",
        tiff({259: 8, 279: 2**31}),
        "beyond the end of the file",
    ),
    ("tiff empty strip", "tif", tiff({259: 8, 279: 0}), "a strip or tile that is empty"),
    ("tiff strip nowhere", "tif", tiff({273: 0}), "a strip or tile that is empty"),
    ("tiff strips of no row", "tif", tiff({278: 0}), "strips of 0 rows"),
    ("tiff tiles of no row", "tif", tiff({322: 16, 323: 0, 324: 8, 325: 768}), "0 x 16 pixels"),
    ("tiff tile of a million squared", "tif", tiff({322: 10**6, 323: 10**6}), "at most"),
    ("tiff a million tiles", "tif", tiff({256: 1000, 257: 1000, 322: 1, 323: 1}), "1000000 strips"),
    ("tiff 9 channels", "tif", tiff({277: 9}), "9 channels"),
    ("tiff 4 billion channels", "tif", tiff({277: 2**32 - 1}), "at most"),
    ("tiff planes of kind 3", "tif", tiff({284: 3}), "planes of kind 3"),
    ("tiff 4 billion strips", "tif", tiff({273: ("I", [8] * 9)})[:-36], DAMAGED),
    ("big tiff 2 to the 60 wide", "tif", big({256: 2**60}), "at most 100000000 pixels"),
    (
        "big tiff strip at 2 to the 64",
        "tif",
        big({273: 2**64 - 1}),
        DAMAGED,
    ),
    ("big tiff too many tags", "tif", big({})[:784] + b"\xff" * 8 + big({})[792:], "tags"),
    # TIFF: types, kinds, compressions
    ("tiff float32", "tif", tiff({258: 32, 339: 3}, bytes(3072)), "float32; save it as unsigned"),
    ("tiff float16", "tif", tiff({258: 16, 339: 3}, bytes(1536)), "pixels of type float16"),
    ("tiff float64", "tif", tiff({258: 64, 339: 3}, bytes(6144)), "pixels of type float64"),
    ("tiff int8", "tif", tiff({339: 2}), "pixels of type int8"),
    ("tiff int16", "tif", tiff({258: 16, 339: 2}, bytes(1536)), "pixels of type int16"),
    ("tiff uint32", "tif", tiff({258: 32}, bytes(3072)), "pixels of type uint32"),
    ("tiff complex", "tif", tiff({258: 64, 339: 6}), "pixels of type complex float64"),
    ("tiff type 77", "tif", tiff({339: 77}), "pixels of type 778?"),
    ("tiff 1 bit", "tif", tiff({258: None}), "pixels of type uint1;"),
    ("tiff 4 bit", "tif", tiff({258: 4}), "pixels of type uint4"),
    ("tiff 12 bit", "tif", tiff({258: 12}), "pixels of type uint12"),
    ("tiff 8 and 16 bit", "tif", tiff({258: ("H", [8, 16]), 277: 2}), "pixels of type uint"),
    ("tiff palette", "tif", tiff({262: 3}), "a palette TIFF; save it as 8- or 16-bit grey"),
    ("tiff CMYK", "tif", tiff({262: 5, 277: 4}), "CMYK in a TIFF"),
    ("tiff Lab", "tif", tiff({262: 8, 277: 3}), "CIELab in a TIFF"),
    ("tiff YCbCr", "tif", tiff({262: 6, 277: 3}), "YCbCr in a TIFF"),
    ("tiff transparency mask", "tif", tiff({262: 4}), "a transparency mask in a TIFF"),
    ("tiff kind 999", "tif", tiff({262: 999}), "photometric interpretation 999"),
    ("tiff black or white", "tif", tiff({262: None}), "does not say whether 0 is black or white"),
    ("tiff fax 3", "tif", tiff({259: 3}), "compression fax group 3 is not read.*save it as PNG"),
    ("tiff fax 4", "tif", tiff({259: 4}), "compression fax group 4"),
    ("tiff CCITT", "tif", tiff({259: 2}), "compression CCITT"),
    ("tiff old JPEG", "tif", tiff({259: 6}), "compression old JPEG is not read"),
    ("tiff JPEG 2000", "tif", tiff({259: 34712}), "compression JPEG 2000 is not read"),
    ("tiff JPEG XL", "tif", tiff({259: 50002}), "compression JPEG XL"),
    ("tiff WebP", "tif", tiff({259: 50001}), "compression WebP is not read"),
    ("tiff LERC", "tif", tiff({259: 34887}), "compression LERC"),
    ("tiff compression 12345", "tif", tiff({259: 12345}), "compression of number 12345"),
    (
        "tiff 16 bit RGB LZW",
        "tif",
        tiff({258: 16, 262: 2, 277: 3, 259: 5}),
        DAMAGED,
    ),
    ("big tiff LZW of the other order", "tif", big({259: 5}, ">"), DAMAGED),
    ("tiff predictor 3", "tif", tiff({259: 8, 317: 3}, packed(GREY.tobytes())), DAMAGED),
    ("tiff LZW predictor 99", "tif", tiff({259: 5, 317: 99}), "99 is not a known PREDICTOR"),
    ("tiff volume", "tif", tiff({32997: 2}), "a volume in one TIFF"),
    ("tiff two pages", "tif", pages(2), "2 pages in one TIFF; save one file a frame"),
    ("tiff a thousand pages", "tif", pages(1000), "1000 pages in one TIFF"),
    ("tiff more pages", "tif", pages(1200), "1200 pages"),
    ("tiff inner pages", "tif", tiff({330: ("I", [8, 8])}), "2 further pictures.*SubIFDs"),
    ("tiff RGB of two channels", "tif", tiff({262: 2, 277: 2}, bytes(1536)), "2 channels of 3"),
    ("tiff three greys", "tif", tiff({277: 3}, bytes(2304)), "3 channels; save it as"),
    # TIFF: damaged compression
    ("tiff deflate damaged", "tif", spoiled("tiff_adobe_deflate"), DAMAGED),
    ("tiff deflate of zeros", "tif", spoiled("tiff_adobe_deflate", 0), DAMAGED),
    ("tiff deflate too short", "tif", tiff({259: 8}, packed(b"abc")), DAMAGED),
    ("tiff deflate cut", "tif", tiff({259: 8}, packed(GREY.tobytes())[:-9]), DAMAGED),
    ("tiff deflate bomb", "tif", tiff({259: 8}), DAMAGED),
    ("tiff deflate far too long", "tif", tiff({259: 8}, packed()), DAMAGED),
    ("tiff PackBits too short", "tif", tiff({259: 32773}, b"\x81\7"), DAMAGED),
    ("tiff PackBits of nothing", "tif", tiff({259: 32773}, b"\x80" * 99), DAMAGED),
    (
        "tiff LZW damaged",
        "tif",
        spoiled("tiff_lzw"),
        DAMAGED,
    ),
    (
        "tiff LZW of zeros",
        "tif",
        spoiled("tiff_lzw", 0),
        DAMAGED,
    ),
    (
        "tiff zstd damaged",
        "tif",
        spoiled("zstd"),
        DAMAGED,
    ),
    (
        "tiff LZMA damaged",
        "tif",
        spoiled("lzma"),
        DAMAGED,
    ),
    (
        "tiff JPEG of zeros",
        "tif",
        spoiled("jpeg", 0),
        DAMAGED,
    ),
    ("tiff JPEG without JPEG", "tif", tiff({259: 7}), DAMAGED),
    # TIFF: transparency and colours
    (
        "tiff alpha varies",
        "tif",
        tiff({277: 2, 338: 2}, np.dstack([GREY, STROKE]).tobytes()),
        "transparency varies",
    ),
    (
        "tiff alpha before colours",
        "tif",
        tiff({277: 2, 338: 1}, np.dstack([0 * GREY, STROKE]).tobytes()),
        "transparency varies",
    ),
    (
        "tiff alpha nowhere",
        "tif",
        tiff({277: 2, 338: 2}, np.dstack([GREY, 0 * GREY]).tobytes()),
        "wholly transparent",
    ),
    (
        "tiff RGBA alpha varies",
        "tif",
        tiff({262: 2, 277: 4, 338: 2}, np.dstack([FULL] * 3 + [STROKE]).tobytes()),
        "transparency varies",
    ),
    (
        "tiff unnamed channel varies",
        "tif",
        tiff({277: 2, 338: 0}, np.dstack([GREY, STROKE]).tobytes()),
        "transparency varies",
    ),
    (
        "tiff unnamed channel, LZW",
        "tif",
        tiff({277: 2, 338: 0, 259: 5}, np.dstack([GREY, STROKE]).tobytes()),
        "2 channels|cannot be decoded",
    ),
]

FRAMES: list[tuple[str, str, bytes, str]] = [
    (
        "png many texts",
        "png",
        png(*[chunk(b"zTXt", b"%d\0\0" % k + packed(bytes(2**20 - 99))) for k in range(70)]),
        DAMAGED,
    ),
    ("png palette", "png", palette(), "a palette PNG; save it as 8- or 16-bit grey"),
    ("png 1 bit", "png", bits(1), "1 bit a pixel; save it as 8- or 16-bit grey"),
    ("png colours", "png", by_pillow(COLOUR, "png"), "a colour image .767 pixels whose channels"),
    ("tiff colours", "tif", by_pillow(COLOUR, "tif"), "a colour image"),
    ("tiff LZW colours", "tif", compressed("tiff_lzw", COLOUR), "a colour image"),
    ("tiff JPEG colours", "tif", compressed("jpeg", COLOUR), "a colour image"),
    ("jpeg empty", "jpg", b"", DAMAGED),
    ("jpeg start alone", "jpg", b"\xff\xd8\xff", DAMAGED),
    ("jpeg text", "jpeg", b"no picture", "no marker where one should be"),
    ("jpeg cut in its header", "jpg", jpeg()[:80], DAMAGED),
    ("jpeg cut in its scan", "jpg", jpeg()[:-100], "ends before its last marker"),
    ("jpeg without end", "jpg", jpeg()[:-2], "ends before its last marker"),
    ("jpeg colours", "jpg", jpeg(COLOUR), "a colour image"),
    ("jpeg CMYK", "jpg", print_colours(), "a JPEG in CMYK colours, for print; save it as grey PNG"),
    ("jpeg several", "jpg", several(), "several pictures in one JPEG"),
    ("jpeg 65500 squared", "jpg", jpeg_of_size(65500, 65500), "at most 100000000 pixels"),
    ("jpeg no width", "jpg", jpeg_of_size(24, 0), "24 x 0 pixels|cannot be decoded"),
    ("jpeg no height", "jpg", jpeg_of_size(0, 32), "0 x 32 pixels|cannot be decoded"),
    ("jpeg taller than its scan", "jpg", jpeg_of_size(20000, 32), "bytes for its pixels"),
    (
        "jpeg of 12 bits",
        "jpg",
        replaced(jpeg(), b"\0\x0b\x08", b"\0\x0b\x0c"),
        DAMAGED,
    ),
    ("jpeg lossless", "jpg", replaced(jpeg(), b"\xff\xc0", b"\xff\xc3"), DAMAGED),
    ("jpeg without tables", "jpg", replaced(jpeg(), b"\xff\xdb", b"\xff\xec"), DAMAGED),
    ("jpeg segment of no length", "jpg", b"\xff\xd8\xff\xe0\0\0" + bytes(99), "without a length"),
    ("jpeg junk between segments", "jpg", b"\xff\xd8\xff\xe0\0\2junk" + jpeg()[2:], "no marker"),
    ("jpeg endless fill", "jpg", b"\xff\xd8" + b"\xff" * 5000 + jpeg()[2:], DAMAGED),
    ("jpeg 101 scans", "jpg", jpeg()[:-2] + b"\xff\xda\0\x08" * 101 + b"\xff\xd9", "100 scans"),
    ("PNG named jpg", "jpg", png(), r"named \.jpg, but its content is PNG"),
    ("GIF named jpe", "jpe", b"GIF89a" + bytes(40), "content is GIF"),
]

RECIPE = "replace each colour by its number, as 'Masks in colours' in docs/how-to/own-frames.md"
MASKS: list[tuple[str, str, bytes, str]] = [
    ("png colours", "png", by_pillow(COLOUR, "png"), rf"colours: \(250, 125, 250\).*{RECIPE}"),
    ("tiff colours", "tif", by_pillow(COLOUR, "tif"), RECIPE),
    ("tiff LZW colours", "tif", compressed("tiff_lzw", COLOUR), RECIPE),
    ("tiff 0 is white", "tif", tiff({262: 0}), "0 is white in this TIFF; save the mask"),
    ("tiff 0 is white, LZW", "tif", compressed("tiff_lzw").replace(
        struct.pack("<HHII", 262, 3, 1, 1), struct.pack("<HHII", 262, 3, 1, 0)), "0 is white"),
    ("tiff JPEG", "tif", compressed("jpeg"), "a mask in a lossy compression"),
    ("jpg", "jpg", jpeg(), "a mask as JPEG, which changes label values at every edge.*PNG"),
    ("jpeg", "jpeg", jpeg(STROKE), "a mask as JPEG"),
    ("jpe, damaged", "jpe", b"", "a mask as JPEG"),
    ("tiff turned", "tif", tiff({274: 6}), "the mask is 32 x 24, the frame 24 x 32"),
    ("png turned", "png", png(chunk(b"eXIf", exif(8))), "the mask is 32 x 24"),
    (
        "png 1 bit, strokes transparent",
        "png",
        png(
            chunk(b"tRNS", b"\0\1"),
            head=header(depth=1),
            rows=b"".join(b"\0" + row.tobytes() for row in np.packbits(STROKE > 0, axis=1)),
        ),
        "transparency varies",
    ),
    ("png 3 bytes of text", "png", b"abc", DAMAGED),
]  # fmt: skip

INFO = DatasetInfo("toy", (ClassInfo("wire", "curve", mask_value=255),))


def mask(path):
    return read_annotation(path, INFO, "index", GREY.shape, "c7")


def ignore(path):
    return read_ignore(path, GREY.shape, "c7")


READERS = {"frame": read_frame, "mask": mask, "ignored": ignore}


def row(use: str, bad: tuple[str, str, bytes, str]) -> Bad:
    name, suffix, data, pattern = bad

    def read(folder):
        path = folder / f"a.{suffix}"
        path.write_bytes(data)
        return READERS[use](path)

    return f"{use}: {name}", read, pattern


FILES = [
    *(row("frame", bad) for bad in SHARED + FRAMES),
    *(row("mask", bad) for bad in MASKS),
]


pytestmark = pytest.mark.usefixtures("no_word")


@pytest.mark.parametrize("bad", FILES, ids=names(FILES))
def test_a_bad_picture_is_refused_by_name(bad, tmp_path):
    assert re.search(r"/a\.\w+: ", refused(bad, tmp_path))


@pytest.mark.parametrize("bad", SHARED + MASKS, ids=[bad[0] for bad in SHARED + MASKS])
def test_masks_and_ignore_masks_are_refused_as_frames_are(bad, tmp_path):
    for use in ("mask", "ignored"):
        assert "case c7: " in refused(row(use, bad), tmp_path)


def at(folder, name, data=b""):
    (folder / name).write_bytes(data)
    return folder / name


def folder_named(folder, name):
    (folder / name).mkdir()
    return folder / name


def pipe(folder):
    os.mkfifo(folder / "a.png")
    return folder / "a.png"


def long_file(folder):
    path = at(folder, "a.png", png())
    os.truncate(path, 2**29)
    return path


PATHS: list[Bad] = [
    ("missing", lambda f: read_frame(f / "a.png"), r"a\.png: no such file; correct the path"),
    ("missing folder", lambda f: read_frame(f / "b/a.png"), "no such file"),
    ("a folder", lambda f: read_frame(folder_named(f, "a.png")), "no such file, but a folder"),
    ("a file as folder", lambda f: read_frame(at(f, "a.png") / "b.png"), "cannot be read"),
    ("a pipe", lambda f: read_frame(pipe(f)), "no such file, but a folder or a device"),
    ("a device", lambda f: read_frame(_linked(f, "/dev/zero")), "a folder or a device"),
    ("a link in a circle", lambda f: read_frame(_linked(f, f / "a.png")), "cannot be read"),
    (
        "a long name",
        lambda f: read_frame(f / ("a" * 300 + ".png")),
        "cannot be read .File name",
    ),
    ("a zero in the name", lambda f: read_frame(f"{f}/a\0.png"), "no such file; correct the path"),
    ("an empty name", lambda f: read_frame(""), "'' is not read"),
    ("half a GiB", lambda f: read_frame(long_file(f)), "512 MiB, and at most 445 MiB are read"),
    ("no ending", lambda f: read_frame(at(f, "a", png())), "'' is not read; save it as"),
    ("gif", lambda f: read_frame(at(f, "a.gif", b"GIF89a")), "'.gif' is not read"),
    ("bmp", lambda f: read_mask_image(at(f, "a.bmp", b"BM")), "'.bmp' is not read"),
    ("npy", lambda f: read_frame(at(f, "a.npy")), "'.npy' is not read"),
    ("dcm", lambda f: read_frame(at(f, "a.dcm")), "no DICOM file, or a damaged one"),
    ("ima", lambda f: read_mask_image(at(f, "a.IMA")), "'.ima' is not read as a mask"),
    ("no folder", lambda f: frames_in(f / "gone"), "gone: no such file"),
    ("no folder, but a file", lambda f: frames_in(at(f, "a.png")), r"a\.png: cannot be read"),
    ("a folder as frame", lambda f: as_frame(f), "'' is not read"),
]


def _linked(folder, target):
    (folder / "a.png").symlink_to(target)
    return folder / "a.png"


@pytest.mark.parametrize("bad", PATHS, ids=names(PATHS))
def test_what_is_no_file_is_refused_by_name(bad, tmp_path):
    refused(bad, tmp_path)


LIMITS = [
    ("many", "FLUOROJAX_MAX_PIXELS is 'many'; write a whole number of pixels"),
    ("0", "FLUOROJAX_MAX_PIXELS is '0'"),
    ("-5", "FLUOROJAX_MAX_PIXELS is '-5'"),
    ("1e8", "FLUOROJAX_MAX_PIXELS is '1e8'"),
    ("1.5", "FLUOROJAX_MAX_PIXELS is '1.5'"),
    ("9" * 5000, "FLUOROJAX_MAX_PIXELS is '9"),
    ("٣", "FLUOROJAX_MAX_PIXELS is"),
    ("767", r"a\.png: 24 x 32 pixels of 1 bytes, and at most 767 pixels"),
]


@pytest.mark.parametrize(("limit", "pattern"), LIMITS, ids=[limit[:8] for limit, _ in LIMITS])
def test_a_limit_that_is_wrong_or_too_low_is_named(limit, pattern, tmp_path, monkeypatch):
    monkeypatch.setenv("FLUOROJAX_MAX_PIXELS", limit)
    refused((limit, lambda f: read_frame(at(f, "a.png", png())), pattern), tmp_path)


def opened(data):
    return Image.open(io.BytesIO(data))


IMAGES: list[Bad] = [
    ("1 bit", lambda f: as_frame(Image.fromarray(GREY).convert("1")), r"mode 1; image\.convert"),
    ("palette", lambda f: as_frame(Image.fromarray(GREY).convert("P")), "mode P;"),
    ("CMYK", lambda f: as_frame(Image.fromarray(COLOUR).convert("CMYK")), "mode CMYK"),
    ("YCbCr", lambda f: as_frame(Image.fromarray(COLOUR).convert("YCbCr")), "mode YCbCr"),
    ("HSV", lambda f: as_frame(Image.fromarray(COLOUR).convert("HSV")), "mode HSV"),
    ("colours", lambda f: as_frame(Image.fromarray(COLOUR)), "PIL image: a colour image"),
    ("no pixel", lambda f: as_frame(Image.new("L", (0, 4))), "4 x 0 pixels"),
    ("alpha", lambda f: as_frame(opened(with_alpha(FULL, STROKE))), "transparency varies"),
    ("tRNS", lambda f: as_frame(opened(png(chunk(b"tRNS", b"\0\xfa")))), "transparency varies"),
    ("animated", lambda f: as_frame(opened(animation())), "2 pictures in one"),
    ("pages", lambda f: as_frame(opened(pages(2))), "2 pictures in one"),
    ("cut", lambda f: as_frame(opened(png()[:100])), DAMAGED),
    ("jpeg, cut", lambda f: as_frame(opened(jpeg()[:-100])), DAMAGED),
    ("jpeg, colours", lambda f: as_frame(opened(jpeg(COLOUR))), "a colour image"),
    (
        "16 bit RGB",
        lambda f: as_frame(
            opened(png(head=header(depth=16, kind=2), rows=rows_of(*[GREY] * 3, kind="u2")))
        ),
        "16 bit a channel with colour or alpha",
    ),
]


@pytest.mark.parametrize("bad", IMAGES, ids=names(IMAGES))
def test_a_bad_pil_image_is_refused(bad, tmp_path):
    refused(bad, tmp_path)


# Smoothed masks

TWO = DatasetInfo("toy", (ClassInfo("a", "region", 200), ClassInfo("b", "region", 100)))
SMOOTH = "They lie between labels at edges, which a drawing program has smoothed .anti-aliasing"


def stripe(*values):
    return np.tile(np.array([0, 0, *values, 0, 0], np.uint8), (6, 1))


def smoothed(info, values, encoding="index"):
    def read(folder):
        path = at(folder, "m.png", by_pillow(values, "png"))
        return read_annotation(path, info, encoding, values.shape, "c7")

    return read


SMOOTHED: list[Bad] = [
    ("grey beside a class", smoothed(TWO, stripe(50, 100, 100)), f"50 .*{SMOOTH}"),
    ("grey between classes", smoothed(TWO, stripe(100, 150, 200)), f"150 .*{SMOOTH}"),
    ("wide edge", smoothed(INFO, stripe(40, 120, 200, 255, 255)), f"200 .*{SMOOTH}"),
    ("soft spot alone", smoothed(INFO, stripe(40, 40)), r"allowed: index of [^.]*\. Correct the"),
    ("bits", smoothed(TWO, stripe(1, 2, 3, 3)), r"allowed: index of [^.]*\. Correct the mask"),
]


@pytest.mark.parametrize("bad", SMOOTHED, ids=names(SMOOTHED))
def test_a_smoothed_edge_is_named_as_such(bad, tmp_path):
    refused(bad, tmp_path)
