"""A 3x3 convolution with a kernel gradient that is quick on the CPU as well."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

LAYOUT = ("NHWC", "HWIO", "NHWC")

# Below this many output channels XLA's own kernel gradient takes 3 to 6 times the time that the
# arithmetic needs (XLA 0.10.2, AMD Zen 4); from here on it is within a third of it.
WIDE = 32


def _correlate(x: jax.Array, kernel: jax.Array, rows: tuple[int, int] = (1, 1)) -> jax.Array:
    """Correlate with zero padding: `rows` above and below, one column on either side."""
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
    return _correlate(x, kernel)


def _forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _correlate(x, kernel), (x, kernel)


def _backward(
    saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    to_input = _correlate(gradient, jnp.flip(kernel, (0, 1)).swapaxes(2, 3))
    to_kernel = lax.platform_dependent(
        x, gradient, cpu=kernel_gradient_cpu, default=kernel_gradient
    )
    return to_input, to_kernel


conv3x3.defvjp(_forward, _backward)


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
    if outputs >= WIDE:
        return kernel_gradient(x, gradient)
    if inputs > outputs:  # correlating the other way round gives the kernel upside down
        return jnp.flip(kernel_gradient_cpu(gradient, x), (0, 1)).swapaxes(2, 3)
    return kernel_gradient_strips(x, gradient)


def kernel_gradient_strips(x: jax.Array, gradient: jax.Array) -> jax.Array:
    """Return the same as `kernel_gradient`, the image cut into strips of rows.

    The sum runs over examples and pixels. XLA lays the examples innermost, and two or four of them
    fill no vector register: strips, with a halo of one row, count as further examples.
    """
    batch, height = x.shape[:2]
    strips = math.gcd(height, 2 ** int(math.log2(max(32 // batch, 1))))
    rows = height // strips
    padded = jnp.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0)))
    image = jnp.concatenate([padded[:, s : s + rows + 2] for s in range(0, height, rows)])
    parts = jnp.concatenate([gradient[:, s : s + rows] for s in range(0, height, rows)])
    # Channels play the examples, strips the channels, and the gradient is the kernel.
    summed = _correlate(image.transpose(3, 1, 2, 0), parts.transpose(1, 2, 0, 3), rows=(0, 0))
    return summed.transpose(1, 2, 0, 3)


class Conv3x3(nn.Module):
    """`conv3x3` with its kernel, and without an offset, since a normalisation follows."""

    features: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Map [B, H, W, C] to [B, H, W, features], computing in `dtype`."""
        shape = (3, 3, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.he_normal(), shape)
        return conv3x3(x.astype(self.dtype), kernel.astype(self.dtype))
