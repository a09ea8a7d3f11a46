"""What is known of a dataset before any of its frames is read."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

from fluorojax.schema import bitmask
from fluorojax.schema.limits import NAME, WORD, Choice, Flag, Number, Text
from fluorojax.schema.nested import Many, Perhaps, record_of, within
from fluorojax.schema.renamed import KEYS, with_new_names

Encoding = Literal["bitmask", "index", "per_class"]  # of masks; see `fluorojax.data.annotations`
Kind = Literal["region", "curve"]
SplitUnit = Literal["patient", "sequence", "frame"]

ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)
SPLITS = ("train", "validation", "test")
MOST_VALUES = 127  # of an image label: a frame stores its value's place in 8 bits
MOST_LABELS = 100  # image labels of a data set


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

    name: str = dataclasses.field(metadata=within(NAME))
    kind: Kind = dataclasses.field(metadata=within(Choice(get_args(Kind))))
    mask_value: int | None = dataclasses.field(
        default=None, metadata=within(Perhaps(Number(1, 65535, whole=True)))
    )


def standing_for(name: str, names: Sequence[str]) -> int | None:
    """Return the place of the class that stands for another data set's class `name`, or None.

    It has that name, or is the only one whose name begins with it: `femoral_component` stands for
    `femoral`.
    """
    same = [k for k, one in enumerate(names) if one == name]
    fitting = same or [k for k, one in enumerate(names) if one.startswith(name)]
    return fitting[0] if len(fitting) == 1 else None


@dataclasses.dataclass(frozen=True)
class Relation:
    """`child` comes out of `parent`, as a guidewire does out of the endoscope (class names)."""

    child: str = dataclasses.field(metadata=within(NAME))
    parent: str = dataclasses.field(metadata=within(NAME))


@dataclasses.dataclass(frozen=True)
class ImageLabelInfo:
    """A property of a whole frame that has one of `values`, such as the view it was taken from.

    A frame holds the place of its value in `values`, or UNKNOWN. `chiral`: a mirror image of a
    frame may have another value, as a side of the body has.
    """

    name: str = dataclasses.field(metadata=within(NAME))
    values: tuple[str, ...] = dataclasses.field(
        metadata=within(Many(WORD, 2, MOST_VALUES, "value"))
    )
    chiral: bool = dataclasses.field(default=False, metadata=within(Flag()))


IMAGE_LABELS = Many(record_of(ImageLabelInfo), 0, MOST_LABELS, "name")
"""What a file may say of the properties of whole frames."""
CLASSES = Many(record_of(ClassInfo), 1, bitmask.MAX_CLASSES, "name")
"""What a file may say of the classes."""

UNKNOWN = -1
"""In place of an image label's value: nobody said which one it is."""


@dataclasses.dataclass(frozen=True)
class DatasetInfo:
    """Names and kinds of the classes (order = bit of the mask), relation, licence, split unit.

    `image_labels` are the properties of whole frames that are known, in order.
    """

    name: str = dataclasses.field(metadata=within(NAME))
    classes: tuple[ClassInfo, ...] = dataclasses.field(metadata=within(CLASSES))
    description: str = dataclasses.field(default="", metadata=within(Text()))
    license: str = dataclasses.field(default="", metadata=within(Text()))
    relation: Relation | None = dataclasses.field(
        default=None, metadata=within(Perhaps(record_of(Relation)))
    )
    split_unit: SplitUnit = dataclasses.field(
        default="patient", metadata=within(Choice(get_args(SplitUnit)))
    )
    image_labels: tuple[ImageLabelInfo, ...] = dataclasses.field(
        default=(), metadata=within(IMAGE_LABELS)
    )

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


def index_values(info: DatasetInfo) -> tuple[int, ...]:
    """Return each class's grey value in the encoding `index`: its `mask_value`, or k + 1."""
    return tuple(
        k + 1 if c.mask_value is None else c.mask_value for k, c in enumerate(info.classes)
    )


def image_labels_from_json(entries: Iterable[Mapping[str, Any]]) -> tuple[ImageLabelInfo, ...]:
    """Build from a list of `{"name": ..., "values": [...], "chiral": ...}`."""
    return tuple(ImageLabelInfo(**{**e, "values": tuple(e["values"])}) for e in entries)
