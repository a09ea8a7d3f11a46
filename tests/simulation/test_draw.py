import jax
import numpy as np

from fluorojax.simulation.draw import RATE, uniforms


def test_one_number_from_each_range():
    bounds = ((2.0, 3.0), (-5.0, -4.0), RATE, (7.0, 7.0))
    draw = jax.vmap(lambda key: uniforms(key, *bounds))
    numbers = np.asarray(draw(jax.random.split(jax.random.key(0), 500)))
    low, high = np.array(bounds).T
    assert ((numbers >= low) & (numbers <= high)).all()
    np.testing.assert_allclose(numbers.mean(0), (low + high) / 2, atol=0.05)
    # No two of a handful are the same number in another range.
    assert abs(np.corrcoef(numbers[:, 0], numbers[:, 1])[0, 1]) < 0.15
