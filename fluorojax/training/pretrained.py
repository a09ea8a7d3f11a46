"""Parameters to start from: those of an export, perhaps of a network for other classes."""

from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict

from fluorojax.core.errors import InputError
from fluorojax.core.progress import console
from fluorojax.inference.export import load_parameters, read_manifest
from fluorojax.models.cascade import Parameters
from fluorojax.models.spec import NetworkSpec
from fluorojax.schema.info import standing_for

HEAD, IMAGE_LABELS = "head", "attribute"  # what the names of these arrays' layers begin with
StageClasses = Sequence[Sequence[str]]


def classes_of(spec: NetworkSpec, names: Sequence[str]) -> list[list[str]]:
    """Return the names of the classes that each stage learns."""
    return [[names[k] for k in stage] for stage in spec.stages]


def from_export(given: str, like: Parameters, classes: StageClasses) -> Parameters:
    """Return the parameters of an export, for a network whose parameters look like `like`.

    All but the last layer is taken as it is. In the last, one channel a class, a class gets the
    channel of the export's class of that name, or whose name begins with its own (`femoral` that of
    `femoral_component`), and otherwise keeps what was drawn for it; where no class is known, and
    there are as many, all are taken in order. Image labels are taken where the network has as many
    with as many values each, and left out otherwise.

    Args:
        given: its folder; or FOLDER:stage_K, one of its stages, for a network of one stage: so a
            U-Net that has learned wires can start one that learns vessels.
        like: drawn parameters of the network.
        classes: names of the classes that each of its stages learns.

    Raises:
        InputError: there is no such stage, or names or shapes differ; the first few are named.
    """
    folder, stage = stage_of(given)
    loaded, manifest = load_parameters(Path(folder)), read_manifest(Path(folder))
    spec = NetworkSpec.from_json(manifest["network"])
    known = classes_of(spec, [one["name"] for one in manifest["masks"]["classes"]])
    if stage:
        if stage not in loaded:
            raise InputError(
                f"init_from: the export {folder} has no {stage}; write one of "
                + ", ".join(f"{folder}:{name}" for name in sorted(loaded))
            )
        known = [known[int(stage.removeprefix("stage_"))]]
        loaded = {"stage_0": loaded[stage]}
    ours, theirs = flatten_dict(like, sep="/"), flatten_dict(loaded, sep="/")
    ours_labels, their_labels = _image_labels(ours), _image_labels(theirs)
    if ours_labels != their_labels:
        theirs = {name: value for name, value in theirs.items() if name not in their_labels}
        theirs |= {name: value for name, value in ours.items() if name in ours_labels}
    for name, value in ours.items():
        if name in theirs and name.split("/")[1].startswith(HEAD):
            number = int(name.split("/")[0].removeprefix("stage_"))
            theirs[name] = _head(value, theirs[name], classes[number], known[number])
    _check_alike(folder, ours, theirs)
    _say_new(classes, known)
    # Arrays of JAX, as what was drawn may be while it traces.
    return unflatten_dict({k: jnp.asarray(v, jnp.float32) for k, v in theirs.items()}, sep="/")


def stage_of(given: str) -> tuple[str, str]:
    """Split FOLDER:stage_K into its two parts; without a stage the second is empty."""
    folder, colon, stage = given.rpartition(":")
    return (folder, stage) if colon and stage.startswith("stage_") else (given, "")


def _image_labels(flat: dict[str, jax.Array]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays that tell image labels."""
    return {k: v.shape for k, v in flat.items() if k.split("/")[1].startswith(IMAGE_LABELS)}


def _taken(ours: Sequence[str], theirs: Sequence[str]) -> list[int | None]:
    """Return which of their classes each of ours is taken from."""
    found = [standing_for(name, theirs) for name in ours]
    if not any(k is not None for k in found) and len(ours) == len(theirs):
        return list(range(len(ours)))
    return found


def _head(
    drawn: jax.Array, learned: jax.Array, ours: Sequence[str], theirs: Sequence[str]
) -> jax.Array:
    """Return a last layer's array, [..., classes]: what was learned of the classes known."""
    if drawn.shape[:-1] != learned.shape[:-1]:
        return learned  # another network, which is said later
    channels = [
        drawn[..., k] if taken is None else learned[..., taken]
        for k, taken in enumerate(_taken(ours, theirs))
    ]
    return jnp.stack(channels, -1)


def _say_new(classes: StageClasses, known: StageClasses) -> None:
    """Print which classes the export does not know."""
    new = [
        name
        for ours, theirs in zip(classes, known, strict=True)
        for name, taken in zip(ours, _taken(ours, theirs), strict=True)
        if taken is None
    ]
    if new:
        console.print(
            f"init_from: not among the export's classes, and learned anew: {', '.join(new)}"
        )


def _check_alike(folder: str, ours: dict[str, jax.Array], theirs: dict[str, jax.Array]) -> None:
    """Check that all arrays have the names and shapes that they must have.

    Raises:
        InputError: they have not; the first few are named.
    """
    wanted = {k: v.shape for k, v in ours.items()}
    found = {k: v.shape for k, v in theirs.items()}
    if wanted != found:
        wrong = [k for k in sorted(wanted | found) if wanted.get(k) != found.get(k)]
        lines = (
            f"- {k}: {found.get(k, 'absent')} there, {wanted.get(k, 'absent')} here" for k in wrong
        )
        raise InputError(
            f"init_from: the export {folder} holds another network than this configuration asks "
            f"for ({len(wrong)} arrays differ); use the model fields of its manifest.json:\n"
            + "\n".join(list(lines)[:5])
        )
