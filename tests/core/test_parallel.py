import subprocess
import sys

import jax
import numpy as np
import pytest

from fluorojax.core import parallel


@pytest.fixture(params=parallel.WAYS, autouse=True)
def way(request, monkeypatch):
    monkeypatch.setattr(parallel, "WAY", request.param)


def test_one_step_of_a_toy_state_over_the_devices_there_are():
    def step(total, shard):
        mean = parallel.mean_over_devices(shard["x"].mean())
        return total + mean, {"mean": mean}

    batch = {"x": np.arange(4.0 * parallel.device_count(), dtype=np.float32)}
    run = parallel.data_parallel(step)
    total, metrics = run(jax.numpy.zeros(()), batch)
    total, metrics = run(total, batch)
    assert float(metrics["mean"]) == batch["x"].mean()
    assert float(total) == 2 * batch["x"].mean()


@pytest.mark.parametrize("zeros", [np.zeros, jax.numpy.zeros])
def test_a_step_is_compiled_once_wherever_its_first_state_lies(zeros):
    traced = []

    def step(total, shard):
        traced.append(shard["x"].shape)
        return total + parallel.mean_over_devices(shard["x"].mean()), {}

    run, total = parallel.data_parallel(step), zeros(3, np.float32)
    for _ in range(3):
        total, _ = run(total, {"x": np.ones(parallel.device_count(), np.float32)})
    assert len(traced) == 1
    np.testing.assert_array_equal(total, np.full(3, 3.0))


def test_devices_are_described_one_by_one():
    assert len(parallel.describe_devices()) == parallel.device_count()


def test_a_batch_script_of_several_tasks_is_one_process_outside_of_srun(monkeypatch):
    monkeypatch.setenv("SLURM_NTASKS", "2")
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    monkeypatch.delenv("SLURM_STEP_NUM_TASKS", raising=False)
    parallel.join_processes()
    assert parallel.process_count() == 1
    assert parallel.is_first()
    assert parallel.share() == (0, 1)


def test_alone_an_error_goes_its_usual_way():
    with pytest.raises(KeyError), parallel.failing_together():
        raise KeyError("x")


def test_some_of_the_devices_of_a_process_can_be_used():
    def step(total, shard):
        return total + parallel.mean_over_devices(shard["x"].mean()), parallel.gather(shard["x"])

    run = parallel.data_parallel(step, jax.devices()[:1])
    total, seen = run(jax.numpy.zeros(()), {"x": np.arange(6.0, dtype=np.float32)})
    assert float(total) == 2.5
    np.testing.assert_array_equal(seen, np.arange(6.0))


def test_a_step_is_traced_from_shapes_and_lowered_for_a_platform_that_is_not_here():
    def step(total, shard):
        seen = jax.lax.platform_dependent(shard["x"], cuda=jax.numpy.sin, default=jax.numpy.cos)
        return total + parallel.mean_over_devices(seen.mean()), {}

    total, shard = (jax.ShapeDtypeStruct(shape, np.float32) for shape in ((), (4,)))
    traced = parallel.traced(step, total, {"x": shard})
    cuda, here = (traced.lower(lowering_platforms=(p,)).as_text() for p in ("cuda", "cpu"))
    assert ("stablehlo.sine" in cuda, "stablehlo.cosine" in cuda) == (True, False)
    assert ("stablehlo.sine" in here, "stablehlo.cosine" in here) == (False, True)


FAILS_ALONE = """
from fluorojax.core import parallel
from fluorojax.core.errors import InputError
parallel.process_count = lambda: 2
with parallel.failing_together():
    raise {error}('mend it')
"""


@pytest.mark.integration
@pytest.mark.parametrize(("error", "status"), [("InputError", 2), ("KeyError", 1)])
def test_one_of_several_processes_leaves_with_the_status_it_would_have_alone(error, status):
    command = [sys.executable, "-c", FAILS_ALONE.format(error=error)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == status
    assert "mend it" in done.stderr
    assert ("Traceback" in done.stderr) == (status == 1)
