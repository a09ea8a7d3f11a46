"""The joint loss: every class's terms and the relation, weighted in one place."""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from fluorojax.losses.overlap import cross_entropy, dice
from fluorojax.losses.relation import reference_reach
from fluorojax.losses.softmax import softmax_cross_entropy
from fluorojax.losses.terms import TERMS, Kind, Term

Terms = dict[str, jax.Array]

LARGEST_DETACHED_SHARE = 0.1
"""Share of a reference's child that may be detached, by rounding and short stretches, or lie beyond
the reach, where the relation is still taken to hold for the rest."""


class Targets(NamedTuple):
    """What a batch should be predicted as."""

    mask: jax.Array  # [B, H, W, C] in {0, 1}
    skeleton: jax.Array  # [B, H, W, C] in {0, 1}, dilated centrelines of the thin classes
    ignore: jax.Array  # [B, H, W] in {0, 1}; 1: counts nowhere
    attached: jax.Array  # [B] in {1, 0, -1}: the relation holds, does not, cannot be said
    landmarks: jax.Array | None = None  # [B, H, W, 2] in {0, 1}, discs about exit and tip
    image_labels: jax.Array | None = None  # [B, A], place of each label's value, -1: not known


class OneClass(NamedTuple):
    """What the terms of one class are computed from; of several classes, the last axis is theirs.

    Beside the first four, [B, H, W] each, `absent: []` is the share of its weight that Dice keeps
    in examples that do not show the class.
    """

    logits: jax.Array
    probabilities: jax.Array
    mask: jax.Array  # {0, 1}
    centreline: jax.Array  # {0, 1}, dilated, and within the mask: the rest would thicken the wire
    absent: jax.Array


class Related(NamedTuple):
    """What the terms of the relation are computed from, [B, H, W] each."""

    parent: jax.Array  # its probability, of which the gradient is stopped
    child: jax.Array  # its probability
    reference: jax.Array  # the child's mask


@dataclasses.dataclass(frozen=True)
class LossSpec:
    """Weights of the terms, and what they need; hashable, for jit.

    Attributes:
        class_names: in the order of the logits.
        curves: indices of the thin classes.
        class_weights: one a class.
        relation: indices (child, parent).
        weights: (name, weight) of terms in `fluorojax.losses.terms.TERMS`; a term that is not
            named, or of weight 0, is not computed.
        parameters: (field, value) of what these terms need; others have their usual value.
        dice_absent: share of Dice's weight, one a class, where the class is not in the example;
            empty: 1 of each.
        auxiliary: weight of the finest coarser level; halved from level to level.
        landmarks: weight of exit and tip.
        image_labels: weight of all of them together.
        image_label_names: in the order of their logits.
    """

    class_names: tuple[str, ...]
    curves: tuple[int, ...]
    class_weights: tuple[float, ...]
    relation: tuple[int, int] | None
    weights: tuple[tuple[str, float], ...]
    parameters: tuple[tuple[str, float], ...] = ()
    dice_absent: tuple[float, ...] = ()
    auxiliary: float = 0.0
    landmarks: float = 0.0
    image_labels: float = 0.0
    image_label_names: tuple[str, ...] = ()

    def weight(self, term: str) -> float:
        """Return the weight of a term, 0 where it is not computed."""
        return dict(self.weights).get(term, 0.0)

    def with_weights(self, **weights: float) -> "LossSpec":
        """Return the same with other weights of some terms."""
        return dataclasses.replace(self, weights=tuple((dict(self.weights) | weights).items()))

    @property
    def relation_block(self) -> int:
        """The side of the blocks that the relation is looked at in (px)."""
        return int(self.arguments(TERMS["attachment"])["block"])

    def terms(self, kind: Kind) -> dict[str, Term]:
        """Return the terms of a kind that have a weight, by name, in the table's order."""
        return {n: term for n, term in TERMS.items() if term.kind == kind and self.weight(n)}

    def arguments(self, term: Term) -> dict[str, float]:
        """Return the values of a term's parameters, by the argument of its function."""
        given = dict(self.parameters)
        return {
            parameter.argument: given.get(name, parameter.field.default)
            for name, parameter in term.parameters.items()
        }


