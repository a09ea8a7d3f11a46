"""Which labels a network learns: the classes as they are, or all of them as one."""

import dataclasses
from collections.abc import Callable

from fluorojax.schema.bitmask import Array
from fluorojax.schema.info import ClassInfo, DatasetInfo, Kind

ONE_LABEL = "instruments"


def classes_as_they_are(info: DatasetInfo) -> DatasetInfo:
    """Return the data set's own description."""
    return info


def all_as_one(info: DatasetInfo) -> DatasetInfo:
    """Return the description with one class, the union; a single class keeps its name and kind.

    The union counts as a curve only if every class is one, and has no relation left to speak of.
    """
    if len(info.classes) == 1:
        return info
    kind: Kind = "curve" if all(c.kind == "curve" for c in info.classes) else "region"
    one = ClassInfo(ONE_LABEL, kind)
    return dataclasses.replace(info, classes=(one,), relation=None)


LABELS: dict[str, Callable[[DatasetInfo], DatasetInfo]] = {
    "classes": classes_as_they_are,
    "one": all_as_one,
}


def merge(mask: Array, classes: int) -> Array:
    """Turn `mask: [..., C] in {0, 1}` into the labels learned: itself, or `[..., 1]`, the union."""
    return mask if mask.shape[-1] == classes else mask.max(-1, keepdims=True)
