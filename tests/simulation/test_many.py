import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.simulation.many import simulate_each


@pytest.mark.parametrize("at_once", [1, 2, 8])
def test_each_row_is_a_frame_however_many_are_computed_at_once(at_once):
    rows, offsets = jnp.arange(5.0), jnp.arange(10.0, 15.0)

    def simulate(row, offset):
        return {"image": row * jnp.ones((2, 3)), "sum": row + offset}

    frames = simulate_each(simulate, (rows, offsets), at_once)
    assert frames["image"].shape == (5, 2, 3)
    np.testing.assert_array_equal(frames["image"][:, 1, 2], rows)
    np.testing.assert_array_equal(frames["sum"], rows + offsets)
