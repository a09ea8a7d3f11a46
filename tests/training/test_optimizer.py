import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fluorojax.training import optimizer as optimizers

SPEC = optimizers.OptimizerSpec(
    steps=20, learning_rate=0.1, warmup_steps=2, weight_decay=0.1, clip_norm=1.0
)
PARAMETERS = {
    "stage_0": {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)},
    "stage_1": {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)},
}


def run(optimizer, gradients):
    """Return the parameters after each step."""
    parameters, state, history = PARAMETERS, optimizer.init(PARAMETERS), []
    update = jax.jit(optimizer.update)
    for gradient in gradients:
        updates, state = update(gradient, state, parameters)
        parameters = optax.apply_updates(parameters, updates)
        history.append(parameters)
    return history


def gradients(steps, scale=(1.0, 1.0)):
    one = {
        stage: jax.tree.map(lambda p, s=s: jnp.full_like(p, s), PARAMETERS[stage])
        for stage, s in zip(PARAMETERS, scale, strict=True)
    }
    return [one] * steps


def moved(before, after, stage):
    return not np.array_equal(before[stage]["kernel"], after[stage]["kernel"])


def test_the_rate_rises_to_the_peak_and_falls_to_a_hundredth():
    rate = optimizers.learning_rate(SPEC)
    np.testing.assert_allclose([rate(0), rate(2), rate(20)], [0.0, 0.1, 0.001], rtol=1e-6)
    assert rate(1) < rate(2) > rate(3)


def test_only_kernels_decay():
    nothing = jax.tree.map(jnp.zeros_like, PARAMETERS)
    last = run(optimizers.together(SPEC, 2), [nothing] * 5)[-1]
    assert (last["stage_0"]["kernel"] < 1).all()
    np.testing.assert_array_equal(last["stage_0"]["bias"], 1.0)


def test_stage_by_stage_trains_each_in_its_share_and_freezes_the_other():
    history = [PARAMETERS, *run(optimizers.stage_by_stage(SPEC, 2), gradients(20))]
    for before, after in zip(history[1:10], history[2:11], strict=True):
        assert moved(before, after, "stage_0")
        assert not moved(before, after, "stage_1")
    for before, after in zip(history[11:20], history[12:21], strict=True):
        assert not moved(before, after, "stage_0")
        assert moved(before, after, "stage_1")


def test_stage_by_stage_gives_the_second_stage_the_same_schedule_as_the_first():
    last = run(optimizers.stage_by_stage(SPEC, 2), gradients(20))[-1]
    np.testing.assert_allclose(last["stage_0"]["kernel"], last["stage_1"]["kernel"], rtol=1e-6)


@pytest.mark.parametrize("steps", [3, 7])
def test_stage_by_stage_leaves_no_step_without_a_stage(steps):
    spec = dataclasses.replace(SPEC, steps=steps, warmup_steps=0)
    history = [PARAMETERS, *run(optimizers.stage_by_stage(spec, 2), gradients(steps))]
    for before, after in zip(history, history[1:], strict=False):
        assert moved(before, after, "stage_0") or moved(before, after, "stage_1")


def test_independent_stages_do_not_share_a_gradient_norm():
    alone = run(optimizers.together(SPEC, 2), gradients(3, (0.1, 0.1)))[-1]
    beside_a_large_one = run(optimizers.together(SPEC, 2), gradients(3, (0.1, 100.0)))[-1]
    np.testing.assert_array_equal(
        alone["stage_0"]["kernel"], beside_a_large_one["stage_0"]["kernel"]
    )


@pytest.mark.parametrize("name", optimizers.SCHEDULES)
@pytest.mark.parametrize(("steps", "warmup"), [(20, 2), (7, 5), (21, 0)])
def test_the_rate_told_of_each_update_is_the_one_it_was_made_with(name, steps, warmup):
    """Of a constant gradient without decay Adam's step is the rate itself."""
    spec = dataclasses.replace(SPEC, steps=steps, warmup_steps=warmup, weight_decay=0.0)
    history = [PARAMETERS, *run(optimizers.SCHEDULES[name](spec, 2), gradients(steps))]
    rate = optimizers.RATES[name](spec, 2)
    for update, (before, after) in enumerate(itertools.pairwise(history)):
        made = max(float((before[s]["bias"] - after[s]["bias"]).max()) for s in PARAMETERS)
        assert float(rate(update)) == pytest.approx(made, abs=1e-5)
