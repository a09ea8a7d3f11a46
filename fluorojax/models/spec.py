"""A network as plain data: what a config asks for, what an export's manifest holds."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict

from fluorojax.core.errors import InputError
from fluorojax.models.cascade import LINKS, Cascade
from fluorojax.models.cascade import SPATIAL_PRIORS as PRIORS
from fluorojax.models.unet import NORMS
from fluorojax.schema import bitmask
from fluorojax.schema.info import MOST_LABELS, MOST_VALUES, DatasetInfo
from fluorojax.schema.limits import Choice, Flag, Number, choice, flag, rate, whole
from fluorojax.schema.nested import Many, Perhaps, within
from fluorojax.schema.renamed import KEYS, SPATIAL_PRIORS, with_new_names

Stages = tuple[tuple[int, ...], ...]

_CLASS = Number(0, bitmask.MAX_CLASSES - 1, whole=True)
_STAGES = Many(Many(_CLASS, 1, bitmask.MAX_CLASSES), 1, bitmask.MAX_CLASSES)
_COUNTS = Many(Number(2, MOST_VALUES, whole=True), 0, MOST_LABELS)
_FLAG = within(Flag())


@dataclasses.dataclass(frozen=True)
class NetworkSpec:
    """Every choice that decides the parameters and the function of a network."""

    stages: Stages = field(metadata=within(_STAGES))  # class indices predicted by each stage
    link: str = field(metadata=within(Choice(("none", *LINKS))))  # what later stages see
    # class whose surroundings later stages see, None: no relation
    parent_class: int | None = field(metadata=within(Perhaps(_CLASS)))
    width: float = field(metadata=within(Number(1.0, 1024.0)))
    depth: int = field(metadata=within(Number(1, 8, whole=True)))
    norm: str = field(metadata=within(Choice(tuple(NORMS))))
    residual: bool = field(metadata=_FLAG)
    deep_supervision: bool = field(metadata=_FLAG)
    remat: bool = field(metadata=_FLAG)
    dtype: str = field(metadata=within(Choice(("float32", "bfloat16"))))  # compute type
    # Defaults are what exports meant that were written before these fields were.
    child_class: int | None = field(default=None, metadata=within(Perhaps(_CLASS)))
    # 'none', 'around' or 'in_front'
    spatial_prior: str = choice("around", ("none", *PRIORS))
    landmarks: bool = flag(False)  # exit and tip are learned too
    gradient_scale: float = rate(1.0)  # share of the gradient that flows back, link 'gradient'
    # number of values of each that is learned
    image_labels: tuple[int, ...] = field(default=(), metadata=within(_COUNTS))
    patch: int = whole(1, 1, 16)  # side (px) of what is one pixel to the network
    local_contrast: int = whole(0, 0, 500)  # how far (px) it reaches; 0: grey values are seen

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers, strings and lists."""
        return dataclasses.asdict(self)

    @classmethod
    def with_usual(cls, fields: Any) -> Any:
        """Return fields under today's names, with the values that older exports meant by default.

        What is no object is returned as it is.
        """
        if not isinstance(fields, Mapping):
            return fields
        usual = {f.name: f.default for f in dataclasses.fields(cls)}
        usual = {name: value for name, value in usual.items() if value is not dataclasses.MISSING}
        found = usual | with_new_names(fields, KEYS)
        if isinstance(prior := found["spatial_prior"], str):
            found["spatial_prior"] = SPATIAL_PRIORS.get(prior, prior)
        return found

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


@functools.lru_cache(maxsize=16)
def array_shapes(spec: NetworkSpec, image_size: tuple[int, int]) -> dict[str, tuple[int, ...]]:
    """Return name and shape of each array of a network's parameters, `stage_0/down_0/...`.

    Nothing is computed or compiled: the initialisation is only traced.
    """
    # Computing again in the backward pass changes no array, and would only take time here.
    network = build(dataclasses.replace(spec, remat=False))
    image = jax.ShapeDtypeStruct((1, *image_size, 1), jnp.float32)
    # The key is made inside, where it is traced too.
    drawn = jax.eval_shape(lambda shown: network.init(jax.random.key(0), shown), image)
    return {name: of.shape for name, of in flatten_dict(drawn["params"], sep="/").items()}


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
