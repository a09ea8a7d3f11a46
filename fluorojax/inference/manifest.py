"""What the manifest of an export may hold: every field typed and bounded, none that is not read.

The limits of each field stand beside it, in the records that come of the manifest.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from fluorojax.core.errors import InputError
from fluorojax.data.grid import FIRST_RESAMPLING, Fit, Resampling
from fluorojax.data.intensity import PERCENTILES
from fluorojax.inference.curve import CurveRules
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.postprocess import GapClosing
from fluorojax.inference.predictor import Fitting, misfits
from fluorojax.inference.tta import TtaSpec
from fluorojax.models.spec import NetworkSpec
from fluorojax.schema import bitmask
from fluorojax.schema.info import (
    IMAGE_LABELS,
    SPLITS,
    ClassInfo,
    Relation,
    SplitUnit,
    image_labels_from_json,
)
from fluorojax.schema.labels import LABELS
from fluorojax.schema.limits import DIGEST, NAME, Choice, Exactly, Flag, Number, Pair, Text, shown
from fluorojax.schema.nested import (
    ByName,
    Finite,
    Many,
    Nested,
    Perhaps,
    Record,
    first_of,
    problems,
    record_of,
)
from fluorojax.schema.renamed import KEYS, with_new_names

FORMAT = 4
READABLE = (2, 3, FORMAT)
CHANNELS = "grey"
FITS: dict[Fit, str] = {
    "shrink": "shrink if larger (aspect kept), never enlarge, centre, pad",
    "native": "tiles at native size, overlapping by half, Gaussian weights; pad if smaller",
}
REMEDY = "copy the export again, or export the run again"


class Percentiles:
    """Between which grey values are scaled: as they were when the network learned."""

    def problem(self, value: Any) -> str:
        """Return what is wrong with a value; '' where nothing is."""
        if wrong := Pair(Number(0.0, 100.0)).problem(value):
            return wrong
        if tuple(value) == PERCENTILES:
            return ""
        return (
            f"is {value}: the network learned grey values between the percentiles {tuple(value)}, "
            f"and this version scales by {PERCENTILES}; use the version that wrote it"
        )


class Scores:
    """The summaries of the splits that were scored, of which `measure` reads the mean recall."""

    RECALL = Record({}, {"mean": Perhaps(Number(0.0, 1.0))}, open=True)
    CLASS = Record({"metrics": Record({}, {"recall": RECALL}, open=True)}, open=True)
    SPLIT = Record({}, {"classes": ByName(CLASS)}, open=True)

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """Yield what is wrong with the scores."""
        yield from ByName(self.SPLIT, Choice(SPLITS)).problems(value, path)
        yield from Finite().problems(value, path)


_CLASS = Record(
    {
        **{name: record_of(ClassInfo).needed[name] for name in ("name", "kind")},
        "threshold": Number(0.0, 1.0),
        "min_component_px": Number(0.0, 1_000_000),
        "least_presence": Number(0.0, 1_000_000_000),
    }
)


def _since(record: type, *later: str) -> Record:
    """Return the record of what is whole but for fields that the first of this format lack."""
    fields = record_of(record, whole=True).needed
    return Record(
        {name: limits for name, limits in fields.items() if name not in later},
        {name: fields[name] for name in later},
    )


_MASKS = Record(
    {
        "classes": Many(_CLASS, 1, bitmask.MAX_CLASSES, "name"),
        "relation": Perhaps(record_of(Relation)),
        "gap_closing": record_of(GapClosing, whole=True),
        "tta": _since(TtaSpec, "scales"),
        "curve": record_of(CurveRules, whole=True),
    }
)
_PREPROCESSING = Record(
    {
        "channels": Exactly(CHANNELS),
        "image_size": Pair(Number(1, 8192, whole=True), "rows and columns", rising=False),
        "fit": Choice(tuple(FITS.values())),
        "intensity_percentiles": Percentiles(),
    },
    {"resampling": Choice(get_args(Resampling))},
)
ORIGIN = Record(
    {},
    {
        "method": Text(),
        "seed": Number(0, 2**31 - 1, whole=True),
        "step": Number(0, 10**9, whole=True),
        "dataset": NAME,
        "dataset_fingerprint": DIGEST,
        "labels": Choice(tuple(LABELS)),
        "operating_points": ByName(Number(0.0, 1.0), NAME),
        "chosen_on": Text(),
        "steps": Number(0, 10**9, whole=True),
        "builder": NAME,
        "simulated": Flag(),
        "split_unit": Choice(get_args(SplitUnit)),
        "command": Text(),
        "fluorojax": Text(),
        "jax": Text(),
        "git_revision": Text(),
    },
)
"""Where parameters come from; whoever exports by hand need not know all of it."""

SCHEMA: Nested = Record(
    {
        "format": Exactly(FORMAT),
        "network": _since(NetworkSpec, "local_contrast"),
        "preprocessing": _PREPROCESSING,
        "masks": _MASKS,
        "image_labels": IMAGE_LABELS,
        "origin": ORIGIN,
        "sha256": DIGEST,
        "scores": Scores(),
    }
)
"""A manifest of today's format."""


