"""TIFF: what its directory says, checked before anything is unpacked; then the samples.

Files without compression, and those with deflate or PackBits, are unpacked here, at any depth. LZW,
JPEG, zstd and LZMA are left to Pillow, which has libtiff on board, on a copy of the file that says
neither "0 is white" nor an orientation: both are then applied in one place, whatever the way.
"""

import io
import itertools
import math
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from struct import pack_into, unpack_from
from typing import Any, NamedTuple

import numpy as np
from PIL.TiffImagePlugin import TiffImageFile

from fluorojax.core.errors import InputError
from fluorojax.core.files import MIB
from fluorojax.data.picture import ORIENTATION, DamagedError, Picture, check_size

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_FILL_ORDER, _STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP = 266, 273, 277, 278
_STRIP_COUNTS, _PLANAR, _PREDICTOR, _TILE_WIDTH, _TILE_LENGTH = 279, 284, 317, 322, 323
_TILE_OFFSETS, _TILE_COUNTS, _SUB_DIRECTORIES, _EXTRA, _FORMAT = 324, 325, 330, 338, 339
_DEPTH = 32997

_TYPES = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
_FORMATS = {1: "uint", 2: "int", 3: "float", 4: "undefined", 5: "complex int", 6: "complex float"}
_WHITE, _BLACK, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_PHOTOMETRICS = {4: "a transparency mask", 5: "CMYK", _YCBCR: "YCbCr", 8: "CIELab", 9: "ICCLab"}
_PLAIN, _LZW, _JPEG, _DEFLATE, _PACKBITS = 1, 5, 7, (8, 32946), 32773
_COMPRESSIONS = {
    2: "CCITT", 3: "fax group 3", 4: "fax group 4", _LZW: "LZW", 6: "old JPEG", _JPEG: "JPEG",
    8: "deflate", 32946: "deflate", _PACKBITS: "PackBits", 33003: "JPEG 2000", 33005: "JPEG 2000",
    34712: "JPEG 2000", 34887: "LERC", 34892: "lossy JPEG", 34925: "LZMA", 50000: "zstd",
    50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
_PILLOWS = (_LZW, _JPEG, 34925, 50000)
_ENTRY = {False: 12, True: 20}  # bytes, classic and BigTIFF
_MOST_PAGES = 1000
_MOST_TAGS = 4096
_MOST_SEGMENTS = 500_000
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class _Entry(NamedTuple):
    """Where a tag's values lie: their type, how many, and the first one's place."""

    kind: str
    many: int
    at: int


class _Directory(NamedTuple):
    """A directory's entries, with the file that they point into."""

    data: bytes
    order: str
    entries: dict[int, _Entry]

    def values(self, tag: int, default: tuple[int, ...] = ()) -> np.ndarray:
        """Return a tag's values, `[N]`."""
        if tag not in self.entries:
            return np.array(default, np.int64)
        kind, count, at = self.entries[tag]
        if kind not in _TYPES.values():
            raise DamagedError(f"tag {tag} is no whole number")
        values = np.frombuffer(self.data, self.order + kind, count, at)
        if count and int(values.max()) > np.iinfo(np.int64).max:
            raise DamagedError(f"tag {tag} is {values.max()}")
        return values.astype(np.int64)

    def value(self, tag: int, default: int | None = None) -> int:
        """Return a tag's first value."""
        values = self.values(tag, () if default is None else (default,))
        if not len(values):
            raise DamagedError(f"tag {tag} is missing")
        return int(values[0])


class _Layout(NamedTuple):
    """How samples lie in the file; a segment is a strip or a tile, of one plane or of all.

    A whole one has `room` bytes before they are packed.
    """

    rows: int
    columns: int
    samples: int
    bits: int
    planes: int
    segment: tuple[int, int]
    room: int
    tiled: bool
    offsets: np.ndarray
    counts: np.ndarray


class _Segment(NamedTuple):
    """Bytes from `start` to `end` of the file, which fill a place of `[H, W, samples]`.

    A tile's shape, rows x columns x channels, is larger than its place at the border.
    """

    start: int
    end: int
    place: tuple[slice, slice, slice]
    shape: tuple[int, int, int]


def read_tiff(data: bytes) -> Picture:
    """Return the picture in a TIFF file, classic or BigTIFF, of either byte order.

    Args:
        data: the whole file.

    Raises:
        InputError: a type, kind of colour or compression that is not read, several pictures, or
            too many pixels.
        ValueError: the file is damaged; whatever else Pillow raises says so, too.
    """
    directory = _only_directory(data)
    rows, columns = directory.value(_LENGTH), directory.value(_WIDTH)
    bits = _check_type(directory)
    check_size(rows, columns, directory.value(_SAMPLES, 1) * bits // 8)
    photometric, compression = _check_kind(directory)
    layout = _layout(directory, rows, columns, bits)
    if compression in (_PLAIN, *_DEFLATE, _PACKBITS):
        pixels = _unpacked(directory, layout, compression)
    else:
        pixels = _by_pillow(directory, layout, _COMPRESSIONS[compression])
    colours = 1 if photometric in (_WHITE, _BLACK) else 3
    return Picture(
        pixels[..., 0] if colours == 1 else pixels[..., :3],
        bits,
        _alpha(pixels, colours, directory, bits),
        zero_is_white=photometric == _WHITE,
        orientation=directory.value(ORIENTATION, 1),
        lossy=compression == _JPEG,
    )


# The directory


def _only_directory(data: bytes) -> _Directory:
    """Return the directory of a file that has one; those of further pages are only counted."""
    order = "<" if data[:2] == b"II" else ">"
    (version,) = unpack_from(order + "H", data, 2)
    big = version == 43
    (at,) = unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    start, count, following = _extent(data, order, big, at)
    pages = _count_pages(data, order, big, at, following)
    if pages > 1:
        many = f"more than {_MOST_PAGES}" if pages > _MOST_PAGES else pages
        raise InputError(f"{many} pages in one TIFF; save one file a frame")
    directory = _Directory(data, order, _entries(data, order, big, start, count))
    if inner := len(directory.values(_SUB_DIRECTORIES)):
        raise InputError(f"{inner} further pictures within the first (SubIFDs); save one a file")
    return directory


def _extent(data: bytes, order: str, big: bool, at: int) -> tuple[int, int, int]:
    """Return a directory's first entry, their number, and the next directory, 0 = none."""
    (count,) = unpack_from(order + ("Q" if big else "H"), data, at)
    start = at + (8 if big else 2)
    if not 0 < count <= _MOST_TAGS:
        raise DamagedError(f"a directory of {count} tags")
    (following,) = unpack_from(order + ("Q" if big else "I"), data, start + count * _ENTRY[big])
    return start, count, following


def _count_pages(data: bytes, order: str, big: bool, at: int, following: int) -> int:
    """Return the number of directories, each of which names the next; one beyond the limit ends."""
    seen = {at}
    while following and len(seen) <= _MOST_PAGES:
        if following in seen:
            raise DamagedError("its directories go round in a circle")
        seen.add(following)
        following = _extent(data, order, big, following)[-1]
    return len(seen)


def _entries(data: bytes, order: str, big: bool, start: int, count: int) -> dict[int, _Entry]:
    """Return where the values of each tag lie: in its entry where they fit, or elsewhere."""
    room, word = (8, "Q") if big else (4, "I")
    entries: dict[int, _Entry] = {}
    for place in range(start, start + count * _ENTRY[big], _ENTRY[big]):
        tag, kind, many = unpack_from(order + "HH" + word, data, place)
        if tag in entries:
            raise DamagedError(f"tag {tag} stands there twice")
        at = place + 4 + room
        type_ = _TYPES.get(kind, "")  # of others, such as text, only that they are there
        if type_ and many * np.dtype(type_).itemsize > room:
            (at,) = unpack_from(order + word, data, at)
        entries[tag] = _Entry(type_, many, at)
    return entries


def _check_type(directory: _Directory) -> int:
    """Return the bits of a sample: 8 or 16, unsigned."""
    bits = set(np.unique(directory.values(_BITS, (1,))).tolist())
    formats = set(np.unique(directory.values(_FORMAT, (1,))).tolist())
    kind, depth = next(iter(formats), 1), next(iter(bits), 0)
    if formats != {1} or bits not in ({8}, {16}):
        raise InputError(
            f"pixels of type {_FORMATS.get(kind, kind)}{depth}; save it as unsigned 8- or 16-bit "
            "grey, with a scale that is the same for all frames"
        )
    return depth


def _check_kind(directory: _Directory) -> tuple[int, int]:
    """Return what the samples mean (photometric interpretation), and the compression."""
    if _PHOTOMETRIC not in directory.entries:
        raise InputError(
            "it does not say whether 0 is black or white (no PhotometricInterpretation); save it "
            "as 8- or 16-bit grey PNG"
        )
    photometric = directory.value(_PHOTOMETRIC)
    compression = directory.value(_COMPRESSION, _PLAIN)
    if photometric == _PALETTE:
        raise InputError("a palette TIFF; save it as 8- or 16-bit grey")
    if photometric not in (_WHITE, _BLACK, _RGB) and (photometric, compression) != (_YCBCR, _JPEG):
        what = _PHOTOMETRICS.get(photometric, f"photometric interpretation {photometric}")
        raise InputError(f"{what} in a TIFF; save it as 8- or 16-bit grey")
    if compression not in (_PLAIN, *_DEFLATE, _PACKBITS, *_PILLOWS):
        name = _COMPRESSIONS.get(compression, f"of number {compression}")
        raise InputError(f"compression {name} is not read in a TIFF; save it as PNG")
    if directory.value(_DEPTH, 1) != 1:
        raise InputError("a volume in one TIFF; save one frame a file")
    return photometric, compression


def _layout(directory: _Directory, rows: int, columns: int, bits: int) -> _Layout:
    samples, planar = directory.value(_SAMPLES, 1), directory.value(_PLANAR, 1)
    tiled = _TILE_WIDTH in directory.entries
    if tiled:
        segment = directory.value(_TILE_LENGTH), directory.value(_TILE_WIDTH)
        check_size(*segment, samples * bits // 8)
    else:
        segment = min(directory.value(_ROWS_PER_STRIP, rows), rows), columns
    if min(segment) < 1 or not 1 <= samples <= 8 or planar not in (1, 2):
        raise DamagedError(f"segments of {segment}, {samples} samples, planar {planar}")
    planes = samples if planar == 2 else 1
    many = planes * math.ceil(rows / segment[0]) * math.ceil(columns / segment[1])
    if many > _MOST_SEGMENTS:
        raise InputError(f"{many} strips or tiles; save it with larger ones, or as PNG")
    room = math.prod(segment) * samples // planes * bits // 8
    offsets, counts = _places(directory, tiled, many, room)
    return _Layout(rows, columns, samples, bits, planes, segment, room, tiled, offsets, counts)


def _places(
    directory: _Directory, tiled: bool, many: int, room: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the segments' places and numbers of bytes, `[many]` each.

    What is not compressed has as many bytes as it has pixels, and ends with the file at the latest:
    there the numbers given do not count, as scanners write wrong ones and viewers read on.
    """
    size = len(directory.data)
    by_tiles = tiled and _TILE_OFFSETS in directory.entries  # some tiles are given as strips
    offsets = directory.values(_TILE_OFFSETS if by_tiles else _STRIP_OFFSETS)[:many]
    counts = directory.values(_TILE_COUNTS if by_tiles else _STRIP_COUNTS)[:many]
    if directory.value(_COMPRESSION, _PLAIN) == _PLAIN:
        counts = np.minimum(size - offsets, room)
    elif many == 1 and not len(counts):
        counts = size - offsets
    if len(offsets) < many or len(counts) < many:
        raise DamagedError(f"{len(offsets)} strips or tiles of {many}")
    if (offsets < 8).any() or (counts < 1).any() or (offsets > size - counts).any():
        raise DamagedError("a strip or tile that is empty or beyond the end of the file")
    return offsets, counts


# The samples


def _unpacked(directory: _Directory, layout: _Layout, compression: int) -> np.ndarray:
    """Return `[H, W, samples]` as stored, from segments without or with a simple compression."""
    predictor = directory.value(_PREDICTOR, 1) if compression in _DEFLATE else 1
    if predictor not in (1, 2):
        raise InputError(f"a TIFF with predictor {predictor}; save it as PNG")
    unpack = {_PLAIN: _as_it_is, _PACKBITS: _from_packbits}.get(compression, _inflated)
    reverse = directory.value(_FILL_ORDER, 1) == 2
    stored = np.dtype(f"{directory.order}u{layout.bits // 8}")
    pixels = np.empty((layout.rows, layout.columns, layout.samples), stored.newbyteorder("="))
    for segment in _segments(layout):
        raw = directory.data[segment.start : segment.end]
        raw = unpack(raw.translate(_REVERSED) if reverse else raw, layout.room)
        values = _as_samples(raw, stored, segment.shape)
        if predictor == 2:
            values = np.cumsum(values, axis=1, dtype=pixels.dtype)
        here = pixels[segment.place]
        here[:] = values[: here.shape[0], : here.shape[1]]
    return pixels


def _as_samples(raw: bytes, stored: np.dtype[Any], shape: tuple[int, int, int]) -> np.ndarray:
    needed = math.prod(shape)
    if len(raw) < needed * stored.itemsize:
        raise DamagedError(f"a strip or tile of {len(raw)} bytes for {needed} samples")
    return np.frombuffer(raw, stored, needed).reshape(shape)


def _segments(layout: _Layout) -> Iterator[_Segment]:
    """Yield the segments, in the order of the file."""
    height, width = layout.segment
    channels = layout.samples // layout.planes
    corners = itertools.product(
        range(0, layout.samples, channels),
        range(0, layout.rows, height),
        range(0, layout.columns, width),
    )
    for (plane, top, left), start, count in zip(
        corners, layout.offsets.tolist(), layout.counts.tolist(), strict=True
    ):
        rows = height if layout.tiled else min(height, layout.rows - top)
        place = (slice(top, top + rows), slice(left, left + width), slice(plane, plane + channels))
        yield _Segment(start, start + count, place, (rows, width, channels))


def _as_it_is(raw: bytes, room: int) -> bytes:
    return raw


def _inflated(raw: bytes, room: int) -> bytes:
    """Return what is packed; far more than a segment has room for is never unpacked."""
    unpacking = zlib.decompressobj()
    unpacked = unpacking.decompress(raw, room + MIB)
    if not unpacking.eof:
        raise DamagedError("a strip or tile that is cut, or unpacks to far more than it holds")
    return unpacked


def _from_packbits(raw: bytes, room: int) -> bytes:
    unpacked = bytearray()
    at = 0
    while at < len(raw) and len(unpacked) < room:
        count = raw[at]
        if count < 128:
            unpacked += raw[at + 1 : at + 2 + count]
            at += 2 + count
        elif count > 128:
            unpacked += raw[at + 1 : at + 2] * (257 - count)
            at += 2
        else:
            at += 1
    return bytes(unpacked)


def _by_pillow(directory: _Directory, layout: _Layout, compression: str) -> np.ndarray:
    """Return `[H, W, samples]` as stored, by libtiff."""
    _refuse_what_pillow_mistakes(directory, layout, compression)
    with TiffImageFile(io.BytesIO(_neutral(directory))) as image:
        if image.size != (layout.columns, layout.rows):
            raise DamagedError(f"two sizes, {image.size} and {(layout.columns, layout.rows)}")
        _load(image, compression)
        pixels = np.asarray(image).astype(f"u{layout.bits // 8}", copy=False)
    pixels = pixels.reshape(layout.rows, layout.columns, -1)
    if pixels.shape[-1] != layout.samples:
        raise InputError(
            f"a TIFF with {layout.samples} channels and the compression {compression}; save it as "
            "grey PNG"
        )
    return pixels


def _refuse_what_pillow_mistakes(directory: _Directory, layout: _Layout, compression: str) -> None:
    if layout.bits == 16 and layout.samples > 1:  # it cuts them to 8 bits
        raise InputError(
            f"a TIFF with 16 bits a channel, several channels and the compression {compression}; "
            "save it as 16-bit grey PNG"
        )
    if directory.data.startswith(b"MM\0+"):  # it takes it for a classic one
        raise InputError(f"a big-endian BigTIFF with the compression {compression}; save it as PNG")


def _load(image: TiffImageFile, compression: str) -> None:
    try:
        with _silent():
            image.load()
    except OSError as error:
        raise InputError(
            f"cannot be decoded ({error}): the file is truncated or damaged, or Pillow lacks its "
            f"compression, {compression}; copy it again, or export it as PNG"
        ) from error


@contextmanager
def _silent() -> Iterator[None]:
    """Drop what libtiff prints of damaged files, past Python, to the process's standard error."""
    try:
        kept = os.dup(2)
    except OSError:  # there is none
        yield
        return
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _neutral(directory: _Directory) -> bytes:
    """Return the file with "0 is black" for "0 is white", and without an orientation."""
    patched = bytearray(directory.data)
    for tag, standing in ((_PHOTOMETRIC, _WHITE), (ORIENTATION, None)):
        if tag in directory.entries and directory.value(tag) != 1:
            kind, _, at = directory.entries[tag]
            if standing is None or directory.value(tag) == standing:
                code = {"u1": "B", "u2": "H", "u4": "I", "u8": "Q"}[kind]
                pack_into(directory.order + code, patched, at, 1)
    return bytes(patched)


def _alpha(pixels: np.ndarray, colours: int, directory: _Directory, bits: int) -> np.ndarray | None:
    """Return what stands beside grey or RGB: transparency, or something that is not named."""
    beside = pixels.shape[-1] - colours
    if beside < 0:
        raise DamagedError(f"{pixels.shape[-1]} channels of {colours}")
    if beside > 1:
        raise InputError(f"{pixels.shape[-1]} channels; save it as 8- or 16-bit grey")
    if not beside:
        return None
    alpha = pixels[..., -1]
    unnamed = directory.value(_EXTRA, 2) == 0
    return None if unnamed and (alpha == alpha.flat[0]).all() else alpha
