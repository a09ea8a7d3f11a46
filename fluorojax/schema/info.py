"""What is known of a dataset before any of its frames is read."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

from fluorojax.schema.renamed import KEYS, with_new_names

Encoding = Literal["bitmask", "index", "per_class"]  # of masks; see `fluorojax.data.annotations`
Kind = Literal["region", "curve"]
SplitUnit = Literal["patient", "sequence", "frame"]

ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)
SPLITS = ("train", "validation", "test")


def caution(split_unit: str) -> str:
    """Return what must be said with scores of splits drawn by less than the patient."""
    return (
        f"Patients are shared between the splits (split by {split_unit}): these scores say nothing "
        "about a new patient."
    )


@dataclasses.dataclass(frozen=True)
class ClassInfo:
    """One labelled class: a `region` has an area, a `curve` is thin and has a centreline.

    `mask_value` is the class's grey value in masks with the encoding `index`; None: k + 1.
    """

    name: str
    kind: Kind
    mask_value: int | None = None


@dataclasses.dataclass(frozen=True)
class Relation:
    """`child` comes out of `parent`, as a guidewire does out of the endoscope (class names)."""

    child: str
    parent: str


@dataclasses.dataclass(frozen=True)
class ImageLabelInfo:
    """A property of a whole frame that has one of `values`, such as the view it was taken from.

    A frame holds the place of its value in `values`, or UNKNOWN. `chiral`: a mirror image of a
    frame may have another value, as a side of the body has.
    """

    name: str
    values: tuple[str, ...]
    chiral: bool = False


UNKNOWN = -1
"""In place of an image label's value: nobody said which one it is."""


@dataclasses.dataclass(frozen=True)
class DatasetInfo:
    """Names and kinds of the classes (order = bit of the mask), relation, licence, split unit.

    `image_labels` are the properties of whole frames that are known, in order.
    """

    name: str
    classes: tuple[ClassInfo, ...]
    description: str = ""
    license: str = ""
    relation: Relation | None = None
    split_unit: SplitUnit = "patient"
    image_labels: tuple[ImageLabelInfo, ...] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names in bit order."""
        return tuple(c.name for c in self.classes)

    @property
    def curves(self) -> tuple[int, ...]:
        """Indices of the thin classes, those with a centreline."""
        return tuple(k for k, c in enumerate(self.classes) if c.kind == "curve")

    def index(self, name: str) -> int:
        """Return the bit of the class `name`."""
        return self.class_names.index(name)

    @property
    def caution(self) -> str:
        """What must be said with every score of this data set; empty where patients are apart."""
        return "" if self.split_unit == "patient" else caution(self.split_unit)

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts, lists and strings."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "DatasetInfo":
        """Build from what `to_json` returned, perhaps read back from a file."""
        fields = with_new_names(fields, KEYS)
        relation = fields.get("relation")
        return cls(
            name=fields["name"],
            classes=tuple(ClassInfo(**c) for c in fields["classes"]),
            description=fields.get("description", ""),
            license=fields.get("license", ""),
            relation=Relation(**relation) if relation else None,
            split_unit=fields.get("split_unit", "patient"),
            image_labels=image_labels_from_json(fields.get("image_labels", ())),
        )


def image_labels_from_json(entries: Iterable[Mapping[str, Any]]) -> tuple[ImageLabelInfo, ...]:
    """Build from a list of `{"name": ..., "values": [...], "chiral": ...}`."""
    return tuple(ImageLabelInfo(**{**e, "values": tuple(e["values"])}) for e in entries)
