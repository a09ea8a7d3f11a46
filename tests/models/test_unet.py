import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from fluorojax.models.unet import (
    NORMS,
    RARE,
    GroupNorm,
    UNet,
    double,
    halve,
    pixel_shuffle,
    space_to_depth,
)

IMAGE = np.random.default_rng(0).standard_normal((2, 16, 24, 1)).astype(np.float32)


def small(**fields):
    return UNet(**({"classes": 3, "width": 4, "depth": 2} | fields))


def initial(network, image=IMAGE):
    return jax.jit(network.init)(jax.random.key(0, impl="rbg"), image)


def test_logits_have_the_images_size_and_are_float32():
    network = small()
    output = network.apply(initial(network), IMAGE)
    assert output.logits.shape == (2, 16, 24, 3)
    assert output.logits.dtype == jnp.float32
    assert output.auxiliary == ()


@pytest.mark.parametrize(
    ("norm", "residual"),
    [
        pytest.param(*pair, marks=() if pair == ("group", True) else pytest.mark.slow)
        for pair in itertools.product(NORMS, [False, True])
    ],
)
def test_every_norm_and_block_has_a_finite_gradient_everywhere(norm, residual):
    network = small(norm=norm, residual=residual)
    variables = initial(network)
    gradient = jax.jit(jax.grad(lambda v: (network.apply(v, IMAGE).logits ** 2).mean()))(variables)
    for name, leaf in flatten_dict(gradient, sep="/").items():
        assert np.isfinite(leaf).all(), name
        assert np.abs(leaf).max() > 0, name


def test_a_size_that_cannot_be_halved_is_refused_with_the_multiple():
    with pytest.raises(ValueError, match=r"multiples of 4 as rows and columns; .* has 18 x 24"):
        initial(small(), np.zeros((1, 18, 24, 1)))
    with pytest.raises(ValueError, match=r"multiples of 8 as rows and columns; .* has 16 x 20"):
        initial(small(patch=2), np.zeros((1, 16, 20, 1)))


def test_unfold_undoes_fold_and_the_pixels_of_a_patch_are_channels():
    x = np.random.default_rng(2).standard_normal((2, 6, 9, 4)).astype(np.float32)
    np.testing.assert_array_equal(pixel_shuffle(space_to_depth(x[..., :1], 3), 3), x[..., :1])
    np.testing.assert_array_equal(space_to_depth(x, 1), x)
    folded = space_to_depth(x, 3)
    assert folded.shape == (2, 2, 3, 36)
    np.testing.assert_array_equal(folded[0, 1, 2, 9:18].reshape(3, 3), x[0, 3:6, 6:9, 1])
    pixels = pixel_shuffle(folded, 3)
    assert pixels.shape == x.shape
    np.testing.assert_array_equal(pixels[0, 3:6, 6:9].ravel(), folded[0, 1, 2])


def test_a_network_of_patches_has_the_images_size_and_sees_each_pixel():
    network = small(patch=2, depth=1, deep_supervision=True)
    variables = initial(network)
    output = network.apply(variables, IMAGE)
    assert output.logits.shape == (2, 16, 24, 3)
    assert output.auxiliary == ()
    # A pixel that moves within its patch moves something.
    moved = IMAGE.copy()
    moved[0, 4, 6], moved[0, 5, 6] = IMAGE[0, 5, 6], IMAGE[0, 4, 6]
    assert np.abs(network.apply(variables, moved).logits - output.logits)[0].max() > 1e-3


def test_what_earlier_stages_show_counts_for_nothing_at_first_with_patches_too():
    network = small(patch=2, context=1)
    image = np.concatenate([IMAGE, IMAGE[..., ::-1, :]], -1)
    variables = initial(network, image)
    other = np.concatenate([IMAGE, np.zeros_like(IMAGE)], -1)
    np.testing.assert_array_equal(
        network.apply(variables, image).logits, network.apply(variables, other).logits
    )


@pytest.mark.slow
def test_remat_changes_neither_parameters_nor_result():
    plain, remat = small(), small(remat=True)
    variables = initial(plain)
    again = initial(remat)
    jax.tree.map(np.testing.assert_array_equal, variables, again)
    np.testing.assert_array_equal(
        plain.apply(variables, IMAGE).logits, remat.apply(variables, IMAGE).logits
    )


