"""The only file that names pmap, meshes, devices or processes.

The training state is replicated (`in_axes=None`, `out_axes=None`: one array, no stacked copies),
the batch is cut along its first axis, and gradients and metrics are averaged over the devices.
Of several processes, each holds its share of the batch, and the first one writes.
"""

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax.stages import Traced

from fluorojax.core.errors import STATUS, in_words

AXIS = "devices"
WAY = "pmap"  # or "shard_map", for the day when pmap goes; see WAYS
Batch = dict[str, np.ndarray]


def join_processes() -> None:
    """Join the processes that `srun` started for this job step; elsewhere do nothing.

    Must come before anything is computed. `srun` sets SLURM_STEP_NUM_TASKS, and jax finds the rest
    of what it needs in SLURM's other variables; a batch script's own shell is no job step.
    """
    if int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) < 2:
        return
    # On SIGTERM, jax would wait for its own kind of checkpoint; see fluorojax.training.signals.
    jax.config.update("jax_enable_preemption_service", False)
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    # At the end all wait for the first, which may still be evaluating or saving.
    jax.distributed.initialize(shutdown_timeout_seconds=3600)


def part_processes() -> None:
    """Let every process go its own way, after the last step that they make together."""
    if process_count() > 1:
        jax.distributed.shutdown()


@contextmanager
def failing_together() -> Iterator[None]:
    """Leave on the spot where this process fails alone: the others would wait for it for ever.

    With one process, the error goes its usual way.
    """
    try:
        yield
    except Exception as error:
        if process_count() == 1:
            raise
        if words := in_words(error):
            print(f"error: {words}", file=sys.stderr, flush=True)
            os._exit(STATUS)
        traceback.print_exc()
        os._exit(1)


def process_count() -> int:
    """Return the number of processes that share the run."""
    return jax.process_count()


def is_first() -> bool:
    """Return whether this process is the one that writes."""
    return jax.process_index() == 0


def share() -> tuple[int, int]:
    """Return which part of each batch is this process's, and of how many: (1, 4) is the second."""
    return jax.process_index(), jax.process_count()


def wait_for_all(where: str) -> None:
    """Return when every process has come to the place of this name."""
    multihost_utils.sync_global_devices(where)


@contextmanager
def first_process_first() -> Iterator[None]:
    """Let the first process go through the block before the others enter it."""
    if not is_first():
        wait_for_all("the first was through")
    yield
    if is_first():
        wait_for_all("the first was through")


def from_first(tree: Any) -> Any:
    """Return the first process's arrays on every process, bit for bit; shapes must agree."""
    if process_count() == 1:
        return tree
    leaves, structure = jax.tree.flatten(jax.tree.map(np.asarray, tree))
    # As bytes: what is sent is added to zeros, which would change the sign of a negative zero.
    raw = [np.frombuffer(leaf.tobytes(), np.uint8) for leaf in leaves]
    sent = [np.asarray(part) for part in multihost_utils.broadcast_one_to_all(raw)]
    found = [
        np.frombuffer(part.astype(np.uint8).tobytes(), leaf.dtype).reshape(leaf.shape)
        for part, leaf in zip(sent, leaves, strict=True)
    ]
    return jax.tree.unflatten(structure, found)


def device_count() -> int:
    """Return the number of devices that share a batch, over all processes."""
    return jax.device_count()


def has_accelerator() -> bool:
    """Return whether computation runs on something faster than the CPU."""
    return jax.default_backend() != "cpu"


def describe_devices() -> list[str]:
    """Return one line for each device, such as 'cpu:0 cpu'."""
    return [f"{d.platform}:{d.id} {d.device_kind}" for d in jax.devices()]


def mean_over_devices(tree: Any) -> Any:
    """Average over the devices, inside a step; each holds an equal share of the batch."""
    return jax.lax.pmean(tree, AXIS)


def gather(x: jax.Array) -> jax.Array:
    """Return what all devices hold, `[B / devices, ...]` each, as `[B, ...]`, inside a step."""
    return jax.lax.all_gather(x, AXIS, tiled=True)


