"""Host batches for training: their order is a function of (seed, step) and of nothing else."""

import functools
from collections.abc import Iterator

import grain
import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.data import grid
from fluorojax.data.landmarks import landmarks_of, landmarks_to_grid
from fluorojax.datasets.source import Frames
from fluorojax.schema import bitmask
from fluorojax.schema.example import Example
from fluorojax.schema.info import DatasetInfo

Batch = dict[str, np.ndarray]

WINDOW = 1  # names the stream of chance that windows are drawn from
ENDLESS = 2**48  # examples: 9 years at a million a second


def to_working_grid(
    example: Example, image_size: tuple[int, int], info: DatasetInfo, fit: grid.Fit = "shrink"
) -> Batch:
    """Put one example on the network's grid; see `fluorojax.data.grid` for the rules.

    Args:
        example: a frame on its own grid.
        image_size: rows and columns of the working grid.
        info: the dataset's classes.
        fit: see `fluorojax.data.grid.place`.

    Returns:
        image [H, W] of the frame's type; mask [H, W] bitmask; skeleton [H, W] bitmask of the
        centrelines, 5 pixels wide; landmarks [H, W] bitmask of discs about exit and tip; ignore
        [H, W] uint8, 1 = does not count, padding included; attached [] int8; image labels [A]
        int32; low, high [] float32.
    """
    classes = len(info.classes)
    placement = grid.place(example["image"].shape, image_size, fit)
    mask = bitmask.unpack(example["mask"], classes)
    skeleton = bitmask.unpack(example["skeleton"], classes)
    landmarks = landmarks_of(skeleton, mask, info, int(example["attached"]))
    return {
        "image": grid.image_to_grid(example["image"], placement),
        "mask": bitmask.pack(grid.mask_to_grid(mask, skeleton, placement)),
        "skeleton": bitmask.pack(grid.skeleton_to_grid(skeleton, placement)),
        "landmarks": bitmask.pack(landmarks_to_grid(landmarks, placement, max(image_size))),
        "ignore": grid.ignore_to_grid(example["ignore"], placement),
        "attached": np.array(example["attached"], np.int8),
        "image_labels": np.array(example["image_labels"], np.int32),
        "low": np.array(example["low"], np.float32),
        "high": np.array(example["high"], np.float32),
    }


class PreparedFrames:
    """Frames on the working grid, kept in memory after their first use if all of them fit.

    Each also has `index` [] int32, its place in `frames`.
    """

    def __init__(
        self,
        frames: Frames,
        image_size: tuple[int, int],
        info: DatasetInfo,
        memory_mb: float,
        fit: grid.Fit = "shrink",
    ):
        """Take the frames, and the memory (MB) that prepared ones may occupy."""
        self._frames, self._how = frames, (image_size, info, fit)
        self._memory_bytes = memory_mb * 1e6
        self._kept: dict[int, Batch] = {}

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> Batch:
        kept = self._kept.get(index)
        if kept is None:
            kept = to_working_grid(self._frames[index], *self._how)
            kept["index"] = np.array(index, np.int32)
            if sum(array.nbytes for array in kept.values()) * len(self) <= self._memory_bytes:
                self._kept[index] = kept
        return kept


def window(
    prepared: Batch,
    size: tuple[int, int],
    info: DatasetInfo,
    foreground_oversampling: float,
    rng: np.random.Generator,
) -> Batch:
    """Return a random window of a prepared frame, its arrays [H, W] cut to `size`.

    With the probability `foreground_oversampling` it holds a random pixel that counts of a thin
    class, or of any class where there is no thin one: a window of a large frame shows nothing more
    often than not.

    Args:
        prepared: of `to_working_grid`, at least as large as the window.
        size: rows and columns.
        info: the dataset's classes.
        foreground_oversampling: in [0, 1].
        rng: where chance comes from.
    """
    shape = prepared["image"].shape
    room = np.subtract(shape, size)
    start = rng.integers(0, room + 1)
    sought = rng.random() < foreground_oversampling
    there = _foreground(prepared, info) if sought and room.any() else np.zeros(0, int)
    if len(there):
        pixel = np.array(np.unravel_index(there[rng.integers(len(there))], shape))
        start = np.clip(pixel - rng.integers(0, size), 0, room)
    inside = tuple(slice(s, s + n) for s, n in zip(start, size, strict=True))
    return {name: array[inside] if array.ndim == 2 else array for name, array in prepared.items()}


