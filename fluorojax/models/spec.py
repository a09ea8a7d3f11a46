"""A network as plain data: what a config asks for, what an export's manifest holds."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp

from fluorojax.core.errors import InputError
from fluorojax.models.cascade import Cascade
from fluorojax.schema.info import DatasetInfo
from fluorojax.schema.renamed import KEYS, SPATIAL_PRIORS, with_new_names

Stages = tuple[tuple[int, ...], ...]


@dataclasses.dataclass(frozen=True)
class NetworkSpec:
    """Every choice that decides the parameters and the function of a network."""

    stages: Stages  # class indices predicted by each stage
    link: str  # 'none', 'stop_gradient' or 'gradient'
    parent_class: int | None  # class whose surroundings later stages see, None: no relation
    width: float
    depth: int
    norm: str
    residual: bool
    deep_supervision: bool
    remat: bool
    dtype: str  # compute type
    # Defaults are what exports meant that were written before these fields were.
    child_class: int | None = None
    spatial_prior: str = "around"  # 'none', 'around' or 'in_front'
    landmarks: bool = False  # exit and tip are learned too
    gradient_scale: float = 1.0  # share of the gradient that flows back along the link 'gradient'
    image_labels: tuple[int, ...] = ()  # number of values of each that is learned
    patch: int = 1  # side (px) of what is one pixel to the network

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers, strings and lists."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "NetworkSpec":
        """Build from what `to_json` returned, perhaps read back from a file."""
        fields = with_new_names(fields, KEYS)
        prior = fields.get("spatial_prior", "around")
        values = {
            "spatial_prior": SPATIAL_PRIORS.get(prior, prior),
            "stages": tuple(tuple(stage) for stage in fields["stages"]),
            "image_labels": tuple(fields.get("image_labels", ())),
        }
        return cls(**{**fields, **values})


def build(spec: NetworkSpec) -> Cascade:
    """Return the Flax module of a specification."""
    fields = {f.name: getattr(spec, f.name) for f in dataclasses.fields(spec)}
    return Cascade(**{**fields, "dtype": jnp.dtype(spec.dtype)})


def together(info: DatasetInfo) -> Stages:
    """Return one stage with every class."""
    return (tuple(range(len(info.classes))),)


def per_class(info: DatasetInfo) -> Stages:
    """Return one stage for each class."""
    return tuple((k,) for k in range(len(info.classes)))


def parent_then_child(info: DatasetInfo) -> Stages:
    """Return a stage with every class but the relation's child, and one with the child.

    Raises:
        InputError: the data set has no relation.
    """
    if info.relation is None:
        raise InputError(
            f"model.stages='parent_then_child' needs a relation, and the data set {info.name!r} "
            'has none; add "relation": {"child": CLASS, "parent": CLASS} to its dataset.json, or '
            "run configs/multi.py or configs/single.py"
        )
    child = info.index(info.relation.child)
    return (tuple(k for k in range(len(info.classes)) if k != child), (child,))


STAGES: dict[str, Callable[[DatasetInfo], Stages]] = {
    "together": together,
    "per_class": per_class,
    "parent_then_child": parent_then_child,
}
