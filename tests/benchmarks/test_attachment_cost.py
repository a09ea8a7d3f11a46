import json

import pytest

from benchmarks import attachment_cost
from benchmarks.timing import Times
from fluorojax.errors import InputError
from fluorojax.losses import joint
from tests.integration.spread import batch


def test_a_configuration_is_named_as_for_a_run():
    assert attachment_cost.config_of("configs/joint.py:quick").training.crop_size == (192, 192)
    assert attachment_cost.config_of("configs/joint.py").training.crop_size == (512, 512)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("configs/jiont.py", r"--config configs/jiont.py: No module.*write configs/NAME"),
        ("configs/joint.py:small", r"unknown variant 'small'"),
        ("configs/multi.py:quick", r"loss.attachment is 0; write configs/joint.py"),
    ],
)
def test_what_cannot_be_timed_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        attachment_cost.config_of(given)


@pytest.mark.slow  # compiles two training steps
def test_the_two_jobs_differ_in_the_term_alone(monkeypatch):
    traced = []
    term = joint.attachment
    monkeypatch.setattr(joint, "attachment", lambda *a: traced.append(a[0].shape) or term(*a))
    monkeypatch.setattr(attachment_cost, "batch_of", lambda _: batch())
    config = attachment_cost.config_of("configs/joint.py:quick")
    config.update_from_flattened_dict(
        {"model.width": 4.0, "model.depth": 2, "training.crop_size": (32, 32)}
    )
    jobs = attachment_cost.jobs(config)
    jobs[attachment_cost.WITHOUT]()
    assert traced == []
    jobs[attachment_cost.WITH]()
    compiled = len(traced)
    assert compiled > 0
    jobs[attachment_cost.WITH]()  # goes on from the state that the first left
    assert len(traced) == compiled
    assert config.loss.attachment > 0


def test_the_report_says_the_ratio_of_the_medians(capsys):
    times = {
        attachment_cost.WITH: Times([1.2, 1.0, 9.0], [2.0, 2.0, 2.0]),
        attachment_cost.WITHOUT: Times([1.0, 0.9, 5.0], [2.0, 2.0, 2.0]),
    }
    options = attachment_cost.argparse.Namespace(config="configs/joint.py:quick", rounds=3)
    config = attachment_cost.config_of(options.config)
    result = attachment_cost.report(options, config, times)
    assert result["ratio_of_medians"] == 1.2
    json.dumps(result)
    attachment_cost.show(result)
    assert "1.20 times one without (goal: at most 1.10)" in capsys.readouterr().out