@pytest.mark.slow
def test_deep_supervision_gives_the_coarser_levels_finest_first():
    network = small(depth=3, deep_supervision=True)
    output = network.apply(initial(network), IMAGE)
    assert [level.shape for level in output.auxiliary] == [(2, 8, 12, 3), (2, 4, 6, 3)]


@pytest.mark.slow
def test_bfloat16_keeps_parameters_and_logits_in_float32():
    network = small(dtype=jnp.dtype("bfloat16"))
    variables = initial(network)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    logits = network.apply(variables, IMAGE).logits
    assert logits.dtype == jnp.float32
    np.testing.assert_allclose(logits, small().apply(variables, IMAGE).logits, atol=0.2)


def test_the_head_starts_from_a_rare_foreground():
    network = small()
    logits = network.apply(initial(network), np.zeros((1, 16, 16, 1), np.float32)).logits
    assert abs(float(jax.nn.sigmoid(logits).mean()) - RARE) < 0.05


def test_an_example_does_not_depend_on_its_batch():
    network = small()
    variables = initial(network)
    both = network.apply(variables, IMAGE).logits
    alone = network.apply(variables, IMAGE[:1]).logits
    np.testing.assert_allclose(both[:1], alone, atol=1e-5)


def test_group_norm_has_mean_zero_and_variance_one_in_each_group():
    x = 5.0 + 3.0 * np.random.default_rng(1).standard_normal((2, 8, 8, 6)).astype(np.float32)
    norm = GroupNorm(groups=2)
    y = np.asarray(norm.apply(norm.init(jax.random.key(0, impl="rbg"), x), x)).reshape(2, 64, 2, 3)
    np.testing.assert_allclose(y.mean((1, 3)), 0.0, atol=1e-5)
    np.testing.assert_allclose(y.var((1, 3)), 1.0, atol=1e-3)


def test_halve_takes_the_maximum_and_double_repeats():
    x = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(halve(x)[0, ..., 0], [[5, 7], [13, 15]])
    np.testing.assert_array_equal(halve(double(x)), x)


@pytest.fixture(scope="module")
def telling():
    """A network that tells two image labels, and its parameters."""
    network = small(depth=1, image_labels=(2, 3))
    return network, initial(network)


def test_attributes_are_linear_in_what_is_anywhere_in_the_frame(telling):
    network, variables = telling
    kept = {"mutable": "intermediates", "capture_intermediates": True}
    output, state = jax.jit(lambda v: network.apply(v, IMAGE, **kept))(variables)
    bottom = np.asarray(state["intermediates"]["bottom"]["__call__"][0])
    pooled = np.stack([bottom.mean((1, 2)), bottom.max((1, 2))], 1)
    pooled -= pooled.mean(-1, keepdims=True)
    pooled /= np.sqrt((pooled**2).mean(-1, keepdims=True) + 1e-6)
    assert [values.shape for values in output.image_labels] == [(2, 2), (2, 3)]
    for k, values in enumerate(output.image_labels):
        kernel = variables["params"][f"attribute_{k}"]["kernel"]
        np.testing.assert_allclose(values, pooled.reshape(2, -1) @ kernel, atol=1e-4)


def test_attributes_are_float32_whatever_is_computed_in():
    network = small(image_labels=(2,), dtype=jnp.dtype("bfloat16"))
    output, _ = jax.eval_shape(network.init_with_output, jax.random.key(0), IMAGE)
    assert output.image_labels[0].dtype == jnp.float32


def test_attributes_teach_the_encoder_alone_and_change_no_other_parameter(telling):
    network, variables = telling
    plain = initial(small(depth=1))["params"]
    for name, tree in plain.items():
        jax.tree.map(np.testing.assert_array_equal, tree, variables["params"][name])
    new = set(variables["params"]) - set(plain)
    assert new == {"attribute_norm", "attribute_0", "attribute_1"}

    def one_value(parameters):
        told = network.apply({"params": parameters}, IMAGE).image_labels
        return sum(values[:, 0].sum() for values in told)

    gradient = jax.jit(jax.grad(one_value))(variables["params"])
    for name, leaf in flatten_dict(gradient, sep="/").items():
        used = name.startswith(("down", "bottom", "attribute"))
        assert (np.abs(leaf).max() > 0) == used, name
