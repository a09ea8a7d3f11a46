"""From stored frames to augmented batches: the host's pipeline, and augmentation on the device.

The peer decodes the same frames with PyTorch's DataLoader and does no more, where ours also lays
masks and centrelines on the working grid. Augmentation stands beside what is usual on a host, with
SciPy: rotation, scale and an elastic field in one interpolation, gamma, contrast, noise, blur.
"""

import argparse
import importlib.util
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import steps
from benchmarks.peers import numpy_augment
from benchmarks.studies import scale
from benchmarks.timing import OURS, compared

FRAMES, BATCHES = 64, 32  # of these, the few that are made ahead do not matter
SIDE = 512


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Time batches from disk, batches kept in memory, and the augmentation of one."""
    frames, side = (4, 64) if asked.tiny else (FRAMES, SIDE)
    with tempfile.TemporaryDirectory() as folder:
        dataset = built(Path(folder), frames, side)
        config = config_for(side, asked.tiny)
        count = 2 if asked.tiny else BATCHES
        found = {}
        for name, memory in (("decoded each time", 0), ("kept in memory", 4096)):
            config.data.memory_mb = memory
            jobs, closing = batches(config, dataset, count, asked.cores)
            found[f"{count} batches, {side} x {side}, {name}"] = compared(jobs, asked.rounds)
            for close in closing:
                close()
    size = config.training.crop_size[0]
    return found | {f"augmenting a batch, {size} x {size}": augmenting(config, asked.rounds)}


def built(folder: Path, frames: int, side: int) -> Any:
    """Return a data set of plain frames, built in a folder."""
    asked = argparse.Namespace(frames=frames, side=side, simulated=False, workdir=folder)
    return scale.dataset_of(asked)


def config_for(side: int, tiny: bool) -> Any:
    """Return the configuration whose batches are made: the quick one, at this size."""
    config = steps.config_of(steps.QUICK)
    config.update_from_flattened_dict(steps.SMALL if tiny else {"training.batch_size": 4})
    config.data.image_size = config.training.crop_size = (side, side)
    return config


def batches(
    config: Any, dataset: Any, count: int, cores: int
) -> tuple[dict[str, Callable[[], Any]], list[Callable[[], None]]]:
    """Return ways to get some batches, and what ends them."""
    from fluorojax.training import loop, setup

    run = setup.set_up(config, dataset)
    stream = loop.training_batches(run, 0)
    jobs: dict[str, Callable[[], Any]] = {OURS: lambda: [next(stream) for _ in range(count)]}
    if importlib.util.find_spec("torch") is None or config.data.memory_mb:
        return jobs, [stream.close]
    theirs = loader(run.frames("train"), config.training.batch_size, cores)
    return jobs | {"torch DataLoader": lambda: [next(theirs) for _ in range(count)]}, [stream.close]


class Stored:
    """Stored frames as a data set of PyTorch: grey values and bitmask, decoded."""

    def __init__(self, frames: Any):
        self.frames = frames

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return one frame; it has the working grid's size already."""
        example = self.frames[index]
        return example["image"].astype(np.float32), example["mask"].astype(np.uint8)


def loader(frames: Any, batch_size: int, workers: int) -> Iterator[Any]:
    """Yield without end batches of the same stored frames, decoded by processes of PyTorch."""
    from torch.utils import data

    made: Any = data.DataLoader(
        Stored(frames),  # type: ignore[arg-type]
        batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=True,
        # Threads of this process hold locks that a fork would take along.
        multiprocessing_context="spawn",
    )
    while True:
        yield from made


def augmenting(config: Any, rounds: int) -> dict[str, Any]:
    """Time the augmentation of one batch, on the device and in SciPy."""
    import jax

    from fluorojax.training.steps import augmented

    run = steps.run_of(config)
    batch = steps.drawn_batch(run)
    device = jax.jit(lambda batch, step: augmented(batch, step, run.step))
    count = iter(range(2**31))

    def ours() -> Any:
        return jax.block_until_ready(device(batch, next(count)))

    rng = np.random.default_rng(0)
    images = (batch["image"].astype(np.float32) - 1000) / 1500

    def theirs() -> Any:
        pairs = zip(images, batch["mask"], strict=True)
        return [numpy_augment.augment(rng, image, mask) for image, mask in pairs]

    return compared({OURS: ours, "scipy": theirs}, rounds)
