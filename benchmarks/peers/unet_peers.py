"""This project's U-Net with a training step and an inference, to stand beside `torch_unet`'s."""

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax

from fluorojax.core import parallel
from fluorojax.losses.overlap import cross_entropy, dice
from fluorojax.models.unet import UNet

LEARNING_RATE, WEIGHT_DECAY = 1e-3, 1e-2


@dataclasses.dataclass(frozen=True)
class Size:
    """Shape of the batch and of the network."""

    batch: int
    side: int  # rows and columns (px)
    classes: int
    width: int
    depth: int
    residual: bool
    dtype: str = "float32"  # of the computation; with bfloat16, PyTorch's side is in autocast


@dataclasses.dataclass(frozen=True)
class Peer:
    """What is timed: each call runs to its end and returns the loss, or the logits [B, H, W, C]."""

    train_step: Callable[[], float]
    infer: Callable[[], np.ndarray]
    parameters: int


def data(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Return noise [B, H, W, 1] and a mask [B, H, W, C] with a tenth of it set."""
    random = np.random.default_rng(0)
    shape = (size.batch, size.side, size.side)
    image = random.standard_normal((*shape, 1)).astype(np.float32)
    return image, (random.random((*shape, size.classes)) < 0.1).astype(np.float32)


def initial_parameters(size: Size) -> Any:
    """Return the parameters that both start from, a nested dict of NumPy arrays."""
    sample = np.zeros((1, size.side, size.side, 1), np.float32)
    variables = jax.jit(flax_unet(size).init)(jax.random.key(0), sample)
    return jax.tree.map(np.asarray, variables["params"])


def flax_unet(size: Size) -> UNet:
    """Return this project's network."""
    dtype = jax.numpy.dtype(size.dtype)
    return UNet(size.classes, size.width, size.depth, residual=size.residual, dtype=dtype)


def fluorojax_peer(size: Size, parameters: Any) -> Peer:
    """Return this project's side; the batch is shared out over the devices that jax sees."""
    network = flax_unet(size)
    optimizer = optax.adamw(LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    image, mask = data(size)

    def loss(parameters: Any, image: jax.Array, mask: jax.Array) -> jax.Array:
        logits = network.apply({"params": parameters}, image).logits
        found = jax.nn.sigmoid(logits)
        one = jax.numpy.ones(mask.shape[:3])
        terms = [
            cross_entropy(logits[..., k], mask[..., k], one)
            + dice(found[..., k], mask[..., k], one)
            for k in range(size.classes)
        ]
        return sum(term.mean() for term in terms) / size.classes

    def step(state: Any, batch: Any) -> Any:
        parameters, moments = state
        value, gradient = jax.value_and_grad(loss)(parameters, batch["image"], batch["mask"])
        value, gradient = parallel.mean_over_devices((value, gradient))
        updates, moments = optimizer.update(gradient, moments, parameters)
        return (optax.apply_updates(parameters, updates), moments), value

    advance = parallel.data_parallel(step)
    state = [(parameters, optimizer.init(parameters))]

    def train_step() -> float:
        state[0], value = advance(state[0], {"image": image, "mask": mask})
        return float(value)

    apply = jax.pmap(lambda p, x: network.apply({"params": p}, x).logits, in_axes=(None, 0))
    devices = parallel.device_count()
    trained = jax.device_put(parameters)
    shards = image.reshape(devices, -1, *image.shape[1:])

    def infer() -> np.ndarray:
        logits = apply(trained, shards)
        return np.asarray(logits).reshape(*image.shape[:3], size.classes)

    return Peer(train_step, infer, sum(leaf.size for leaf in jax.tree.leaves(parameters)))


APART = 2e-3
"""How far logits and losses of one network may be apart in float32."""
ROUNDED = 0.1
"""The same in fewer digits: of the logits, the mean as a share of their standard deviation."""


@dataclasses.dataclass(frozen=True)
class Begun:
    """What a peer did first: its logits, the loss of two steps, and the seconds of first calls.

    The second step's loss depends on every gradient and on the optimiser of the first.
    """

    logits: np.ndarray
    losses: tuple[float, float]
    infer_s: float
    step_s: float


def begin(peer: Peer) -> Begun:
    """Make a peer's first inference and first two steps; what has to be compiled is, here."""
    start = time.perf_counter()
    logits = peer.infer()
    between = time.perf_counter()
    first = peer.train_step()
    end = time.perf_counter()
    return Begun(logits, (first, peer.train_step()), between - start, end - between)


def check_equal(ours: Begun, theirs: Begun, rounded: bool = False) -> None:
    """Assert that both are one network from one start: logits, and the loss of two steps.

    Args:
        ours, theirs: what they did first.
        rounded: one of them computes in bfloat16 or TF32.
    """
    if rounded:
        mean = float(np.abs(ours.logits - theirs.logits).mean() / theirs.logits.std())
        assert mean < ROUNDED, f"logits are {mean:.2g} of their deviation apart"
    else:
        np.testing.assert_allclose(ours.logits, theirs.logits, atol=APART, rtol=APART)
    for loss, reference in zip(ours.losses, theirs.losses, strict=True):
        assert math.isclose(loss, reference, rel_tol=ROUNDED if rounded else APART), (
            f"losses {loss} and {reference}"
        )
