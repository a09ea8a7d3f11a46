"""Two processes of two devices each, as SLURM would start them, against one of four."""

import math
import os
import random
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fluorojax.datasets.source import open_dataset
from fluorojax.training.signals import EXIT_CODE
from fluorojax.training.workdir import validate_run_directory
from tests.folders import write_folder
from tests.integration.process import process_config
from tests.integration.runs import record_of, train

ROOT = Path(__file__).parents[2]


def free_job() -> str:
    """Return the number of a job for which jax will choose a port that is free."""
    while True:
        job = random.randrange(4096)
        with socket.socket() as trial:
            if trial.connect_ex(("localhost", 65535 - 4096 + 1 + job)):
                return str(job)


def step_of(job, rank, tasks):
    names = {"JOB_ID": job, "STEP_NODELIST": "localhost", "PROCID": rank, "LOCALID": rank}
    names |= {"NTASKS": tasks, "STEP_NUM_TASKS": tasks}
    return {f"SLURM_{name}": str(value) for name, value in names.items()}


def run(place, name, tasks, devices, stop=(0, 0), errors=None):
    """Start as many processes at once, let them end, and return what each left with.

    What they print as errors goes to the file `errors`, if one is given.
    """
    job = free_job()
    command = [sys.executable, "-m", "tests.integration.process", str(place), name, str(devices)]
    processes = [
        subprocess.Popen(
            [*command, str(stop[rank])],
            cwd=ROOT,
            env=os.environ | {"JAX_PLATFORMS": "cpu"} | step_of(job, rank, tasks),
            stderr=errors,
        )
        for rank in range(tasks)
    ]
    return [process.wait(timeout=300) for process in processes]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("processes")
    write_folder(root / "frames")
    return root


@pytest.fixture(scope="module")
def four(place):
    assert run(place, "four", tasks=1, devices=4) == [0]
    return place / "four"


def assert_close(found, expected):
    """Check two records: the same lines, and numbers that agree within float error."""
    assert [(x["step"], x["split"]) for x in found] == [(x["step"], x["split"]) for x in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            if isinstance(value, float):
                assert math.isclose(ours[name], value, rel_tol=2e-3, abs_tol=1e-5), (name, ours)


@pytest.mark.slow
def test_two_by_two_is_as_one_by_four_also_when_one_process_is_asked_to_stop(place, four):
    # The second process hears it in step 1; all leave after the log interval that ends at step 2.
    assert run(place, "two", tasks=2, devices=2, stop=(0, 1)) == [EXIT_CODE, EXIT_CODE]
    assert [path.name for path in (place / "two/checkpoints/last").iterdir()] == ["2"]
    assert run(place, "two", tasks=2, devices=2) == [0, 0]
    assert_close(record_of(place / "two"), record_of(four))
    assert (place / "two/report.html").exists()


def test_what_the_first_process_refuses_ends_both_at_once(place):
    (place / "other").mkdir()
    config = process_config(place, 2)
    config.seed = 5
    validate_run_directory(place / "other", config, open_dataset(config.data))
    with (place / "errors").open("w") as errors:
        first, second = run(place, "other", tasks=2, devices=2, errors=errors)
    assert first == 2
    assert second != 0
    assert "seed: 5 there, 0 here" in (place / "errors").read_text()


@pytest.mark.slow
def test_what_four_devices_saved_goes_on_with_one(place, four):
    for path in (four / "checkpoints").glob("*/6"):
        shutil.rmtree(path)
    before = record_of(four)
    assert_close(record_of(train(process_config(place, 1), four)), before)
