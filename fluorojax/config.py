"""Checks a run's configuration before anything heavy starts; every message says how to mend it."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from fluorojax.core.errors import InputError
from fluorojax.core.progress import console
from fluorojax.schema.renamed import FIELDS, SPATIAL_PRIORS, with_new_names
from fluorojax.simulation.knee.spec import KneeSpec
from fluorojax.simulation.spec import Spec, drawn

SPECS: dict[str, type] = {  # what a builder simulates from
    "ercp_synthetic": Spec,
    "ercp_simulated": Spec,
    "knee_synthetic": KneeSpec,
    "knee_simulated": KneeSpec,
}

CHOICES: dict[str, tuple[Any, ...]] = {
    "hardware": ("gpu", "cpu"),
    "data.builder": (*SPECS, "xray_folder"),
    "data.size": ("quick", "256", "512", "1024"),
    "model.labels": ("classes", "one"),
    "model.stages": ("together", "per_class", "parent_then_child"),
    "model.link": ("none", "stop_gradient", "gradient"),
    "model.spatial_prior": ("none", "around", "in_front"),
    "model.norm": ("group", "instance", "none"),
    "model.dtype": ("float32", "bfloat16"),
    "training.schedule": ("together", "stage_by_stage"),
    "evaluation.split": ("train", "validation", "test"),
    "evaluation.operating_point": ("fixed", "validation"),
}
SIMULATION = "simulation."  # what the names of that section's fields begin with
SIZES = ("data.image_size", "training.crop_size")
RANGES = tuple(
    f"augment.{name}"
    for name in (
        *("rotation_degrees", "scale", "shear", "gamma", "contrast", "brightness"),
        *("noise_std", "blur_px"),
    )
)
SHARE_RANGES = ("loss.attachment_ramp",)  # within 0 .. 1
POSITIVE_RANGES = ("augment.scale", "augment.gamma", "augment.contrast", "augment.blur_px")
PROBABILITIES = (
    "augment.foreground_oversampling",
    *(f"augment.{name}_rate" for name in ("affine", "elastic", "noise", "blur")),
    *(f"augment.{name}_rate" for name in ("flip_horizontal", "flip_vertical", "inversion")),
    "evaluation.threshold",
    "evaluation.certainty",
    "loss.tversky_miss",
    "model.gradient_scale",
    "model.context_corruption",
    "training.ema_decay",
)
AT_LEAST_ONE = (
    "data.threads",
    "loss.boundary_px",
    "loss.attachment_px",
    "model.width",
    "model.depth",
    "model.patch",
    "augment.elastic_cells",
    "training.steps",
    "training.batch_size",
    "training.cpu_devices",
    "training.log_every",
    "training.eval_every",
    "training.checkpoint_every",
    "evaluation.tta_shifts",
)
NOT_NEGATIVE = (
    "seed",
    "data.folds",
    "data.fold",
    "data.memory_mb",
    "augment.elastic_px",
    "loss.cross_entropy",
    "loss.dice",
    "loss.skeleton_recall",
    "loss.cldice",
    "loss.cldice_iterations",
    "evaluation.bridge_mm",
    "evaluation.bridge_px",
    "loss.focal",
    "loss.focal_gamma",
    "loss.tversky",
    "loss.boundary",
    "loss.attachment",
    "loss.disconnection",
    "loss.dice_absent",
    "loss.landmarks",
    "loss.image_labels",
    "loss.parent",
    "loss.child",
    "loss.auxiliary",
    "training.warmup_steps",
    "training.weight_decay",
    "training.most_skipped",
    "training.images",
)
POSITIVE = (
    "loss.dice_smooth",
    "training.learning_rate",
    "training.clip_norm",
    "evaluation.tolerance_mm",
    "evaluation.tolerance_px",
)
SHARES = ("data.train_share",)


def with_new_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return flat fields under today's names (see `fluorojax.schema.renamed`)."""
    found = with_new_names(fields, FIELDS)
    if (prior := found.get("model.spatial_prior")) in SPATIAL_PRIORS:
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
    # Constraints speak of fields that exist, so they are looked at only when all do.
    found = found or [*_values(flatten(config)), *_relations(flatten(config), devices)]
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
    if builder in SPECS and SPECS[builder] is not kind_of(_simulated(flat)):
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
        hint = f"; did you mean {close[0]!r}?" if close else "; configs/base.py lists every field"
        yield f"unknown field {name!r}{hint}"
    for name in known.keys() - flat.keys():
        yield f"field {name!r} is missing; start from configs.base.get_config()"


