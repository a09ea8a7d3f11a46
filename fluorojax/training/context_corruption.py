"""Context corruption: false context, which a cascade's later stages learn not to trust.

On its own training frames the first stage is hardly ever wrong, so the second comes to rest on it:
what lies along a parent is the parent's wall, and what lies elsewhere is no child. Where no parent
is in view, the first stage finds blots of one all the same, and the second stage then misses the
child beside them. So the later stages see such blots in some examples, in place of what was found,
and learn that the image has to agree.
"""

import jax
import jax.numpy as jnp

from fluorojax.core import rng
from fluorojax.models.cascade import ContextCorruption

CELLS = 12
"""Cells a side of the noise that blots are made of."""
SHARPNESS = 8.0
LEVELS = (1.0, 2.5)
"""Standard deviations of the noise from which on there is a blot: over a sixth of the frame or
next to nothing of it."""


def context_corruption(
    seed: int, step: jax.Array, positions: jax.Array, *, share: float, size: tuple[int, int]
) -> ContextCorruption | None:
    """Return the false context of each example of a batch; None where there is never any.

    Args:
        seed, step: of the run.
        positions: [B], the examples' places in the global batch; each has a key of its own.
        share: of the examples whose later stages see blots.
        size: (H, W) of the crops.
    """
    if not share:
        return None

    def one(position: jax.Array) -> ContextCorruption:
        for_chance, for_blots = jax.random.split(rng.stream(seed, "context", step, position))
        is_false = jax.random.bernoulli(for_chance, share).astype(jnp.float32)
        return ContextCorruption(is_false, blots(for_blots, size))

    return jax.vmap(one)(positions)


def blots(key: jax.Array, size: tuple[int, int]) -> jax.Array:
    """Return smooth blots with soft edges, [H, W] in [0, 1]."""
    for_noise, for_level = jax.random.split(key)
    noise = jax.image.resize(jax.random.normal(for_noise, (CELLS, CELLS)), size, "cubic")
    level = jax.random.uniform(for_level, minval=LEVELS[0], maxval=LEVELS[1])
    return jax.nn.sigmoid(SHARPNESS * (noise / noise.std() - level))
