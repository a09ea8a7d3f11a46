"""What `dataset.json` says of annotations besides the classes, and the frame that one is of."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fluorojax.core.errors import InputError
from fluorojax.core.numbers import hint, number
from fluorojax.data import shapes
from fluorojax.data.problems import perhaps, said
from fluorojax.schema.info import DatasetInfo

KEYS = ("coco", "label_names", "line_width_px")
"""Of `dataset.json`."""
WIDEST = 10_000  # pixels of a line


@dataclasses.dataclass(frozen=True)
class LabelRules:
    """How the names and numbers in annotations are to be read.

    Attributes:
        coco: path of the COCO file that lists the images, as `dataset.json` says it; '' for none.
        names: name in annotations -> class; '' where what is called so is left out.
        widths: class -> width in pixels of lines that do not say their own.
        values: the values in a label image of each class (nnU-Net: a region may have several);
            empty: the mask encoding says it.
        ignore_value: the value in a label image of pixels that do not count, or None.
    """

    coco: str = ""
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    widths: Mapping[str, float] = dataclasses.field(default_factory=dict)
    values: tuple[tuple[int, ...], ...] = ()
    ignore_value: int | None = None


PLAIN = LabelRules()
"""Nothing is said."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """The frame whose annotation is read.

    Attributes:
        info: the classes.
        shape: rows and columns.
        case: the case's name, for messages.
        image: the frame's file, by which files of many frames' annotations find theirs; or None.
        frame: its number: in a file of several frames the first is 1; -1 where it is not said.
        rules: see `LabelRules`.
    """

    info: DatasetInfo
    shape: tuple[int, int]
    case: str
    image: Path | None = None
    frame: int = -1
    rules: LabelRules = PLAIN

    def class_of(self, label: Any, where: str, what: str = "label") -> int | None:
        """Return the place of the class that a label means; None where it is left out.

        Raises:
            InputError: it means no class.
        """
        meant = self.rules.names.get(label, label) if isinstance(label, str) else label
        if meant == "" and label:
            return None
        if meant not in self.info.class_names:
            raise InputError(
                f"{where}: unknown {what} '{said(label)}'; the classes of dataset.json are "
                f"{', '.join(self.info.class_names)}: correct the label, or add the class"
                f"{perhaps(label, self.info.class_names)}"
            )
        return self.info.index(meant)

    def usual_width(self, class_index: int) -> float | None:
        """Return the width in pixels of a class's lines that do not say their own, if any."""
        return self.rules.widths.get(self.info.class_names[class_index])

    def line_width(self, given: Any, class_index: int, where: str) -> float:
        """Return a line's width in pixels: what its file gives, as number or text, or the usual.

        Raises:
            InputError: there is none, or it is no number above 0, or wider than the frame.
        """
        usual = self.usual_width(class_index)
        width: Any = usual if given is None or given == "" else given
        if isinstance(width, str):
            width = number(width)
        if type(width) not in (int, float) or not 0 < width < math.inf:
            none = given is None or given == ""
            problem = "a line without width" if none else f"width_px {said(repr(given))} is none"
            told = hint(given) if isinstance(given, str) else ""
            raise InputError(
                f"{where}: {problem}{told}; write its width in pixels as the line's width_px, such "
                "as 3.5, or that of all lines of a class as line_width_px into dataset.json"
            )
        return shapes.check_width(float(width), self.shape, where)


def wrong_rules(fields: Mapping[str, Any], classes: list[str]) -> list[str]:
    """Name what is wrong with the fields KEYS of `dataset.json`."""
    problems = []
    if not isinstance(fields.get("coco", ""), str):
        problems.append(f"coco {said(repr(fields['coco']))} is no path; write it in quotes")
    return [*problems, *_wrong_names(fields, classes), *_wrong_widths(fields, classes)]


def _wrong_names(fields: Mapping[str, Any], classes: list[str]) -> list[str]:
    names = fields.get("label_names", {})
    if not isinstance(names, dict):
        return ['label_names: write {"name in the annotations": a class, or null to leave it out}']
    return [
        f"label_names: '{said(label)}' means '{said(name)}', which is no class; the classes are "
        f"{', '.join(classes)}{perhaps(name, classes)}; null leaves out what is called so"
        for label, name in names.items()
        if name is not None and name not in classes
    ]


def _wrong_widths(fields: Mapping[str, Any], classes: list[str]) -> list[str]:
    widths = fields.get("line_width_px", {})
    if not isinstance(widths, dict):
        return ['line_width_px: write {"class": pixels}']
    problems = [
        f"line_width_px: '{said(name)}' is no class; the classes are {', '.join(classes)}"
        f"{perhaps(name, classes)}"
        for name in widths
        if name not in classes
    ]
    return problems + [
        f"line_width_px of '{said(name)}' is {said(repr(width))}: write pixels above 0 and at "
        f"most {WIDEST}, without quotes"
        for name, width in widths.items()
        if type(width) not in (int, float) or not 0 < width <= WIDEST
    ]


def rules_of(fields: Mapping[str, Any]) -> LabelRules:
    """Return what checked fields of `dataset.json` say."""
    return LabelRules(
        coco=fields.get("coco", ""),
        names={label: name or "" for label, name in fields.get("label_names", {}).items()},
        widths=fields.get("line_width_px", {}),
    )
