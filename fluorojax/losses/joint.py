"""The joint loss: every class's terms and the relation, weighted in one place."""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from fluorojax.losses.overlap import boundary, cross_entropy, dice, focal, tversky
from fluorojax.losses.relation import attachment, disconnection
from fluorojax.losses.softmax import softmax_cross_entropy
from fluorojax.losses.topology import skeleton_recall, soft_cldice

Terms = dict[str, jax.Array]

LOOSE = 0.1
"""Share of a reference's child that may be loose, by rounding and short stretches, where the
relation is still taken to hold."""


class Targets(NamedTuple):
    """What a batch should be predicted as."""

    mask: jax.Array  # [B, H, W, C] in {0, 1}
    skeleton: jax.Array  # [B, H, W, C] in {0, 1}, dilated centrelines of the thin classes
    ignore: jax.Array  # [B, H, W] in {0, 1}; 1: counts nowhere
    attached: jax.Array  # [B] in {1, 0, -1}: the relation holds, does not, cannot be said
    landmarks: jax.Array | None = None  # [B, H, W, 2] in {0, 1}, discs about exit and tip
    image_labels: jax.Array | None = (
        None  # [B, A], place of each image_label's value, -1: not known
    )


@dataclasses.dataclass(frozen=True)
class LossSpec:
    """Weights of the terms, and what they need; a term of weight 0 is not computed."""

    class_names: tuple[str, ...]
    curves: tuple[int, ...]  # indices of the thin classes
    class_weights: tuple[float, ...]
    cross_entropy: float
    dice: float
    skeleton_recall: float
    attachment: float
    relation: tuple[int, int] | None  # indices (child, parent)
    auxiliary: float  # weight of the finest coarser level; halved from level to level
    dice_smooth: float = 1.0  # pixels
    # [C], share of Dice's weight where the class is not in the example; empty: 1 of each
    dice_absent: tuple[float, ...] = ()
    focal: float = 0.0
    focal_gamma: float = 2.0
    tversky: float = 0.0
    tversky_miss: float = 0.7  # a missed pixel's share of the cost
    boundary: float = 0.0
    boundary_px: int = 8  # from where on an error costs no more
    cldice: float = 0.0
    cldice_iterations: int = 5  # half the width of the thickest wire (px)
    disconnection: float = 0.0
    landmarks: float = 0.0
    attachment_px: int = 4  # side of the blocks it is looked at in
    image_labels: float = 0.0  # weight of all of them together
    image_label_names: tuple[str, ...] = ()


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

    L = sum_c l_c S_c + l_r R + l_d D + l_p P + l_v V + sum_k a / 2^k sum_c l_c A_c^k
    S_c = w_ce CE + w_dice Dice + w_focal Focal + w_t Tversky + w_b Boundary, and for thin classes
    + w_sr SkeletonRecall + w_cl clDice; A: CE and Dice at a coarser level, against the maximum of
    the mask over each block.

    R, the attachment, and D, the disconnection, count where the annotation says that the relation
    holds and both classes are in the reference; elsewhere they are 0. P: see `landmarks_loss`. V is
    the mean of the image_labels' cross entropies, over those whose value is known.

    Args:
        logits: [B, H, W, C].
        targets: see `Targets`.
        spec: weights.
        auxiliary: logits of coarser levels, finest first.
        landmarks: logits [B, H, W, 2] of exit and tip, where they are learned.
        image_labels: logits [B, n] of each image label, in the order of `spec.image_label_names`.
        relation_share: [] or [B] in [0, 1], how much of the weights of R and D counts by now.

    Returns:
        The loss [B] float32, and {'CLASS/dice': [B], ..., 'attachment': [B]}; an image_label's is
        'ATTRIBUTE/cross_entropy', 0 where its value is not known.
    """
    logits = logits.astype(jnp.float32)
    probabilities = jax.nn.sigmoid(logits)
    weight = 1.0 - targets.ignore.astype(jnp.float32)
    loss, terms = jnp.zeros(logits.shape[0], jnp.float32), Terms()
    of_classes = class_terms(logits, probabilities, targets, weight, spec)
    for term, (classes, values) in of_classes.items():
        for place, k in enumerate(classes):
            terms[f"{spec.class_names[k]}/{term}"] = values[:, place]
            loss += spec.class_weights[k] * getattr(spec, term) * values[:, place]
    for name, value in relation_terms(probabilities, targets, weight, spec).items():
        terms[name] = value
        loss += getattr(spec, name) * relation_share * value
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
    z, p, y, w = logits, probabilities, targets.mask, weight

    def present_dice(p: jax.Array, y: jax.Array, absent: jax.Array) -> jax.Array:
        return where_present(y, w, absent) * dice(p, y, w, spec.dice_smooth)

    of_areas: dict[str, Callable[[], jax.Array]] = {
        "cross_entropy": lambda: _each(lambda z, y: cross_entropy(z, y, w), z, y),
        "dice": lambda: _each(present_dice, p, y, absent),
        "focal": lambda: _each(lambda z, y: focal(z, y, w, spec.focal_gamma), z, y),
        "tversky": lambda: _each(lambda p, y: tversky(p, y, w, spec.tversky_miss), p, y),
        "boundary": lambda: _each(lambda p, y: boundary(p, y, w, spec.boundary_px), p, y),
    }
    of_curves: dict[str, Callable[[], jax.Array]] = {}
    if spec.curves:
        thin_p, thin_y, lines = (_of(spec.curves, x) for x in (p, y, targets.skeleton))
        # Only what the mask has of the dilated centreline: the rest of it would thicken the wire.
        inside = lines * thin_y
        of_curves = {
            "skeleton_recall": lambda: _each(lambda p, s: skeleton_recall(p, s, w), thin_p, inside),
            "cldice": lambda: _each(
                lambda p, y: soft_cldice(p, y, w, spec.cldice_iterations), thin_p, thin_y
            ),
        }
    return {
        name: (classes, term())
        for classes, terms in ((every, of_areas), (spec.curves, of_curves))
        for name, term in terms.items()
        if getattr(spec, name)
    }


def _each(term: Callable[..., jax.Array], *of_classes: jax.Array) -> jax.Array:
    """Compute a term for each class of arrays whose last axis they are, `[B, n]`."""
    return jax.vmap(term, in_axes=-1, out_axes=-1)(*of_classes)


def _of(classes: tuple[int, ...], x: jax.Array) -> jax.Array:
    """Choose classes of `x: [B, H, W, C]`."""
    return jnp.stack([x[..., k] for k in classes], -1)


def where_present(target: jax.Array, weight: jax.Array, absent: jax.Array) -> jax.Array:
    """Return 1 for examples that show a class, `absent: []` for those that do not, [B]."""
    return jnp.where((target * weight > 0).any((1, 2)), 1.0, absent)


def relation_terms(
    probabilities: jax.Array, targets: Targets, weight: jax.Array, spec: LossSpec
) -> Terms:
    """Return the relation's terms that have a weight, by name, each 0 where it does not hold."""
    if not spec.relation or not (spec.attachment or spec.disconnection):
        return {}
    child, parent = spec.relation
    # The child has to reach its parent: a parent that grows towards false pieces would do as well.
    e = jax.lax.stop_gradient(probabilities[..., parent])
    w, y = probabilities[..., child], targets.mask[..., child]
    terms: dict[str, Callable[[], jax.Array]] = {
        "attachment": lambda: attachment(e, w, weight, block=spec.attachment_px),
        "disconnection": lambda: disconnection(e, w, y, weight, block=spec.attachment_px),
    }
    holds = relation_holds(targets, child, parent)
    wanted = {name: term for name, term in terms.items() if getattr(spec, name)}
    return {name: jnp.where(holds, term(), 0.0) for name, term in wanted.items()}


def relation_holds(targets: Targets, child: int, parent: int) -> jax.Array:
    """Say of each example, [B] bool, whether its child must be joined to its parent.

    The annotation says so of the frame, both are seen, and the reference itself is joined: a crop
    may show both and cut out where they meet.
    """
    counted = 1.0 - targets.ignore.astype(jnp.float32)
    mask = targets.mask.astype(jnp.float32)
    seen = (mask * counted[..., None]).any((1, 2))
    loose = attachment(mask[..., parent], mask[..., child], counted)
    joined = loose <= LOOSE
    return (targets.attached == 1) & seen[..., child] & seen[..., parent] & joined


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
        terms = _each(functools.partial(_areas, weight=counts), logits, mask)
        total += 0.5**level * (terms * jnp.array(spec.class_weights)).sum(-1)
    return total


def _areas(z: jax.Array, y: jax.Array, weight: jax.Array) -> jax.Array:
    """Return cross entropy and Dice of logits `z` of one class, [B]."""
    return cross_entropy(z, y, weight) + dice(jax.nn.sigmoid(z), y, weight)


def _blocks(x: jax.Array, factor: int) -> jax.Array:
    batch, height, width, channels = x.shape
    return x.reshape(batch, height // factor, factor, width // factor, factor, channels)
