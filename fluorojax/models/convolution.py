"""A 3x3 convolution that is quick on the CPU as well, where it has few channels.

On other devices it is XLA's own. Every way here computes the same sums, in another order.
"""

import math
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

Initializer = Callable[[jax.Array, tuple[int, ...]], jax.Array]

LAYOUT = ("NHWC", "HWIO", "NHWC")

# Where the ways part, measured with jaxlib 0.10.2 on AMD Zen 4. From this many output channels on,
# XLA's own kernel gradient takes 1 to 1.5 times what the arithmetic needs.
WIDE = 32

# Up to this many pairs of an input and an output channel it takes 5 to 15 times that, and strips
# half to a fifth of it. Below it, pairs of columns pay too, though half of their products are with
# zeros: they take 0.2 to 0.8 times the time of XLA's own convolution.
FEW = 256

# PAIRS[a, b, t, v] = 1 where column a of a pair, t - 1 pairs further, is v - 1 columns from b.
PAIRS = np.zeros((2, 2, 3, 3), np.float32)
for _a, _b, _t in np.ndindex(2, 2, 3):
    _v = 2 * (_t - 1) + _a - _b + 1
    if 0 <= _v < 3:
        PAIRS[_a, _b, _t, _v] = 1.0


def _correlate(x: jax.Array, kernel: jax.Array, rows: tuple[int, int] = (1, 1)) -> jax.Array:
    """Correlate as XLA does, with zeros around: `rows` above and below, a column on either side."""
    return lax.conv_general_dilated(x, kernel, (1, 1), (rows, (1, 1)), dimension_numbers=LAYOUT)


@jax.custom_vjp
def conv3x3(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Convolve with a 3x3 kernel, stride 1, zero padding that keeps the size.

    y[b, i, j, o] = sum_{u, v, c} x[b, i + u - 1, j + v - 1, c] kernel[u, v, c, o]

    Args:
        x: [B, H, W, C].
        kernel: [3, 3, C, O], of the type of `x`.

    Returns:
        [B, H, W, O].
    """
    return lax.platform_dependent(x, kernel, cpu=convolve_cpu, default=_correlate)


def _forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return conv3x3(x, kernel), (x, kernel)


def _backward(
    saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    to_input = conv3x3(gradient, jnp.flip(kernel, (0, 1)).swapaxes(2, 3))
    to_kernel = lax.platform_dependent(
        x, gradient, cpu=kernel_gradient_cpu, default=kernel_gradient
    )
    return to_input, to_kernel


conv3x3.defvjp(_forward, _backward)


def convolve_cpu(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Return the convolution, by the way that is quick for this many channels."""
    few = kernel.shape[2] * kernel.shape[3] < FEW
    return convolve_pairs(x, kernel) if few and x.shape[2] % 2 == 0 else _correlate(x, kernel)


def convolve_pairs(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Return the convolution, two neighbouring columns taken as one of twice the channels.

    XLA's convolution runs over the channels in vector registers, and few channels do not fill them.
    """
    batch, height, width, inputs = x.shape
    outputs = kernel.shape[-1]
    paired = jnp.einsum("uvio,abtv->utaibo", kernel, PAIRS.astype(kernel.dtype))
    paired = paired.reshape(3, 3, 2 * inputs, 2 * outputs)
    y = _correlate(x.reshape(batch, height, width // 2, 2 * inputs), paired)
    return y.reshape(batch, height, width, outputs)


def kernel_gradient(x: jax.Array, gradient: jax.Array) -> jax.Array:
    """Return the gradient of the kernel as XLA computes it.

    dK[u, v, c, o] = sum_{b, i, j} x[b, i + u - 1, j + v - 1, c] gradient[b, i, j, o]

    Args:
        x: [B, H, W, C], what was convolved.
        gradient: [B, H, W, O], with respect to what came out.

    Returns:
        [3, 3, C, O].
    """
    kernel = jax.ShapeDtypeStruct((3, 3, x.shape[-1], gradient.shape[-1]), x.dtype)
    return jax.linear_transpose(lambda k: _correlate(x, k), kernel)(gradient)[0]


def kernel_gradient_cpu(x: jax.Array, gradient: jax.Array) -> jax.Array:
    """Return the same as `kernel_gradient`, by the way that is quick for this many channels."""
    inputs, outputs = x.shape[-1], gradient.shape[-1]
    if outputs < min(inputs, WIDE):  # the other way round gives the same kernel, upside down
        return jnp.flip(kernel_gradient_cpu(gradient, x), (0, 1)).swapaxes(2, 3)
    few = inputs * outputs <= FEW
    return kernel_gradient_strips(x, gradient) if few else kernel_gradient(x, gradient)


def kernel_gradient_strips(x: jax.Array, gradient: jax.Array) -> jax.Array:
    """Return the same as `kernel_gradient`, the image cut into strips of rows.

    The sum runs over examples and pixels. XLA lays the examples innermost, and two or four of them
    fill no vector register: strips, with a halo of one row, count as further examples.
    """
    batch, height, width = x.shape[:3]
    strips = math.gcd(height, 2 ** int(math.log2(max(32 // batch, 1))))
    rows = height // strips
    if rows < 2:  # the halo would be more than the strip
        return kernel_gradient(x, gradient)
    padded = jnp.pad(x, ((0, 0), (1, rows - 1), (0, 0), (0, 0)))
    blocks = padded.reshape(batch, strips + 1, rows, width, -1)
    image = jnp.concatenate([blocks[:, :-1], blocks[:, 1:, :2]], axis=2)
    image = image.reshape(batch * strips, rows + 2, width, -1)
    parts = gradient.reshape(batch * strips, rows, width, -1)
    # Channels play the examples, strips the channels, and the gradient is the kernel.
    summed = _correlate(image.transpose(3, 1, 2, 0), parts.transpose(1, 2, 0, 3), rows=(0, 0))
    return summed.transpose(1, 2, 0, 3)


def padded(initializer: Initializer, blank: int) -> Initializer:
    """Return an initializer whose kernels have `blank` more input channels, all zero."""

    def draw(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return jnp.pad(initializer(key, shape), ((0, 0), (0, 0), (0, blank), (0, 0)))

    return draw


class Conv3x3(nn.Module):
    """`conv3x3` with its kernel, and without an offset, since a normalisation follows."""

    features: int
    dtype: jnp.dtype
    blank: int = 0  # of the input's channels, the last ones: those whose kernel starts at zero

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Map [B, H, W, C] to [B, H, W, features], computing in `dtype`."""
        shape = (3, 3, x.shape[-1] - self.blank, self.features)
        kernel = self.param("kernel", padded(nn.initializers.he_normal(), self.blank), shape)
        return conv3x3(x.astype(self.dtype), kernel.astype(self.dtype))
