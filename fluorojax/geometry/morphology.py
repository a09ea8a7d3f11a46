"""Grey-scale morphology on batches, for losses and for the input of a cascade's later stages."""

import jax
import jax.numpy as jnp

POOL = 4  # the relation is looked at on a grid this much coarser: cheap, and fine enough
REACH = 12  # pixels of that grid over which a spatial prior falls to 0
LEAST_SHARE = 1e-3  # that `in_front` divides by


def pool_max(x: jax.Array, factor: int = POOL) -> jax.Array:
    """Return the maximum of each factor x factor block, `[B, H, W] -> [B, H / f, W / f]`.

    By reshaping: the gradient of a windowed maximum is slow on the CPU and not deterministic on a
    GPU. Rows and columns that do not fill a block are taken as 0.
    """
    batch, height, width = x.shape
    x = jnp.pad(x, ((0, 0), (0, -height % factor), (0, -width % factor)))
    blocks = (batch, x.shape[1] // factor, factor, x.shape[2] // factor, factor)
    return x.reshape(blocks).max((2, 4))


def enlarge(x: jax.Array, factor: int = POOL) -> jax.Array:
    """Repeat each pixel factor x factor times, `[B, h, w] -> [B, h f, w f]`."""
    batch, height, width = x.shape
    wide = jnp.broadcast_to(x[:, :, None, :, None], (batch, height, factor, width, factor))
    return wide.reshape(batch, height * factor, width * factor)


def dilate(x: jax.Array) -> jax.Array:
    """Return the maximum over each pixel's 3 x 3 neighbourhood, `[B, H, W]`, values >= 0."""
    return _dilate_axis(_dilate_axis(x, 1), 2)


def _dilate_axis(x: jax.Array, axis: int) -> jax.Array:
    size = x.shape[axis]
    margins = [(0, 0)] * x.ndim
    margins[axis] = (1, 1)
    padded = jnp.pad(x, margins)
    before = jax.lax.slice_in_dim(padded, 0, size, axis=axis)
    after = jax.lax.slice_in_dim(padded, 2, size + 2, axis=axis)
    return jnp.maximum(x, jnp.maximum(before, after))


def erode_cross(x: jax.Array) -> jax.Array:
    """Return the minimum over each pixel and its four side-neighbours, `[B, H, W] in [0, 1]`.

    What lies outside the image takes nothing away.
    """
    rest = 1.0 - x
    return 1.0 - jnp.maximum(_dilate_axis(rest, 1), _dilate_axis(rest, 2))


def reconstruct(marker: jax.Array, mask: jax.Array, iterations: int) -> jax.Array:
    """Return the fuzzy geodesic reconstruction of `marker` under `mask` by dilation.

    m_0 = min(marker, mask);  m_{k+1} = min(dilate3x3(m_k), mask)

    At stability a pixel's value is that of the weakest pixel of the best path (8-neighbours) from
    the marker: a path that is broken carries nothing across (Vincent, IEEE Trans. Image Processing
    2(2), 1993). The gradient goes to that weakest pixel.

    Args:
        marker: [B, H, W] in [0, 1].
        mask: [B, H, W] in [0, 1].
        iterations: dilations made, each one pixel of reach; a static number.
    """

    def step(_: int, m: jax.Array) -> jax.Array:
        return jnp.minimum(dilate(m), mask)

    return jax.lax.fori_loop(0, iterations, step, jnp.minimum(marker, mask))


def proximity(x: jax.Array, reach: int = REACH) -> jax.Array:
    """Return a spatial prior of "close to x", which falls from x's own values to 0 over `reach`
    pixels.

    p_0 = x;  p_{k+1} = max(p_k, dilate3x3(p_k) - 1 / reach)

    Args:
        x: [B, H, W] in [0, 1].
        reach: pixels; a static number.
    """

    def step(_: int, p: jax.Array) -> jax.Array:
        return jnp.maximum(p, dilate(p) - 1.0 / reach)

    return jax.lax.fori_loop(0, reach, step, x)


def share_around(x: jax.Array, reach: int) -> jax.Array:
    """Return the mean of x over each pixel's (2 reach + 1)^2 square; the border repeats outwards.

    Args:
        x: [B, H, W].
        reach: pixels; a static number.
    """
    for axis in (1, 2):
        margins = [(0, 0)] * 3
        margins[axis] = (reach + 1, reach)
        total = jnp.cumsum(jnp.pad(x, margins, mode="edge"), axis)
        size = x.shape[axis]
        ahead = jax.lax.slice_in_dim(total, 2 * reach + 1, 2 * reach + 1 + size, axis=axis)
        x = (ahead - jax.lax.slice_in_dim(total, 0, size, axis=axis)) / (2 * reach + 1)
    return x


def in_front(x: jax.Array, reach: int = REACH) -> jax.Array:
    """Return a spatial prior of "in front of the tip of x", x a tube: close to it, but not beside
    it.

    From a point at distance d of a long tube's side, as much of the tube lies within `reach` as
    from within it, give or take; from a point in front of its end, at most half of that. With n the
    `proximity`, 1 - d / reach, and s the share of the surroundings that is tube, over the largest
    such share within `reach`:

        f = clip(2 (n - s), 0, n)

    In front of the end s <= n / 2, so f = n; beside the tube s >= n, so f = 0; in between it falls.

    Args:
        x: [B, H, W] in [0, 1]; where it leaves the image it is taken to go on.
        reach: pixels; a static number.
    """
    near = proximity(x, reach)
    around = share_around(x, reach)
    most = around
    for _ in range(reach):
        most = dilate(most)
    return jnp.clip(2.0 * (near - around / jnp.maximum(most, LEAST_SHARE)), 0.0, near)
