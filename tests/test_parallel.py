import jax
import numpy as np

from fluorojax import parallel


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


def test_devices_are_described_one_by_one():
    assert len(parallel.describe_devices()) == parallel.device_count()
