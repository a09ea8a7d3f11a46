"""Augmentation of one example on the device: pure, keyed, made for `jit` and `vmap`.

Crop, affine map, flips and elastic deformation are composed into one field of coordinates, and the
frame is sampled once: image, masks, centrelines and ignored pixels see the same geometry, and
nothing is interpolated twice. A batch is a `jax.vmap` over keys and samples, each example with a
key of its own (`fluorojax.core.rng.stream`).
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Range = tuple[float, float]

BLUR_RADIUS = 3  # pixels: the kernel's reach, enough for `blur_px` up to 1.5
MAX_LABELS = 31  # binary channels that travel together in one word
UNIT_BITS = 10  # coordinates are whole numbers of 1/1024 pixel
UNIT = 1 << UNIT_BITS


class Sample(NamedTuple):
    """An example on the working grid, or a batch of them with a leading axis."""

    image: jax.Array  # [H, W] float32 in [0, 1]
    mask: jax.Array  # [H, W, C] in {0, 1}
    skeleton: jax.Array  # [H, W, C] in {0, 1}; only the thin classes have one
    ignore: jax.Array  # [H, W] in {0, 1}; 1: counts for nothing


@dataclasses.dataclass(frozen=True)
class AugmentSpec:
    """How far an example may be moved; ranges are uniform, rates are probabilities in [0, 1].

    The affine map (rotation, scale, shear) and the elastic field each have a rate of their own;
    gamma, contrast and brightness are always drawn. A pytree: give it to a jitted function as an
    argument, or close over it.
    """

    affine_rate: float = 0.8
    rotation_degrees: Range = (-20.0, 20.0)  # degrees, clockwise
    scale: Range = (0.8, 1.25)  # factor; > 1 magnifies; uniform in its logarithm
    shear: Range = (-0.08, 0.08)  # tangent of the angle
    elastic_rate: float = 0.3
    elastic_px: float = 6.0  # pixels; each node of the coarse grid moves by at most this
    elastic_cells: int = 5  # cells a side; keep elastic_px below a third of a cell, or it folds
    flip_horizontal_rate: float = 0.5
    flip_vertical_rate: float = 0.0
    gamma: Range = (0.7, 1.4)  # exponent; uniform in its logarithm
    contrast: Range = (0.75, 1.3)  # factor about the grey value 0.5
    brightness: Range = (-0.1, 0.1)  # grey value, of [0, 1]
    inversion_rate: float = 0.1  # polarity: dense is bright
    noise_rate: float = 0.5
    noise_std: Range = (0.0, 0.04)  # grey value, of [0, 1]; before the blur, so it is correlated
    blur_rate: float = 0.3
    blur_px: Range = (0.3, 1.0)  # pixels, standard deviation; at most 1.5
    foreground_oversampling: float = (
        0.7  # the crop contains a random pixel of a thin class, if there is one
    )


# A pytree of numbers: one compiled function serves every spec (`elastic_cells` sets a shape).
jax.tree_util.register_dataclass(
    AugmentSpec,
    [f.name for f in dataclasses.fields(AugmentSpec) if f.name != "elastic_cells"],
    ["elastic_cells"],
)


def augment(
    key: jax.Array,
    sample: Sample,
    spec: AugmentSpec,
    crop_size: tuple[int, int],
    thin: tuple[int, ...],
) -> Sample:
    """Return a random crop of a randomly deformed and re-exposed sample.

    Output pixel o shows the input at p + A (o - q) + D(o) - D(q): A the affine map, D the elastic
    field, (p, q) a pair of points that the crop maps onto each other.

    Args:
        key: of this example.
        sample: [H, W] and [H, W, C], without a batch axis.
        spec: how far.
        crop_size: (h, w) of the result, at most (H, W); static.
        thin: indices of the thin classes (curves): the crop seeks them; static.

    Returns:
        The sample at `crop_size`, dtypes kept. Labels are interpolated linearly and cut at 0.5;
        they are the same to the last bit in a batch of any size, grey values to about 1e-4.
        What lies outside the frame is ignored, has no label, and repeats the border's grey value.

    Raises:
        ValueError: the crop is larger than the frame, or there are more than 31 binary channels.
    """
    _check(sample, crop_size, thin)
    number_key, elastic_key, noise_key = jax.random.split(key, 3)
    # One draw for all single numbers: each call of the generator costs time to compile.
    number = jax.random.uniform(number_key, (21,))
    matrix = _affine(number[:6], spec)
    here, there = _crop(number[6:12], sample, spec.foreground_oversampling, crop_size, thin, matrix)
    field = _elastic(elastic_key, number[12], spec, crop_size)
    rows, columns = _coordinates(here, there, matrix, field)
    moved = _sample(sample, rows, columns, thin)
    return moved._replace(image=_expose(number[13:], noise_key, moved.image, spec))


def _check(sample: Sample, crop_size: tuple[int, int], thin: tuple[int, ...]) -> None:
    height, width = sample.image.shape
    if crop_size[0] > height or crop_size[1] > width:
        raise ValueError(f"crop {crop_size} is larger than the frame {(height, width)}")
    labels = sample.mask.shape[-1] + len(thin) + 1
    if labels > MAX_LABELS:
        raise ValueError(f"{labels} binary channels; at most {MAX_LABELS} travel in one word")


# ---- where ---------------------------------------------------------------------------------------


def _crop(
    number: jax.Array,
    sample: Sample,
    foreground_oversampling: float,
    crop_size: tuple[int, int],
    thin: tuple[int, ...],
    matrix: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Return a point of the frame and the point of the crop that shows it, float32 [2] each.

    Either a random thin pixel, anywhere in the crop (its middle is not preferred, or the network
    would learn that wires lie in the middle), or the middles of a uniformly placed crop and of
    itself.

    Args:
        number: [6] in [0, 1).
        matrix: [2, 2], the affine map.
    """
    size = jnp.array(crop_size)
    room = jnp.array(sample.image.shape) - size
    pixel, exists = _thin_pixel(number[0], sample, thin)
    seek = (number[1] < foreground_oversampling) & exists
    middle = (size - 1) / 2
    anywhere = jnp.floor(number[2:4] * (room + 1)) + middle
    here = jnp.where(seek, pixel, anywhere)
    there = jnp.where(seek, jnp.floor(number[4:] * size), middle)
    return here, _pulled_inside(here, there, matrix, middle, (room + size - 1) / 2)


