"""The relation as a loss: the mass of the child that is not connected to its parent."""

import jax
import jax.numpy as jnp

from fluorojax.morphology import dilate, pool_max, reconstruct

ITERATIONS = 96
"""Dilations on the 4 times coarser grid: a path of 384 pixels along the wire. Part of a longer
wire beyond that counts as not connected, at a place where the network is told nothing wrong."""


def attachment(
    parent: jax.Array, child: jax.Array, weight: jax.Array, iterations: int = ITERATIONS
) -> jax.Array:
    """Return the share of the child's mass that no path joins to the parent.

    With e and w the probabilities of parent and child on a 4 times coarser grid (maximum of each
    block), M = max(e, w) and m the fuzzy geodesic reconstruction of e, dilated once, under M:

        R = sum max(w - m, 0) / sum w = 1 - sum min(w, m) / sum w

    The gradient goes to the weakest pixel of the best path: it fills the gap that breaks a wire, or
    removes the false piece.

    Args:
        parent, child: [B, H, W] in [0, 1].
        weight: [B, H, W]; what is ignored (0) is no part of the child's mass, but may carry a path,
            since what is hidden there may well be the connection.
        iterations: reach, in pixels of the coarser grid.

    Returns:
        [B] float32 in [0, 1]; 0 where the child has no mass.
    """
    e, w = (pool_max(x.astype(jnp.float32)) for x in (parent, child))
    counted = pool_max((child * weight).astype(jnp.float32))
    joined = reconstruct(dilate(e), jnp.maximum(e, w), iterations)
    loose = jnp.maximum(counted - joined, 0.0).sum((1, 2))
    return loose / jnp.maximum(counted.sum((1, 2)), 1.0)
