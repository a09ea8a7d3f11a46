import dataclasses
import functools

import jax
import numpy as np
import pytest

from fluorojax.core import parallel
from fluorojax.training.steps import augmented, ramp, sample_of, train_step
from tests.integration.spread import batch, toy_run


def first(examples):
    return {name: array[0] for name, array in examples.items()}


def test_a_sample_has_grey_values_from_low_to_high_and_masks_by_class():
    spec, example = toy_run().step, first(batch())
    sample = sample_of(example, spec)
    grey = np.clip((example["image"].astype(np.float32) - 800) / 1600, 0, 1)
    np.testing.assert_allclose(sample.image, grey, atol=1e-6)
    np.testing.assert_array_equal(sample.mask[..., 0], example["mask"] & 1)
    np.testing.assert_array_equal(sample.mask[..., 1], example["mask"] >> 1)


def test_one_label_is_the_union_of_the_stored_classes():
    spec = dataclasses.replace(toy_run().step, learned_classes=1)
    sample = sample_of(first(batch()), spec)
    np.testing.assert_array_equal(sample.mask[..., 0], batch()["mask"][0] > 0)


def test_augmentation_depends_on_seed_step_and_place_alone():
    spec, compiled = toy_run().step, jax.jit(augmented, static_argnums=2)
    whole = compiled(batch(), 5, spec)
    second = {name: array[1:2] for name, array in batch().items()}
    np.testing.assert_array_equal(compiled(second, 5, spec).mask[0], whole.mask[1])
    for other in (
        compiled(batch(), 6, spec),
        compiled(batch(), 5, dataclasses.replace(spec, seed=1)),
    ):
        assert (np.asarray(other.mask) != np.asarray(whole.mask)).any()


@pytest.fixture(scope="module")
def first_and_step():
    run = toy_run("single")
    step = parallel.data_parallel(
        functools.partial(train_step, network=run.network, optimizer=run.optimizer, spec=run.step)
    )
    state = jax.tree.map(np.array, run.first_state())
    return state, lambda state, batch: step(jax.tree.map(np.array, state), batch)


def test_a_step_with_a_loss_that_is_not_finite_changes_the_step_count_alone(first_and_step):
    state, step = first_and_step
    spoilt = batch()["low"]
    spoilt[1] = np.nan
    after, metrics = step(state, batch() | {"low": spoilt})
    assert not np.isfinite(metrics["loss"])
    assert (metrics["applied"], after.step) == (0, 1)
    jax.tree.map(np.testing.assert_array_equal, after, state.replace(step=np.int32(1)))


def test_a_step_that_is_finite_moves_parameters_moments_and_average(first_and_step):
    state, step = first_and_step
    first, _ = step(state, batch())  # at the rate 0, with which the warm-up begins
    after, metrics = step(first, batch())
    assert metrics["applied"] == 1
    for part in ("parameters", "optimizer", "average"):
        old, new = (jax.tree.leaves(getattr(s, part)) for s in (first, after))
        assert any((a != b).any() for a, b in zip(old, new, strict=True)), part


def test_the_weight_of_the_relation_rises_from_none_to_all():
    assert [float(ramp(step, (4.0, 8.0))) for step in (0, 4, 6, 8, 20)] == [0, 0, 0.5, 1, 1]
    assert [float(ramp(step, (0.0, 0.0))) for step in (0, 1)] == [0, 1]
