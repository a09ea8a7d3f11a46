"""One step on the devices that there are; run as a script by test_devices.py.

python -m tests.integration.spread OUT.npz
"""

import functools
import sys

import jax
import numpy as np
import optax

from fluorojax.core import parallel
from fluorojax.datasets.online import simulated_batch
from fluorojax.simulation.spec import Spec
from fluorojax.training import setup
from fluorojax.training.state import initial_state
from fluorojax.training.steps import augmented, train_step
from tests.folders import frame
from tfds_builders.ercp_synthetic.ercp_synthetic_dataset_builder import SIMULATION


def batch(examples: int = 4) -> dict[str, np.ndarray]:
    """Return a host batch of toy frames."""
    frames = [frame(n) for n in range(examples)]
    masks = np.stack([mask for _, mask in frames])
    return {
        "image": np.stack([image for image, _ in frames]),
        "mask": masks,
        "skeleton": masks & 2,
        "landmarks": np.zeros_like(masks),
        "ignore": np.zeros_like(masks),
        "attached": np.ones(examples, np.int8),
        "image_labels": np.zeros((examples, 0), np.int32),
        "low": np.full(examples, 800, np.float32),
        "high": np.full(examples, 2400, np.float32),
        "position": np.arange(examples, dtype=np.int32),
        "index": np.arange(examples, dtype=np.int32),
    }


def toy_run(method: str = "joint", **fields) -> setup.Run:
    """Return the run of a method over the toy classes, without a data set on disk."""
    from fluorojax.schema.info import ClassInfo, DatasetInfo, Relation
    from tests.integration.runs import small_config

    classes = (ClassInfo("scope", "region"), ClassInfo("wire", "curve"))
    info = DatasetInfo("toy", classes, relation=Relation("wire", "scope"))

    class Described:
        index = ()

    dataset = Described()
    dataset.info = info
    return setup.set_up(small_config(method, "frames", "built", **fields), dataset)


def main(path: str) -> None:
    """Write the augmented examples, the loss and the gradient of one step."""
    run = toy_run()
    # With plain gradient descent at rate 1 the change of the parameters is the gradient itself.
    descent = optax.sgd(1.0)
    state = initial_state(run.first_state().parameters, descent)
    before = jax.device_get(state.parameters)
    step = parallel.data_parallel(
        functools.partial(train_step, network=run.network, optimizer=descent, spec=run.step)
    )
    after, metrics = step(state, batch())
    devices = parallel.device_count()
    shards = {k: v.reshape(devices, len(v) // devices, *v.shape[1:]) for k, v in batch().items()}
    samples = jax.pmap(lambda shard: augmented(shard, 0, run.step))(shards)
    gradient = jax.tree.map(lambda a, b: a - b, before, jax.device_get(after.parameters))
    flat = {f"sample/{k}": v.reshape(-1, *v.shape[2:]) for k, v in samples._asdict().items()}
    leaves = jax.tree_util.tree_leaves_with_path(gradient)
    flat |= {f"gradient{jax.tree_util.keystr(k)}": v for k, v in leaves}
    simulated = simulated_batch(SIMULATION, Spec(height=48, width=64), 3, np.arange(4))
    flat |= {f"simulated/{name}": value for name, value in simulated.items()}
    np.savez(path, devices=devices, loss=metrics["loss"], **flat)


if __name__ == "__main__":
    main(sys.argv[1])
