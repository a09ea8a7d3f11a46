from types import SimpleNamespace

import numpy as np
import pytest

from fluorojax.core import parallel
from fluorojax.metrics.summary import summarise
from fluorojax.training.loop import due, headline, stops, with_stop_flag
from fluorojax.training.record import Interval
from fluorojax.training.signals import Stop


@pytest.mark.parametrize(("step", "expected"), [(1, False), (3, True), (6, True), (7, True)])
def test_work_is_due_at_its_interval_and_at_the_end(step, expected):
    assert due(step, every=3, last=7) is expected


def test_the_headline_has_dice_of_each_class_and_cldice_of_thin_ones():
    row = {"case": "a", "patient": "p", "status": "scored", "unit": "px"}
    rows = [
        row | {"class": "scope", "kind": "region", "dice": 0.5},
        row | {"class": "wire", "kind": "curve", "dice": 0.25, "cldice": 0.75},
    ]
    expected = {"scope/dice": 0.5, "wire/dice": 0.25, "wire/cldice": 0.75}
    assert headline(summarise(rows), ["scope", "wire"]) == expected
    told = {"view": {"cases": 2, "accuracy": 0.5}, "maker": {"cases": 0, "accuracy": None}}
    found = headline(summarise(rows) | {"image_labels": told}, ["scope", "wire"])
    assert found == expected | {"view/accuracy": 0.5}


def place(processes, patch):
    patch.setattr(parallel, "process_count", lambda: processes)
    config = SimpleNamespace(training=SimpleNamespace(log_every=5, steps=12))
    return SimpleNamespace(config=config)


def test_one_process_stops_after_the_step_of_the_signal(monkeypatch):
    run, stop = place(1, monkeypatch), Stop()
    assert not stops(3, run, Interval([]), stop)
    stop.requested = "SIGTERM"
    assert stops(3, run, Interval([]), stop)


def test_several_stop_together_where_all_have_heard_of_it(monkeypatch):
    run, stop, interval = place(2, monkeypatch), Stop(), Interval([])
    stop.requested = "SIGTERM"
    assert not stops(5, run, interval, stop), "the others have not heard yet"
    interval.stop = True
    assert [step for step in range(1, 13) if stops(step, run, interval, stop)] == [5, 10, 12]


def test_every_example_says_whether_its_process_was_asked_to_stop():
    stop, batch = Stop(), {"index": np.arange(3)}
    assert not with_stop_flag(batch, stop)["stop"].any()
    stop.requested = "SIGUSR1"
    assert with_stop_flag(batch, stop)["stop"].tolist() == [True] * 3
