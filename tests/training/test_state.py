import jax.numpy as jnp
import numpy as np

from fluorojax.training.state import moving_average


def test_the_average_forgets_the_first_parameters_quickly():
    first = moving_average({"w": jnp.array(1.0)}, {"w": jnp.array(2.0)}, jnp.array(0), decay=0.999)
    np.testing.assert_allclose(first["w"], 0.1 * 1.0 + 0.9 * 2.0, rtol=1e-6)


def test_the_decay_ends_at_its_limit():
    late = moving_average({"w": jnp.array(1.0)}, {"w": jnp.array(2.0)}, jnp.array(10**6), decay=0.9)
    np.testing.assert_allclose(late["w"], 0.9 * 1.0 + 0.1 * 2.0, rtol=1e-6)
