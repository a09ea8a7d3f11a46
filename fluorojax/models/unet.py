"""A U-Net (Ronneberger et al., MICCAI 2015), group norm, no transposed convolutions."""

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from fluorojax.models.convolution import Conv3x3

RARE = 0.05
"""Probability that the head starts from: thin instruments fill few pixels of a frame, and from one
half the first hundred steps would go into finding that out."""


class NetworkOutput(NamedTuple):
    """What a network predicts, before any sigmoid; float32."""

    logits: jax.Array  # [B, H, W, C]
    auxiliary: tuple[jax.Array, ...] = ()  # [B, H / 2^k, W / 2^k, C], k = 1, 2, ...; finest first
    landmarks: jax.Array | None = None  # [B, H, W, 2]: exit and tip, where they are learned
    image_labels: tuple[jax.Array, ...] = ()  # [B, n] each, before a softmax over its n values


EPSILON = 1e-5  # added to variances, which are divided by


class GroupNorm(nn.Module):
    """y = scale (x - mean_g) / sqrt(var_g + EPSILON) + offset, per example and group.

    Wu and He, ECCV 2018; a group is all pixels of some channels. No running statistics: an
    example's result does not depend on its batch. Mean and variance come from one pass over the
    sums of each channel, in float32; what is left is one multiplication and addition a pixel.
    """

    groups: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalise `x: [B, H, W, C]`; the type is kept."""
        batch, height, width, channels = x.shape
        scale = self.param("scale", nn.initializers.ones, (channels,))
        offset = self.param("bias", nn.initializers.zeros, (channels,))
        wide = x.astype(jnp.float32)
        count = height * width * channels // self.groups

        def of_group(sums: jax.Array) -> jax.Array:
            return sums.reshape(batch, self.groups, -1).sum(-1, keepdims=True) / count

        mean = of_group(wide.sum((1, 2)))
        variance = jnp.maximum(of_group((wide * wide).sum((1, 2))) - mean * mean, 0.0)
        per_channel = (batch, self.groups, channels // self.groups)
        factor = jnp.broadcast_to(jax.lax.rsqrt(variance + EPSILON), per_channel)
        factor = factor.reshape(batch, channels) * scale
        shift = offset - jnp.broadcast_to(mean, per_channel).reshape(batch, channels) * factor
        y = wide * factor[:, None, None] + shift[:, None, None]
        return y.astype(x.dtype)


def group_count(channels: int) -> int:
    """Return how many groups there are: of 8 channels, or as near to 8 as their number allows."""
    divisors = [n for n in range(1, channels + 1) if channels % n == 0]
    return min(divisors, key=lambda n: abs(n - channels / 8))


def group_norm(channels: int, name: str) -> Callable[[jax.Array], jax.Array]:
    """Return a normalisation over groups of channels, see `group_count`."""
    return GroupNorm(group_count(channels), name=name)


def instance_norm(channels: int, name: str) -> Callable[[jax.Array], jax.Array]:
    """Return a normalisation of each channel by itself."""
    return GroupNorm(channels, name=name)


class Offset(nn.Module):
    """Adds a learned offset a channel: what a convolution without normalisation needs."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Shift `x: [B, H, W, C]`."""
        offset = self.param("bias", nn.initializers.zeros, (x.shape[-1],))
        return x + offset.astype(x.dtype)


def no_norm(channels: int, name: str) -> Callable[[jax.Array], jax.Array]:
    """Return an offset alone."""
    del channels
    return Offset(name=name)


NORMS: dict[str, Callable[[int, str], Callable[[jax.Array], jax.Array]]] = {
    "group": group_norm,
    "instance": instance_norm,
    "none": no_norm,
}