def joint_loss(
    logits: jax.Array,
    targets: Targets,
    spec: LossSpec,
    auxiliary: tuple[jax.Array, ...] = (),
    landmarks: jax.Array | None = None,
    image_labels: tuple[jax.Array, ...] = (),
    relation_share: jax.Array | float = 1.0,
) -> tuple[jax.Array, Terms]:
    """Return the joint loss of each example and its terms, unweighted, by name.

    L = sum_c l_c S_c + R + l_p P + l_v V + sum_k a / 2^k sum_c l_c A_c^k

    S_c is the weighted sum of the class's terms and R that of the relation's, those of
    `fluorojax.losses.terms.TERMS`. R counts where the annotation says that the relation holds and
    both classes are in the reference; elsewhere it is 0. P: see `landmarks_loss`. V is the mean of
    the image labels' cross entropies, over those whose value is known. A_c^k: cross entropy and
    Dice at a coarser level, against the maximum of the mask over each block.

    Args:
        logits: [B, H, W, C].
        targets: see `Targets`.
        spec: weights.
        auxiliary: logits of coarser levels, finest first.
        landmarks: logits [B, H, W, 2] of exit and tip, where they are learned.
        image_labels: logits [B, n] of each image label, in the order of `spec.image_label_names`.
        relation_share: [] or [B] in [0, 1], how much of R counts by now.

    Returns:
        The loss [B] float32, and {'CLASS/dice': [B], ..., 'attachment': [B]}; an image label's is
        'LABEL/cross_entropy', 0 where its value is not known.
    """
    logits = logits.astype(jnp.float32)
    probabilities = jax.nn.sigmoid(logits)
    weight = 1.0 - targets.ignore.astype(jnp.float32)
    loss, terms = jnp.zeros(logits.shape[0], jnp.float32), Terms()
    of_classes = class_terms(logits, probabilities, targets, weight, spec)
    for term, (classes, values) in of_classes.items():
        for place, k in enumerate(classes):
            terms[f"{spec.class_names[k]}/{term}"] = values[:, place]
            loss += spec.class_weights[k] * spec.weight(term) * values[:, place]
    for name, value in relation_terms(probabilities, targets, weight, spec).items():
        terms[name] = value
        loss += spec.weight(name) * relation_share * value
    if landmarks is not None and spec.landmarks:
        terms["landmarks"] = landmarks_loss(landmarks, targets, weight)
        loss += spec.landmarks * terms["landmarks"]
    if image_labels and spec.image_labels:
        of_image_labels, mean = image_label_terms(image_labels, targets, spec.image_label_names)
        terms |= of_image_labels
        loss += spec.image_labels * mean
    if auxiliary:
        terms["auxiliary"] = auxiliary_loss(auxiliary, targets, weight, spec)
        loss += spec.auxiliary * terms["auxiliary"]
    return loss, terms


def class_terms(
    logits: jax.Array,
    probabilities: jax.Array,
    targets: Targets,
    weight: jax.Array,
    spec: LossSpec,
) -> dict[str, tuple[tuple[int, ...], jax.Array]]:
    """Return, for each term that has a weight, the n classes it is of and its values, [B, n].

    All classes at once: of slices class by class, XLA makes as many products with the head, and a
    CPU spends more time there than in the network.
    """
    every = tuple(range(len(spec.class_names)))
    absent = jnp.array(spec.dice_absent or (1.0,) * len(every), jnp.float32)
    centreline = targets.skeleton * targets.mask
    x = OneClass(logits, probabilities, targets.mask, centreline, absent)
    # Chosen first: gradients are added up in the order of use, and sums in another have other bits.
    thin = OneClass(*(_choose(spec.curves, value) for value in x)) if spec.curves else x
    of_kinds: dict[Kind, tuple[tuple[int, ...], OneClass]] = {
        "area": (every, x),
        "curve": (spec.curves, thin),
    }
    return {
        name: (classes, _each(term, given, weight, spec))
        for kind, (classes, given) in of_kinds.items()
        for name, term in (spec.terms(kind).items() if classes else ())
    }


def _each(term: Term, x: OneClass, weight: jax.Array, spec: LossSpec) -> jax.Array:
    """Compute a term for each class of arrays whose last axis they are, `[B, n]`."""
    inputs = [getattr(x, name) for name in term.inputs]
    of_one = functools.partial(term.resolved(), **spec.arguments(term))
    return jax.vmap(lambda *one: of_one(*one, weight), in_axes=-1, out_axes=-1)(*inputs)


def _choose(classes: tuple[int, ...], x: jax.Array) -> jax.Array:
    """Choose classes of `x`, whose last axis they are."""
    return jnp.stack([x[..., k] for k in classes], -1)


