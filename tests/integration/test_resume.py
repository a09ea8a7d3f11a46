"""A run that is asked to stop, or is killed, goes on to the same bits with the same record."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fluorojax.errors import InputError
from fluorojax.training import loop
from fluorojax.training.record import Record
from fluorojax.training.signals import EXIT_CODE, Stop, Stopped
from tests.folders import write_folder
from tests.integration.runs import assert_same, saved_arrays, train
from tests.integration.victim import victim_config

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("resume")
    write_folder(root / "frames")
    return root


@pytest.fixture(scope="module")
def whole(place):
    return train(victim_config(place), place / "whole")


def signal_at(patch, step, number):
    """Let a signal come while the given step is under way."""
    add = Record.add

    def add_and_signal(record, now, metrics, index):
        add(record, now, metrics, index)
        if now == step:
            os.kill(os.getpid(), number)

    patch.setattr(Record, "add", add_and_signal)


def test_a_signal_ends_the_run_after_its_step_and_in_an_evaluation(place, whole, monkeypatch):
    workdir = place / "signalled"
    with monkeypatch.context() as patch, pytest.raises(Stopped, match="SIGUSR1"), Stop() as stop:
        signal_at(patch, 5, signal.SIGUSR1)
        train(victim_config(place), workdir, stop)
    assert newest(workdir) == 5
    with monkeypatch.context() as patch, pytest.raises(Stopped, match="SIGTERM"), Stop() as stop:
        interrupt_evaluation(patch)
        train(victim_config(place), workdir, stop)
    assert newest(workdir) == 8
    assert not [x for x in read(workdir) if x["split"] == "validation" and x["step"] == 8]
    assert_same(train(victim_config(place), workdir), whole)


def interrupt_evaluation(patch):
    """Let SIGTERM come in the middle of the evaluation of the next validation split."""
    score_split = loop.evaluate.score_split

    def interrupted(segment, frames, **scoring):
        def one(example):
            os.kill(os.getpid(), signal.SIGTERM)
            return segment(example)

        return score_split(one, frames, **scoring)

    patch.setattr(loop.evaluate, "score_split", interrupted)


def newest(workdir):
    return max(int(path.name) for path in (workdir / "checkpoints/last").iterdir())


def read(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def test_a_network_that_diverges_stops_with_its_cases_and_the_average_stays_clean(place):
    import numpy as np

    workdir = place / "diverged"
    config = victim_config(place)
    with config.unlocked():
        config.update_from_flattened_dict(
            {"training.most_skipped": 2, "loss.dice": 1e38, "loss.cross_entropy": 1e38}
        )
    with pytest.raises(InputError, match="not finite"):
        train(config, workdir)
    lines = (workdir / "skipped.jsonl").read_text().splitlines()
    assert len(lines) > 2
    assert set(json.loads(lines[0])["cases"]) <= {f"c{n}" for n in range(10)}
    for name, array in saved_arrays(workdir).items():
        assert np.isfinite(array).all(), name


def victim(place, name, *arguments):
    """Run the training in a process of its own, and return its exit status."""
    command = [sys.executable, "-m", "tests.integration.victim", place, name, *arguments]
    return subprocess.run([str(c) for c in command], cwd=ROOT, capture_output=True).returncode


@pytest.fixture(scope="module")
def alone(place):
    """Return the uninterrupted run in a process of its own, and the seconds of its steps."""
    assert victim(place, "alone") == 0
    return place / "alone", float((place / "alone/seconds").read_text())


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_a_run_killed_again_and_again_ends_in_the_same_bits(place, alone, name):
    kill_and_go_on(place, alone, name, moments=(0.2, 0.7), each_ends=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_a_run_killed_at_any_of_25_random_moments_ends_in_the_same_bits(place, alone, name):
    draw = random.Random(0)
    moments = [draw.random() for _ in range(25)]
    kill_and_go_on(place, alone, name, moments, each_ends=True)


def kill_and_go_on(place, alone, name, moments, each_ends):
    """Kill at shares of the time that the steps take; go on to the end after each, or the last."""
    expected, seconds = alone
    status = {"SIGKILL": -signal.SIGKILL, "SIGTERM": EXIT_CODE}[name]
    killed = 0
    for n, moment in enumerate(moments):
        workdir = f"{name}-{n if each_ends else 'repeatedly'}"
        found = victim(place, workdir, name, moment * seconds)
        assert found in (0, status)
        killed += found == status
        if each_ends or n == len(moments) - 1:
            assert victim(place, workdir) == 0
            assert_same(place / workdir, expected)
    assert killed > len(moments) / 2
