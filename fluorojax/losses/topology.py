"""Losses of thin classes: what holds a wire together. One value an example, float32."""

import jax
import jax.numpy as jnp

from fluorojax.geometry.morphology import dilate, erode_cross

SMOOTH = 1.0  # pixels; keeps a share defined where there is no centreline


def skeleton_recall(probabilities: jax.Array, skeleton: jax.Array, weight: jax.Array) -> jax.Array:
    """Return the share of the reference centreline that the prediction misses.

    1 - sum w p s / sum w s (Kirchhoff et al., "Skeleton Recall Loss", ECCV 2024). The centreline
    is computed when the data set is built and dilated twice, so the loss costs one product. As in
    the paper's own code, what the dilation adds beyond the mask is left out: it would ask for a
    wire wider than it is.

    Args:
        probabilities: [B, H, W] in [0, 1].
        skeleton: [B, H, W] in {0, 1}, the dilated centreline, within the mask.
        weight: [B, H, W] >= 0; 0 where a pixel does not count.

    Returns:
        [B] float32 in [0, 1]; 0 where there is no centreline.
    """
    p, s, w = (x.astype(jnp.float32) for x in (probabilities, skeleton, weight))
    length = (w * s).sum((1, 2))
    missed = (w * (1.0 - p) * s).sum((1, 2))
    return missed / jnp.maximum(length, 1.0)


def soft_skeleton(x: jax.Array, iterations: int) -> jax.Array:
    """Return a fuzzy centreline of `x: [B, H, W] in [0, 1]`, by erosions and openings.

    S = relu(x - open(x)), then as often as `iterations`: x <- erode(x), d = relu(x - open(x)),
    S <- S + relu(d - S d), with open = dilate3x3(erode) (Shit et al. 2021, arXiv:2003.07311,
    algorithm 1). It needs half the width of the widest thing, in pixels, or that has no centreline.

    Args:
        x: [B, H, W] in [0, 1].
        iterations: a static number >= 0.

    Returns:
        [B, H, W] in [0, 1].
    """

    def ridge(x: jax.Array) -> jax.Array:
        return jax.nn.relu(x - dilate(erode_cross(x)))

    def step(_: int, carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        x, found = carry
        x = erode_cross(x)
        more = ridge(x)
        return x, found + jax.nn.relu(more - found * more)

    return jax.lax.fori_loop(0, iterations, step, (x, ridge(x)))[1]


def soft_cldice(
    probabilities: jax.Array, target: jax.Array, weight: jax.Array, iterations: int
) -> jax.Array:
    """Return 1 - soft clDice, the harmonic mean of what two fuzzy centrelines have of the masks.

    1 - 2 a b / (a + b), a = (sum S_p y + s) / (sum S_p + s), b = (sum S_y p + s) / (sum S_y + s),
    s = 1 pixel, S of `soft_skeleton` (Shit et al. 2021, arXiv:2003.07311).

    Args:
        probabilities: [B, H, W] in [0, 1].
        target: [B, H, W] in {0, 1}.
        weight: [B, H, W] >= 0; 0 where a pixel does not count: it belongs to neither mask.
        iterations: of the skeletons; a static number.

    Returns:
        [B] float32 in [0, 1]; 0 where target and prediction are empty.
    """
    p, y, w = (x.astype(jnp.float32) for x in (probabilities, target, weight))
    p, y = w * p, w * y
    of_p, of_y = soft_skeleton(p, iterations), soft_skeleton(y, iterations)
    precision = ((of_p * y).sum((1, 2)) + SMOOTH) / (of_p.sum((1, 2)) + SMOOTH)
    sensitivity = ((of_y * p).sum((1, 2)) + SMOOTH) / (of_y.sum((1, 2)) + SMOOTH)
    return 1.0 - 2.0 * precision * sensitivity / (precision + sensitivity)