class Block(nn.Module):
    """Twice: 3 x 3 convolution, normalisation, ReLU."""

    features: int
    norm: str
    residual: bool
    dtype: jnp.dtype
    context: int = 0  # of the input's channels, the last ones: they count for nothing at first

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Return `[B, H, W, features]`; with `residual`, a 1 x 1 projection of x is added."""
        y = nn.relu(self.normalised(x, 0))
        y = self.normalised(y, 1)
        if self.residual:
            y = y + pointwise(self.features, self.dtype, "skip", use_bias=False)(x)
        return nn.relu(y)

    def normalised(self, x: jax.Array, k: int) -> jax.Array:
        """Convolve and normalise; the convolution has no offset, since the norm has one."""
        conv = Conv3x3(self.features, self.dtype, 0 if k else self.context, name=f"conv_{k}")
        return NORMS[self.norm](self.features, f"norm_{k}")(conv(x))


def pointwise(features: int, dtype: jnp.dtype, name: str, use_bias: bool = True) -> nn.Dense:
    """Return a 1 x 1 convolution, which is a product of matrices."""
    return nn.Dense(features, use_bias=use_bias, dtype=dtype, name=name)


def halve(x: jax.Array) -> jax.Array:
    """Return the maximum of each 2 x 2 block, `[B, H, W, C] -> [B, H / 2, W / 2, C]`.

    By reshaping: `nn.max_pool` has a gradient that is slow on the CPU and does not compile where
    deterministic operations are asked for on a GPU.
    """
    batch, height, width, channels = x.shape
    return x.reshape(batch, height // 2, 2, width // 2, 2, channels).max((2, 4))


def double(x: jax.Array) -> jax.Array:
    """Repeat each pixel 2 x 2 times, `[B, H, W, C] -> [B, 2 H, 2 W, C]`."""
    batch, height, width, channels = x.shape
    wide = jnp.broadcast_to(x[:, :, None, :, None], (batch, height, 2, width, 2, channels))
    return wide.reshape(batch, 2 * height, 2 * width, channels)


def space_to_depth(x: jax.Array, patch: int) -> jax.Array:
    """Make channels of the pixels of each patch, `[B, H, W, C] -> [B, H / p, W / p, C p^2]`.

    A channel's p^2 stay together, in the order of the channels: context stays last.
    """
    batch, height, width, channels = x.shape
    blocks = x.reshape(batch, height // patch, patch, width // patch, patch, channels)
    return blocks.transpose(0, 1, 3, 5, 2, 4).reshape(
        batch, height // patch, width // patch, channels * patch**2
    )


def pixel_shuffle(x: jax.Array, patch: int) -> jax.Array:
    """Make pixels of channels, `[B, H, W, p^2 C] -> [B, p H, p W, C]`.

    The pixel shuffle of Shi et al., CVPR 2016, but the channels of one pixel stay together, pixel
    after pixel and row after row of a patch: single numbers moved about are slow on a CPU.
    """
    batch, height, width, channels = x.shape
    line = (batch, height, width * patch, channels // patch**2)
    lines = [of_row.reshape(line) for of_row in jnp.split(x, patch, -1)]
    return jnp.stack(lines, 2).reshape(batch, height * patch, *line[2:])


def channels(width: float, level: int) -> int:
    """Return the channels of a level: `width` 2^level, to the nearest multiple of 4.

    A fraction in `width` lets one network have the parameters of two: a factor of the square root
    of 2 doubles them.
    """
    return 4 * max(1, round(width * 2**level / 4))


def stride(depth: int, patch: int = 1) -> int:
    """Return what rows and columns must be a multiple of: patch 2^depth."""
    return patch * 2**depth


class UNet(nn.Module):
    """Encoder and decoder of `depth` halvings, with skips between levels of one size.

    Level k has `width` 2^k channels (see `channels`). On the way up a level's channels are halved
    by a 1 x 1 convolution on the small grid, and then repeated 2 x 2 times: a tenth of the time of
    a transposed convolution on a CPU, and no chequerboard.

    What earlier stages show (`context`) is looked at through a kernel that starts at zero: beside a
    probability that goes from 0 to 1 the normalisation would leave little of a faint wire. So a
    later stage begins as the network that it would be alone, and learns to look there.

    With a `patch` above 1 the whole network works on a grid so many times coarser: the pixels of a
    patch come in as channels and go out as logits, so none is averaged away, and the finest
    level, which has the fewest channels, is left out.
    """

    classes: int
    width: float = 16.0
    depth: int = 4
    norm: str = "group"  # a key of NORMS
    residual: bool = False
    deep_supervision: bool = False  # logits of the coarser levels too
    remat: bool = False  # compute activations again in the backward pass
    dtype: jnp.dtype = jnp.dtype("float32")  # of activations; parameters and logits are float32
    context: int = 0  # of the input's channels, the last ones: shown by earlier stages
    image_labels: tuple[int, ...] = ()  # number of values of each property of the whole frame
    patch: int = 1  # side (px) of what is one pixel to the network

    @nn.compact
    def __call__(self, x: jax.Array) -> NetworkOutput:
        """Return the logits of `x: [B, H, W, C_in]`, and those of the image_labels.

        Raises:
            ValueError: rows or columns are not a multiple of patch 2^depth.
        """
        self.check(x)
        x = space_to_depth(x.astype(self.dtype), self.patch)
        context = self.context * self.patch**2
        skips = []
        for level in range(self.depth):
            x = self.block(level, f"down_{level}", 0 if level else context)(x)
            skips.append(x)
            x = halve(x)
        x = self.block(self.depth, "bottom")(x)
        values = self.attribute_logits(x)
        coarse = []
        for level in reversed(range(self.depth)):
            up = pointwise(channels(self.width, level), self.dtype, f"narrow_{level}")
            x = jnp.concatenate([double(up(x)), skips[level]], -1)
            x = self.block(level, f"up_{level}")(x)
            if self.deep_supervision and 0 < level < self.depth:
                coarse.append(self.logits(f"head_{level}", x))
        logits = self.logits("head", x)
        return NetworkOutput(logits, tuple(coarse[::-1]), image_labels=values)

    def attribute_logits(self, x: jax.Array) -> tuple[jax.Array, ...]:
        """Return the logits of each image label's values, [B, n] float32, from the bottom's
        features.

        A linear map of each channel's mean and maximum over all pixels `x: [B, h, w, C]`, both
        normalised over the channels: what is anywhere in the frame, and how much of it.
        """
        if not self.image_labels:
            return ()
        wide = x.astype(jnp.float32)
        pooled = jnp.stack([wide.mean((1, 2)), wide.max((1, 2))], 1)
        pooled = nn.LayerNorm(name="attribute_norm")(pooled).reshape(x.shape[0], -1)
        return tuple(
            nn.Dense(values, name=f"attribute_{k}")(pooled)
            for k, values in enumerate(self.image_labels)
        )

    def check(self, x: jax.Array) -> None:
        """Refuse a size that cannot be halved `depth` times."""
        needed = stride(self.depth, self.patch)
        if x.shape[1] % needed or x.shape[2] % needed:
            raise ValueError(
                f"a U-Net of depth {self.depth}, patch {self.patch}, takes multiples of "
                f"{needed} as rows and columns; this image has {x.shape[1]} x {x.shape[2]}"
            )

    def block(self, level: int, name: str, context: int = 0) -> Block:
        """Return the block of a level; the name is given, so that remat changes no parameter."""
        kind = nn.remat(Block) if self.remat else Block
        features = channels(self.width, level)
        return kind(features, self.norm, self.residual, self.dtype, context, name=name)

    def logits(self, name: str, x: jax.Array) -> jax.Array:
        """Map features to logits, float32, that start from the probability RARE."""
        start = jnp.log(RARE / (1 - RARE))
        offset = nn.initializers.constant(start)
        outputs = self.classes * self.patch**2
        head = nn.Dense(outputs, bias_init=offset, dtype=jnp.float32, name=name)
        return pixel_shuffle(head(x.astype(jnp.float32)), self.patch)