def _foreground(prepared: Batch, info: DatasetInfo) -> np.ndarray:
    """Return the places in the flat frame of what a window looks for."""
    counting = np.where(prepared["ignore"], 0, prepared["mask"])
    thin = counting & sum(1 << k for k in info.curves)
    found = np.flatnonzero(thin)
    return found if len(found) else np.flatnonzero(counting)


def row_at(position: int, seed: int, rows: int) -> int:
    """Return the row that stands at `position` in the endless order of `seed`.

    Pass p = position // rows goes once through all rows, in an order drawn from (seed, p) alone.

    Grain's own shuffle draws the same way, but takes 5 ms an element of a dataset of 6 frames
    (0.15 ms at 240, version 0.2.18), and datasets of few frames are the rule here.

    Args:
        position: of the example since the first step, >= 0.
        seed: of the order, >= 0.
        rows: number of rows, >= 1.
    """
    return int(_pass_order(seed, position // rows, rows)[position % rows])


@functools.lru_cache(maxsize=4)
def _pass_order(seed: int, number: int, rows: int) -> np.ndarray:
    return np.random.default_rng((seed, number)).permutation(rows)


def batches(
    frames: Frames,
    *,
    info: DatasetInfo,
    image_size: tuple[int, int],
    batch_size: int,
    seed: int,
    start_step: int = 0,
    threads: int = 2,
    memory_mb: float = 1024.0,
    share: tuple[int, int] = (0, 1),
    fit: grid.Fit = "shrink",
    foreground_oversampling: float = 0.0,
) -> Iterator[Batch]:
    """Yield training batches without end, made ahead of their use by threads.

    Each pass goes through all labelled frames in an order of its own; unlabelled frames are left
    out. From `start_step` k on, the batches are those that an uninterrupted run would see.
    The threads end when the iterator is closed or forgotten.

    Args:
        frames: a split.
        info: the dataset's classes.
        image_size: rows and columns of the working grid.
        batch_size: examples a batch, over all devices.
        seed: of the order.
        start_step: number of batches to leave out.
        threads: that prepare batches.
        memory_mb: memory (MB) for prepared frames; beyond it each is decoded again when needed.
        share: (k, n): only part k of n equal parts of each batch is read and yielded.
        fit: 'shrink' the frames onto the working grid; 'native': each example is a random `window`
            of it, a function of seed and place in the order.
        foreground_oversampling: see `window`.

    Yields:
        What `to_working_grid` returns, stacked: [B / n, ...]; `index` [B / n] int32, the frame's
        place in `frames`; `position` [B / n] int32, the place in the whole batch.

    Raises:
        InputError: there is no labelled frame.
    """
    labelled = [k for k, row in enumerate(frames.rows) if row.labelled]
    if not labelled:
        raise InputError("no labelled frame to train on; annotate some, or correct the split")
    prepared = PreparedFrames(frames, image_size, info, memory_mb, fit)

    positions = positions_of(batch_size, share)

    def example(count: int) -> Batch:
        step, place = divmod(count, len(positions))
        position = step * batch_size + int(positions[place])
        frame = prepared[labelled[row_at(position, seed, len(labelled))]]
        if fit == "shrink":
            return frame
        rng = np.random.default_rng((seed, position, WINDOW))
        return window(frame, image_size, info, foreground_oversampling, rng)

    dataset = grain.MapDataset.range(ENDLESS).map(example).batch(len(positions))
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=threads + 1)
    return from_step(dataset.to_iter_dataset(options), start_step, positions)


def positions_of(batch_size: int, share: tuple[int, int]) -> np.ndarray:
    """Return the places in the batch `[B / n] int32` of part k of n, given as `share` = (k, n)."""
    return np.split(np.arange(batch_size, dtype=np.int32), share[1])[share[0]]


def from_step(dataset: grain.IterDataset, start_step: int, position: np.ndarray) -> Iterator[Batch]:
    """Yield the batches of a dataset from `start_step` on; close it when forgotten."""
    iterator = iter(dataset)
    iterator.set_state({"next_index": start_step})
    try:
        for batch in iterator:
            yield {**batch, "position": position}
    finally:
        iterator.close()
