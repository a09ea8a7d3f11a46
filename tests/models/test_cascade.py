import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.models.cascade import (
    SPATIAL_PRIORS,
    Cascade,
    ContextCorruption,
    forward,
    spatial_prior,
)

IMAGE = np.random.default_rng(0).random((2, 16, 16)).astype(np.float32)


def cascade(**fields):
    plain = {
        "stages": ((0,), (1,)),
        "link": "gradient",
        "parent_class": 0,
        "child_class": 1,
        "gradient_scale": 1.0,
        "spatial_prior": "around",
        "landmarks": False,
        "width": 4,
        "depth": 1,
        "norm": "group",
        "residual": False,
        "deep_supervision": False,
        "remat": False,
        "dtype": jnp.dtype("float32"),
    }
    return Cascade(**plain | fields)


def initial(network):
    return jax.jit(network.init)(jax.random.key(0, impl="rbg"), IMAGE[..., None])["params"]


def learned(network):
    """Return parameters as after some steps: what is shown counts for something."""
    return jax.tree.map(lambda p: p + 0.05, initial(network))


def gradient_of_child(network):
    """Return the largest gradient of the second class's logits in the first stage."""
    child = jax.jit(jax.grad(lambda p: forward(network, p, IMAGE).logits[..., 1].sum()))
    gradient = child(learned(network))
    return max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(gradient["stage_0"]))


@pytest.mark.slow
def test_only_the_joint_link_teaches_the_first_stage():
    assert gradient_of_child(cascade(link="gradient")) > 0
    assert gradient_of_child(cascade(link="stop_gradient")) == 0
    assert gradient_of_child(cascade(link="none")) == 0


def test_training_may_show_later_stages_something_false():
    network = cascade()
    parameters = learned(network)
    plain = forward(network, parameters, IMAGE).logits
    blots = np.full(IMAGE.shape, 0.7, np.float32)
    false = ContextCorruption(np.array([0, 1], np.float32), blots)
    logits = forward(network, parameters, IMAGE, false).logits
    np.testing.assert_array_equal(logits[..., 0], plain[..., 0])
    np.testing.assert_array_equal(logits[0], plain[0])
    assert (np.asarray(logits[1, ..., 1]) != np.asarray(plain[1, ..., 1])).any()


def test_a_later_stage_begins_as_the_network_that_it_would_be_alone():
    linked, alone = cascade(landmarks=True), cascade(link="none", landmarks=True)
    np.testing.assert_allclose(
        forward(linked, initial(linked), IMAGE).logits,
        forward(alone, initial(alone), IMAGE).logits,
        rtol=1e-5,
    )


def test_a_share_of_the_gradient_flows_back():
    whole, tenth = (gradient_of_child(cascade(gradient_scale=share)) for share in (1.0, 0.1))
    np.testing.assert_allclose(tenth, 0.1 * whole, rtol=1e-4)


@pytest.mark.parametrize("link", ["gradient", "stop_gradient"])
def test_a_linked_stage_sees_what_the_one_before_found(link):
    network = cascade(link=link)
    parameters = learned(network)
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


@pytest.mark.parametrize(("kind", "channels"), [("none", 2), ("around", 3), ("in_front", 3)])
def test_the_landscape_can_be_switched_off(kind, channels):
    parameters = initial(cascade(spatial_prior=kind))
    assert parameters["stage_1"]["down_0"]["conv_0"]["kernel"].shape[2] == channels


def test_the_exit_goes_with_the_parent_and_the_tip_with_the_child():
    network = cascade(landmarks=True, spatial_prior="none")
    parameters = initial(network)
    assert parameters["stage_0"]["head"]["bias"].shape == (2,)
    assert parameters["stage_1"]["head"]["bias"].shape == (2,)
    # The frame, the parent and the exit.
    assert parameters["stage_1"]["down_0"]["conv_0"]["kernel"].shape[2] == 3
    heads = jax.tree.map(lambda p: p, parameters)
    heads["stage_0"]["head"]["bias"] = jax.numpy.array([1.0, 2.0]) * 100
    heads["stage_1"]["head"]["bias"] = jax.numpy.array([3.0, 4.0]) * 100
    output = forward(network, heads, IMAGE)
    np.testing.assert_allclose(output.logits.mean((0, 1, 2)), [100, 300], atol=20)
    np.testing.assert_allclose(output.landmarks.mean((0, 1, 2)), [200, 400], atol=20)


def test_one_stage_learns_both_points_and_without_them_there_are_none():
    stages = ((0, 1),)
    assert (
        forward(*with_initial(stages=stages, link="none", landmarks=True)).landmarks.shape[-1] == 2
    )
    assert forward(*with_initial(stages=stages, link="none")).landmarks is None


def with_initial(**fields):
    network = cascade(**fields)
    return network, initial(network), IMAGE


def test_channels_come_in_the_order_of_the_classes():
    forwards, backwards = cascade(link="none"), cascade(link="none", stages=((1,), (0,)))
    parameters = initial(forwards)
    np.testing.assert_array_equal(
        forward(forwards, parameters, IMAGE).logits[..., ::-1],
        forward(backwards, parameters, IMAGE).logits,
    )


@pytest.mark.slow
def test_deep_supervision_is_merged_level_by_level():
    network = cascade(deep_supervision=True, depth=3)
    auxiliary = forward(network, initial(network), IMAGE).auxiliary
    assert [level.shape for level in auxiliary] == [(2, 8, 8, 2), (2, 4, 4, 2)]


def test_the_landscape_is_high_on_the_parent_and_falls_with_distance():
    parent = np.zeros((1, 64, 64), np.float32)
    parent[0, :8] = 1.0
    near = np.asarray(spatial_prior(parent, SPATIAL_PRIORS["around"]))[0, :, 32, 0]
    assert near[0] == 1.0
    assert (np.diff(near) <= 0).all()
    assert near[16] > near[40] > near[63] >= 0


def test_the_first_stage_tells_the_attributes():
    network = cascade(image_labels=(2, 3), link="none")
    parameters = initial(network)
    assert "attribute_0" not in parameters["stage_1"]
    heads = jax.tree.map(lambda p: p, parameters)
    heads["stage_0"]["attribute_1"] = {"kernel": np.zeros((16, 3)), "bias": np.float32([1, 2, 3])}
    found = jax.jit(lambda p: forward(network, p, IMAGE).image_labels)(heads)
    assert found[0].shape == (2, 2)
    np.testing.assert_array_equal(found[1], [[1, 2, 3]] * 2)