def todays(fields: Any, path: Path) -> dict[str, Any]:
    """Return a manifest of any readable format as one of today's, checked.

    Args:
        fields: what the file holds.
        path: the file, for the message.

    Raises:
        InputError: a format that is not known here, or a field that is unknown, missing or out of
            its limits, named by its path in the file.
    """
    _check_format(fields, path)
    found = fields
    if found["format"] == 2:
        # Names had changed before there was format 3.
        found = _from_format_2(with_new_names(fields, KEYS))
    if found["format"] == 3:
        found = _from_format_3(found)
    if wrong := first_of(problems(SCHEMA, found, "")) or first_of(_relations(found)):
        raise InputError(f"{path}: {wrong}; {REMEDY}")
    return found


def fitting_of(preprocessing: Mapping[str, Any]) -> Fitting:
    """Return how frames come onto the network's grid, from that part of a checked manifest."""
    words = {sentence: fit for fit, sentence in FITS.items()}
    resampling = preprocessing.get("resampling", FIRST_RESAMPLING)
    return Fitting(words[preprocessing["fit"]], resampling)


def _check_format(fields: Any, path: Path) -> None:
    if not isinstance(fields, dict):
        raise InputError(f"{path}: it must be an object, and is {shown(fields)}; {REMEDY}")
    found, known = fields.get("format"), ", ".join(map(str, READABLE))
    if type(found) is int and found in READABLE:
        return
    if type(found) is int and found > FORMAT:
        raise InputError(
            f"{path} has format {shown(found)}, written by a newer version of FluoroJAX than this, "
            f"which reads {known}; install that version, or export the run again with this one"
        )
    raise InputError(
        f"{path} has format {shown(found)}, and this version reads {known}; export the run again, "
        "or use the version that wrote it"
    )


def _from_format_2(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest of format 2 as today's: what makes masks stood in four places there.

    The oldest of them have neither image labels nor views, no least area of components, and fewer
    choices in the network. What is damaged is left as it is, to be named.
    """
    rest = {name: value for name, value in fields.items() if name != "masks"}
    masks = {
        new: rest.pop(old)
        for old, new in (
            ("classes", "classes"),
            ("relation", "relation"),
            ("postprocessing", "gap_closing"),
        )
        if old in rest
    }
    if isinstance(masks.get("classes"), list):
        masks["classes"] = [_filled(c, {"min_component_px": 0.0}) for c in masks["classes"]]
    if "gap_closing" in masks:
        masks["gap_closing"] = _filled(masks["gap_closing"], GapClosing().__dict__)
    masks["tta"] = _filled(rest.pop("tta", {}), TtaSpec().__dict__)
    if "network" in rest:
        rest["network"] = NetworkSpec.with_usual(rest["network"])
    if "masks" in fields:
        masks["masks"] = fields["masks"]  # of today's format, and so unknown in this one
    return {"image_labels": [], **rest, "format": 3, "masks": masks}


def _from_format_3(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest of format 3 as today's: nothing was followed as a curve, or asked for.

    What is damaged is left as it is, to be named.
    """
    masks = fields.get("masks")
    if not isinstance(masks, dict):
        return {**fields, "format": FORMAT}
    classes = masks.get("classes")
    if isinstance(classes, list):
        classes = [_filled(c, {"least_presence": 0.0}) for c in classes]
    curve = CurveRules().__dict__
    new = {name: value for name, value in (("classes", classes),) if "classes" in masks}
    return {**fields, "format": FORMAT, "masks": {"curve": curve, **masks, **new}}


def _filled(fields: Any, usual: Mapping[str, Any]) -> Any:
    """Return fields under today's names, with the usual value of those that are missing."""
    return {**usual, **with_new_names(fields, KEYS)} if isinstance(fields, dict) else fields


def _relations(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield where fields that are right one by one do not fit each other."""
    try:
        rules = MaskRules.from_json(found["masks"])
    except InputError as error:
        yield f"masks: {error}"
        return
    if rules.relation is None and found["network"]["parent_class"] is not None:
        yield "masks.relation is None, and network.parent_class says that there is one"
    yield from misfits(
        NetworkSpec.from_json(found["network"]),
        tuple(found["preprocessing"]["image_size"]),
        rules,
        image_labels_from_json(found["image_labels"]),
        fitting_of(found["preprocessing"]),
    )
    for name in found["origin"].get("operating_points", {}):
        if name not in rules.names:
            yield (
                f"origin.operating_points names '{name}'; the classes are {', '.join(rules.names)}"
            )
