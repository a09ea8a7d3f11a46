"""Steps on two virtual devices in each of parallel.WAYS; run as a script by test_devices.py.

python -m tests.integration.ways OUT.npz
"""

import functools
import os
import sys

STEPS, DEVICES = 3, (1, 2)


def main(path: str) -> None:
    """Write, for each way and number of devices, the loss and the state after some steps."""
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={max(DEVICES)}"
    import jax
    import numpy as np

    from fluorojax.core import parallel
    from fluorojax.training.steps import train_step
    from tests.integration.spread import batch, toy_run

    run = toy_run("single", **{"model.depth": 1, "augment.elastic_rate": 0.0})
    step = functools.partial(
        train_step, network=run.network, optimizer=run.optimizer, spec=run.step
    )
    first = jax.tree.map(np.array, run.first_state())
    found = {}
    for way in parallel.WAYS:
        parallel.WAY = way
        for count in DEVICES:
            advance = parallel.data_parallel(step, jax.devices()[:count])
            state = jax.tree.map(np.array, first)
            for _ in range(STEPS):
                state, metrics = advance(state, batch())
            leaves = [metrics["loss"], *jax.tree.leaves(state)]
            found |= {f"{way}/{count}/{k}": np.asarray(leaf) for k, leaf in enumerate(leaves)}
    np.savez(path, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
