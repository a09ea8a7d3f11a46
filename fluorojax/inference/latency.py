"""How long it takes from a decoded frame to probabilities, masks and curves, one at a time."""

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from fluorojax.inference.curve import CurveRules
from fluorojax.inference.predictor import Predictor
from fluorojax.schema.frame import Frame

WARM = 5  # rounds that do not count


class Latency(NamedTuple):
    """Milliseconds on the wall: the median, and what 95 and 99 of 100 frames take at most."""

    p50: float
    p95: float
    p99: float

    @property
    def rate(self) -> float:
        """Frames a second that are kept up with: 99 of 100 are done before the next one comes."""
        return 1000.0 / self.p99


def ways(model: Predictor, frame: Frame) -> dict[str, Callable[[], Any]]:
    """Return what is timed, by its name, each from the frame's grey values on.

    Curves are looked for where the export's rules say so; led: as `fluorojax.Stream` finds them.
    """
    plain = model.with_rules(curve=CurveRules("none"))
    found: dict[str, Callable[[], Any]] = {
        "probabilities": functools.partial(model, frame),
        "masks": functools.partial(plain.predict, frame),
    }
    if model.rules.followed:
        before = model.predict(frame)
        found["masks and curves"] = functools.partial(model.predict, frame)
        found["masks and curves, led"] = functools.partial(model.predict, frame, before=before)
    return found


def seconds(jobs: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, np.ndarray]:
    """Return the seconds of each job, [rounds], all in turns; WARM rounds more come first."""
    times = {name: np.zeros(rounds) for name in jobs}
    for count in range(-WARM, rounds):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            if count >= 0:
                times[name][count] = time.perf_counter() - start
    return times


def latency_of(times: np.ndarray) -> Latency:
    """Return the percentiles of `times: [rounds]` in seconds."""
    return Latency(*(float(1000 * p) for p in np.percentile(times, (50, 95, 99))))


def measure(model: Predictor, frame: Frame, rounds: int) -> dict[str, Latency]:
    """Return the latency of each of `ways`, warm, one frame at a time, `rounds` times."""
    return {name: latency_of(of) for name, of in seconds(ways(model, frame), rounds).items()}
