"""Pictures that are nearly the same, found by a perceptual hash.

The hash is the sign of the 63 lowest frequencies of a picture of 32 x 32 pixels about their median,
as pHash has it (C. Zauner, Implementation and benchmarking of perceptual image hash functions,
2010). Frames of one anatomy have similar hashes, so pairs are compared once more by the correlation
of their thumbnails.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image
from scipy.fft import dctn

SIDE = 32
LOW = 8  # frequencies a side
MOST_BITS = 6
"""Bits in which hashes of nearly the same picture differ, at most."""
LEAST_CORRELATION = 0.99
_AT_ONCE = 1024
_MOST_PAIRS = 100_000


def thumbnail(grey: np.ndarray) -> np.ndarray:
    """Return `grey: [H, W]` as [32, 32] float32 of mean 0 and norm 1; of one grey, zeros."""
    small = Image.fromarray(grey.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BOX)
    values = np.asarray(small, np.float32)
    values = values - values.mean()
    norm = float(np.linalg.norm(values))
    return values / norm if norm > 0 else values


def perceptual_hash(thumb: np.ndarray) -> int:
    """Return 63 bits of a thumbnail."""
    low = dctn(thumb, norm="ortho")[:LOW, :LOW].ravel()[1:]
    bits = low > np.median(low)
    return int(np.packbits(bits, bitorder="little").view(np.uint64)[0])


def pairs(
    hashes: np.ndarray, thumbs: np.ndarray, groups: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """Yield pairs i < j of different groups that show nearly the same.

    Args:
        hashes: [N] uint64.
        thumbs: [N, 32, 32] as `thumbnail` returns them.
        groups: of whom each is, [N].
    """
    group = np.asarray(groups)
    found = 0
    for start in range(0, len(hashes), _AT_ONCE):
        block = slice(start, start + _AT_ONCE)
        differ = np.bitwise_count(hashes[block, None] ^ hashes[None, start:])
        near = (differ <= MOST_BITS) & (group[block, None] != group[None, start:])
        for a, b in zip(*np.nonzero(near), strict=True):
            i, j = start + int(a), start + int(b)
            if i < j and float((thumbs[i] * thumbs[j]).sum()) >= LEAST_CORRELATION:
                yield i, j
                if (found := found + 1) >= _MOST_PAIRS:
                    return
