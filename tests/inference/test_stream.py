import threading

import numpy as np
import pytest

import fluorojax
from fluorojax.core.errors import InputError
from fluorojax.inference.curve import CurveRules
from fluorojax.inference.export import export
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.predictor import Maps, Prediction, Predictor
from fluorojax.inference.stream import Stream
from fluorojax.models.spec import NetworkSpec
from fluorojax.schema.info import ClassInfo
from tests.lines import soft
from tests.runtimes.networks import parameters_of

SPEC = NetworkSpec(((0,),), "none", None, 4, 1, "none", False, False, False, "float32")
RULES = MaskRules((ClassInfo("wire", "curve"),), curve=CurveRules("free"))
FRAME = np.random.default_rng(0).integers(0, 255, (32, 32)).astype(np.uint8)
SOON = 20.0  # s that a test waits before it fails


@pytest.fixture(scope="module")
def model():
    return Predictor(SPEC, parameters_of(SPEC), (32, 32), RULES)


@pytest.fixture
def shown(model, monkeypatch):
    """Return a model that finds, in a frame of value k, the k-th of two maps of a wire."""
    sure = soft([(16.0, 3.0), (16.0, 28.0)], 3, (32, 32))
    faint = sure.copy()
    faint[:, 12:20] *= 0.02
    maps = {0: sure[..., None], 1: faint[..., None]}
    monkeypatch.setattr(model, "maps", lambda frame: Maps(maps[int(frame.pixels[0, 0])], []))
    return model


def of(value, shape=(32, 32)):
    return np.full(shape, value, np.uint8)


def test_the_frame_before_leads_as_it_does_by_hand(shown):
    stream = Stream(shown, 0.2)
    first, second = stream.push(of(0)), stream.push(of(1))
    expected = shown.predict(of(1), 0.2, before=shown.predict(of(0), 0.2))
    np.testing.assert_array_equal(first.masks, shown.predict(of(0), 0.2).masks)
    np.testing.assert_array_equal(second.masks, expected.masks)
    alone = shown.predict(of(1), 0.2)
    assert second.presence["wire"] > alone.presence["wire"]
    stream.reset()
    assert stream.push(of(1)).presence == alone.presence


def test_a_frame_of_another_size_begins_anew(shown, monkeypatch):
    stream = Stream(shown)
    stream.push(of(0))
    other = soft([(20.0, 3.0), (20.0, 28.0)], 3, (40, 32))[..., None]
    monkeypatch.setattr(shown, "maps", lambda frame: Maps(other, []))
    assert stream.push(of(0, (40, 32))).masks.shape == (40, 32, 1)


class Held:
    """A model that holds each frame until it is let go, and says which one it took."""

    def __init__(self, model, monkeypatch):
        self.taken, self.free = [], threading.Semaphore(0)
        self.arrived = threading.Semaphore(0)
        monkeypatch.setattr(model, "predict", self.predict)

    def predict(self, frame, before=None, following=None):
        self.taken.append(int(frame.pixels[0, 0]))
        self.arrived.release()
        assert self.free.acquire(timeout=SOON)
        return Prediction(frame.pixels[..., None] > 0)


def test_frames_that_come_while_one_is_looked_at_are_dropped_but_for_the_newest(model, monkeypatch):
    held = Held(model, monkeypatch)
    with Stream(model) as stream:
        assert stream.latest() is None
        stream.submit(of(1))
        assert held.arrived.acquire(timeout=SOON)
        for value in (2, 3, 4):
            stream.submit(of(value))
        assert (stream.submitted, stream.dropped) == (4, 2)
        assert stream.latest() is None
        held.free.release(2)
        newest = stream.latest(SOON)
        if newest.number == 1:
            newest = stream.latest(SOON)
        assert newest.number == 4
        assert newest.seconds > 0
        assert stream.latest() is None  # each once
    assert held.taken == [1, 4]
    assert stream.dropped == 2


def test_the_end_drops_what_waits_and_lets_nobody_wait(model, monkeypatch):
    held = Held(model, monkeypatch)
    stream = Stream(model)
    stream.submit(of(1))
    assert held.arrived.acquire(timeout=SOON)
    stream.submit(of(2))
    closing = threading.Thread(target=stream.close)
    closing.start()
    assert stream.latest(SOON) is None  # it lets go of whoever waits, before the frame is done
    held.free.release()
    closing.join(SOON)
    assert (held.taken, stream.submitted, stream.dropped) == ([1], 2, 1)
    stream.close()
    assert stream.latest(None).number == 1
    assert stream.latest(None) is None
    with pytest.raises(RuntimeError, match="the stream is closed"):
        stream.submit(of(3))


def test_a_bad_frame_is_named_and_the_stream_goes_on(model):
    with Stream(model) as stream:
        stream.submit(np.zeros((3, 32, 32)))
        with pytest.raises(InputError, match="two axes"):
            stream.latest(SOON)
        stream.submit(FRAME)
        newest = stream.latest(SOON)
    assert newest.number == 2
    np.testing.assert_array_equal(newest.prediction.masks, model.predict(FRAME).masks)


def test_it_opens_an_export(model, tmp_path):
    export(model, tmp_path / "export", {"method": "single"})
    stream = fluorojax.Stream(tmp_path / "export")
    np.testing.assert_array_equal(stream.push(FRAME).masks, model.predict(FRAME).masks)
    with pytest.raises(InputError, match="does not exist"):
        fluorojax.Stream(tmp_path)
