import time

import numpy as np
import pytest

from fluorojax.inference import latency
from fluorojax.inference.curve import CurveRules
from fluorojax.schema.frame import Frame
from tests.runtimes.networks import PLAIN, predictor_of

FRAME = Frame(np.random.default_rng(0).integers(0, 255, (40, 48)).astype(np.uint8), (0.2, 0.2))


@pytest.fixture(scope="module")
def model():
    return predictor_of(PLAIN).with_rules(curve=CurveRules("free"))


def test_each_way_gives_what_it_is_called_by(model):
    found = {name: job() for name, job in latency.ways(model, FRAME).items()}
    np.testing.assert_array_equal(found["probabilities"], model(FRAME))
    plain = model.with_rules(curve=CurveRules("none")).predict(FRAME)
    np.testing.assert_array_equal(found["masks"].masks, plain.masks)
    assert found["masks"].curves == {}
    np.testing.assert_array_equal(found["masks and curves"].masks, model.predict(FRAME).masks)
    led = model.predict(FRAME, before=model.predict(FRAME))
    np.testing.assert_array_equal(found["masks and curves, led"].masks, led.masks)
    unled = latency.ways(model.with_rules(curve=CurveRules("none")), FRAME)
    assert set(unled) == {"probabilities", "masks"}


def test_jobs_take_turns_and_the_first_rounds_do_not_count():
    calls = []

    def job(name):
        calls.append(name)
        time.sleep(0.2 if len(calls) <= 2 * latency.WARM else 0.002)

    jobs = {name: lambda name=name: job(name) for name in "ab"}
    times = latency.seconds(jobs, 3)
    assert calls == ["a", "b"] * (3 + latency.WARM)
    assert times["a"].shape == (3,)
    assert times["b"].min() >= 0.002
    assert times["b"].min() < 0.2


def test_the_rate_is_kept_up_with_by_99_of_100_frames():
    times = np.full(200, 0.010)
    times[:3] = 0.050  # more than one of a hundred
    found = latency.latency_of(times)
    assert (found.p50, found.p95) == pytest.approx((10.0, 10.0))
    assert found.p99 == pytest.approx(50.0)
    assert found.rate == pytest.approx(20.0)


def test_every_way_is_measured(model):
    found = latency.measure(model, FRAME, 2)
    assert set(found) == set(latency.ways(model, FRAME))
    assert all(0 < of.p50 <= of.p95 <= of.p99 for of in found.values())
