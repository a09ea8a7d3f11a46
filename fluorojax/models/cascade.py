"""Stages of U-Nets over named classes; the five methods are five settings of this one module."""

from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from fluorojax import morphology
from fluorojax.models.unet import NetworkOutput, UNet

Parameters = Any  # a nested dict of float32 arrays


def _through(x: jax.Array) -> jax.Array:
    return x


LINKS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "stop_gradient": jax.lax.stop_gradient,  # the later stage takes the earlier one as it is
    "gradient": _through,  # and teaches it
}
"""What happens on the way from a stage to the next; 'none' is no way at all."""


class Cascade(nn.Module):
    """U-Nets in a row: each predicts some of the classes and sees what the ones before it found.

    A later stage's input is the frame, the earlier stages' probabilities, and, where a class is
    named as the parent of a relation, a landscape "close to the parent"
    (`fluorojax.morphology.proximity` on a 4 times coarser grid). With link 'none' the stages are
    independent networks; with one stage the cascade is a U-Net.
    """

    stages: tuple[tuple[int, ...], ...]  # class indices of each stage; each class once
    link: str  # 'none', 'stop_gradient' or 'gradient'
    parent_class: int | None  # whose surroundings later stages are shown
    width: float
    depth: int
    norm: str
    residual: bool
    deep_supervision: bool
    remat: bool
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, image: jax.Array) -> NetworkOutput:
        """Return the logits of `image: [B, H, W, 1] in [0, 1]`, classes in the data set's order."""
        outputs: list[NetworkOutput] = []
        for k, classes in enumerate(self.stages):
            x = jnp.concatenate([2.0 * image - 1.0, *self.context(outputs)], -1)
            outputs.append(self.stage(k, len(classes))(x))
        return in_class_order(outputs, self.stages)

    def stage(self, k: int, classes: int) -> UNet:
        """Return the k-th U-Net; the optimiser tells stages apart by these names."""
        return UNet(
            classes, self.width, self.depth, self.norm, self.residual, self.deep_supervision,
            self.remat, self.dtype, name=f"stage_{k}",
        )  # fmt: skip

    def context(self, outputs: Sequence[NetworkOutput]) -> list[jax.Array]:
        """Return what the next stage is shown beside the image, each [B, H, W, n]."""
        if self.link == "none" or not outputs:
            return []
        found = [jax.nn.sigmoid(LINKS[self.link](output.logits)) for output in outputs]
        channels = [channel for classes in self.stages for channel in classes]
        shown = jnp.concatenate(found, -1)
        if self.parent_class not in channels[: shown.shape[-1]]:
            return [shown]
        return [shown, landscape(shown[..., channels.index(self.parent_class)])]


def forward(network: Cascade, parameters: Parameters, image: jax.Array) -> NetworkOutput:
    """Apply a network with its parameters to `image: [B, H, W] in [0, 1]`."""
    output = network.apply({"params": parameters}, image[..., None])
    assert isinstance(output, NetworkOutput)  # Flax cannot know
    return output


def landscape(parent: jax.Array) -> jax.Array:
    """Return "close to the parent" in [0, 1], `[B, H, W] -> [B, H, W, 1]`."""
    near = morphology.enlarge(morphology.proximity(morphology.pool_max(parent)))
    return near[:, : parent.shape[1], : parent.shape[2], None]


def in_class_order(
    outputs: Sequence[NetworkOutput], stages: tuple[tuple[int, ...], ...]
) -> NetworkOutput:
    """Put the stages' channels together, in the order of the classes."""

    def together(parts: Sequence[jax.Array]) -> jax.Array:
        # Slices, not a gather: its gradient would be a scatter, which is slow.
        of = {c: part[..., k] for part, classes in zip(parts, stages, strict=True)
              for k, c in enumerate(classes)}  # fmt: skip
        return jnp.stack([of[k] for k in sorted(of)], -1)

    auxiliary = zip(*(output.auxiliary for output in outputs), strict=True)
    return NetworkOutput(
        together([output.logits for output in outputs]),
        tuple(together(level) for level in auxiliary),
    )