def _pulled_inside(
    here: jax.Array, there: jax.Array, matrix: jax.Array, middle: jax.Array, frame_middle: jax.Array
) -> jax.Array:
    """Move the crop back into the frame, as far as `here` stays in it: the new `there`."""
    (a, b), (c, d) = matrix
    inverse = jnp.stack([jnp.stack([d, -b]), jnp.stack([-c, a])]) / (a * d - b * c)

    def times(m: jax.Array, vector: jax.Array) -> jax.Array:
        return m[:, 0] * vector[0] + m[:, 1] * vector[1]

    centre = here + times(matrix, middle - there)
    slack = jnp.maximum(frame_middle - times(jnp.abs(matrix), middle), 0.0)
    inside = jnp.clip(centre, frame_middle - slack, frame_middle + slack)
    return jnp.clip(middle + times(inverse, here - inside), 0.0, 2.0 * middle)


def _thin_pixel(
    number: jax.Array, sample: Sample, thin: tuple[int, ...]
) -> tuple[jax.Array, jax.Array]:
    """Pick one of the thin classes' pixels that count by `number` in [0, 1).

    Returns its row and column, float32 [2], and whether there is any.
    """
    labelled = jnp.zeros(sample.image.shape, bool)
    for k in thin:
        labelled |= sample.mask[..., k] > 0
    labelled &= sample.ignore == 0
    # First the row, by the rows' counts, then the pixel in it: no scan over the whole frame.
    until = jnp.cumsum(labelled.sum(1))
    place = jnp.floor(number * until[-1]).astype(until.dtype)
    row = jnp.minimum((until <= place).sum(), labelled.shape[0] - 1)
    inside = place - (until[row] - labelled[row].sum())
    column = jnp.minimum((jnp.cumsum(labelled[row]) <= inside).sum(), labelled.shape[1] - 1)
    return jnp.stack([row, column]).astype(jnp.float32), until[-1] > 0


