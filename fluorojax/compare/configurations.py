"""In what the configurations of runs differ, and what of that is the method's own affair."""

import functools
from collections.abc import Mapping
from typing import Any

from fluorojax.config import (
    SIMULATION,
    flatten,
    kind_of,
    unflatten,
    with_new_fields,
)
from fluorojax.config.fields import every_field
from fluorojax.core.errors import InputError
from fluorojax.losses.terms import TERMS, parameters
from fluorojax.simulation.spec import drawn

MENDING = ("bridge_mm", "bridge_px", "drop_detached")
METHOD_FIELDS = (
    *("method", "model.labels", "model.stages", "model.width", "model.link"),
    *("model.gradient_scale", "model.spatial_prior", "model.context_corruption"),
    *("loss.attachment", "evaluation.curve", "evaluation.certainty"),
    *("evaluation.presence", *(f"evaluation.{name}" for name in MENDING)),
)
"""What makes a method: the fields in which `single`, `multi`, `separate`, `cascade` and `joint`
differ from their base, all of the same size; MENDING are those of `joint` before it followed
curves."""

SEED = "seed"

CIRCUMSTANCES = (
    # Where the data lie; of what they hold, the fingerprint speaks.
    *("data.dir", "data.cases", "data.built_dir"),
    # How fast it goes, and what is written down on the way.
    *("data.threads", "data.memory_mb", "hardware", "model.remat", "deterministic"),
    *("training.cpu_devices", "training.checkpoint_every", "training.log_every"),
    *("training.images", "evaluation.split"),
)
"""Fields that move a run's numbers by rounding at most, and may differ."""

ABSENT = "not set"


def fields_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a recorded configuration, flat, under today's names.

    A field that is not recorded came later, and has its usual value. Parameters of loss terms that
    have no weight are left out: they change nothing.

    Raises:
        InputError: a part of it is not what it was written as.
    """
    try:
        given = with_new_fields(flatten(config))
        simulated = unflatten(given).get(SIMULATION.removesuffix("."), {})
        fields = _usual(kind_of(simulated)) | {n: _plain(value) for n, value in given.items()}
        return {name: fields[name] for name in fields.keys() - _idle(fields)}
    except (AttributeError, TypeError) as error:
        raise InputError(f"the configuration is damaged ({error})") from error


@functools.cache
def _usual(kind: type) -> dict[str, Any]:
    """Return the usual values of all fields, flat."""
    usual = {name: _plain(field.default) for name, field in every_field().items()}
    return usual | {f"{SIMULATION}{one.name}": _plain(one.default) for one in drawn(kind)}


def _plain(value: Any) -> Any:
    # JSON turns tuples into lists.
    return list(value) if isinstance(value, tuple) else value


def _idle(fields: Mapping[str, Any]) -> set[str]:
    """Return the names of fields that only terms without a weight would use."""
    active = [term for name, term in TERMS.items() if fields.get(f"loss.{name}")]
    used = {name for term in active for name in term.parameters}
    idle = {f"loss.{name}" for name in parameters().keys() - used}
    if not any(term.kind == "relation" for term in active):
        idle.add("loss.attachment_ramp")
    return idle


def differing(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], one_method: bool
) -> list[tuple[str, Any, Any]]:
    """Return the fields in which two configurations must not differ and do, with both values.

    Args:
        ours, theirs: of `fields_of`.
        one_method: they are of one method, whose own fields must then be the same too.
    """
    free = {SEED, *CIRCUMSTANCES, *(() if one_method else METHOD_FIELDS)}
    # What one of them has no use for is told by the weight of its term.
    free |= {f"loss.{name}" for name in parameters()} - (ours.keys() & theirs.keys())
    free |= {"loss.attachment_ramp"} - (ours.keys() & theirs.keys())
    names = sorted((ours.keys() | theirs.keys()) - free)
    pairs = [(name, ours.get(name, ABSENT), theirs.get(name, ABSENT)) for name in names]
    return [pair for pair in pairs if pair[1] != pair[2]]
