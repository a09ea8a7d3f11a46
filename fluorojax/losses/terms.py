"""The terms of the joint loss: a new one is a function, and an entry in `TERMS`.

An entry makes the configuration's fields too: `loss.NAME`, the weight, and those of its parameters.
Free of jax, so that configurations can hold these fields before its flags are set: a function is
named, and imported when a loss is computed.
"""

import dataclasses
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from fluorojax.schema.limits import number, rate, whole

Kind = Literal["area", "curve", "relation"]


class Parameter(NamedTuple):
    """A number that a term needs besides its weight."""

    argument: str  # of the function
    field: Any  # of the configuration: usual value and limits


@dataclasses.dataclass(frozen=True)
class Term:
    """A term of the joint loss: f(*inputs, weight, **parameters) -> [B] float32, 0 is perfect.

    Attributes:
        kind: 'area': of each class; 'curve': of each thin class; 'relation': of child and parent,
            where the annotation says that the relation holds.
        function: 'MODULE:NAME' within `fluorojax.losses`, or the function itself.
        inputs: what it is given: fields of `fluorojax.losses.joint.OneClass`, or of `Related` for
            the relation; behind them comes the weight of the pixels, [B, H, W].
        weight: the configuration's field `loss.NAME`; of weight 0, a term is not computed.
        parameters: by the name of their field in the configuration.
    """

    kind: Kind
    function: str | Callable[..., Any]
    inputs: tuple[str, ...]
    weight: Any
    parameters: Mapping[str, Parameter] = dataclasses.field(default_factory=dict)

    def resolved(self) -> Callable[..., Any]:
        """Return the function; jax comes with it."""
        if callable(self.function):
            return self.function
        return pkgutil.resolve_name(f"fluorojax.losses.{self.function}")


def weight(usual: float) -> Any:
    """Make a field of a weight."""
    return number(usual, 0.0, 1000.0)


LOGITS, PROBABILITIES = ("logits", "mask"), ("probabilities", "mask")
BLOCKS = {  # side of the blocks (px) the relation is looked at in: smaller gaps are not seen
    "attachment_px": Parameter("block", whole(4, 1, 64))
}

# They are added up in this order, those of areas before those of curves and of the relation.
TERMS: dict[str, Term] = {
    # weight of cross entropy, all classes
    "cross_entropy": Term("area", "overlap:cross_entropy", LOGITS, weight(1.0)),
    # weight of soft Dice, all classes
    "dice": Term(
        "area",
        "overlap:present_dice",
        (*PROBABILITIES, "absent"),
        weight(1.0),
        # pixels added to its areas; the more, the less a few false pixels of an absent class weigh
        {"dice_smooth": Parameter("smooth", number(1.0, 0.0, 1_000_000, above=True))},
    ),
    # weight of the focal loss, all classes: of the same pull on what is small and not found yet
    "focal": Term(
        "area",
        "overlap:focal",
        LOGITS,
        weight(0.0),
        # its exponent: how little counts what is right already
        {"focal_gamma": Parameter("gamma", number(2.0, 0.0, 10.0))},
    ),
    # weight of the Tversky loss, all classes
    "tversky": Term(
        "area",
        "overlap:tversky",
        PROBABILITIES,
        weight(0.0),
        # a missed pixel's share of its cost; 0.5 is Dice
        {"tversky_miss": Parameter("miss", rate(0.7))},
    ),
    # weight of the boundary loss, all classes
    "boundary": Term(
        "area",
        "overlap:boundary",
        PROBABILITIES,
        weight(0.0),
        # distance (px) from which on an error costs no more
        {"boundary_px": Parameter("reach", whole(8, 1, 256))},
    ),
    # weight of recall on the reference centreline, thin classes
    "skeleton_recall": Term(
        "curve", "topology:skeleton_recall", ("probabilities", "centreline"), weight(1.0)
    ),
    # weight of soft clDice, thin classes
    "cldice": Term(
        "curve",
        "topology:soft_cldice",
        PROBABILITIES,
        weight(0.0),
        # of its skeletons: half the width of the thickest wire (px)
        {"cldice_iterations": Parameter("iterations", whole(5, 0, 100))},
    ),
    # weight of the share of the child that is not joined to its parent
    "attachment": Term("relation", "relation:attachment", ("parent", "child"), weight(0.0), BLOCKS),
    # weight of the share of the reference child that no path joins to it
    "disconnection": Term(
        "relation",
        "relation:disconnection",
        ("parent", "child", "reference"),
        weight(0.0),
        BLOCKS,
    ),
    # weight of the improbability that a path from the parent to the tip stays in the child
    "path": Term(
        "relation",
        "path:path",
        ("parent", "child", "reference"),
        weight(0.0),
        # side of the blocks (px) that paths are made of
        {"path_px": Parameter("block", whole(4, 1, 64))},
    ),
}


def loss_fields() -> dict[str, dataclasses.Field[Any]]:
    """Return the fields of the configuration that the terms make, by name, without `loss.`."""
    weights = {name: term.weight for name, term in TERMS.items()}
    return weights | {name: parameter.field for name, parameter in parameters().items()}


def parameters() -> dict[str, Parameter]:
    """Return the parameters of all terms, by the name of their field."""
    return {name: one for term in TERMS.values() for name, one in term.parameters.items()}
