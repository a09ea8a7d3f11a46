"""The same U-Net twice, here and in plain PyTorch, with a training step and an inference each."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax
import torch
from flax.traverse_util import flatten_dict
from torch import nn
from torch.nn import functional

from fluorojax.core import parallel
from fluorojax.losses.overlap import SMOOTH, cross_entropy, dice
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
    return UNet(size.classes, size.width, size.depth, residual=size.residual)


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


class TorchBlock(nn.Module):
    """The block of `fluorojax.models.unet`."""

    def __init__(self, inputs: int, outputs: int, residual: bool):
        super().__init__()
        groups = outputs // 8 if outputs % 8 == 0 else 1
        self.conv_0 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm_0 = nn.GroupNorm(groups, outputs)
        self.conv_1 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm_1 = nn.GroupNorm(groups, outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1, bias=False) if residual else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [B, C, H, W] to [B, outputs, H, W]."""
        y = functional.relu(self.norm_0(self.conv_0(x)), inplace=True)
        y = self.norm_1(self.conv_1(y))
        return functional.relu(y if self.skip is None else y + self.skip(x), inplace=True)


class TorchUNet(nn.Module):
    """The network of `fluorojax.models.unet`, layer by layer, under the same names."""

    def __init__(self, size: Size):
        super().__init__()
        self.depth = size.depth
        features = [size.width * 2**level for level in range(size.depth + 1)]
        inputs = [1, *features[:-1]]
        for k in range(size.depth):
            self.add_module(f"down_{k}", TorchBlock(inputs[k], features[k], size.residual))
            self.add_module(f"narrow_{k}", nn.Conv2d(features[k + 1], features[k], 1))
            self.add_module(f"up_{k}", TorchBlock(2 * features[k], features[k], size.residual))
        self.bottom = TorchBlock(inputs[-1], features[-1], size.residual)
        self.head = nn.Conv2d(size.width, size.classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [B, 1, H, W] to logits [B, C, H, W]."""
        skips = []
        for k in range(self.depth):
            skips.append(self.get_submodule(f"down_{k}")(x))
            x = functional.max_pool2d(skips[-1], 2)
        x = self.bottom(x)
        for k in reversed(range(self.depth)):
            x = functional.interpolate(self.get_submodule(f"narrow_{k}")(x), scale_factor=2)
            x = self.get_submodule(f"up_{k}")(torch.cat([x, skips[k]], 1))
        return self.head(x)


def to_torch(parameters: Any) -> dict[str, torch.Tensor]:
    """Return the parameters under PyTorch's names and in its layout."""
    names = {"kernel": "weight", "scale": "weight", "bias": "bias"}

    def convert(value: np.ndarray) -> torch.Tensor:
        if value.ndim == 2:  # a product of matrices is a 1 x 1 convolution
            value = value[None, None]
        return torch.tensor(value.transpose(3, 2, 0, 1) if value.ndim == 4 else value)

    return {
        ".".join((*path[:-1], names[path[-1]])): convert(value)
        for path, value in flatten_dict(parameters).items()
    }


def torch_peer(size: Size, parameters: Any) -> Peer:
    """Return PyTorch's side, in its quickest layout on a CPU, channels last, and fused AdamW."""
    network = TorchUNet(size)
    network.load_state_dict(to_torch(parameters))
    network = network.to(memory_format=torch.channels_last)
    still = TorchUNet(size)
    still.load_state_dict(to_torch(parameters))
    still = still.to(memory_format=torch.channels_last).eval()
    optimizer = torch.optim.AdamW(
        network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True
    )
    # A permuted view of a channels-last array *is* the channels-last layout.
    image, mask = (torch.tensor(array).permute(0, 3, 1, 2) for array in data(size))

    def train_step() -> float:
        optimizer.zero_grad()
        logits = network(image)
        found = torch.sigmoid(logits)
        both, sizes = (found * mask).sum((2, 3)), (found + mask).sum((2, 3))
        dice_loss = 1.0 - (2.0 * both + SMOOTH) / (sizes + SMOOTH)
        loss = functional.binary_cross_entropy_with_logits(logits, mask) + dice_loss.mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    @torch.no_grad()
    def infer() -> np.ndarray:
        return still(image).permute(0, 2, 3, 1).numpy()

    return Peer(train_step, infer, sum(p.numel() for p in network.parameters()))


def check_equal(ours: Peer, theirs: Peer) -> None:
    """Assert that both are one network: parameters, logits, and the loss of two steps.

    The second step's loss depends on every gradient and on the optimiser of the first.
    """
    assert ours.parameters == theirs.parameters, (ours.parameters, theirs.parameters)
    np.testing.assert_allclose(ours.infer(), theirs.infer(), atol=2e-3)
    for _ in range(2):
        loss, reference = ours.train_step(), theirs.train_step()
        assert math.isclose(loss, reference, rel_tol=2e-3), (loss, reference)