def relation_terms(
    probabilities: jax.Array, targets: Targets, weight: jax.Array, spec: LossSpec
) -> Terms:
    """Return the relation's terms that have a weight, by name, each 0 where it does not hold.

    What the reference itself does not join within reach counts nowhere: the exact mask costs 0.
    """
    wanted = spec.terms("relation")
    if not spec.relation or not wanted:
        return {}
    child, parent = spec.relation
    x = Related(
        # The child has to reach its parent: a parent that grows towards false pieces would do too.
        parent=jax.lax.stop_gradient(probabilities[..., parent]),
        child=probabilities[..., child],
        reference=targets.mask[..., child],
    )
    holds, within = relation_in_reference(targets, child, parent, spec.relation_block)
    values = {name: _related(term, x, weight * within, spec) for name, term in wanted.items()}
    return {name: jnp.where(holds, value, 0.0) for name, value in values.items()}


def _related(term: Term, x: Related, weight: jax.Array, spec: LossSpec) -> jax.Array:
    """Compute a term of the relation, `[B]`."""
    inputs = [getattr(x, name) for name in term.inputs]
    return term.resolved()(*inputs, weight, **spec.arguments(term))


def relation_in_reference(
    targets: Targets, child: int, parent: int, block: int
) -> tuple[jax.Array, jax.Array]:
    """Say of each example whether its child must be joined to its parent, and where.

    The annotation says so of the frame, both are seen, and the reference itself is joined: a crop
    may show both and cut out where they meet. The last is looked at in the terms' own blocks, and
    as far as they reach: nothing is asked of a prediction that the exact mask would not fulfil.

    Args:
        targets: see `Targets`.
        child, parent: indices of classes.
        block: pixels a side of a block.

    Returns:
        [B] bool; and [B, H, W] in {0, 1}, 0 where the reference's child is not joined.
    """
    counted = 1.0 - targets.ignore.astype(jnp.float32)
    mask = targets.mask.astype(jnp.float32)
    seen = (mask * counted[..., None]).any((1, 2))
    detached, within = reference_reach(mask[..., parent], mask[..., child], counted, block=block)
    joined = detached <= LARGEST_DETACHED_SHARE
    return (targets.attached == 1) & seen[..., child] & seen[..., parent] & joined, within


def landmarks_loss(logits: jax.Array, targets: Targets, weight: jax.Array) -> jax.Array:
    """Return the cross entropy and Dice of the discs about exit and tip, [B].

    Whether there is an exit is known where the annotation says that the child is attached, or that
    it is not; the tip, where it is attached (of a loose wire, either end may be the tip).
    """
    assert targets.landmarks is not None
    logits = logits.astype(jnp.float32)
    known = (targets.attached >= 0, targets.attached == 1)
    total = jnp.zeros(weight.shape[0], jnp.float32)
    for k, counts in enumerate(known):
        terms = _areas(logits[..., k], targets.landmarks[..., k], weight)
        total += jnp.where(counts, terms, 0.0)
    return total


def image_label_terms(
    logits: tuple[jax.Array, ...], targets: Targets, names: tuple[str, ...]
) -> tuple[Terms, jax.Array]:
    """Return the cross entropy of each image label by name, and the mean of those known; [B]."""
    assert targets.image_labels is not None
    values = [targets.image_labels[:, k] for k in range(len(names))]
    terms = {
        f"{name}/cross_entropy": softmax_cross_entropy(z, y)
        for name, z, y in zip(names, logits, values, strict=True)
    }
    known = (targets.image_labels >= 0).sum(-1)
    return terms, sum(terms.values()) / jnp.maximum(known, 1)


def auxiliary_loss(
    auxiliary: tuple[jax.Array, ...], targets: Targets, weight: jax.Array, spec: LossSpec
) -> jax.Array:
    """Return the cross entropy and Dice of the coarser levels, each half of the one before, [B]."""
    total = jnp.zeros(weight.shape[0], jnp.float32)
    for level, logits in enumerate(auxiliary):
        logits = logits.astype(jnp.float32)
        factor = 2 ** (level + 1)
        mask = _blocks(targets.mask.astype(jnp.float32), factor).max((2, 4))
        counts = _blocks(weight[..., None], factor).min((2, 4))[..., 0]
        of_one = functools.partial(_areas, weight=counts)
        terms = jax.vmap(of_one, in_axes=-1, out_axes=-1)(logits, mask)
        total += 0.5**level * (terms * jnp.array(spec.class_weights)).sum(-1)
    return total


def _areas(z: jax.Array, y: jax.Array, weight: jax.Array) -> jax.Array:
    """Return cross entropy and Dice of logits `z` of one class, [B]."""
    return cross_entropy(z, y, weight) + dice(jax.nn.sigmoid(z), y, weight)


def _blocks(x: jax.Array, factor: int) -> jax.Array:
    batch, height, width, channels = x.shape
    return x.reshape(batch, height // factor, factor, width // factor, factor, channels)
