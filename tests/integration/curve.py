"""Fifty steps on 1, 2, 4 and 8 virtual devices; run as a script by test_devices.py.

python -m tests.integration.curve OUT.npz
"""

import os
import sys

STEPS, DEVICES = 50, (1, 2, 4, 8)


def main(path: str) -> None:
    """Write, for each number of devices, the loss and a summary of the examples of each step."""
    # Four compilations, of which speed is not asked.
    quick = "--xla_backend_optimization_level=1"
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={max(DEVICES)} {quick}"
    import jax
    import numpy as np

    from fluorojax.core import parallel
    from fluorojax.training.steps import augmented, train_step
    from tests.integration.spread import batch, toy_run

    run = toy_run(
        "single",
        **{"training.steps": STEPS, "training.learning_rate": 2e-2, "model.depth": 1},
    )
    first = jax.tree.map(np.array, run.first_state())

    def step(state, shard):
        sample = augmented(shard, state.step, run.step)
        after, metrics = train_step(
            state, shard, network=run.network, optimizer=run.optimizer, spec=run.step
        )
        seen = {"pixels": sample.mask.sum((1, 2, 3)), "grey": sample.image.mean((1, 2))}
        return after, {"loss": metrics["loss"]} | {k: parallel.gather(v) for k, v in seen.items()}

    found = {}
    for count in DEVICES:
        state = jax.tree.map(np.array, first)
        advance = parallel.data_parallel(step, jax.devices()[:count])
        rows = []
        for _ in range(STEPS):
            state, row = advance(state, batch(max(DEVICES)))
            rows.append(jax.device_get(row))
        found |= {f"{k}/{count}": np.stack([row[k] for row in rows]) for k in rows[0]}
    np.savez(path, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
