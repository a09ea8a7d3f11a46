"""Checks a run's configuration before anything heavy starts; every message says how to mend it.

`fluorojax.config.fields` has what each field may hold; here are the relations between several.
"""

import contextlib
import difflib
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from fluorojax.config.fields import every_field
from fluorojax.config.procedures import BUILDERS, kinds
from fluorojax.core.errors import InputError
from fluorojax.core.progress import console
from fluorojax.schema.limits import limits_of
from fluorojax.schema.renamed import FIELDS, SPATIAL_PRIORS, with_new_names
from fluorojax.simulation.spec import drawn

SIMULATION = "simulation."  # what the names of that section's fields begin with


def with_new_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return flat fields under today's names (see `fluorojax.schema.renamed`)."""
    found = with_new_names(fields, FIELDS)
    prior = found.get("model.spatial_prior")
    if isinstance(prior, str) and prior in SPATIAL_PRIORS:
        found["model.spatial_prior"] = SPATIAL_PRIORS[prior]
    return found


def rename_fields(config: ConfigDict) -> None:
    """Give the fields of a configuration today's names, after a warning for each that has an old.

    So a configuration file that was written for version 0.1 can be run.
    """
    flat = flatten(config)
    for name in FIELDS.keys() & flat.keys():
        warn_of_name(name)
        section, _, field = name.rpartition(".")
        with config.unlocked():
            del config[section][field]
            config.update(unflatten(with_new_fields({name: flat[name]})))


def warn_of_name(name: str) -> None:
    """Say what a field is called now."""
    console.print(
        f"warning: {name} is called {FIELDS[name]} now; version 0.3 will not know the old name"
    )


def with_new_flags(arguments: Sequence[str]) -> list[str]:
    """Return command line arguments in which fields have today's names, after a warning for each.

    `--config.model.feedback=0.1` becomes `--config.model.gradient_scale=0.1`.
    """
    found = []
    for argument in arguments:
        flag, equals, value = argument.partition("=")
        name = flag.lstrip("-").removeprefix("config.")
        if name in FIELDS:
            warn_of_name(name)
            ((new, value),) = with_new_fields({name: value}).items()
            argument = f"--config.{new}{equals}{value}"
        found.append(argument)
    return found


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return {'data.image_size': (512, 512), ...} for a nested configuration."""
    flat: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, Mapping | ConfigDict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def unflatten(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nested configuration of what `flatten` gave."""
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *sections, field = name.split(".")
        inner = nested
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[field] = value
    return nested


def validate(config: ConfigDict, base: ConfigDict, devices: int = 1) -> None:
    """Check a configuration against the fields of `base` and their constraints.

    Args:
        config: the resolved configuration of the run.
        base: `configs.base.get_config()`: every field that exists.
        devices: number of accelerators (or CPU devices) the batch is spread over.

    Raises:
        InputError: lists everything that is wrong, and what to write instead.
    """
    found = list(_unknown(flatten(config), known_fields(config, base)))
    found = found or list(_misplaced(flatten(config)))
    # Limits and relations speak of fields that exist, so they are looked at only when all do.
    found = found or _wrong(flatten(config), devices)
    if found:
        raise InputError("the configuration cannot be used:\n" + "\n".join(f"- {f}" for f in found))


