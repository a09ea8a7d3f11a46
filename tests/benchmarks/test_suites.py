import numpy as np
import pytest

from benchmarks.peers import numpy_augment
from benchmarks.peers.unet_peers import Begun, check_equal
from benchmarks.suites import data, simulate, unets
from benchmarks.timing import OURS
from fluorojax.core.errors import InputError


def test_a_frame_takes_all_cores_together_one_over_the_rate():
    rates = {OURS: {"median": 4, "all": [4.0, 4.0]}, "numpy": {"median": 1, "all": [1.0, 1.0]}}
    found = simulate.a_frame({"frames_a_second": rates, "compile_s": 2.0})
    assert found["seconds"][OURS]["p50"] == 0.25
    assert found["ratio"]["numpy"]["p50"] == 0.25


def test_the_peer_of_the_augmentation_moves_frame_and_mask_alike():
    image = np.zeros((48, 64), np.float32)
    image[10:30, 20:50] = 1.0
    mask = (image > 0).astype(np.uint8) * 3
    # Grey values are changed after they are moved, so only the order of inside and outside is kept.
    for seed in range(5):
        grey, labels = numpy_augment.augment(np.random.default_rng(seed), image, mask)
        assert (grey.shape, grey.dtype) == (image.shape, np.float32)
        assert set(np.unique(labels)) <= {0, 3}
        if (labels == 3).any():
            assert grey[labels == 3].mean() > grey[labels == 0].mean() + 0.3


def test_pixels_look_where_a_rotation_about_the_middle_says(monkeypatch):
    class Chance:
        uniform = staticmethod(lambda low, high, *_: 0.0)
        random = staticmethod(lambda: 0.9)

    places = numpy_augment.coordinates(Chance, (5, 7))
    np.testing.assert_allclose(places, np.indices((5, 7)), atol=1e-12)


def test_stored_frames_are_what_pytorch_calls_a_data_set():
    frames = [{"image": np.ones((2, 2), np.uint16), "mask": np.ones((2, 2), np.uint16)}]
    stored = data.Stored(frames)
    image, mask = stored[0]
    assert len(stored) == 1
    assert (image.dtype, mask.dtype) == (np.float32, np.uint8)


def test_without_pytorch_there_is_ours_alone_and_a_word_about_it(monkeypatch):
    monkeypatch.setattr(unets.importlib.util, "find_spec", lambda _: None)
    peers, begun, missing = unets.peers_of(unets.TINY, 1)
    assert set(peers) == set(begun) == {OURS}
    assert missing == {"torch": "not installed"}
    assert begun[OURS].step_s > 0
    assert begun[OURS].losses[1] < begun[OURS].losses[0]


def test_networks_that_differ_are_told_apart():
    logits = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
    ours = Begun(logits, (1.0, 0.9), 0.1, 0.1)
    check_equal(ours, Begun(logits + 1e-4, (1.0, 0.9001), 1.0, 1.0))
    near = Begun(logits + 0.05, (1.01, 0.92), 1.0, 1.0)
    check_equal(ours, near, rounded=True)
    with pytest.raises(AssertionError):
        check_equal(ours, near)
    with pytest.raises(AssertionError, match="of their deviation apart"):
        check_equal(ours, Begun(-logits, (1.0, 0.9), 1.0, 1.0), rounded=True)
    with pytest.raises(AssertionError, match=r"losses 0\.9 and 0\.5"):
        check_equal(ours, Begun(logits, (1.0, 0.5), 1.0, 1.0), rounded=True)


def test_the_metrics_need_their_peers(monkeypatch):
    from benchmarks.suites import metrics

    monkeypatch.setattr(metrics.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"torch, monai, surface_distance not installed; pip"):
        metrics.measure(None)
