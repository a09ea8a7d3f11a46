"""The relation as a loss: the mass of the child that is not connected to its parent."""

import jax
import jax.numpy as jnp

from fluorojax.geometry.morphology import POOL, dilate, enlarge, pool_max, reconstruct

ITERATIONS = 96
"""Dilations on the coarser grid: with blocks of 4, a path of 384 pixels along the wire, with blocks
of 2 one of 192. What lies beyond counts as not connected even where the prediction is right, so the
joint loss leaves out what the reference itself has there: see `reference_reach`."""


def attachment(
    parent: jax.Array,
    child: jax.Array,
    weight: jax.Array,
    iterations: int = ITERATIONS,
    block: int = POOL,
) -> jax.Array:
    """Return the share of the child's mass that no path joins to the parent.

    With e and w the probabilities of parent and child on a coarser grid (maximum of each block), M
    = max(e, w) and m the fuzzy geodesic reconstruction of e, dilated once, under M:

        R = sum max(w - m, 0) / sum w = 1 - sum min(w, m) / sum w

    The gradient goes to the weakest pixel of the best path: it fills the gap that breaks a wire, or
    removes the false piece.

    Args:
        parent, child: [B, H, W] in [0, 1].
        weight: [B, H, W]; what is ignored (0) is no part of the child's mass, but may carry a path,
            since what is hidden there may well be the connection.
        iterations: reach, in pixels of the coarser grid.
        block: pixels a side of a block: gaps below it are not seen, above twice of it all are.

    Returns:
        [B] float32 in [0, 1]; 0 where the child has no mass.
    """
    e, w = (pool_max(x.astype(jnp.float32), block) for x in (parent, child))
    counted = pool_max((child * weight).astype(jnp.float32), block)
    loose = jnp.maximum(counted - joined(e, w, iterations), 0.0).sum((1, 2))
    return loose / jnp.maximum(counted.sum((1, 2)), 1.0)


def disconnection(
    parent: jax.Array,
    child: jax.Array,
    target: jax.Array,
    weight: jax.Array,
    iterations: int = ITERATIONS,
    block: int = POOL,
) -> jax.Array:
    """Return the share of the reference child that no predicted path joins to the parent.

    With e, w and m as for `attachment`, and y the reference child on the same grid:

        D = 1 - sum y min(w, m) / sum y

    Recall that counts only what is connected: unlike R it fills gaps and says nothing of false
    pieces, so it does not push down a wire that lies somewhere else.

    Args:
        parent, child, weight, iterations, block: as for `attachment`.
        target: [B, H, W] in {0, 1}, the reference child.

    Returns:
        [B] float32 in [0, 1]; 0 where there is no reference.
    """
    e, w = (pool_max(x.astype(jnp.float32), block) for x in (parent, child))
    y = pool_max((target * weight).astype(jnp.float32), block)
    missed = (y * (1.0 - jnp.minimum(w, joined(e, w, iterations)))).sum((1, 2))
    return missed / jnp.maximum(y.sum((1, 2)), 1.0)


def reference_reach(
    parent: jax.Array,
    child: jax.Array,
    weight: jax.Array,
    iterations: int = ITERATIONS,
    block: int = POOL,
) -> tuple[jax.Array, jax.Array]:
    """Return how much of a reference's child no path joins to its parent, and where all else is.

    Looked at as `attachment` looks at a prediction, in the same blocks and as far: weighted by
    what is returned here, the exact mask costs 0 at every size.

    Args:
        parent, child: [B, H, W] in {0, 1}.
        weight, iterations, block: as for `attachment`.

    Returns:
        The share [B] float32 in [0, 1], which is the `attachment` of the exact mask; and [B, H, W]
        in {0, 1}, 0 in the blocks of the child that no path joins.
    """
    e, w = (pool_max(x.astype(jnp.float32), block) for x in (parent, child))
    found = joined(e, w, iterations)
    counted = pool_max((child * weight).astype(jnp.float32), block)
    loose = jnp.maximum(counted - found, 0.0).sum((1, 2))
    inside = enlarge(1.0 - jnp.maximum(w - found, 0.0), block)
    share = loose / jnp.maximum(counted.sum((1, 2)), 1.0)
    return share, inside[:, : child.shape[1], : child.shape[2]]


def joined(parent: jax.Array, child: jax.Array, iterations: int) -> jax.Array:
    """Return how well each pixel is joined to the parent, the weakest pixel of the best path."""
    return reconstruct(dilate(parent), jnp.maximum(parent, child), iterations)