def _values(flat: dict[str, Any]) -> Iterator[str]:
    for name, choices in CHOICES.items():
        if flat[name] not in choices:
            yield f"{name} is {flat[name]!r}; write one of {', '.join(map(repr, choices))}"
    yield from _simulation(flat)
    for name in (*SIZES, *RANGES, *SHARE_RANGES):
        yield from _pair(name, flat[name])
    for names, good, rule in (
        (PROBABILITIES, lambda v: 0 <= v <= 1, "between 0 and 1"),
        (AT_LEAST_ONE, lambda v: v >= 1, "at least 1"),
        (NOT_NEGATIVE, lambda v: v >= 0, "at least 0"),
        (POSITIVE, lambda v: v > 0, "above 0"),
        (SHARES, lambda v: 0 < v <= 1, "above 0 and at most 1"),
    ):
        for name in names:
            if not good(flat[name]):
                yield f"{name} is {flat[name]}; it must be {rule}"


def simulation_spec(simulation: Mapping[str, Any]) -> Any:
    """Return what the section `simulation` of a configuration describes, a `Spec` or a `KneeSpec`.

    Raises:
        InputError: a value out of its limits.
    """
    return kind_of(simulation)(**fields_of(simulation))


def kind_of(simulation: Mapping[str, Any]) -> type:
    """Return the kind of spec that has most of these fields."""
    return max(SPECS.values(), key=lambda kind: len(_fields(kind).intersection(simulation)))


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


def _pair(name: str, value: tuple[float, ...]) -> Iterator[str]:
    example = "256,256" if name in SIZES else "0.3,0.6" if name in SHARE_RANGES else "0.8,1.2"
    if len(value) != 2:
        remedy = f"write two, as in --config.{name}={example}"
        yield f"{name} has {len(value)} numbers, {value}; {remedy}"
        return
    if name in (*SIZES, *POSITIVE_RANGES) and min(value) <= 0:
        yield f"{name} is {value}; both numbers must be above 0"
    if name in SHARE_RANGES and not all(0 <= number <= 1 for number in value):
        yield f"{name} is {value}; both numbers must be between 0 and 1"
    if name in (*RANGES, *SHARE_RANGES) and value[0] > value[1]:
        yield f"{name} is {value}; the smaller number comes first"


def _relations(flat: dict[str, Any], devices: int) -> Iterator[str]:
    yield from _sizes(flat)
    batch = flat["training.batch_size"]
    if devices >= 1 and batch % devices:
        lower, upper = batch - batch % devices, batch - batch % devices + devices
        instead = f"{lower} or {upper}" if lower else f"{upper}"
        yield (
            f"training.batch_size is {batch}, which {devices} devices cannot share evenly; "
            f"write {instead}"
        )
    if flat["data.builder"] == "xray_folder" and not flat["data.dir"]:
        yield "data.dir is empty; write --config.data.dir=FOLDER, with dataset.json and cases.csv"
    folds, fold = flat["data.folds"], flat["data.fold"]
    if folds == 1:
        yield "data.folds is 1; write 0 for the stored splits, or 2 and more"
    if fold and fold >= folds:
        yield f"data.fold is {fold} of {folds} folds; write a number from 0 to {max(folds - 1, 0)}"
    builder = flat["data.builder"]
    if builder.endswith("_simulated") and flat["data.train_share"] < 1:
        yield (
            f"data.train_share is {flat['data.train_share']}, but with data.builder={builder!r} "
            "no training frame is seen twice; write data.train_share=1.0, or "
            f"data.builder={builder.replace('_simulated', '_synthetic')!r}"
        )
    if flat["training.warmup_steps"] >= flat["training.steps"]:
        yield (
            f"training.warmup_steps is {flat['training.warmup_steps']}, but there are only "
            f"{flat['training.steps']} steps; write a smaller number"
        )
    if flat["model.stages"] != "parent_then_child" and flat["model.link"] != "none":
        yield (
            f"model.link is {flat['model.link']!r}, but stages are {flat['model.stages']!r}; "
            "write model.link='none', or model.stages='parent_then_child'"
        )
    if flat["model.labels"] == "one" and flat["model.stages"] != "together":
        yield "model.labels is 'one', so there is one stage; write model.stages='together'"


def _sizes(flat: dict[str, Any]) -> Iterator[str]:
    depth, patch = flat["model.depth"], flat["model.patch"]
    stride = patch * 2**depth
    for name in ("data.image_size", "training.crop_size"):
        size = flat[name]
        if len(size) == 2 and any(n % stride for n in size):
            nearest = ",".join(str(max(stride, round(n / stride) * stride)) for n in size)
            yield (
                f"{name} is {size}, but a network of model.depth={depth} and model.patch={patch} "
                f"needs multiples of {stride}; write --config.{name}={nearest}"
            )
    crop, image = flat["training.crop_size"], flat["data.image_size"]
    if len(crop) == len(image) == 2 and any(c > i for c, i in zip(crop, image, strict=True)):
        yield (
            f"training.crop_size {crop} is larger than data.image_size {image}; "
            f"write --config.training.crop_size={image[0]},{image[1]} or less"
        )
