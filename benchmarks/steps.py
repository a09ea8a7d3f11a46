"""What benchmarks of whole training steps share: configurations, runs without data, batches.

Nothing here reads a data set: classes are those of what a configuration simulates, or, where it
waits for one's own frames, those of `ercp_synthetic`.
"""

import dataclasses
import functools
import importlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ml_collections import ConfigDict

from fluorojax.config import simulation_spec, validate
from fluorojax.config.procedures import BUILDERS
from fluorojax.config_file import FOLDER, NOT_RUN
from fluorojax.configs import base
from fluorojax.core.errors import InputError
from fluorojax.schema import bitmask

if TYPE_CHECKING:
    from fluorojax.training.setup import Run
    from tfds_builders.simulated import Simulation

QUICK = "configs/joint.py:quick"
SMALL = {
    "model.width": 4.0,
    "model.depth": 1,
    "data.image_size": (32, 32),
    "training.crop_size": (32, 32),
    "training.batch_size": 2,
}
"""Fields of a configuration whose step is only tried, or traced."""
FURTHER = {"own": ("curves", "relation"), "knee": ("512",)}
"""Variants that are other networks than those of '' and 'quick'."""


def configurations() -> list[str]:
    """Return every configuration that can be run, by name, at the size for one GPU."""
    names = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in NOT_RUN)
    return [*names, *(f"{name}:{variant}" for name, of in FURTHER.items() for variant in of)]


def config_of(given: str) -> ConfigDict:
    """Return a configuration named as launch.py names it, such as configs/joint.py:quick.

    Raises:
        InputError: there is no such configuration.
    """
    path, _, variant = given.partition(":")
    try:
        config = importlib.import_module(f"fluorojax.configs.{Path(path).stem}").get_config(variant)
    except (ImportError, ValueError) as error:
        raise InputError(f"--config {given}: {error}; write configs/NAME.py[:quick]") from error
    validate(config, base.get_config())
    return config


def simulation_of(config: ConfigDict) -> "Simulation":
    """Return what a configuration simulates; `ercp_synthetic` where it waits for frames."""
    from fluorojax.datasets.source import simulated_builder

    name = config.data.builder
    return simulated_builder(
        BUILDERS[name].data_set if name in BUILDERS else "ercp_synthetic"
    ).simulation


def run_of(config: ConfigDict) -> "Run":
    """Return the parts of a run that starts from drawn parameters, without a stored data set."""
    from fluorojax.datasets.source import Dataset
    from fluorojax.training import setup

    drawn = config.copy_and_resolve_references()
    drawn.init_from = None
    return setup.set_up(drawn, Dataset(simulation_of(config).info, "", Path(), (), {}))


def batch_of(config: ConfigDict) -> dict[str, Any]:
    """Return a batch of simulated frames on the working grid, as training gets them."""
    from fluorojax.datasets.online import simulated_batch

    rows, columns = config.data.image_size
    spec = dataclasses.replace(simulation_spec(config.simulation), height=rows, width=columns)
    position = np.arange(config.training.batch_size, dtype=np.int32)
    index = position.astype(np.int64)
    frames = simulated_batch(simulation_of(config), spec, config.seed, index)
    return frames | {"position": position}


