import json

import numpy as np
import pytest

from benchmarks import attachment_cost, seeds_at_once
from benchmarks.timing import Times
from tests.integration.spread import batch


@pytest.mark.slow  # compiles two training steps
def test_both_ways_make_the_same_updates(monkeypatch):
    monkeypatch.setattr(seeds_at_once, "batch_of", lambda _: batch())
    config = attachment_cost.config_of("configs/joint.py:quick")
    config.update_from_flattened_dict(
        {"model.width": 4.0, "model.depth": 2, "training.crop_size": (32, 32)}
    )
    jobs = seeds_at_once.jobs(config, 2)
    for _ in range(2):
        singly = np.array(jobs[seeds_at_once.IN_TURN]())
        together = np.array(jobs[seeds_at_once.AT_ONCE]())
        assert together.shape == (2,)
        np.testing.assert_allclose(together, singly, rtol=1e-4)


def test_the_report_says_the_ratio_of_the_medians(capsys):
    times = {
        seeds_at_once.AT_ONCE: Times([3.0, 2.0, 2.5], [2.0, 2.0, 2.0]),
        seeds_at_once.IN_TURN: Times([1.0, 0.9, 5.0], [2.0, 2.0, 2.0]),
    }
    options = seeds_at_once.argparse.Namespace(config="configs/joint.py:quick", seeds=2, rounds=3)
    result = seeds_at_once.report(options, times)
    assert result["ratio_of_medians"] == 2.5
    json.dumps(result)
    seeds_at_once.show(result)
    assert "take 2.50 times one after the other" in capsys.readouterr().out
