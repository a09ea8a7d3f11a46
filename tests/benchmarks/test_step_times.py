import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import steps
from benchmarks.studies import attachment_cost, seeds_at_once, step_times
from benchmarks.timing import Times
from fluorojax.losses import joint
from tests.integration.spread import batch


def small(name="configs/joint.py:quick"):
    config = steps.config_of(name)
    config.update_from_flattened_dict(
        {"model.width": 4.0, "model.depth": 2, "training.crop_size": (32, 32)}
    )
    return config


def test_a_configuration_without_the_term_cannot_be_timed():
    with pytest.raises(SystemExit, match=r"write configs/joint.py"):
        attachment_cost.jobs(small("configs/multi.py:quick"))


@pytest.mark.slow  # compiles two training steps
def test_the_two_jobs_differ_in_the_term_alone(monkeypatch):
    traced = []
    gate = joint.reference_reach  # looked at by every term of the relation
    counted = lambda *a, **k: traced.append(a[0].shape) or gate(*a, **k)  # noqa: E731
    monkeypatch.setattr(joint, "reference_reach", counted)
    monkeypatch.setattr(attachment_cost, "batch_of", lambda _: batch())
    config = small()
    jobs = attachment_cost.jobs(config)
    jobs[attachment_cost.WITHOUT]()
    assert traced == []
    jobs[attachment_cost.WITH]()
    compiled = len(traced)
    assert compiled > 0
    jobs[attachment_cost.WITH]()  # goes on from the state that the first left
    assert len(traced) == compiled
    assert config.loss.attachment > 0


@pytest.mark.slow  # compiles two training steps
def test_seeds_at_once_and_one_after_the_other_make_the_same_updates(monkeypatch):
    monkeypatch.setattr(seeds_at_once, "batch_of", lambda _: batch())
    jobs = seeds_at_once.jobs(small(), 2)
    for _ in range(2):
        singly = np.array(jobs[seeds_at_once.IN_TURN]())
        together = np.array(jobs[seeds_at_once.AT_ONCE]())
        assert together.shape == (2,)
        np.testing.assert_allclose(together, singly, rtol=1e-4)


def test_the_ratio_is_of_the_first_way_to_the_second_and_is_written(tmp_path, monkeypatch, capsys):
    times = {"a": Times([1.2, 1.0, 9.0], [2.0] * 3), "b": Times([1.0, 0.9, 5.0], [2.0] * 3)}
    monkeypatch.setattr(step_times, "in_turns", lambda jobs, rounds: times)
    monkeypatch.setattr(step_times.environment, "prepare", lambda *_: None)
    out = tmp_path / "times.json"
    options = argparse.Namespace(config="configs/joint.py:quick", rounds=3, out=Path(out))
    result = step_times.measure(options, lambda config: {})
    assert result["ratio_of_medians"] == 1.2
    assert json.loads(out.read_text())["seconds"]["b"]["least"] == 0.9
    assert "median 1.200 s, least 1.000 s" in capsys.readouterr().out