def _coordinates(
    here: jax.Array, there: jax.Array, matrix: jax.Array, field: jax.Array
) -> jax.Array:
    """Return which row and column of the frame each pixel of the crop shows: two int32 [h, w].

    In whole numbers of 1/1024 pixel. XLA may compute a float twice, with and without a fused
    multiply-add, and so look up one pixel and weigh another; integers cannot differ, and the
    geometry is the same to the last bit in a batch of any size. Crops up to 2048 pixels.
    """
    height, width = field.shape[1:]
    matrix = jnp.round(matrix * 2**15).astype(jnp.int32)
    quarters = jnp.round(4 * there).astype(jnp.int32)
    down = 4 * jnp.arange(height)[:, None] - quarters[0]
    right = 4 * jnp.arange(width) - quarters[1]
    field = jnp.round(UNIT * field).astype(jnp.int32)
    origin = jnp.round(UNIT * here).astype(jnp.int32)[:, None, None]
    origin = origin - field[:, quarters[0] // 4, quarters[1] // 4, None, None]
    linear = jnp.stack([m[0] * down + m[1] * right for m in matrix])  # 1/2^17 pixel
    return origin + ((linear + 64) >> 7) + field


def _between(bounds: Sequence[Range | jax.Array], number: jax.Array) -> jax.Array:
    """Map numbers in [0, 1) to the ranges: one of `bounds` each."""
    low, high = jnp.array([list(b) for b in bounds], jnp.float32).T
    return low + (high - low) * number


def _affine(number: jax.Array, spec: AugmentSpec) -> jax.Array:
    """Return the map [2, 2] from an offset in the crop to one in the frame, of `number: [6]`."""
    drawn = _between(
        (spec.rotation_degrees, jnp.log(jnp.array(spec.scale)), spec.shear), number[:3]
    )
    degrees, zoom, shear = drawn * (number[3] < spec.affine_rate)
    angle = jnp.deg2rad(degrees)
    vertical = jnp.where(number[4] < spec.flip_vertical_rate, -1.0, 1.0)
    horizontal = jnp.where(number[5] < spec.flip_horizontal_rate, -1.0, 1.0)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    rows = jnp.stack([cos, shear * cos - sin])
    columns = jnp.stack([sin, shear * sin + cos])
    flip = jnp.stack([vertical, horizontal])
    return jnp.stack([rows, columns]) * flip * jnp.exp(-zoom)


def _elastic(
    key: jax.Array, number: jax.Array, spec: AugmentSpec, crop_size: tuple[int, int]
) -> jax.Array:
    """Return smooth displacements [2, h, w] in pixels: cubic B-splines over random nodes.

    The weights of a B-spline are positive with sum 1, so no pixel moves by more than its nodes.
    """
    cells = spec.elastic_cells
    nodes = jax.random.uniform(key, (2, cells + 3, cells + 3), minval=-1.0, maxval=1.0)
    down, right = (_spline_weights(size, cells) for size in crop_size)
    reach = spec.elastic_px * (number < spec.elastic_rate)
    return reach * jnp.einsum("hm,amn,wn->ahw", down, nodes, right)


def _spline_weights(size: int, cells: int) -> np.ndarray:
    """Return the constant weights [size, cells + 3] of cubic B-splines, `cells` to the side."""
    place = (np.arange(size) + 0.5) * cells / size + 1.0
    t = np.abs(place[:, None] - np.arange(cells + 3))
    near, far = 2 / 3 - t**2 + t**3 / 2, np.maximum(2.0 - t, 0.0) ** 3 / 6
    return np.where(t < 1.0, near, far).astype(np.float32)


# ---- sampling ------------------------------------------------------------------------------------


def _sample(sample: Sample, rows: jax.Array, columns: jax.Array, thin: tuple[int, ...]) -> Sample:
    """Sample at `rows, columns: [h, w]` (1/1024 pixel), bilinearly; labels cut at 0.5.

    Gathers are what costs on a CPU, so all binary channels travel as the bits of one word: two
    values a tap, whatever the number of classes. The weights are exact in float32, and so is a
    label's share.
    """
    height, width = sample.image.shape
    classes = sample.mask.shape[-1]
    outside = (rows < -UNIT // 2) | (rows > height * UNIT - UNIT // 2)
    outside |= (columns < -UNIT // 2) | (columns > width * UNIT - UNIT // 2)
    rows = jnp.clip(rows, 0, (height - 1) * UNIT)
    columns = jnp.clip(columns, 0, (width - 1) * UNIT)
    top, left = rows >> UNIT_BITS, columns >> UNIT_BITS
    down, right = (rows & (UNIT - 1)) / UNIT, (columns & (UNIT - 1)) / UNIT
    below, beyond = jnp.minimum(top + 1, height - 1), jnp.minimum(left + 1, width - 1)

    labels = [*jnp.moveaxis(sample.mask, -1, 0), *(sample.skeleton[..., k] for k in thin)]
    word = _pack([*labels, sample.ignore])
    flat_image, flat_word = sample.image.reshape(-1), word.reshape(-1)
    image = jnp.zeros(rows.shape)
    shares = [jnp.zeros(rows.shape)] * (len(labels) + 1)
    for row, column, weight in (
        (top, left, (1 - down) * (1 - right)),
        (top, beyond, (1 - down) * right),
        (below, left, down * (1 - right)),
        (below, beyond, down * right),
    ):
        index = row * width + column
        image += weight * flat_image.at[index].get(mode="promise_in_bounds")
        bits = flat_word.at[index].get(mode="promise_in_bounds")
        shares = [s + weight * ((bits >> k) & 1) for k, s in enumerate(shares)]
    image, shares = jax.lax.optimization_barrier((image, shares))
    *shown, ignored = [share >= 0.5 for share in shares]
    shown = [label & ~outside for label in shown]

    lines = dict(zip(thin, shown[classes:], strict=True))
    skeleton = [lines.get(k, jnp.zeros_like(outside)) for k in range(classes)]
    return Sample(
        image,
        jnp.stack(shown[:classes], -1).astype(sample.mask.dtype),
        jnp.stack(skeleton, -1).astype(sample.skeleton.dtype),
        (ignored | outside).astype(sample.ignore.dtype),
    )


def _pack(channels: Sequence[jax.Array]) -> jax.Array:
    """Put binary channels [H, W] into the bits of one int32 word [H, W], the first lowest."""
    word = jnp.zeros(channels[0].shape, jnp.int32)
    for k, channel in enumerate(channels):
        word |= (channel > 0).astype(jnp.int32) << k
    return word


# ---- grey values ---------------------------------------------------------------------------------


def _expose(
    number: jax.Array, noise_key: jax.Array, image: jax.Array, spec: AugmentSpec
) -> jax.Array:
    """Gamma, contrast, brightness, polarity, noise, blur of `image: [h, w]`; stays in [0, 1].

    Args:
        number: [8] in [0, 1).
    """
    log_gamma = jnp.log(jnp.array(spec.gamma))
    bounds = (log_gamma, spec.contrast, spec.brightness, spec.noise_std, spec.blur_px)
    log_gamma, contrast, brightness, std, sigma = _between(bounds, number[:5])
    inverted = number[5] < spec.inversion_rate
    noisy, blurred = number[6] < spec.noise_rate, number[7] < spec.blur_rate
    # Each step leaves the image exactly as it is where nothing is to change.
    image = jnp.where(log_gamma == 0.0, image, image ** jnp.exp(log_gamma))
    image = image * contrast + (0.5 * (1.0 - contrast) + brightness)
    image = jnp.where(inverted, 1.0 - image, image) + std * noisy * _bell(noise_key, image.shape)
    # The kernel reads each pixel seven times: the power and the noise are not to be.
    image = _blur(jax.lax.optimization_barrier(image), sigma * blurred)
    return jnp.clip(image, 0.0, 1.0)


def _bell(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Draw noise of mean 0 and standard deviation 1: the sum of a word's four bytes, scaled.

    Close to the normal law up to 3 standard deviations (its kurtosis is 2.7) and a fraction of the
    cost.
    """
    bits = jax.random.bits(key, shape)
    total = sum(((bits >> shift) & 255).astype(jnp.float32) for shift in (0, 8, 16, 24))
    return (total - 510.0) / (4 * (256.0**2 - 1) / 12) ** 0.5


def _blur(image: jax.Array, sigma: jax.Array) -> jax.Array:
    """Blur by a Gaussian of `sigma` pixels, cut at 3 pixels; 0 leaves the image as it is."""
    steps = jnp.arange(-BLUR_RADIUS, BLUR_RADIUS + 1)
    weights = jnp.exp(-0.5 * (steps / jnp.maximum(sigma, 1e-3)) ** 2)
    weights = weights / weights.sum()
    height, width = image.shape
    padded = jnp.pad(image, BLUR_RADIUS, mode="edge")
    lines, blurred = jnp.zeros_like(padded[:, :width]), jnp.zeros_like(image)
    for k in range(2 * BLUR_RADIUS + 1):
        lines += weights[k] * padded[:, k : k + width]
    for k in range(2 * BLUR_RADIUS + 1):
        blurred += weights[k] * lines[k : k + height]
    return blurred
