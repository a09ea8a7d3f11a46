"""AdamW with warm-up, cosine and clipping, for all stages at once or one after the other."""

import dataclasses
from collections.abc import Callable

import jax
import optax

from fluorojax.models.cascade import Parameters


@dataclasses.dataclass(frozen=True)
class OptimizerSpec:
    """Fields as in `fluorojax/config/fields.py`, section `training`."""

    steps: int
    learning_rate: float
    warmup_steps: int
    weight_decay: float
    clip_norm: float


def learning_rate(spec: OptimizerSpec) -> optax.Schedule:
    """Return the rate of each step: a line to the peak, then a cosine to 1 % of it."""
    return optax.warmup_cosine_decay_schedule(
        init_value=0.0,
        peak_value=spec.learning_rate,
        warmup_steps=spec.warmup_steps,
        decay_steps=spec.steps,
        end_value=0.01 * spec.learning_rate,
    )


def adamw(spec: OptimizerSpec) -> optax.GradientTransformation:
    """Return clipping by the norm, then AdamW (Loshchilov and Hutter, 2019); kernels decay."""
    return optax.chain(
        optax.clip_by_global_norm(spec.clip_norm),
        optax.adamw(learning_rate(spec), weight_decay=spec.weight_decay, mask=_kernels),
    )


def _kernels(parameters: Parameters) -> Parameters:
    # Biases and norm scales are vectors; pulling them to zero has no use.
    return jax.tree.map(lambda p: p.ndim > 1, parameters)


def together(spec: OptimizerSpec, stages: int) -> optax.GradientTransformation:
    """Return an optimiser for each stage, all at once.

    Their gradients are clipped apart, whether or not one flows from stage to stage: where a wire is
    lost, its stage's large gradient must not make the other's updates small.
    """
    return _by_stage({f"stage_{k}": adamw(spec) for k in range(stages)})


def stage_by_stage(spec: OptimizerSpec, stages: int) -> optax.GradientTransformation:
    """Return an optimiser that trains stage k in the k-th share of the steps and then freezes it.

    Each stage has its own warm-up and cosine, over its share; outside it, neither its parameters
    nor its moments change.
    """
    share, short = _share(spec, stages)
    return _by_stage(
        {
            f"stage_{k}": optax.transforms.conditionally_mask(
                adamw(short), _within(k * share, spec.steps if k == stages - 1 else (k + 1) * share)
            )
            for k in range(stages)
        }
    )


def _share(spec: OptimizerSpec, stages: int) -> tuple[int, OptimizerSpec]:
    """Return the steps of a stage, where one is trained after the other, and its own schedule."""
    share = spec.steps // stages
    warmup = min(spec.warmup_steps, max(share - 1, 0))
    return share, dataclasses.replace(spec, steps=share, warmup_steps=warmup)


def rate_together(spec: OptimizerSpec, stages: int) -> optax.Schedule:
    """Return the rate of each update, counted from 0, that `together` makes: of all stages."""
    del stages
    return learning_rate(spec)


def rate_stage_by_stage(spec: OptimizerSpec, stages: int) -> optax.Schedule:
    """Return the rate of each update, counted from 0, of the stage that `stage_by_stage` trains."""
    share, short = _share(spec, stages)
    of_stage = learning_rate(short)
    return lambda update: of_stage(update - share * min(update // max(share, 1), stages - 1))


def _within(start: int, stop: int) -> Callable[..., jax.Array]:
    return lambda step, **_: (step >= start) & (step < stop)


def _by_stage(
    optimizers: dict[str, optax.GradientTransformation],
) -> optax.GradientTransformation:
    def labels(parameters: Parameters) -> Parameters:
        return {stage: jax.tree.map(lambda _: stage, tree) for stage, tree in parameters.items()}  # noqa: B023

    return optax.partition(optimizers, labels)


Optimizers = Callable[[OptimizerSpec, int], optax.GradientTransformation]

RATES: dict[str, Callable[[OptimizerSpec, int], optax.Schedule]] = {
    "together": rate_together,
    "stage_by_stage": rate_stage_by_stage,
}
"""The rate of each update by `SCHEDULES`, as it is logged."""

SCHEDULES: dict[str, Optimizers] = {"together": together, "stage_by_stage": stage_by_stage}
"""How the stages of a cascade are trained."""
