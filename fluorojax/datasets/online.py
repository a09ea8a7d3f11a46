"""Training batches of ever-new simulated frames: frame i of seed s, whoever asks for it."""

import functools
from collections.abc import Iterator
from typing import Any

import grain
import jax
import jax.numpy as jnp
import numpy as np

from fluorojax.core import parallel, rng
from fluorojax.data import grid
from fluorojax.data.intensity import intensity_range
from fluorojax.data.landmarks import landmarks_of, landmarks_to_grid
from fluorojax.datasets.pipeline import ENDLESS, Batch, from_step, positions_of
from fluorojax.geometry.morphology import dilate
from fluorojax.schema import bitmask
from tfds_builders.simulated import Simulation, to_detector

LABELS = ("skeleton", "mask", "attached")


def simulated_batches(
    simulation: Simulation,
    spec: Any,
    *,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    share: tuple[int, int] = (0, 1),
) -> Iterator[Batch]:
    """Yield training batches without end, simulated ahead of their use by a thread.

    Frame i of the seed is the i-th since the first step: its key is a function of (seed, i), and it
    is computed by itself, so that neither batch size nor number of devices nor a resumed run
    changes it. It is simulated where the network is trained: on the accelerator if there is one.

    Args:
        simulation: of what.
        spec: its ranges; height and width are the network's working grid.
        batch_size: examples a batch, over all devices.
        seed: of the frames.
        start_step: number of batches to leave out.
        share: (k, n): only part k of n equal parts of each batch is simulated and yielded.

    Yields:
        The batches of `fluorojax.datasets.pipeline.batches`; each frame is a patient of its own,
        and `index` is i.
    """

    positions = positions_of(batch_size, share)

    def batch(step: int) -> Batch:
        return simulated_batch(
            simulation, spec, seed, step * batch_size + positions.astype(np.int64)
        )

    dataset = grain.MapDataset.range(ENDLESS).map(batch)
    options = grain.ReadOptions(num_threads=1, prefetch_buffer_size=2)
    return from_step(dataset.to_iter_dataset(options), start_step, positions)


def simulated_batch(simulation: Simulation, spec: Any, seed: int, index: np.ndarray) -> Batch:
    """Return the frames `index: [B]` of a seed, as `to_working_grid` lays them out, `[B, ...]`."""
    # An accelerator takes all at once; on a CPU one compilation serves batches of every size.
    at_once = len(index) if parallel.has_accelerator() else 1
    parts = [
        jax.device_get(_frames(simulation, spec, seed, some))
        for some in np.split(index.astype(np.uint32), len(index) // at_once)
    ]
    frames = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    whole = grid.place((spec.height, spec.width), (spec.height, spec.width))
    landmarks = [
        landmarks_to_grid(landmarks_of(axis, mask, simulation.info, int(attached)), whole)
        for axis, mask, attached in zip(*(frames[n] for n in LABELS), strict=True)
    ]
    image = to_detector(frames["image"])
    low, high = np.array([intensity_range(frame) for frame in image], np.float32).T
    return {
        "image": image,
        "mask": np.stack([bitmask.pack(mask) for mask in frames["mask"]]),
        "skeleton": np.stack([bitmask.pack(mask) for mask in frames["band"]]),
        "landmarks": np.stack([bitmask.pack(discs) for discs in landmarks]),
        "ignore": np.zeros(image.shape, np.uint8),
        "attached": frames["attached"].astype(np.int8),
        "image_labels": frames["image_labels"],
        "low": low,
        "high": high,
        "index": (index % 2**31).astype(np.int32),
    }


@functools.partial(jax.jit, static_argnums=0)
def _frames(simulation: Simulation, spec: Any, seed: int, index: jax.Array) -> dict[str, jax.Array]:
    """Return image, mask, attached, axes of the curves, and the same as wide as stored ones are."""
    keys = jax.vmap(lambda i: rng.stream(seed, "simulated", 0, i))(index)
    frames = simulation.draw(keys, spec, len(index))
    mask = frames["mask"]
    chosen = {"image": frames["image"], "mask": mask}
    values = [frames[image_label.name] for image_label in simulation.info_of(spec).image_labels]
    chosen["image_labels"] = jnp.array(values, jnp.int32).reshape(-1, len(index)).T
    # A simulation without curves or relation tells neither.
    chosen["attached"] = frames.get("attached", jnp.full(len(index), -1, jnp.int32))
    if not simulation.info.curves:
        return {**chosen, "skeleton": jnp.zeros_like(mask), "band": jnp.zeros_like(mask)}
    skeleton = frames["skeleton"]
    # As of stored frames: the axis, five pixels wide.
    axis = jnp.moveaxis(skeleton, -1, 1).reshape(-1, spec.height, spec.width)
    wide = dilate(dilate(axis)).reshape(len(index), -1, spec.height, spec.width)
    return {**chosen, "skeleton": skeleton, "band": jnp.moveaxis(wide, 1, -1)}
