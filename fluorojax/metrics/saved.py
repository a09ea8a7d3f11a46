"""`summary.json` read back and held to what `fluorojax.metrics.summary` and evaluations write."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from fluorojax.core.errors import InputError
from fluorojax.core.files import read_json
from fluorojax.metrics.case import METRICS, PRIMARY
from fluorojax.metrics.tables import AGAIN, ROUNDING
from fluorojax.schema.frame import ORIGINS
from fluorojax.schema.info import Kind
from fluorojax.schema.renamed import KEYS, with_new_names

Check = Callable[[Any, str], None]  # a value and where it stands; raises ValueError


def read_summary(path: Path) -> dict[str, Any]:
    """Return what a `summary.json` holds.

    Raises:
        InputError: the file cannot be read, or is not as it was written: names the first field
            that is missing or of another kind.
    """
    found = read_json(path)
    try:
        _record({})(found, "it")
        summary = with_new_names(found, KEYS)
        _whole(summary)
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}); {AGAIN}") from error
    return summary


def _number(low: float = -math.inf, high: float = math.inf, none: bool = False) -> Check:
    """Check a finite number within limits, or None where that may stand there."""

    def check(value: Any, where: str) -> None:
        if value is None and none:
            return
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{where} is {_short(value)}, not a number")
        if not (math.isfinite(value) and low - ROUNDING <= value <= high + ROUNDING):
            raise ValueError(f"{where} is {_short(value)}, which cannot be")

    return check


def _count(value: Any, where: str) -> None:
    """Check a whole number of things."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{where} is {_short(value)}, not a number of things")


def _text(known: Sequence[str] = ()) -> Check:
    """Check a text, one of `known` where these are."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, str) or (known and value not in known):
            raise ValueError(f"{where} is {_short(value)}, not {' or '.join(known) or 'text'}")

    return check


def _record(needed: Mapping[str, Check], other: Mapping[str, Check] | None = None) -> Check:
    """Check an object that has the fields `needed`, and may have `other` and more."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise ValueError(f"{where or 'it'} is {_short(value)}, not an object with fields")
        for name, of in {**needed, **(other or {})}.items():
            place = f"{where}.{name}" if where else name
            if name in value:
                of(value[name], place)
            elif name in needed:
                raise ValueError(f"{place} is missing")

    return check


def _each(of: Check, known: Sequence[str] = ()) -> Check:
    """Check an object of any names, or of `known` ones, whose values are alike."""

    def check(value: Any, where: str) -> None:
        _record({})(value, where)
        for name, one in value.items():
            if known and name.split(" ")[0] not in known:
                raise ValueError(f"{where}.{name[:40]} is no score that there is")
            of(one, f"{where}.{name}")

    return check


def _list(of: Check) -> Check:
    """Check a list of values that are alike."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, list):
            raise ValueError(f"{where} is {_short(value)}, not a list")
        for number, one in enumerate(value):
            of(one, f"{where}[{number}]")

    return check


def _or_none(of: Check) -> Check:
    """Check a value where None may stand."""

    def check(value: Any, where: str) -> None:
        if value is not None:
            of(value, where)

    return check


def _short(value: Any) -> str:
    return repr(value)[:40]


_MEAN, _SHARE = _number(none=True), _number(0, 1)
_MEANS: dict[str, Check] = {
    **dict.fromkeys(("mean", "std", "patient_mean", "patient_std"), _MEAN),
    **{"n": _count, "patients": _count},
}
_METRICS = _each(_record(_MEANS, {"unit": _text(("mm", "px"))}), tuple(METRICS))


def _false_alarm_rate(value: dict[str, Any], where: str) -> None:
    """Check that the rate of a class, and what it is a share of, are those of its counts."""
    without = value["both_empty"] + value["false_alarms"]
    rate = value["false_alarms"] / without if without else None
    for name, counted in (("without", without), ("false_alarm_rate", rate)):
        if name not in value:
            raise ValueError(f"{where}.{name} is missing")
        found = value[name]
        if (found is None) != (counted is None) or abs((found or 0) - (counted or 0)) > ROUNDING:
            raise ValueError(f"{where}.{name} is {found}, by its counts it is {counted}")


def _class(value: Any, where: str) -> None:
    """Check a class's scores; the first one of its kind is among them."""
    counts = dict.fromkeys(("cases", "scored", "missed", "false_alarms", "both_empty"), _count)
    needed = {"kind": _text(get_args(Kind)), **counts, "metrics": _METRICS}
    # Summaries from before there was this rate have none.
    _record(needed, {"without": _count, "false_alarm_rate": _or_none(_SHARE)})(value, where)
    if "false_alarm_rate" in value:
        _false_alarm_rate(value, where)
    if (first := PRIMARY[value["kind"]]) not in value["metrics"]:
        raise ValueError(f"{where}.metrics.{first} is missing")


def _image_label(value: Any, where: str) -> None:
    """Check how often the values of an image label were right."""
    _record(
        {
            **dict.fromkeys(("cases", "unknown", "patients"), _count),
            **dict.fromkeys(("accuracy", "patient_accuracy"), _or_none(_SHARE)),
            "values": _list(_text()),
            "confusion": _list(_list(_count)),
            "interval": _or_none(_list(_SHARE)),
        }
    )(value, where)
    size = len(value["values"])
    if [len(line) for line in value["confusion"]] != [size] * size:
        raise ValueError(f"{where}.confusion is no table of {size} by {size}")
    if value["cases"] and (None in (value["accuracy"], value["patient_accuracy"])):
        raise ValueError(f"{where}.accuracy is missing")
    if value["cases"] and len(value["interval"] or ()) != 2:
        raise ValueError(f"{where}.interval is no pair of numbers")


def _presence(value: Any, where: str) -> None:
    """Check how well frames with a class are told from frames without it."""
    shares = dict.fromkeys(("auroc", "false_alarms_at_95"), _or_none(_SHARE))
    interval = {"auroc_interval": _or_none(_list(_SHARE))}
    _record({**shares, **interval, "with": _count, "without": _count})(value, where)
    both = value["with"] and value["without"]
    for name in shares:
        if both and value[name] is None:
            raise ValueError(f"{where}.{name} is missing")
    if value["auroc_interval"] is not None and len(value["auroc_interval"]) != 2:
        raise ValueError(f"{where}.auroc_interval is no pair of numbers")


_TOLERANCES = _record(
    {"tolerance_mm": _number(0), "tolerance_px": _number(0), "detection_recall": _SHARE}
)
_CONFIDENCE = _record(
    {
        **dict.fromkeys(("calibration_error", "calibration_error_found"), _or_none(_SHARE)),
        "operating_point": _or_none(_SHARE),
        "at_operating_point": _each(_MEAN, tuple(METRICS)),
    }
)


def _whole(value: Any) -> None:
    """Check the whole."""
    classes = _each(_class)
    _record(
        {
            **{"cases": _count, "patients": _count, "settings": _or_none(_TOLERANCES)},
            **{"classes": classes},
        },
        {
            "empty_policy": _text(),
            "strata": _each(classes),
            "unlabelled": _count,
            "thresholds": _each(_SHARE),
            "confidence": _each(_CONFIDENCE),
            "image_labels": _each(_image_label),
            "presence": _each(_presence),
            "spacings": _each(_count, tuple(ORIGINS)),
        },
    )(value, "")
    lacking = value.get("confidence", {}).keys() - value.get("thresholds", {}).keys()
    if lacking:
        raise ValueError(f"thresholds.{min(lacking)} is missing")
