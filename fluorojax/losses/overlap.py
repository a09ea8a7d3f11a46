"""Losses of areas: cross entropy and overlap. One value an example, float32."""

import jax
import jax.numpy as jnp

from fluorojax.geometry.morphology import dilate

SMOOTH = 1.0  # pixels; keeps Dice defined, and its gradient finite, where nothing is there
LEAST = 0.001  # share of a frame; what is smaller weighs less in the focal loss, with its area


def cross_entropy(logits: jax.Array, target: jax.Array, weight: jax.Array) -> jax.Array:
    """Return the binary cross entropy, mean over the pixels that count.

    CE = sum w (softplus(z) - y z) / sum w, which equals -y log p - (1 - y) log(1 - p) and neither
    overflows nor takes the logarithm of 0.

    Args:
        logits: [B, H, W], any float type.
        target: [B, H, W] in {0, 1}.
        weight: [B, H, W] >= 0; 0 where a pixel does not count.

    Returns:
        [B] float32 >= 0; 0 where no pixel counts.
    """
    z, y, w = (x.astype(jnp.float32) for x in (logits, target, weight))
    # optax's sigmoid_binary_cross_entropy takes two logarithms a pixel where this takes one, and
    # gives other last bits in one pixel of eight: runs would no longer repeat older ones.
    total = (w * (jax.nn.softplus(z) - y * z)).sum((1, 2))
    return total / jnp.maximum(w.sum((1, 2)), 1.0)


def dice(
    probabilities: jax.Array, target: jax.Array, weight: jax.Array, smooth: float = SMOOTH
) -> jax.Array:
    """Return 1 - soft Dice over the pixels that count.

    1 - (2 sum w p y + s) / (sum w p + sum w y + s), s = `smooth` (Milletari et al., 3DV 2016, with
    linear terms in the denominator). Where the target is empty its gradient is s / (sum w p + s)^2
    a pixel: with s = 1 a few false pixels weigh as much as a whole missed object, and hundreds of
    them hardly anything.

    Args:
        probabilities: [B, H, W] in [0, 1].
        target: [B, H, W] in {0, 1}.
        weight: [B, H, W] >= 0.
        smooth: pixels > 0, a static number.

    Returns:
        [B] float32 in [0, 1]; 0 where target and prediction are empty.
    """
    p, y, w = (x.astype(jnp.float32) for x in (probabilities, target, weight))
    both = (w * p * y).sum((1, 2))
    sizes = (w * (p + y)).sum((1, 2))
    return 1.0 - (2.0 * both + smooth) / (sizes + smooth)


def present_dice(
    probabilities: jax.Array,
    target: jax.Array,
    absent: jax.Array,
    weight: jax.Array,
    smooth: float = SMOOTH,
) -> jax.Array:
    """Return 1 - soft Dice, times `absent: []` for the examples that do not show the class, [B].

    See `dice`; a class is shown where its target has a pixel that counts.
    """
    share = jnp.where((target * weight > 0).any((1, 2)), 1.0, absent)
    return share * dice(probabilities, target, weight, smooth)


def focal(
    logits: jax.Array, target: jax.Array, weight: jax.Array, gamma: float, least: float = LEAST
) -> jax.Array:
    """Return the focal loss: cross entropy in which pixels that are right already count little.

    FL = sum w (1 - p_t)^gamma CE / max(sum w y, f sum w), f = `least`, with p_t the probability
    given to the truth (Lin et al., ICCV 2017, without its class weight, and like there divided by
    the number of what is to be found, not by all pixels). So an object weighs the same whatever
    its size, and its pull does not fade while it is not found at all, as Dice's does.

    Args:
        logits: [B, H, W], any float type.
        target: [B, H, W] in {0, 1}.
        weight: [B, H, W] >= 0; 0 where a pixel does not count.
        gamma: >= 0, a static number.
        least: share of the frame in (0, 1] that what is smaller, or absent, is taken to have.

    Returns:
        [B] float32 >= 0; 0 where no pixel counts.
    """
    z, y, w = (x.astype(jnp.float32) for x in (logits, target, weight))
    against = jnp.where(y > 0, -z, z)  # log odds of what is not true
    total = (w * jax.nn.sigmoid(against) ** gamma * jax.nn.softplus(against)).sum((1, 2))
    size = jnp.maximum((w * y).sum((1, 2)), least * w.sum((1, 2)))
    return total / jnp.maximum(size, least)


def tversky(
    probabilities: jax.Array, target: jax.Array, weight: jax.Array, miss: float
) -> jax.Array:
    """Return 1 - Tversky index: overlap in which a missed pixel costs more than a false one.

    1 - (TP + s) / (TP + (1 - m) FP + m FN + s), s = 1 pixel, m = `miss` (Salehi et al., MLMI 2017,
    arXiv:1706.05721); m = 1/2 is Dice, but for s.

    Args:
        probabilities: [B, H, W] in [0, 1].
        target: [B, H, W] in {0, 1}.
        weight: [B, H, W] >= 0.
        miss: share of the cost that a missed pixel has, in [0, 1].

    Returns:
        [B] float32 in [0, 1]; 0 where target and prediction are empty.
    """
    p, y, w = (x.astype(jnp.float32) for x in (probabilities, target, weight))
    both = (w * p * y).sum((1, 2))
    false, missed = (w * p * (1.0 - y)).sum((1, 2)), (w * (1.0 - p) * y).sum((1, 2))
    return 1.0 - (both + SMOOTH) / (both + (1.0 - miss) * false + miss * missed + SMOOTH)


def boundary(
    probabilities: jax.Array, target: jax.Array, weight: jax.Array, reach: int
) -> jax.Array:
    """Return the boundary loss: what is wrong, weighted by how far it is from the contour.

    sum w |phi| |p - y| / (reach sum w), phi the distance to the other side of the contour, in
    pixels along rows, columns and diagonals (chessboard), at most `reach`. It is Kervadec et al.'s
    sum phi p (MIDL 2019), phi < 0 inside, less its value for the truth, so that 0 is perfect.

    Args:
        probabilities: [B, H, W] in [0, 1].
        target: [B, H, W] in {0, 1}.
        weight: [B, H, W] >= 0.
        reach: pixels from which on all errors cost the same; a static number >= 1.

    Returns:
        [B] float32 in [0, 1]; 0 where no pixel counts.
    """
    p, y, w = (x.astype(jnp.float32) for x in (probabilities, target, weight))
    far = distance(y, reach) * (1.0 - y) + distance(1.0 - y, reach) * y
    wrong = (w * far * jnp.abs(p - y)).sum((1, 2))
    return wrong / (reach * jnp.maximum(w.sum((1, 2)), 1.0))


def distance(mask: jax.Array, reach: int) -> jax.Array:
    """Return the chessboard distance to `mask: [B, H, W] in {0, 1}`, in pixels, at most `reach`."""

    def step(_: int, carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        grown, steps = carry
        return dilate(grown), steps + 1.0 - grown

    return jax.lax.fori_loop(0, reach, step, (mask, jnp.zeros_like(mask)))[1]
