"""Stages of U-Nets over named classes; the five methods are five settings of this one module."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from fluorojax.geometry import morphology
from fluorojax.models.intensity import seen
from fluorojax.models.unet import NetworkOutput, UNet

Parameters = Any  # a nested dict of float32 arrays
Maps = tuple[int | str, ...]  # what a stage's channels are: class indices, then names of landmarks

LANDMARKS = ("exit", "tip")
"""Where the relation's child leaves its parent, and where it ends; learned on demand."""


def no_gradient(x: jax.Array, share: float) -> jax.Array:
    """Return x; no gradient comes back: the later stage takes the earlier one as it is."""
    del share
    return jax.lax.stop_gradient(x)


def scale_gradient(x: jax.Array, share: float) -> jax.Array:
    """Return x; `share` of the gradient comes back: the later stage trains the earlier one."""
    return share * x + jax.lax.stop_gradient((1.0 - share) * x)


LINKS: dict[str, Callable[[jax.Array, float], jax.Array]] = {
    "stop_gradient": no_gradient,
    "gradient": scale_gradient,
}
"""What happens on the way from a stage to the next; 'none' is no way at all."""

SPATIAL_PRIORS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "around": morphology.proximity,  # all around the parent
    "in_front": morphology.in_front,  # in front of its tip
}
"""Where the child is to be expected, given the parent; 'none': the next stage gets no prior."""


class ContextCorruption(NamedTuple):
    """What training gives later stages, now and then, in place of what the earlier ones found."""

    is_false: jax.Array  # [B] in {0, 1}, whether they are given it
    found: jax.Array  # [B, H, W] in [0, 1]


class Cascade(nn.Module):
    """U-Nets in a row: each predicts some of the classes and sees what the ones before it found.

    A later stage's input is the frame, the earlier stages' probabilities, and, where a class is
    named as the parent of a relation, one of SPATIAL_PRIORS about it, on a 4 times coarser grid.
    With link 'none' the stages are independent networks; with one stage the cascade is a U-Net.

    With `landmarks` the stage of the relation's parent also learns the exit, the place where the
    child leaves the parent, and the stage of the child its tip: two more maps of probabilities, in
    whose place the data has small discs (`fluorojax.data.landmarks`). Later stages see
    the exit too.

    Where there are `image_labels`, properties of the whole frame, the first stage predicts them
    as well.
    """

    stages: tuple[tuple[int, ...], ...]  # class indices of each stage; each class once
    link: str  # 'none', 'stop_gradient' or 'gradient'
    gradient_scale: float  # share of the gradient that flows back, with link 'gradient'
    parent_class: int | None  # of the relation: whose surroundings later stages see
    child_class: int | None
    spatial_prior: str  # 'none', 'around' or 'in_front'
    landmarks: bool  # learn exit and tip too
    width: float
    depth: int
    norm: str
    residual: bool
    deep_supervision: bool
    remat: bool
    dtype: jnp.dtype
    image_labels: tuple[int, ...] = ()  # number of values of each
    patch: int = 1  # side (px) of what is one pixel to the U-Nets
    local_contrast: int = 0  # how far (px) it reaches; 0: grey values are seen

    @nn.compact
    def __call__(self, image: jax.Array, false: ContextCorruption | None = None) -> NetworkOutput:
        """Return the logits of `image: [B, H, W, 1] in [0, 1]`, classes in the data set's order.

        For the examples that `false` marks, later stages see its maps in place of what was found.
        """
        outputs: list[NetworkOutput] = []
        frame = seen(image, self.local_contrast)
        for k, classes in enumerate(self.stages):
            context = self.context(outputs, false)
            x = jnp.concatenate([frame, *context], -1)
            outputs.append(self.stage(k, classes, sum(c.shape[-1] for c in context))(x))
        return in_order(outputs, [self.maps(classes) for classes in self.stages])

    def maps(self, classes: tuple[int, ...]) -> Maps:
        """Return what a stage's channels are: its classes, then the landmarks that go with them."""
        bound = zip(LANDMARKS, (self.parent_class, self.child_class), strict=True)
        return (*classes, *(point for point, of in bound if self.landmarks and of in classes))

    def stage(self, k: int, classes: tuple[int, ...], context: int) -> UNet:
        """Return the k-th U-Net; the optimiser distinguishes stages by these names."""
        return UNet(
            len(self.maps(classes)), self.width, self.depth, self.norm, self.residual,
            self.deep_supervision, self.remat, self.dtype, context,
            () if k else self.image_labels, self.patch, name=f"stage_{k}",
        )  # fmt: skip

    def context(
        self, outputs: Sequence[NetworkOutput], false: ContextCorruption | None
    ) -> list[jax.Array]:
        """Return what the next stage sees beside the image, each [B, H, W, n]."""
        if self.link == "none" or not outputs:
            return []
        found = jnp.concatenate([jax.nn.sigmoid(output.logits) for output in outputs], -1)
        if false is not None:
            is_false = false.is_false[:, None, None, None] > 0
            found = jnp.where(is_false, false.found[..., None], found)
        shown = LINKS[self.link](found, self.gradient_scale)
        maps = [m for classes in self.stages[: len(outputs)] for m in self.maps(classes)]
        if self.spatial_prior == "none" or self.parent_class not in maps:
            return [shown]
        parent = shown[..., maps.index(self.parent_class)]
        return [shown, spatial_prior(parent, SPATIAL_PRIORS[self.spatial_prior])]


def forward(
    network: Cascade,
    parameters: Parameters,
    image: jax.Array,
    false: ContextCorruption | None = None,
) -> NetworkOutput:
    """Apply a network with its parameters to `image: [B, H, W] in [0, 1]`; see `Cascade`."""
    output = network.apply({"params": parameters}, image[..., None], false)
    assert isinstance(output, NetworkOutput)  # Flax cannot know
    return output


def spatial_prior(parent: jax.Array, of: Callable[[jax.Array], jax.Array]) -> jax.Array:
    """Return one of SPATIAL_PRIORS for a parent, `[B, H, W] -> [B, H, W, 1]`, both in [0, 1]."""
    seen = morphology.enlarge(of(morphology.pool_max(parent)))
    return seen[:, : parent.shape[1], : parent.shape[2], None]


def in_order(outputs: Sequence[NetworkOutput], maps: Sequence[Maps]) -> NetworkOutput:
    """Put the stages' channels together: classes in their order, landmarks in that of LANDMARKS.

    The image labels are those of the first stage.
    """

    def together(parts: Sequence[jax.Array], wanted: Sequence[int | str]) -> jax.Array:
        # Slices, not a gather: its gradient would be a scatter, which is slow.
        of = {m: part[..., k] for part, names in zip(parts, maps, strict=True)
              for k, m in enumerate(names)}  # fmt: skip
        return jnp.stack([of[m] for m in wanted], -1)

    known = [m for names in maps for m in names]
    classes = sorted(m for m in known if isinstance(m, int))
    landmarks = [point for point in LANDMARKS if point in known]
    logits = [output.logits for output in outputs]
    auxiliary = zip(*(output.auxiliary for output in outputs), strict=True)
    return NetworkOutput(
        together(logits, classes),
        tuple(together(level, classes) for level in auxiliary),
        together(logits, landmarks) if landmarks else None,
        outputs[0].image_labels,
    )