def difference(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Return one line for each field in which two configurations differ."""
    a, b = with_new_fields(flatten(ours)), with_new_fields(flatten(theirs))
    names = sorted(n for n in a.keys() | b.keys() if _plain(a.get(n)) != _plain(b.get(n)))
    return [f"{n}: {b.get(n, 'absent')!r} there, {a.get(n, 'absent')!r} here" for n in names]


def _plain(value: Any) -> Any:
    # JSON turns tuples into lists.
    return list(value) if isinstance(value, tuple) else value


def known_fields(config: ConfigDict, base: ConfigDict) -> dict[str, Any]:
    """Return the fields there are, flat, with their usual values.

    They are those of `base`, but the section `simulation` is that of what `config` simulates.
    """
    fields = {k: v for k, v in flatten(base).items() if not k.startswith(SIMULATION)}
    kind = kind_of(_simulated(flatten(config)))
    return fields | {f"{SIMULATION}{field.name}": field.default for field in drawn(kind)}


def _misplaced(flat: dict[str, Any]) -> Iterator[str]:
    """Say where the section `simulation` is not the builder's; a folder needs none."""
    builder = flat["data.builder"]
    if builder in BUILDERS and BUILDERS[builder].kind is not kind_of(_simulated(flat)):
        yield (
            f"data.builder={builder!r} needs other ranges than this configuration's section "
            "simulation has; start from a configuration of that builder"
        )


def _simulated(flat: dict[str, Any]) -> dict[str, Any]:
    """Return the section `simulation`."""
    return {k.removeprefix(SIMULATION): v for k, v in flat.items() if k.startswith(SIMULATION)}


def _unknown(flat: dict[str, Any], known: dict[str, Any]) -> Iterator[str]:
    for name in flat.keys() - known.keys():
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"did you mean {close[0]!r}?" if close else "fluorojax/config/fields.py lists all"
        yield f"unknown field {name!r}; {hint}"
    for name in known.keys() - flat.keys():
        yield f"field {name!r} is missing; start from configs.base.get_config()"


def _wrong(flat: dict[str, Any], devices: int) -> list[str]:
    """Return what is wrong with the values, one by one and together."""
    problems = {name: limits_of(f).problem(flat[name]) for name, f in every_field().items()}
    wrong = {name: problem for name, problem in problems.items() if problem}
    sound = {name: value for name, value in flat.items() if name not in wrong}
    found = [f"{name} {problem}" for name, problem in wrong.items()]
    found += _simulation(flat)
    for relation in (_grids, _folding, _data, functools.partial(_steps, devices=devices), _stages):
        # What a wrong value has to do with the others is said when it is mended.
        with contextlib.suppress(KeyError) if wrong else contextlib.nullcontext():
            found += relation(sound)
    return found


def simulation_spec(simulation: Mapping[str, Any]) -> Any:
    """Return what the section `simulation` of a configuration describes, a `Spec` or a `KneeSpec`.

    Raises:
        InputError: a value out of its limits.
    """
    return kind_of(simulation)(**fields_of(simulation))


def kind_of(simulation: Mapping[str, Any]) -> type:
    """Return the kind of spec that has most of these fields."""
    return max(kinds(), key=lambda kind: len(_fields(kind).intersection(simulation)))


def _fields(kind: type) -> set[str]:
    """Return the names of what is drawn; size in pixels is no part of a configuration."""
    return {field.name for field in drawn(kind)}


def fields_of(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a section; ranges, which come from JSON as lists, are tuples."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in section.items()}


def _simulation(flat: dict[str, Any]) -> Iterator[str]:
    try:
        simulation_spec(_simulated(flat))
    except InputError as error:
        yield str(error)


def _grids(flat: dict[str, Any]) -> Iterator[str]:
    """Say which grid the network cannot halve, and that no crop is larger than its frame."""
    depth, patch = flat["model.depth"], flat["model.patch"]
    stride = patch * 2**depth
    for name in ("data.image_size", "training.crop_size"):
        size = flat[name]
        if any(n % stride for n in size):
            nearest = ",".join(str(max(stride, round(n / stride) * stride)) for n in size)
            yield (
                f"{name} is {size}, but a network of model.depth={depth} and model.patch={patch} "
                f"needs multiples of {stride}; write --config.{name}={nearest}"
            )
    crop, image = flat["training.crop_size"], flat["data.image_size"]
    if any(c > i for c, i in zip(crop, image, strict=True)):
        yield (
            f"training.crop_size {crop} is larger than data.image_size {image}; "
            f"write --config.training.crop_size={image[0]},{image[1]} or less"
        )


def _folding(flat: dict[str, Any]) -> Iterator[str]:
    """Say where an elastic deformation could fold the frame over.

    A field of cubic B-splines is one to one while no node moves by more than 0.48 cells (Choi and
    Lee, Graphical Models 62, 2000); a third leaves room for a magnification by 1.4 beside it.
    """
    cell = min(flat["training.crop_size"]) / flat["augment.elastic_cells"]
    if flat["augment.elastic_rate"] and flat["augment.elastic_px"] > cell / 3:
        yield (
            f"augment.elastic_px is {flat['augment.elastic_px']}, but of cells of {cell:.3g} px a "
            f"node can move by a third, or the frame may fold; write {cell / 3:.3g} or less, or "
            "a smaller augment.elastic_cells"
        )


def _data(flat: dict[str, Any]) -> Iterator[str]:
    """Say what is missing of a folder, and which folds and shares there cannot be."""
    builder, share = flat["data.builder"], flat["data.train_share"]
    if builder not in BUILDERS and not flat["data.dir"]:
        yield "data.dir is empty; write --config.data.dir=FOLDER, with dataset.json and cases.csv"
    folds, fold = flat["data.folds"], flat["data.fold"]
    if folds == 1:
        yield "data.folds is 1; write 0 for the stored splits, or 2 and more"
    if fold and fold >= folds:
        yield f"data.fold is {fold} of {folds} folds; write a number from 0 to {max(folds - 1, 0)}"
    if builder in BUILDERS and BUILDERS[builder].online and flat["data.fit"] != "shrink":
        yield (
            f"data.fit is {flat['data.fit']!r}, but with data.builder={builder!r} frames are "
            "simulated at data.image_size; write data.fit='shrink', or "
            f"data.builder={BUILDERS[builder].data_set!r}"
        )
    if builder in BUILDERS and BUILDERS[builder].online and share < 1:
        yield (
            f"data.train_share is {share}, but with data.builder={builder!r} no training frame is "
            "seen twice; write data.train_share=1.0, or "
            f"data.builder={BUILDERS[builder].data_set!r}"
        )


def _steps(flat: dict[str, Any], devices: int) -> Iterator[str]:
    """Say where devices cannot share the batch, or the steps end before they have warmed up."""
    batch = flat["training.batch_size"]
    if devices >= 1 and batch % devices:
        lower, upper = batch - batch % devices, batch - batch % devices + devices
        instead = f"{lower} or {upper}" if lower else f"{upper}"
        yield (
            f"training.batch_size is {batch}, which {devices} devices cannot share evenly; "
            f"write {instead}"
        )
    if flat["training.warmup_steps"] >= flat["training.steps"]:
        yield (
            f"training.warmup_steps is {flat['training.warmup_steps']}, but there are only "
            f"{flat['training.steps']} steps; write a smaller number"
        )


def _stages(flat: dict[str, Any]) -> Iterator[str]:
    """Say which stages cannot be, or be linked."""
    if flat["model.stages"] != "parent_then_child" and flat["model.link"] != "none":
        yield (
            f"model.link is {flat['model.link']!r}, but stages are {flat['model.stages']!r}; "
            "write model.link='none', or model.stages='parent_then_child'"
        )
    if flat["model.labels"] == "one" and flat["model.stages"] != "together":
        yield "model.labels is 'one', so there is one stage; write model.stages='together'"
