import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.models.convolution import (
    Conv3x3,
    conv3x3,
    convolve_cpu,
    convolve_pairs,
    kernel_gradient,
    kernel_gradient_cpu,
    kernel_gradient_strips,
)

# Wide outputs, wide inputs, few channels (in strips) either way round, and one input channel.
CHANNELS = [(2, 32), (33, 3), (4, 8), (8, 4), (1, 4)]


def arrays(inputs, outputs, batch=2, height=16, width=6):
    random = np.random.default_rng(inputs * 100 + outputs)
    x = random.standard_normal((batch, height, width, inputs)).astype(np.float32)
    kernel = random.standard_normal((3, 3, inputs, outputs)).astype(np.float32)
    gradient = random.standard_normal((batch, height, width, outputs)).astype(np.float32)
    return x, kernel, gradient


def test_it_is_the_sum_over_the_neighbours_with_zeros_outside():
    x = np.zeros((1, 3, 4, 1), np.float32)
    x[0, 0, 1, 0] = 2.0
    kernel = np.arange(9, dtype=np.float32).reshape(3, 3, 1, 1)
    expected = [[10, 8, 6, 0], [4, 2, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(conv3x3(x, kernel)[0, ..., 0], expected)


@pytest.mark.parametrize(("inputs", "outputs"), CHANNELS)
def test_both_gradients_are_those_of_the_convolution(inputs, outputs):
    x, kernel, gradient = arrays(inputs, outputs)

    def reference(x, kernel):
        return jax.lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    for ours, theirs in zip(
        jax.vjp(conv3x3, x, kernel)[1](gradient),
        jax.vjp(reference, x, kernel)[1](gradient),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("way", [convolve_cpu, convolve_pairs])
@pytest.mark.parametrize(("inputs", "outputs"), CHANNELS)
def test_pairs_of_columns_give_the_same_values(way, inputs, outputs):
    x, kernel, _ = arrays(inputs, outputs)
    expected = jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    np.testing.assert_allclose(way(x, kernel), expected, rtol=1e-4, atol=1e-4)


def test_an_odd_number_of_columns_cannot_be_paired_and_need_not_be():
    x, kernel, _ = arrays(3, 4, width=5)
    assert conv3x3(x, kernel).shape == (2, 16, 5, 4)


@pytest.mark.parametrize("way", [kernel_gradient, kernel_gradient_cpu, kernel_gradient_strips])
@pytest.mark.parametrize(("batch", "height"), [(1, 16), (3, 10), (5, 7), (64, 4)])
def test_every_way_to_the_kernels_gradient_agrees_with_its_definition(way, batch, height):
    x, _, gradient = arrays(3, 2, batch, height)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    expected = [
        [
            np.einsum("bijc,bijo->co", padded[:, u : u + height, v : v + x.shape[2]], gradient)
            for v in range(3)
        ]
        for u in range(3)
    ]
    np.testing.assert_allclose(way(x, gradient), expected, rtol=1e-4, atol=1e-3)


def test_the_module_has_the_parameters_of_the_library_and_gives_its_values():
    x = arrays(3, 5)[0]
    ours = Conv3x3(5, jnp.dtype("float32"))
    theirs = nn.Conv(5, (3, 3), use_bias=False, kernel_init=nn.initializers.he_normal())
    variables = ours.init(jax.random.key(0), x)
    jax.tree.map(np.testing.assert_array_equal, variables, theirs.init(jax.random.key(0), x))
    np.testing.assert_allclose(ours.apply(variables, x), theirs.apply(variables, x), atol=1e-5)


def test_it_computes_in_the_type_asked_for():
    x = arrays(3, 5)[0]
    module = Conv3x3(5, jnp.dtype("bfloat16"))
    variables = module.init(jax.random.key(0), x)
    assert variables["params"]["kernel"].dtype == jnp.float32
    assert module.apply(variables, x).dtype == jnp.bfloat16
