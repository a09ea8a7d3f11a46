"""The only file that names pmap, meshes or devices.

The training state is replicated (`in_axes=None`, `out_axes=None`: one array, no stacked copies),
the batch is cut along its first axis, and gradients and metrics are averaged over the devices.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

AXIS = "devices"
Batch = dict[str, np.ndarray]


def device_count() -> int:
    """Return the number of devices that share a batch."""
    return jax.local_device_count()


def has_accelerator() -> bool:
    """Say whether computation runs on something faster than the CPU."""
    return jax.default_backend() != "cpu"


def describe_devices() -> list[str]:
    """Return one line for each device, such as 'cpu:0 cpu'."""
    return [f"{d.platform}:{d.id} {d.device_kind}" for d in jax.local_devices()]


def mean_over_devices(tree: Any) -> Any:
    """Average over the devices, inside a step; each holds an equal share of the batch."""
    return jax.lax.pmean(tree, AXIS)


def data_parallel(step: Callable[[Any, Any], tuple[Any, Any]]) -> Callable[[Any, Batch], Any]:
    """Compile `step(state, shard) -> (state, metrics)` for all devices at once.

    `step` must average its gradients and metrics by `mean_over_devices`: what is returned is device
    0's value, and nothing checks that the others agree. The old state is donated.

    Returns:
        A function of the replicated state and a host batch of arrays [B, ...], where B is a
        multiple of the device count.
    """
    mapped = jax.pmap(
        step, axis_name=AXIS, in_axes=(None, 0), out_axes=(None, None), donate_argnums=(0,)
    )
    return lambda state, batch: mapped(state, _shard(batch))


def _shard(batch: Batch) -> Batch:
    devices = device_count()
    return {k: v.reshape(devices, v.shape[0] // devices, *v.shape[1:]) for k, v in batch.items()}
