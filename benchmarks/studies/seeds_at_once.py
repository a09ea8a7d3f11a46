"""Time several seeds trained at once by `vmap` against the same one after the other.

    python -m benchmarks.studies.seeds_at_once --seeds 2 --out benchmarks/results/seeds_at_once.json

The whole training step of a configuration, on one batch for each seed, the two ways in turns in
one process. Above 1, `vmap` is the slower way, and a grid is better made run by run.
"""

import functools
from collections.abc import Callable
from typing import Any

from ml_collections import ConfigDict

from benchmarks.steps import batch_of, repeated, run_of, step_of, train_step_of
from benchmarks.studies.step_times import Jobs, measure, parser

AT_ONCE, IN_TURN = "at once", "one after the other"


def main() -> None:
    """Time, print and write."""
    options = parser(__doc__, rounds=20)
    options.add_argument("--seeds", type=int, default=2, help="default: %(default)s")
    chosen = options.parse_args()
    result = measure(chosen, functools.partial(jobs, seeds=chosen.seeds))
    print(f"all seeds at once take {result['ratio_of_medians']:.2f} times one after the other")


def jobs(config: ConfigDict, seeds: int) -> Jobs:
    """Return both ways to make the next update of every seed."""
    batch = batch_of(config)
    singly = [step_of(config, batch) for _ in range(seeds)]
    return {AT_ONCE: together(config, batch, seeds), IN_TURN: lambda: [step() for step in singly]}


def together(config: ConfigDict, batch: dict[str, Any], seeds: int) -> Callable[[], Any]:
    """Return a function that makes the next update of all seeds in one program."""
    import jax
    import numpy as np

    run = run_of(config)
    # Devices share the examples, so the seeds' axis of a batch comes behind.
    batches = {name: np.stack([array] * seeds, 1) for name, array in batch.items()}
    states = jax.tree.map(lambda leaf: np.stack([np.asarray(leaf)] * seeds), run.first_state())
    return repeated(jax.vmap(train_step_of(run), in_axes=(0, 1)), states, batches)


if __name__ == "__main__":
    main()
