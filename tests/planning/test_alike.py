import time

import numpy as np
from scipy import ndimage

from fluorojax.planning.alike import pairs, perceptual_hash, thumbnail


def smooth(seed):
    noise = np.random.default_rng(seed).standard_normal((96, 128))
    return (2000 + 4000 * ndimage.gaussian_filter(noise, 6)).astype(np.uint16)


def found(frames, groups):
    thumbs = np.stack([thumbnail(f) for f in frames])
    hashes = np.array([perceptual_hash(t) for t in thumbs], np.uint64)
    return list(pairs(hashes, thumbs, groups))


def test_noise_brightness_and_size_do_not_hide_the_same_picture():
    base = smooth(0)
    noise = np.random.default_rng(9).standard_normal(base.shape)
    frames = [base, (base * 0.5 + 300 + 5 * noise).astype(np.uint16), base[::2, ::2], smooth(1)]
    assert found(frames, [0, 1, 2, 3]) == [(0, 1), (0, 2), (1, 2)]


def test_those_of_one_group_are_not_told():
    assert found([smooth(0), smooth(0), smooth(0)], [0, 0, 1]) == [(0, 2), (1, 2)]


def test_the_hash_has_half_of_its_bits_set():
    value = perceptual_hash(thumbnail(smooth(3)))
    assert 0 <= value < 2**63
    assert value.bit_count() == 31


def test_frames_of_one_grey_are_no_pair():
    flat = np.full((40, 40), 7, np.uint8)
    assert not thumbnail(flat).any()
    assert found([flat, flat], [0, 1]) == []


def test_thousands_of_frames_take_seconds():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, 5000, dtype=np.uint64)
    hashes[4999] = hashes[3]
    thumbs = np.zeros((5000, 1, 1), np.float32)
    thumbs[[3, 4999]] = 1
    began = time.process_time()
    assert list(pairs(hashes, thumbs, range(5000))) == [(3, 4999)]
    assert time.process_time() - began < 10