def data_parallel(
    step: Callable[[Any, Any], tuple[Any, Any]], devices: Sequence[Any] | None = None
) -> Callable[[Any, Batch], Any]:
    """Compile `step(state, shard) -> (state, metrics)` for all devices at once.

    `step` must average its gradients and metrics by `mean_over_devices`: what is returned is device
    0's value, and nothing checks that the others agree. The old state is donated.

    Args:
        step: pure.
        devices: those of one process to use; by default all, of every process.

    Returns:
        A function of the replicated state and this process's share of a host batch, arrays
        [B, ...], where B is a multiple of the number of its devices.
    """
    return WAYS[WAY](step, devices)


def _by_pmap(
    step: Callable[[Any, Any], tuple[Any, Any]], devices: Sequence[Any] | None
) -> Callable[[Any, Batch], Any]:
    mapped = jax.pmap(
        step,
        axis_name=AXIS,
        in_axes=(None, 0),
        out_axes=(None, None),
        donate_argnums=(0,),
        devices=devices,
    )
    local = len(devices) if devices else jax.local_device_count()
    everywhere = NamedSharding(_mesh(devices), PartitionSpec())
    return lambda state, batch: mapped(_laid_out(state, everywhere), _shard(batch, local))


def _by_shard_map(
    step: Callable[[Any, Any], tuple[Any, Any]], devices: Sequence[Any] | None
) -> Callable[[Any, Batch], Any]:
    mesh = _mesh(devices)
    mapped = _jitted(step, mesh)
    everywhere = NamedSharding(mesh, PartitionSpec())
    cut = NamedSharding(mesh, PartitionSpec(AXIS))

    def advance(state: Any, batch: Batch) -> Any:
        shards = {k: jax.make_array_from_process_local_data(cut, v) for k, v in batch.items()}
        return mapped(_laid_out(state, everywhere), shards)

    return advance


WAYS = {"pmap": _by_pmap, "shard_map": _by_shard_map}
"""How `data_parallel` maps a step over the devices; both compute the same."""


def traced(step: Callable[[Any, Any], tuple[Any, Any]], state: Any, batch: Any) -> Traced:
    """Return a step as one device runs it, traced and not compiled, to look at its program.

    So it can be lowered for a platform that is not here, or asked for its memory.

    Args:
        step: as for `data_parallel`.
        state, batch: arrays, or their shapes and types.
    """
    return _jitted(step, _mesh(jax.devices()[:1])).trace(state, batch)


def _jitted(step: Callable[[Any, Any], tuple[Any, Any]], mesh: Mesh) -> Any:
    everywhere, cut = PartitionSpec(), PartitionSpec(AXIS)
    mapped = jax.shard_map(
        step,
        mesh=mesh,
        in_specs=(everywhere, cut),
        out_specs=everywhere,
        # As with pmap, a gradient is its device's own until it is averaged.
        check_vma=False,
    )
    return jax.jit(
        mapped,
        in_shardings=(NamedSharding(mesh, everywhere), NamedSharding(mesh, cut)),
        out_shardings=NamedSharding(mesh, everywhere),
        donate_argnums=(0,),
    )


def _mesh(devices: Sequence[Any] | None) -> Mesh:
    return Mesh(np.array(devices or jax.devices()), (AXIS,))


def _laid_out(state: Any, everywhere: NamedSharding) -> Any:
    """Return a state as a step returns it: one that lies elsewhere would cost a compilation more.

    Several processes give their first step host arrays, and pay for it.
    """
    first = jax.tree.leaves(state)[0]
    if process_count() > 1 or getattr(first, "sharding", None) == everywhere:
        return state
    return jax.device_put(state, everywhere)


def _shard(batch: Batch, devices: int) -> Batch:
    return {k: v.reshape(devices, v.shape[0] // devices, *v.shape[1:]) for k, v in batch.items()}
