"""Picture files byte by byte, as no program writes them: PNG by its chunks, TIFF by its tags."""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TYPES = {"B": 1, "s": 2, "H": 3, "I": 4, "f": 11, "Q": 16}
GREY = (np.add.outer(np.arange(24), np.arange(32)) * 4).astype(np.uint8)
"""A ramp with an edge, of more rows than columns would be if it were turned."""
GREY[4:9, 10:20] = 250


def chunk(name: bytes, body: bytes) -> bytes:
    """Return one chunk of a PNG, with its checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def header(rows=24, columns=32, depth=8, kind=0, interlace=0) -> bytes:
    """Return the first chunk of a PNG."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, depth, kind, 0, 0, interlace))


def png(*chunks: bytes, head: bytes | None = None, rows: bytes | None = None) -> bytes:
    """Return a PNG with further chunks before its pixels; `rows` are what deflate packs."""
    if rows is None:
        rows = b"".join(b"\0" + row.tobytes() for row in GREY)
    body = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return SIGNATURE + (header() if head is None else head) + b"".join(chunks) + body


def exif(orientation: int) -> bytes:
    """Return EXIF data that say nothing but an orientation."""
    return struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, 0x0112, 3, 1, orientation, 0)


def checksums_mended(data: bytes) -> bytes:
    """Return a damaged PNG with the checksums that its chunks should have, so far as it has any."""
    mended, at = bytearray(data), 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if at + 12 + length > len(data):
            break
        body = data[at + 4 : at + 8 + length]
        struct.pack_into(">I", mended, at + 8 + length, zlib.crc32(body))
        at += 12 + length
    return bytes(mended)


def tiff(
    tags: Mapping[int, tuple[str, Sequence[float]] | int | None] | None = None,
    data: bytes | None = None,
    following: int = 0,
) -> bytes:
    """Return a TIFF of one strip, grey as `GREY`, with tags put in, replaced, or left out (None).

    Tags are (type, values), or one number of 16 or 32 bits. The strip begins at byte 8, the
    directory follows it, and after it `following` = the place of the next.
    """
    strip = GREY.tobytes() if data is None else data
    given = {256: 32, 257: 24, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 24, 279: len(strip)}
    given |= tags or {}
    entries, beyond = b"", b""
    wanted = sorted((tag, value) for tag, value in given.items() if value is not None)
    at = 8 + len(strip) + 2 + 12 * len(wanted) + 4
    for tag, value in wanted:
        kind, values = ("I", [value]) if isinstance(value, int) else value
        packed = struct.pack(f"<{len(values)}{kind}", *values)
        where = packed.ljust(4, b"\0")
        if len(packed) > 4:
            where = struct.pack("<I", at + len(beyond))
            beyond += packed
        entries += struct.pack("<HHI", tag, TYPES[kind], len(values)) + where
    directory = struct.pack("<H", len(wanted)) + entries + struct.pack("<I", following)
    return b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip + directory + beyond


def by_pillow(pixels: np.ndarray, suffix: str, **options: object) -> bytes:
    """Return the file that Pillow writes."""
    format_ = {"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format_, **options)
    return file.getvalue()


def seeds(suffix: str) -> Iterator[bytes]:
    """Yield whole files of a format, of each kind that is read in its own way."""
    small = np.ascontiguousarray(GREY[:12, 8:24])
    wide, colour = small.astype(np.uint16) * 257, np.stack([small] * 3, -1)
    kinds = [small, colour] if suffix == "jpg" else [small, wide, colour]
    for pixels in kinds:
        yield by_pillow(pixels, suffix)
    if suffix == "png":
        yield png(chunk(b"eXIf", exif(6)), chunk(b"tRNS", b"\0\7"))
        yield by_pillow(np.dstack([small, small]), "png")
    if suffix == "jpg":
        yield by_pillow(small, "jpg", progressive=True, exif=b"Exif\0\0" + exif(6))
    if suffix == "tif":
        for name in ("tiff_lzw", "packbits", "tiff_adobe_deflate", "jpeg", "zstd", "lzma"):
            yield by_pillow(small, "tif", compression=name)
        yield tiff({274: 6, 262: 0})
