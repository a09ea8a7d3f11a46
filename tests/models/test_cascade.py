import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.models.cascade import Cascade, forward, landscape

IMAGE = np.random.default_rng(0).random((2, 16, 16)).astype(np.float32)


def cascade(**fields):
    plain = {
        "stages": ((0,), (1,)),
        "link": "gradient",
        "parent_class": 0,
        "width": 4,
        "depth": 2,
        "norm": "group",
        "residual": False,
        "deep_supervision": False,
        "remat": False,
        "dtype": jnp.dtype("float32"),
    }
    return Cascade(**plain | fields)


def initial(network):
    return jax.jit(network.init)(jax.random.key(0, impl="rbg"), IMAGE[..., None])["params"]


def gradient_of_child(network):
    """Return the largest gradient of the second class's logits in the first stage."""
    child = jax.jit(jax.grad(lambda p: forward(network, p, IMAGE).logits[..., 1].sum()))
    gradient = child(initial(network))
    return max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(gradient["stage_0"]))


def test_only_the_joint_link_teaches_the_first_stage():
    assert gradient_of_child(cascade(link="gradient")) > 0
    assert gradient_of_child(cascade(link="stop_gradient")) == 0
    assert gradient_of_child(cascade(link="none")) == 0


@pytest.mark.parametrize("link", ["gradient", "stop_gradient"])
def test_a_linked_stage_sees_what_the_one_before_found(link):
    network = cascade(link=link)
    parameters = initial(network)
    changed = jax.tree.map(lambda p: p, parameters)
    changed["stage_0"]["head"]["bias"] = parameters["stage_0"]["head"]["bias"] + 3.0
    before, after = (forward(network, p, IMAGE).logits for p in (parameters, changed))
    assert np.abs(before[..., 1] - after[..., 1]).max() > 0


def test_independent_stages_do_not_see_each_other():
    network = cascade(link="none")
    parameters = initial(network)
    changed = {**parameters, "stage_0": jax.tree.map(lambda p: p + 1.0, parameters["stage_0"])}
    np.testing.assert_array_equal(
        forward(network, parameters, IMAGE).logits[..., 1],
        forward(network, changed, IMAGE).logits[..., 1],
    )


@pytest.mark.parametrize(("parent_class", "channels"), [(None, 1 + 1), (0, 1 + 1 + 1), (1, 1 + 1)])
def test_the_landscape_is_shown_where_an_earlier_stage_finds_the_parent(parent_class, channels):
    parameters = initial(cascade(parent_class=parent_class))
    assert parameters["stage_1"]["down_0"]["conv_0"]["kernel"].shape[2] == channels


def test_channels_come_in_the_order_of_the_classes():
    forwards, backwards = cascade(link="none"), cascade(link="none", stages=((1,), (0,)))
    parameters = initial(forwards)
    np.testing.assert_array_equal(
        forward(forwards, parameters, IMAGE).logits[..., ::-1],
        forward(backwards, parameters, IMAGE).logits,
    )


def test_deep_supervision_is_merged_level_by_level():
    network = cascade(deep_supervision=True, depth=3)
    auxiliary = forward(network, initial(network), IMAGE).auxiliary
    assert [level.shape for level in auxiliary] == [(2, 8, 8, 2), (2, 4, 4, 2)]


def test_the_landscape_is_high_on_the_parent_and_falls_with_distance():
    parent = np.zeros((1, 64, 64), np.float32)
    parent[0, :8] = 1.0
    near = np.asarray(landscape(parent))[0, :, 32, 0]
    assert near[0] == 1.0
    assert (np.diff(near) <= 0).all()
    assert near[16] > near[40] > near[63] >= 0