def drawn_batch(run: "Run") -> dict[str, np.ndarray]:
    """Return a batch of bands and lines on noise, which costs nothing to make.

    Steps take as long with it as with any other of the same shapes.
    """
    config, info = run.config, run.dataset.info
    count, size = config.training.batch_size, tuple(config.data.image_size)
    classes, labels = len(info.classes), len(info.image_labels)
    rng = np.random.default_rng(config.seed)
    rows = np.arange(size[0])[None, :, None] * np.ones((count, 1, size[1]))
    middle = rng.uniform(0.2, 0.8, (count, 1, 1)) * size[0]
    wide = [max(size[0] // 2 ** (k % 5 + 3), 1) for k in range(classes)]
    mask = sum(((np.abs(rows - middle) < w) << k for k, w in enumerate(wide)), np.zeros((), int))
    bits = bitmask.dtype(classes)
    thin = sum(1 << k for k in info.curves)
    image = 2000 - 500 * (mask & 1) + rng.normal(0, 100, mask.shape)
    position = np.arange(count, dtype=np.int32)
    return {
        "image": image.astype(np.uint16),
        "mask": mask.astype(bits),
        "skeleton": (mask & thin).astype(bits),
        "landmarks": np.zeros(mask.shape, np.uint8),
        "ignore": np.zeros(mask.shape, np.uint8),
        "attached": np.ones(count, np.int8),
        "image_labels": np.zeros((count, labels), np.int32),
        "low": np.full(count, 1000, np.float32),
        "high": np.full(count, 2500, np.float32),
        "position": position,
        "index": position,
    }


def drawn_state(run: "Run") -> Any:
    """Return a state before the first update, drawn by NumPy: drawing by jax takes a compilation.

    Kernels are He's, scales 1 and all else 0, as in `Run.first_state`; the numbers are others.
    """
    import jax

    rng = np.random.default_rng(run.config.seed)

    def draw(path: Any, shape: Any) -> np.ndarray:
        last = getattr(path[-1], "key", "")
        if last == "kernel":
            deviation = np.sqrt(2 / max(np.prod(shape.shape[:-1]), 1))
            return (deviation * rng.standard_normal(shape.shape)).astype(shape.dtype)
        return np.full(shape.shape, float(last == "scale"), shape.dtype)

    empty = jax.tree.map(lambda of: np.zeros(of.shape, of.dtype), shapes_of(run)[0])
    parameters = jax.tree_util.tree_map_with_path(draw, empty.parameters)
    return empty.replace(parameters=parameters, average=jax.tree.map(np.copy, parameters))


def train_step_of(run: "Run") -> Callable[..., Any]:
    """Return a run's training step, of one device."""
    from fluorojax.training.steps import train_step

    parts = {"network": run.network, "optimizer": run.optimizer, "spec": run.step}
    return functools.partial(train_step, **parts)


def step_of(config: ConfigDict, batch: dict[str, Any]) -> Callable[[], Any]:
    """Return a function that makes the next update of a run, waits for it and returns the loss."""
    run = run_of(config)
    return repeated(train_step_of(run), run.first_state(), batch)


def repeated(step: Callable[..., Any], state: Any, batch: dict[str, Any]) -> Callable[[], Any]:
    """Return a function that makes the next of the steps from `state` on and returns its loss."""
    return over(step, state, itertools.repeat(batch))


def over(step: Callable[..., Any], state: Any, batches: Iterator[Any]) -> Callable[[], Any]:
    """Return the same, each step on the next of the batches."""
    advance = stateful(step, state, batches)
    return lambda: advance()[1]["loss"]


def stateful(step: Callable[..., Any], state: Any, batches: Iterator[Any]) -> Callable[[], Any]:
    """Return a function that makes the next step, waits for it, and returns state and metrics."""
    import jax

    from fluorojax.core import parallel

    over_devices = parallel.data_parallel(step)

    def advance() -> Any:
        nonlocal state
        state, metrics = jax.block_until_ready(over_devices(state, next(batches)))
        return state, metrics

    return advance


def shapes_of(run: "Run") -> tuple[Any, Any]:
    """Return shapes and types of a run's state and of a batch; nothing is computed."""
    import jax

    return jax.eval_shape(run.first_state), jax.eval_shape(lambda: drawn_batch(run))


def kept_bytes(run: "Run", shapes: tuple[Any, Any]) -> int:
    """Return the bytes that a step's forward pass leaves for its backward pass.

    Parameters and the augmented batch are among them. Counted on the traced program: a compiler
    may merge some of it, or keep more.
    """
    import jax

    from fluorojax.training.context_corruption import context_corruption
    from fluorojax.training.steps import augmented, loss_of

    def left(state: Any, batch: Any) -> Any:
        sample = augmented(batch, state.step, run.step)
        share, size = run.step.context_corruption, run.step.crop_size
        seed, position = run.step.seed, batch["position"]
        false = context_corruption(seed, state.step, position, share=share, size=size)

        def loss(parameters: Any) -> Any:
            return loss_of(parameters, sample, batch, false, state.step, run.network, run.step)[0]

        return jax.vjp(loss, state.parameters)[1]

    arrays = jax.tree.leaves(jax.eval_shape(left, *shapes))
    return sum(array.size * array.dtype.itemsize for array in arrays)


def traced(run: "Run", shapes: tuple[Any, Any]) -> Any:
    """Return a run's training step, traced from `shapes_of` it."""
    from fluorojax.core import parallel

    return parallel.traced(train_step_of(run), *shapes)


def traced_prediction(run: "Run", shapes: tuple[Any, Any]) -> Any:
    """Return what predicts one frame on the working grid, traced from `shapes_of` its run."""
    import jax

    from fluorojax.inference.predictor import probabilities

    image = jax.ShapeDtypeStruct(tuple(run.config.data.image_size), np.float32)
    number = jax.ShapeDtypeStruct((), np.float32)
    return probabilities.trace(run.network, shapes[0].parameters, image, number, number)
