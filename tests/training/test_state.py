import jax
import jax.numpy as jnp
import numpy as np

from fluorojax.core import rng
from fluorojax.training.state import initial_parameters, moving_average
from tests.integration.spread import toy_run


def test_parameters_are_those_that_the_network_draws_and_shapes_cost_nothing():
    network = toy_run("single").network
    image = jnp.zeros((1, 16, 16, 1))
    found = initial_parameters(network, 3, (16, 16))
    wanted = jax.jit(network.init)(rng.stream(3, "parameters"), image)["params"]
    jax.tree.map(np.testing.assert_array_equal, found, wanted)
    shapes = jax.eval_shape(lambda: initial_parameters(network, 3, (16, 16)))
    assert jax.tree.map(lambda of: of.shape, shapes) == jax.tree.map(lambda of: of.shape, found)


def test_the_average_forgets_the_first_parameters_quickly():
    first = moving_average({"w": jnp.array(1.0)}, {"w": jnp.array(2.0)}, jnp.array(0), decay=0.999)
    np.testing.assert_allclose(first["w"], 0.1 * 1.0 + 0.9 * 2.0, rtol=1e-6)


def test_the_decay_ends_at_its_limit():
    late = moving_average({"w": jnp.array(1.0)}, {"w": jnp.array(2.0)}, jnp.array(10**6), decay=0.9)
    np.testing.assert_allclose(late["w"], 0.9 * 1.0 + 0.1 * 2.0, rtol=1e-6)
