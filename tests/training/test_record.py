import json
import math
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.training.record import Interval, Record, case_names

TOLD = {"index": np.array([2, 0]), "stop": np.array([False, False])}


def metrics(loss, applied=True):
    row = {"loss": loss, "gradient_norm": 1.0, "applied": applied}
    return {name: jnp.array(value, jnp.float32) for name, value in row.items()}


def toy_run(most_skipped=1, online=None):
    return SimpleNamespace(
        config=SimpleNamespace(seed=3, training=SimpleNamespace(most_skipped=most_skipped)),
        dataset=SimpleNamespace(online=online),
        frames=lambda _: SimpleNamespace(rows=[SimpleNamespace(case=c) for c in "abc"]),
        learning_rate=lambda step: 10.0 * step,
    )


def test_an_interval_gives_the_means_of_its_own_steps():
    interval = Interval([])
    for step, value in ((1, 1.0), (2, 2.0)):
        interval.add(step, metrics(value), TOLD)
    interval.fetch()
    first = interval.flush()
    interval.add(3, metrics(5.0), TOLD)
    interval.fetch()
    assert first["loss"] == 1.5
    assert first["steps_per_second"] > 0
    assert interval.flush()["loss"] == 5.0


def test_an_interval_that_a_checkpoint_cuts_has_the_same_means():
    losses = [0.1, 0.7, 1e-3]
    whole, before = Interval([]), Interval([])
    for step, loss in enumerate(losses):
        whole.add(step, metrics(loss), TOLD)
    before.add(0, metrics(losses[0]), TOLD)
    before.fetch()
    after = Interval(json.loads(json.dumps(before.rows)))
    for step in (1, 2):
        after.add(step, metrics(losses[step]), TOLD)
    for interval in (whole, after):
        interval.fetch()
    assert whole.flush()["loss"] == after.flush()["loss"]


def test_steps_that_were_not_applied_are_counted_and_left_out_of_the_means():
    interval = Interval([])
    for step, loss, applied in ((1, 1.0, True), (2, math.nan, False), (3, 3.0, True)):
        interval.add(step, metrics(loss, applied), TOLD)
    assert [step for step, _, _ in interval.fetch()] == [2]
    means = interval.flush()
    assert (means["loss"], means["skipped"]) == (2.0, 1)


def test_cases_are_written_down_and_the_run_stops_after_too_many(tmp_path):
    with Record(toy_run(most_skipped=1), tmp_path, 0, []) as record:
        record.add(1, metrics(math.nan, applied=False), TOLD)
        assert math.isnan(record.write_train(1))
        record.add(2, metrics(math.inf, applied=False), TOLD)
        with pytest.raises(InputError, match=r"2 steps .* step 2 .*c, a.*most_skipped=4"):
            record.write_train(2)
    lines = [json.loads(line) for line in (tmp_path / "skipped.jsonl").read_text().splitlines()]
    assert [(line["step"], line["cases"], line["loss"]) for line in lines] == [
        (1, ["c", "a"], "nan"),
        (2, ["c", "a"], "inf"),
    ]


def test_a_run_that_goes_on_counts_the_skipped_steps_before_it(tmp_path):
    with Record(toy_run(), tmp_path, 0, []) as record:
        for step in (1, 2):
            record.add(step, metrics(math.nan, applied=step != 1), TOLD)
        assert record.settle() == [
            {"loss": pytest.approx(math.nan, nan_ok=True), "gradient_norm": 1.0, "applied": value}
            for value in (0.0, 1.0)
        ]
    with Record(toy_run(), tmp_path, 2, []) as record:
        record.add(3, metrics(math.nan, applied=False), TOLD)
        with pytest.raises(InputError, match="2 steps"):
            record.settle()


def test_the_logged_rate_is_that_of_the_updates_that_were_made(tmp_path):
    with Record(toy_run(), tmp_path, 0, []) as record:
        record.add(1, metrics(math.nan, applied=False), TOLD)
        record.add(2, metrics(1.0), TOLD)
        record.write_train(2)
    (line,) = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["learning_rate"] == 0.0


def test_a_simulated_frame_is_named_by_its_number():
    assert case_names(toy_run(online=1), TOLD["index"])[0] == "simulated frame 2 of seed 3"


def test_one_process_that_was_asked_to_stop_is_heard_by_all():
    interval = Interval([])
    interval.add(1, metrics(1.0), TOLD)
    interval.fetch()
    assert not interval.stop
    interval.add(2, metrics(1.0), TOLD | {"stop": np.array([False, True])})
    interval.fetch()
    assert interval.stop
