"""A run that is asked to stop, or is killed, goes on to the same bits with the same record."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.training import loop
from fluorojax.training.record import Record
from fluorojax.training.signals import EXIT_CODE, Stop, Stopped
from tests.folders import write_folder
from tests.integration.runs import assert_same, record_of, saved_arrays, train
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

    def add_and_signal(record, now, metrics, told):
        add(record, now, metrics, told)
        if now == step:
            os.kill(os.getpid(), number)

    patch.setattr(Record, "add", add_and_signal)


@pytest.mark.slow
def test_a_signal_ends_the_run_after_its_step_and_in_an_evaluation(place, whole, monkeypatch):
    workdir = place / "signalled"
    with monkeypatch.context() as patch:
        signal_at(patch, 5, signal.SIGUSR1)
        with pytest.raises(Stopped, match="SIGUSR1"), Stop() as stop:
            train(victim_config(place), workdir, stop)
    assert newest(workdir) == 5
    with monkeypatch.context() as patch:
        interrupt_evaluation(patch)
        with pytest.raises(Stopped, match="SIGTERM"), Stop() as stop:
            train(victim_config(place), workdir, stop)
    assert newest(workdir) == 8
    assert (8, "validation") not in [(x["step"], x["split"]) for x in record_of(workdir)]
    assert_same(train(victim_config(place), workdir), whole)


def interrupt_evaluation(patch):
    """Let SIGTERM come in the middle of the evaluation of the next validation split."""
    score_split = loop.evaluate.score_split

    def interrupted(predict, *given, **rest):
        def one(example):
            os.kill(os.getpid(), signal.SIGTERM)
            return predict(example)

        return score_split(one, *given, **rest)

    patch.setattr(loop.evaluate, "score_split", interrupted)


def newest(workdir):
    return max(int(path.name) for path in (workdir / "checkpoints/last").iterdir())


def spoil(patch, steps):
    """Let the grey values of the batches of some steps be no numbers."""
    made = loop.training_batches

    def spoilt(run, start):
        for step, batch in enumerate(made(run, start), start + 1):
            yield batch | {"low": batch["low"] * np.nan} if step in steps else batch

    patch.setattr(loop, "training_batches", spoilt)


@pytest.mark.slow
def test_spoilt_batches_are_left_out_and_too_many_of_them_stop_the_run(place, monkeypatch):
    spoil(monkeypatch, steps=(3, 14))
    config, workdir = victim_config(place), place / "spoilt"
    config.training.most_skipped = 1
    with pytest.raises(InputError, match=r"2 steps .* step 14 .*skipped.jsonl"):
        train(config, workdir)
    assert newest(workdir) == 12
    config.training.most_skipped = 2
    train(config, workdir)
    lines = [json.loads(line) for line in (workdir / "skipped.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 14]
    assert {case for line in lines for case in line["cases"]} <= {f"c{n}" for n in range(10)}
    for name, array in saved_arrays(workdir).items():
        assert np.isfinite(array).all(), name
    skipped = {x["step"]: x["skipped"] for x in record_of(workdir) if x["split"] == "train"}
    assert skipped == {3: 1, 6: 0, 9: 0, 12: 0, 15: 1, 18: 0, 20: 0}


def victim(place, name, *arguments):
    """Run the training in a process of its own, and return its exit status."""
    command = [sys.executable, "-m", "tests.integration.victim", place, name, *arguments]
    return subprocess.run([str(c) for c in command], cwd=ROOT, capture_output=True).returncode


@pytest.fixture(scope="module")
def alone(place):
    """Return the uninterrupted run in a process of its own, and the seconds of its steps."""
    assert victim(place, "alone") == 0
    return place / "alone", float((place / "alone/seconds").read_text())


STATUS = {"SIGKILL": -signal.SIGKILL, "SIGTERM": EXIT_CODE}


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_in_the_same_bits(place, alone):
    expected, seconds = alone
    signals = (("SIGKILL", 0.2), ("SIGTERM", 0.3), ("SIGKILL", 0.3))
    for attempt in range(3):
        workdir = place / f"repeatedly-{attempt}"
        found = [victim(place, workdir.name, name, share * seconds) for name, share in signals]
        if 0 not in found:
            break
        # Over too soon: the machine is quicker than it was.
        seconds = float((workdir / "seconds").read_text())
    assert found == [STATUS[name] for name, _ in signals]
    assert victim(place, workdir.name) == 0
    assert_same(workdir, expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", STATUS)
def test_a_run_killed_at_any_of_25_random_moments_ends_in_the_same_bits(place, alone, name):
    expected, seconds = alone
    draw, killed, attempts = random.Random(0), 0, 0
    while killed < 25:
        attempts += 1
        assert attempts < 75, "most runs are over before the signal comes"
        workdir = place / f"{name}-{attempts}"
        found = victim(place, workdir.name, name, draw.random() * seconds)
        if found == 0:  # over too soon: the machine is quicker than it was
            seconds = float((workdir / "seconds").read_text())
        else:
            assert found == STATUS[name]
            killed += 1
            assert victim(place, workdir.name) == 0
        assert_same(workdir, expected)
