"""The relation as a loss on paths: does one that the network finds likely stay in the wire?"""

import jax
import jax.numpy as jnp

from fluorojax.geometry.morphology import POOL, dilate, pool_max

Carry = tuple[jax.Array, jax.Array]

STEPS = 64
"""Steps of a path at most: with blocks of 4, one of 256 pixels along the wire. What lies beyond is
not asked for: the path then ends at the last block within reach."""
FLOOR = 1e-4  # probability that the surest background is given
NEVER = -1e4  # log weight of what no path reaches
NEIGHBOURS = 9  # blocks that a step may end in, the one it starts in included


def path(
    parent: jax.Array,
    child: jax.Array,
    reference: jax.Array,
    weight: jax.Array,
    block: int = POOL,
    steps: int = STEPS,
) -> jax.Array:
    """Return -log of the probability that a path to the child's tip stays in the child, a step.

    A path starts in the parent and makes up to `steps` steps to one of the 8 blocks around, or
    rests. With w the child's probability in a block (its maximum), a step into it has the weight
    w / 9, and a path the product of its steps'. With Z the sum of the weights of all paths that end
    in the reference's tip, and Z_y of those among them that never leave the reference child:

        L = (log Z - log Z_y) / n,  n the least number of steps to the tip within the reference

    Both sums by dynamic programming, in logarithms. The tip is the block of the reference that is
    the farthest from the parent, walked within the reference. The gradient raises what bears the
    right paths and lowers what bears others, short cuts and ways to other tips left alone: a
    perturbed or softened shortest path, in the sense of Mensch and Blondel (ICML 2018), held
    against the true one.

    Args:
        parent, child: [B, H, W] in [0, 1]; no gradient goes to the parent.
        reference: [B, H, W] in {0, 1}, the reference child.
        weight: [B, H, W]; what is ignored (0) is no part of the reference, but may carry a path.
        block: pixels a side of a block.
        steps: reach, in blocks; a static number.

    Returns:
        [B] float32 >= 0; 0 where no path within the reference leaves the parent.
    """
    start = dilate(jax.lax.stop_gradient(pool_max(parent.astype(jnp.float32), block))) >= 0.5
    price = -jnp.log(jnp.clip(pool_max(child.astype(jnp.float32), block), FLOOR, 1.0))
    inside = pool_max((reference * weight).astype(jnp.float32), block) > 0
    tip, away = farthest(start, inside, steps)
    everywhere = jnp.ones_like(inside)
    total, within = (_log_sum(start, price, where, tip, steps) for where in (everywhere, inside))
    loss = (total - within) / jnp.maximum(away, 1.0)
    return jnp.where(away > 0, jnp.maximum(loss, 0.0), 0.0)


def farthest(start: jax.Array, inside: jax.Array, steps: int) -> tuple[jax.Array, jax.Array]:
    """Return where a walk within `inside` is the farthest from its start, and how many steps.

    Args:
        start, inside: [B, h, w] bool.
        steps: most that are made; a static number.

    Returns:
        [B, h, w] bool, one place in each example, and [B] float32; 0 steps where nothing outside of
        the start is reached.
    """

    def step(
        carry: tuple[jax.Array, jax.Array], number: jax.Array
    ) -> tuple[tuple[jax.Array, jax.Array], None]:
        reached, arrival = carry
        wider = reached | ((dilate(reached.astype(jnp.float32)) > 0) & inside)
        return (wider, jnp.where(wider & ~reached, number, arrival)), None

    numbers = jnp.arange(1, steps + 1, dtype=jnp.float32)
    arrival = jnp.zeros(start.shape, jnp.float32)
    (_, arrival), _ = jax.lax.scan(step, (start, arrival), numbers)
    flat = arrival.reshape(len(arrival), -1)
    chosen = jax.nn.one_hot(flat.argmax(-1), flat.shape[-1], dtype=bool)
    return chosen.reshape(arrival.shape), flat.max(-1)


def _log_sum(
    start: jax.Array, price: jax.Array, where: jax.Array, end: jax.Array, steps: int
) -> jax.Array:
    """Return the log of the summed weights of the paths that end in `end`, [B].

    Args:
        start, where, end: [B, h, w] bool: first blocks, those that may be entered, the last one.
        price: [B, h, w], -log of a block's weight.
        steps: most that are made; a static number.
    """
    toll = jnp.where(where, price + jnp.log(float(NEIGHBOURS)), -NEVER)

    def step(
        carry: tuple[jax.Array, jax.Array], _: None
    ) -> tuple[tuple[jax.Array, jax.Array], None]:
        walks, ended = carry
        walks = jnp.maximum(_sum_of_three(_sum_of_three(walks, 1), 2) - toll, NEVER)
        at_end = jnp.where(end, walks, NEVER).max((1, 2))
        return (walks, jnp.logaddexp(ended, at_end)), None

    first = jnp.where(start, 0.0, NEVER)
    carry = (first, jnp.full(len(start), NEVER))
    return jax.lax.scan(step, carry, None, length=steps)[0][1]


def _sum_of_three(logs: jax.Array, axis: int) -> jax.Array:
    """Return the log of the sum over each place and its two neighbours along an axis."""
    margins = [(0, 0)] * logs.ndim
    margins[axis] = (1, 1)
    padded = jnp.pad(logs, margins, constant_values=NEVER)
    size = logs.shape[axis]
    before, after = (jax.lax.slice_in_dim(padded, k, k + size, axis=axis) for k in (0, 2))
    return jax.nn.logsumexp(jnp.stack([before, logs, after]), axis=0)
