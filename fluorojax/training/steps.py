"""One update: from a shard of host arrays to the next state. Pure."""

import dataclasses

import jax
import jax.numpy as jnp
import optax

from fluorojax.core import parallel, rng
from fluorojax.losses.joint import LossSpec, Targets, joint_loss
from fluorojax.models.cascade import Cascade, ContextCorruption, Parameters, forward
from fluorojax.models.intensity import normalise
from fluorojax.schema import bitmask, labels
from fluorojax.training.augment import AugmentSpec, Sample, augment
from fluorojax.training.context_corruption import context_corruption
from fluorojax.training.state import TrainState, moving_average

Batch = dict[str, jax.Array]
Metrics = dict[str, jax.Array]


@dataclasses.dataclass(frozen=True)
class StepSpec:
    """What a step needs to know besides the network and the optimiser."""

    seed: int
    stored_classes: int  # bits in the masks of a batch
    learned_classes: int  # 1 where all classes are learned as one label
    landmarks: int  # how many landmarks are learned beside them, 0 or 2
    curves: tuple[int, ...]  # indices of the thin ones among the learned classes
    crop_size: tuple[int, int]
    augment: AugmentSpec
    loss: LossSpec
    context_corruption: float  # share of the examples whose later stages see blots
    relation_ramp: tuple[float, float]  # steps: the relation's weights begin, and are whole
    ema_decay: float


def sample_of(example: Batch, spec: StepSpec) -> Sample:
    """Unpack one example of a batch: grey values to [0, 1], bitmasks to the learned classes.

    Behind the classes come the discs about the landmarks, where these are learned.
    """

    def learned(bits: jax.Array) -> jax.Array:
        mask = bitmask.unpack(bits, spec.stored_classes).astype(jnp.float32)
        return labels.merge(mask, spec.learned_classes)

    landmarks = bitmask.unpack(example["landmarks"], spec.landmarks).astype(jnp.float32)
    return Sample(
        image=normalise(example["image"], example["low"], example["high"]),
        mask=jnp.concatenate([learned(example["mask"]), landmarks], -1),
        skeleton=jnp.concatenate([learned(example["skeleton"]), jnp.zeros_like(landmarks)], -1),
        ignore=example["ignore"].astype(jnp.float32),
    )


def augmented(batch: Batch, step: jax.Array, spec: StepSpec) -> Sample:
    """Augment every example under its own key, a function of (seed, step, place in the batch)."""

    def one(example: Batch) -> Sample:
        key = rng.stream(spec.seed, "augment", step, example["position"])
        sample = sample_of(example, spec)
        return augment(key, sample, spec.augment, crop_size=spec.crop_size, thin=spec.curves)

    return jax.vmap(one)(batch)


def loss_of(
    parameters: Parameters,
    sample: Sample,
    batch: Batch,
    false: ContextCorruption | None,
    step: jax.Array,
    network: Cascade,
    spec: StepSpec,
) -> tuple[jax.Array, Metrics]:
    """Return the joint loss, mean over the examples, and the mean of each of its terms.

    `sample` is what `batch` was augmented to; the labels of whole frames are taken from `batch`.
    """
    output = forward(network, parameters, sample.image, false)
    share = ramp(step, spec.relation_ramp)
    targets = Targets(
        mask=sample.mask[..., : spec.learned_classes],
        skeleton=sample.skeleton[..., : spec.learned_classes],
        ignore=sample.ignore,
        attached=batch["attached"],
        landmarks=sample.mask[..., spec.learned_classes :],
        image_labels=batch["image_labels"],
    )
    loss, terms = joint_loss(
        output.logits,
        targets,
        spec.loss,
        auxiliary=output.auxiliary,
        landmarks=output.landmarks,
        image_labels=output.image_labels,
        # A stage that does not see the parent cannot be asked to reach it.
        relation_share=share if false is None else share * (1.0 - false.is_false),
    )
    return loss.mean(), {name: term.mean() for name, term in terms.items()}


def ramp(step: jax.Array, rise: tuple[float, float]) -> jax.Array:
    """Return 0 up to the first step of `rise`, 1 from the second on, and a line in between."""
    first, last = rise
    return jnp.clip((step - first) / max(last - first, 1.0), 0.0, 1.0)


def train_step(
    state: TrainState,
    batch: Batch,
    *,
    network: Cascade,
    optimizer: optax.GradientTransformation,
    spec: StepSpec,
) -> tuple[TrainState, Metrics]:
    """Make one update from one device's share of the batch; gradients are averaged over devices.

    A loss or gradient that is not finite changes nothing but the step count.

    Args:
        state: the replicated state.
        batch: arrays [B / devices, ...] as `fluorojax.datasets.pipeline` makes them.

    Returns:
        The next state; the loss, its terms, the norm of the gradient, and `applied` in {0, 1}.
    """
    sample = augmented(batch, state.step, spec)
    positions = batch["position"]
    false = context_corruption(
        spec.seed, state.step, positions, share=spec.context_corruption, size=spec.crop_size
    )
    grad = jax.value_and_grad(loss_of, has_aux=True)
    (loss, terms), gradient = grad(
        state.parameters, sample, batch, false, state.step, network, spec
    )
    loss, terms, gradient = parallel.mean_over_devices((loss, terms, gradient))
    norm = optax.global_norm(gradient)  # a sum over all of it: finite if every part is
    applied = jnp.isfinite(loss) & jnp.isfinite(norm)
    after = updated(state, gradient, optimizer, spec.ema_decay)
    before = state.replace(step=state.step + 1)
    # A prefix, because a class's Dice loss is not its Dice score.
    parts = {f"loss/{name}": term for name, term in terms.items()}
    metrics = {"loss": loss, "gradient_norm": norm, "applied": applied.astype(jnp.float32), **parts}
    return jax.tree.map(lambda new, old: jnp.where(applied, new, old), after, before), metrics


def updated(
    state: TrainState,
    gradient: Parameters,
    optimizer: optax.GradientTransformation,
    ema_decay: float,
) -> TrainState:
    """Return the state after one update along `gradient`."""
    updates, moments = optimizer.update(gradient, state.optimizer, state.parameters)
    parameters = optax.apply_updates(state.parameters, updates)
    average = moving_average(state.average, parameters, state.step, ema_decay)
    return TrainState(state.step + 1, parameters, moments, average)


def gathered_metadata(batch: Batch) -> dict[str, jax.Array]:
    """Return what every process must know of a step: `stop` [B] bool, and `index` [B] int32.

    `stop` is true for each example whose process was asked to stop.
    """
    return {name: parallel.gather(batch[name]) for name in ("stop", "index")}
