"""Curves in millimetres and their exact shadows on a pixel grid.

Points are (row, column) in mm, the origin in the middle of the frame, rows downwards. A heading of
0 points up (towards the head) and grows clockwise; angles are radians.
"""

import jax
import jax.numpy as jnp


def pixel_centres(height: int, width: int, pixel_mm: jax.Array) -> jax.Array:
    """Return the pixels' centres `[H, W, 2]` in mm."""
    rows = jnp.arange(height) - (height - 1) / 2
    columns = jnp.arange(width) - (width - 1) / 2
    return jnp.stack(jnp.meshgrid(rows, columns, indexing="ij"), -1) * pixel_mm


def direction(heading: jax.Array) -> jax.Array:
    """Return the unit vectors `[..., 2]` of `heading: [...]`."""
    return jnp.stack([-jnp.cos(heading), jnp.sin(heading)], -1)


def smoothstep(t: jax.Array) -> jax.Array:
    """Rise from 0 at t <= 0 to 1 at t >= 1 with a continuous slope: 3t² - 2t³."""
    t = jnp.clip(t, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def curve(start: jax.Array, headings: jax.Array, step: jax.Array) -> jax.Array:
    """Walk from `start: [2]` in strides of `step` mm along `headings: [K]`; points `[K + 1, 2]`."""
    walk = jnp.cumsum(direction(headings) * step, 0)
    return start + jnp.concatenate([jnp.zeros((1, 2)), walk])


def distance_to_curve(grid: jax.Array, points: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return each pixel's distance to a polyline and where along it the nearest point lies.

    A scan over the segments keeps one [H, W] minimum, so that memory does not grow with them.

    Args:
        grid: [H, W, 2] mm.
        points: [K + 1, 2] mm.

    Returns:
        distance: [H, W] mm, positive to the right of the curve and negative to its left.
        along: [H, W] in [0, K], the nearest point in segments.
    """
    rows, columns = grid[..., 0], grid[..., 1]

    def nearer(
        best: tuple[jax.Array, jax.Array, jax.Array],
        segment: tuple[jax.Array, jax.Array, jax.Array],
    ) -> tuple[tuple[jax.Array, jax.Array, jax.Array], None]:
        squared, along, side = best
        index, (row, column), (down, right) = segment
        y, x = rows - row, columns - column
        length = jnp.maximum(down * down + right * right, 1e-9)
        t = jnp.clip((y * down + x * right) / length, 0.0, 1.0)
        offset_y, offset_x = y - t * down, x - t * right
        candidate = offset_y * offset_y + offset_x * offset_x
        closer = candidate < squared
        return (
            jnp.where(closer, candidate, squared),
            jnp.where(closer, index + t, along),
            jnp.where(closer, y * right - x * down, side),
        ), None

    count = points.shape[0] - 1
    first = (jnp.full_like(rows, jnp.inf), jnp.zeros_like(rows), jnp.zeros_like(rows))
    segments = (jnp.arange(count, dtype=rows.dtype), points[:-1], jnp.diff(points, axis=0))
    (squared, along, side), _ = jax.lax.scan(nearer, first, segments)
    return jnp.sqrt(squared) * jnp.where(side < 0, -1.0, 1.0), along


def coverage(signed_distance: jax.Array, pixel_mm: jax.Array | float) -> jax.Array:
    """Return the covered part of each pixel, in [0, 1]: linear over one pixel around the edge.

    Args:
        signed_distance: [H, W] mm, negative inside.
        pixel_mm: [] mm.
    """
    return jnp.clip(0.5 - signed_distance / pixel_mm, 0.0, 1.0)


def chord(distance: jax.Array, radius: jax.Array) -> jax.Array:
    """Return the ray's path through a cylinder at `distance: [H, W]`: 2 sqrt(r² - d²) mm, or 0."""
    return 2.0 * jnp.sqrt(jnp.maximum(radius**2 - distance**2, 0.0))


def thin_chord(distance: jax.Array, radius: jax.Array, pixel_mm: jax.Array) -> jax.Array:
    """Return the mean path of a pixel's rays through a cylinder hardly thicker than it, in mm.

    The `chord`, averaged in closed form over the pixel's width across the axis:
    F(d + p/2) - F(d - p/2) over p, with F(t) = t sqrt(r² - t²) + r² asin(t / r). So a wire thinner
    than a pixel keeps its exact mass wherever it falls between the pixels.

    Args:
        distance: [H, W] mm from the axis, of either sign.
        radius: [] mm, > 0.
        pixel_mm: [] mm.

    Returns:
        [H, W] mm, >= 0.
    """

    def area(t: jax.Array) -> jax.Array:
        t = jnp.clip(t / radius, -1.0, 1.0)
        return radius**2 * (t * jnp.sqrt(jnp.maximum(1.0 - t * t, 0.0)) + jnp.arcsin(t))

    half = pixel_mm / 2
    return jnp.maximum(area(distance + half) - area(distance - half), 0.0) / pixel_mm


def smooth_noise(
    key: jax.Array,
    height: int,
    width: int,
    cells: int | tuple[int, int],
    shift: jax.Array | None = None,
) -> jax.Array:
    """Return a smooth random field `[H, W]`: cubic B-splines over random nodes, mean 0, variance 1.

    Args:
        key: draws the nodes.
        height: of the frame, in pixels.
        width: of the frame, in pixels.
        cells: nodes a side; or (rows, columns), for a grain that is longer one way.
        shift: [2] pixels by which the frame sees the field from elsewhere, below 6 cells.
    """
    margin = 8  # nodes beyond the frame: they feed its border, and the shift
    rows, columns = cells if isinstance(cells, tuple) else (cells, cells)
    moved = jnp.zeros(2) if shift is None else shift
    # Uniform nodes of variance 1 / 0.479², which the weights' squares take back on average.
    nodes = (jax.random.uniform(key, (rows + 2 * margin, columns + 2 * margin)) - 0.5) * (
        12.0**0.5 / 0.479
    )

    def weights(size: int, count: int, offset: jax.Array | float) -> jax.Array:
        place = (jnp.arange(size) + 0.5 + offset) * (count / size) + margin
        t = jnp.abs(place[:, None] - jnp.arange(count + 2 * margin))
        near, far = 2 / 3 - t**2 + t**3 / 2, jnp.maximum(2.0 - t, 0.0) ** 3 / 6
        return jnp.where(t < 1.0, near, far)

    return weights(height, rows, moved[0]) @ nodes @ weights(width, columns, moved[1]).T


def smear(image: jax.Array, shift: jax.Array, length: jax.Array, lag: jax.Array) -> jax.Array:
    """Return `image: [H, W]` as a detector sees it while it moves along the rows.

    (1 - lag) * now + lag * (the frame before, which lay `shift` rows higher), both drawn out over
    `length` rows: one product with a banded matrix.

    Args:
        image: [H, W], as it is now.
        shift: [] rows moved down since the frame before.
        length: [] rows moved during the exposure, >= 0.
        lag: [] share of the frame before, in [0, 1).
    """
    index = jnp.arange(image.shape[0])
    ahead = index - index[:, None]

    def seen(offset: jax.Array | float) -> jax.Array:
        weights = jnp.maximum(1.0 - jnp.abs(ahead - offset) / (1.0 + length / 2), 0.0)
        return weights / jnp.maximum(weights.sum(1, keepdims=True), 1e-6)

    return ((1.0 - lag) * seen(0.0) + lag * seen(shift)) @ image


def blur(image: jax.Array, sigma: jax.Array) -> jax.Array:
    """Blur `image: [H, W]` by a Gaussian of `sigma` pixels; the edge's loss is made good.

    Two products with banded matrices: exact for any sigma, a traced one too, and fast on a CPU.
    """

    def kernel(size: int) -> jax.Array:
        index = jnp.arange(size)
        weights = jnp.exp(-0.5 * ((index[:, None] - index) / jnp.maximum(sigma, 1e-3)) ** 2)
        return weights / weights.sum(1, keepdims=True)

    return kernel(image.shape[0]) @ image @ kernel(image.shape[1]).T
