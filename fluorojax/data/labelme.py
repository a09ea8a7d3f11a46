"""Shapes drawn in LabelMe as masks: polygons, rectangles, circles, and lines with a width."""

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.core.numbers import hint, number
from fluorojax.data import shapes
from fluorojax.data.label_rules import Subject
from fluorojax.data.problems import said
from fluorojax.data.shapes import Outline, Shape

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_KEY = re.compile(r"(?<![A-Za-z0-9_])width_px\s*=\s*")
_END = r"(?=$|[\s;)\]]|,(?!\d)|\.(?:\s|$))(?!\s*(?:mm|cm|um|µm|\d{3})\b)"
"""Of a width: other text may follow, but neither another unit nor thousands behind a blank."""
_VALUE = re.compile(rf"({_NUMBER}){_END}", re.ASCII)


def read_labelme(path: Path, document: Any, subject: Subject) -> np.ndarray:
    """Draw what a LabelMe file holds, a mask a class.

    Args:
        path: the file.
        document: what its JSON says.
        subject: the frame, whose classes' names are the labels, and whose size must be that of the
            picture drawn on.

    Returns:
        [*shape, C] bool.

    Raises:
        InputError: no LabelMe file, another size than the frame's, an unknown label, a shape that
            cannot be drawn, draws nothing or lies in 0 to 1 instead of pixels, or more shapes and
            points than anybody draws.
    """
    where = f"{path}: case {subject.case}"
    if not isinstance(document, dict) or not isinstance(document.get("shapes"), list):
        raise InputError(
            f"{where}: no LabelMe file (it has no list 'shapes'), nor one of COCO (which has "
            "'images' and 'annotations'); export it again, or convert it to masks"
        )
    _check_size(document, subject.shape, where)
    canvas = shapes.Canvas(subject.shape, len(subject.info.classes))
    for class_index, outline in list(_outlines(document["shapes"], subject, where)):
        canvas.draw(class_index, outline)
    return canvas.mask


def _check_size(document: dict[str, Any], shape: Shape, where: str) -> None:
    drawn_on = (document.get("imageHeight"), document.get("imageWidth"))
    right = f'"imageHeight": {shape[0]}, "imageWidth": {shape[1]}'
    if None in drawn_on:
        raise InputError(
            f"{where}: imageHeight and imageWidth are missing, as in files of LabelMe before "
            f"version 3; if it was drawn on this frame, add {right}, or save it in a newer LabelMe"
        )
    if any(isinstance(side, bool) or not isinstance(side, int | float) for side in drawn_on):
        raise InputError(
            f"{where}: imageHeight {said(repr(drawn_on[0]))} and imageWidth "
            f"{said(repr(drawn_on[1]))} must be numbers, without quotes, such as {right}"
        )
    if drawn_on != tuple(shape):
        raise InputError(
            f"{where}: drawn on a picture of imageHeight x imageWidth = "
            f"{said(drawn_on[0])} x {said(drawn_on[1])}, the frame is {shape[0]} x {shape[1]}; "
            "draw it on the frame itself"
        )


def _outlines(items: Sequence[Any], subject: Subject, where: str) -> Iterator[tuple[int, Outline]]:
    """Yield the shapes with their classes, checked one by one."""
    count = shapes.Count()
    count.shapes(len(items), where)
    for n, item in enumerate(items):
        found = _outline(item, subject, f"{where}: shape {n}")
        if found:
            yield found[0], count.add(found[1])


def _outline(item: Any, subject: Subject, where: str) -> tuple[int, Outline] | None:
    if not isinstance(item, dict):
        raise InputError(f"{where}: {said(item)} is no shape; delete it or export it again")
    label, kind = item.get("label"), item.get("shape_type", "polygon")
    class_index = subject.class_of(label, where)
    if class_index is None:
        return None
    where = f"{where} ({label})"
    if not isinstance(kind, str) or kind not in shapes.KINDS:
        known = ", ".join(sorted(shapes.KINDS))
        raise InputError(f"{where}: shape_type '{said(kind)}' cannot be drawn; use {known}")
    points = shapes.points_of(item.get("points"), where)
    shapes.check_count(kind, points, where)
    width = 0.0
    if kind in shapes.LINES:
        usual = subject.usual_width(class_index)
        width = _width(item.get("description"), usual, where)
        shapes.check_width(width, subject.shape, where)
    return class_index, Outline(kind, points, where, width)


def width_of(description: Any) -> float | None:
    """Return the width in pixels that a shape's description says; None: not one above 0."""
    given = _given(description if isinstance(description, str) else "")
    width = number(given[0][1]) if len(given) == 1 and given[0] else math.nan
    return width if width > 0 else None


def _given(text: str) -> list[re.Match[str] | None]:
    return [_VALUE.match(text, found.end()) for found in _KEY.finditer(text)]


def _width(description: Any, usual: float | None, where: str) -> float:
    text = description if isinstance(description, str) else ""
    given = _given(text)
    if not given and usual is not None:
        return usual
    remedy = "write its width in pixels into the shape's description, such as width_px=3.5"
    if len(given) != 1:
        problem = f"{len(given)} widths" if given else "a line without width"
        raise InputError(f"{where}: {problem}; {remedy}")
    width = number(given[0][1]) if given[0] else math.nan
    if not width > 0:
        found = text[next(_KEY.finditer(text)).end() :]
        first = found.split()[0] if found.split() else ""
        raise InputError(
            f"{where}: a line without width: '{said(found)}' is no number above 0"
            f"{hint(first)}; {remedy}"
        )
    return width
