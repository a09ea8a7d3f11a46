"""The only file that imports Orbax: the last and the best state of a run.

Both live under `<workdir>/checkpoints`. States are saved as host arrays, so that what N devices
wrote is read by any other number.
"""

import math
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp


class Checkpoints:
    """The two checkpoint folders of a run, `last` and `best`; use it as a context manager."""

    def __init__(self, workdir: Path):
        root = (workdir / "checkpoints").resolve()  # Orbax wants absolute paths
        self._last = _manager(root / "last", keep=2)
        self._best = _manager(root / "best", keep=1)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        self._last.close()
        self._best.close()

    @property
    def last_step(self) -> int | None:
        """Step of the newest state, None when there is none yet."""
        return self._last.latest_step()

    def save_last(self, step: int, state: Any) -> None:
        """Write the whole training state after `step` updates, in the background."""
        if step != self._last.latest_step():
            self._last.save(step, args=_arguments(state, {}))

    def restore_last(self, like: Any) -> Any:
        """Return the newest state, with the structure and types of `like`.

        Raises:
            ValueError: the stored arrays have other shapes or types than `like`.
        """
        return _restore(self._last, like)

    def save_best(self, step: int, parameters: Any, score: float) -> bool:
        """Write `parameters` if `score` beats all before; NaN never does. Say whether it did."""
        if math.isnan(score) or score <= self.best_score:
            return False
        self._best.save(step, args=_arguments(parameters, {"score": score}))
        # One slot only: the older best goes when the newer one stands.
        return True

    @property
    def best_score(self) -> float:
        """Score of the best parameters so far, minus infinity when there are none."""
        step = self._best.latest_step()
        if step is None:
            return -math.inf
        self._best.wait_until_finished()
        return self._best.restore(step, args=ocp.args.Composite(note=ocp.args.JsonRestore())).note[
            "score"
        ]

    @property
    def best_step(self) -> int | None:
        """Step of the best parameters, None when no score was a number yet."""
        return self._best.latest_step()

    def restore_best(self, like: Any) -> Any:
        """Return the best parameters, with the structure and types of `like`."""
        return _restore(self._best, like)


def _manager(folder: Path, keep: int) -> ocp.CheckpointManager:
    options = ocp.CheckpointManagerOptions(max_to_keep=keep, create=True)
    # Named here, so that a state's shapes can be read before anything was saved or restored.
    handlers = {"state": ocp.StandardCheckpointHandler(), "note": ocp.JsonCheckpointHandler()}
    return ocp.CheckpointManager(folder, options=options, item_handlers=handlers)


def _flat(tree: Any) -> dict[str, np.ndarray]:
    """Return host arrays by their path, 'parameters|stage_0|...': names survive any container."""
    leaves = jax.tree_util.tree_leaves_with_path(jax.device_get(tree))
    return {
        jax.tree_util.keystr(path, simple=True, separator="|"): np.asarray(leaf)
        for path, leaf in leaves
    }


def _arguments(tree: Any, note: dict[str, Any]) -> ocp.args.Composite:
    return ocp.args.Composite(
        state=ocp.args.StandardSave(_flat(tree)), note=ocp.args.JsonSave(note)
    )


def _restore(manager: ocp.CheckpointManager, like: Any) -> Any:
    manager.wait_until_finished()
    step = manager.latest_step()
    template = _flat(like)
    # Orbax would cast types silently.
    stored = {k: (v.shape, v.dtype) for k, v in manager.item_metadata(step).state.items()}
    needed = {k: (v.shape, v.dtype) for k, v in template.items()}
    for name in sorted(needed | stored):
        if needed.get(name) != stored.get(name):
            raise ValueError(
                f"{manager.directory}/{step} has {stored.get(name, 'nothing')} as {name}, where "
                f"{needed.get(name, 'nothing')} is needed; it belongs to another configuration"
            )
    args = ocp.args.Composite(state=ocp.args.StandardRestore(template))
    flat = manager.restore(step, args=args).state
    return jax.tree.unflatten(jax.tree.structure(like), [flat[name] for name in template])
