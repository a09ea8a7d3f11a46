import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.checkpoint import Checkpoints


def state(value, dtype=np.float32):
    return {"step": np.int32(value), "layer": {"kernel": np.full((2, 3), value, dtype)}}


def test_the_newest_state_comes_back_bit_for_bit(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.last_step is None
        for step in (1, 2, 3):
            checkpoints.save_last(step, state(step))
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.last_step == 3
        found = checkpoints.restore_last(state(0))
    np.testing.assert_array_equal(found["layer"]["kernel"], np.full((2, 3), 3.0))
    assert found["layer"]["kernel"].dtype == np.float32
    assert int(found["step"]) == 3


def test_saving_the_same_step_again_is_no_error(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save_last(1, state(1))
        checkpoints.save_last(1, state(1))
        assert checkpoints.last_step == 1


def test_only_a_better_score_replaces_the_best_and_nan_never_does(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.best_step is None
        assert not checkpoints.save_best(1, state(1), math.nan)
        assert checkpoints.save_best(2, state(2), 0.5)
        assert not checkpoints.save_best(3, state(3), 0.4)
        assert not checkpoints.save_best(4, state(4), math.nan)
        assert checkpoints.save_best(5, state(5), 0.6)
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.best_step == 5
        assert checkpoints.best_score == 0.6
        assert int(checkpoints.restore_best(state(0))["step"]) == 5


@pytest.mark.parametrize(
    "other",
    [
        state(0, np.float16),
        {"step": np.int32(0), "layer": {"kernel": np.zeros((3, 2), np.float32)}},
    ],
)
def test_a_state_of_another_type_or_shape_is_refused(tmp_path, other):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save_last(1, state(1))
        with pytest.raises(ValueError, match="another configuration"):
            checkpoints.restore_last(other)


class Pair(NamedTuple):
    b: Any
    a: Any


def test_a_state_of_nested_containers_comes_back_as_it_was(tmp_path):
    nested = Pair(b=(np.float32([1]), Pair(np.int32(2), {})), a={"z": np.zeros((2, 2))})
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save_last(1, nested)
        found = checkpoints.restore_last(jax.tree.map(np.zeros_like, nested))
    assert jax.tree.structure(found) == jax.tree.structure(nested)
    jax.tree.map(np.testing.assert_array_equal, found, nested)


def test_device_arrays_are_taken(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save_last(1, {"kernel": jnp.arange(3.0)})
        np.testing.assert_array_equal(
            checkpoints.restore_last({"kernel": jnp.zeros(3)})["kernel"], [0, 1, 2]
        )
