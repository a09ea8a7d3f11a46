"""CVAT's XML 1.1 as masks: polygons, boxes, masks, and polylines with a width."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from fluorojax.core.errors import InputError
from fluorojax.core.files import read_bytes
from fluorojax.core.numbers import hint, number, whole
from fluorojax.data import shapes
from fluorojax.data.catalogue import MOST_BYTES, Catalogue
from fluorojax.data.label_rules import Subject
from fluorojax.data.problems import said
from fluorojax.data.readers import holds_several
from fluorojax.data.shapes import Outline

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

DRAWN = ("box", "mask", "polygon", "polyline")
_OTHERS = ("points", "ellipse", "cuboid", "skeleton")


class CvatFile(Catalogue):
    """A file of CVAT: its images by name, and its tracks, which have a shape a frame."""

    def __init__(self, path: Path, root: "Element"):
        """Take the elements of a file's root."""
        self.images = root.findall("image")
        super().__init__(path, [image.get("name", "") for image in self.images])
        self.tracks = root.findall("track")
        self._meta = root.find("meta")

    @property
    def is_video(self) -> bool:
        """Whether it is of the format 'CVAT for video', which names no pictures."""
        mode = self.meta("mode")
        return not self.images and (bool(self.tracks) or mode is None or mode == "interpolation")

    def meta(self, name: str) -> str | None:
        """Return what the file says of its task under a name, if anything."""
        found = None if self._meta is None else next(self._meta.iter(name), None)
        return None if found is None else found.text

    def shapes(self, place: int, where: str) -> list[tuple["Element", str | None, str]]:
        """Return the shapes of a picture, or of a video's frame, and how they are called.

        Args:
            place: of the picture in the file, or the frame's number from 0.
            where: the file, for messages.

        Returns:
            Shape, label, and name for messages.

        Raises:
            InputError: a track does not say where it is.
        """
        if not self.is_video:
            return [
                (item, item.get("label"), f"{where}: {item.tag} {n}")
                for n, item in enumerate(self.images[place])
                if item.tag in (*DRAWN, *_OTHERS)
            ]
        named = [(track, f"{where}: track {said(track.get('id', n))}")
                 for n, track in enumerate(self.tracks)]  # fmt: skip
        return [
            (item, track.get("label"), here)
            for track, here in named
            if (item := _at(track, place, here)) is not None
        ]

    @property
    def last(self) -> int | None:
        """The number of a video's last frame, from 0; None where it is not said."""
        return whole(self.meta("stop_frame") or "")


def parse_cvat(path: Path, case: str) -> CvatFile:
    """Read a file of CVAT, without what XML may say of other files or of itself repeated.

    Raises:
        InputError: it cannot be read, is too long, declares entities, or is no such file.
    """
    named = f"{path}: case {case}" if case else f"{path}"
    data = read_bytes(path, most=MOST_BYTES, case=case)
    try:
        root = fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise InputError(
            f"{named}: XML with a document type or entities, which CVAT does not write and which "
            "may stand for other files; remove them, or export it again"
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise InputError(f"{named}: not valid XML ({error}); export it again") from error
    if root.tag != "annotations":
        raise InputError(
            f"{named}: XML of '{said(root.tag)}', not of CVAT ('annotations'); export it as 'CVAT "
            "for images 1.1'"
        )
    return CvatFile(path, root)


def read_cvat(file: CvatFile, subject: Subject) -> np.ndarray:
    """Draw what a frame shows, a mask a class; which lies above which changes nothing.

    Returns:
        [*shape, C] bool.

    Raises:
        InputError: the file does not list the frame, or in another size; an unknown label; a shape
            that cannot be drawn.
    """
    where = f"{file.path}: case {subject.case}"
    if file.is_video:
        place = _frame_of(file, subject, where)
    else:
        place = file.of(subject.image, subject.frame, subject.case)
        image = file.images[place]
        _check_size(image.get("height"), image.get("width"), subject, where)
    elements = file.shapes(place, where)
    canvas = shapes.Canvas(subject.shape, len(subject.info.classes))
    count = shapes.Count()
    count.shapes(len(elements), where)
    for item, label, here in elements:
        class_index = subject.class_of(label, here)
        if class_index is not None:
            _draw(item, class_index, subject, canvas, count, f"{here} ({label})")
    return canvas.mask


def _check_size(height: str | None, width: str | None, subject: Subject, where: str) -> None:
    if (whole(height or ""), whole(width or "")) != tuple(subject.shape):
        raise InputError(
            f"{where}: drawn on a picture of height x width = {said(height)} x {said(width)}, the "
            f"frame is {subject.shape[0]} x {subject.shape[1]}; draw it on the frame itself"
        )


def _frame_of(file: CvatFile, subject: Subject, where: str) -> int:
    """Return the number of a video's frame, which CVAT counts from 0."""
    if subject.image is not None and not holds_several(subject.image):
        raise InputError(
            f"{where}: the format 'CVAT for video' names no pictures, so {subject.image.name}, "
            "which holds one frame, cannot be found in it; export it as 'CVAT for images 1.1'"
        )
    if subject.frame < 1:
        raise InputError(
            f"{where}: which frame of the video it is is not said; write its number from 1 up into "
            "the column 'frame'"
        )
    _check_size(file.meta("height"), file.meta("width"), subject, where)
    frame = subject.frame - 1
    if file.last is not None and frame > file.last:
        raise InputError(
            f"{where}: frame {subject.frame}, but CVAT had {file.last + 1}; correct the column "
            "'frame'"
        )
    return frame


def _at(track: "Element", frame: int, where: str) -> "Element | None":
    """Return a track's shape in a frame, or None where it is not in view.

    Raises:
        InputError: it is drawn before, and nothing says where it is now.
    """
    shown: Element | None = None
    last = -1
    for item in track:
        number_of = whole(item.get("frame", ""))
        if item.tag not in (*DRAWN, *_OTHERS) or number_of is None:
            raise InputError(
                f"{where}: {said(item.tag)} in frame {said(item.get('frame'))} is no shape of a "
                "frame; export it again"
            )
        if last < number_of <= frame:
            shown, last = item, number_of
    if shown is None or shown.get("outside") == "1":
        return None
    if last < frame:
        raise InputError(
            f"{where}: drawn in frame {last + 1} and not in frame {frame + 1}, nor said to be "
            "outside; export it from CVAT, which writes the frames between"
        )
    return shown


def _draw(
    item: "Element",
    class_index: int,
    subject: Subject,
    canvas: shapes.Canvas,
    count: shapes.Count,
    where: str,
) -> None:
    if item.tag not in DRAWN:
        raise InputError(
            f"{where}: {item.tag} cannot be drawn; use {', '.join(DRAWN)}, or leave its label out "
            "by label_names in dataset.json"
        )
    if item.tag == "mask":
        pixels, corner = _mask(item, subject.shape, where)
        canvas.put(class_index, pixels, corner, where)
        return
    kind, points = ("polygon", _box(item, where)) if item.tag == "box" else _points(item, where)
    shapes.check_count(kind, points, where)
    width = 0.0
    if kind in shapes.LINES:
        width = subject.line_width(width_said(item), class_index, where)
    canvas.draw(class_index, count.add(Outline(kind, points, where, width)))


def width_said(item: "Element") -> str | None:
    """Return what a shape says of its width in pixels, if anything."""
    attributes = {a.get("name", ""): (a.text or "").strip() for a in item.findall("attribute")}
    return attributes.get("width_px")


def _points(item: "Element", where: str) -> tuple[str, shapes.Points]:
    """Return the kind and the points of a polygon or a polyline: 'x,y;x,y'."""
    pairs = [pair.split(",") for pair in item.get("points", "").split(";") if pair.strip()]
    points = [[_number(text, "points", where) for text in pair] for pair in pairs]
    kind = "linestrip" if item.tag == "polyline" else "polygon"
    return kind, shapes.points_of(points, where)


def _box(item: "Element", where: str) -> shapes.Points:
    """Return the corners of a box, turned about its centre, clockwise by `rotation` degrees."""
    left, top, right, bottom = (
        _number(item.get(name, ""), name, where) for name in ("xtl", "ytl", "xbr", "ybr")
    )
    angle = math.radians(_number(item.get("rotation", "0"), "rotation", where))
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    if not angle:
        return shapes.points_of(corners, where)
    x, y = (left + right) / 2, (top + bottom) / 2
    cos, sin = math.cos(angle), math.sin(angle)
    return shapes.points_of(
        [
            [x + (a - x) * cos - (b - y) * sin, y + (a - x) * sin + (b - y) * cos]
            for a, b in corners
        ],
        where,
    )


def _mask(
    item: "Element", shape: tuple[int, int], where: str
) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the pixels of a mask's box, and the row and column of its first.

    `rle` counts pixels row by row, of nothing and of the mask in turn.
    """
    left, top, width, height = (
        _whole(item.get(name, ""), name, where) for name in ("left", "top", "width", "height")
    )
    runs = [_whole(text, "rle", where) for text in item.get("rle", "").split(",")]
    if width > shape[1] or height > shape[0] or sum(runs) != width * height:
        raise InputError(
            f"{where}: run lengths of {sum(runs)} pixels in all for a box of {height} x {width} "
            f"in a frame of {shape[0]} x {shape[1]}: damaged or cut; export it again"
        )
    inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return inside.reshape(height, width), (top, left)


def _number(text: str, name: str, where: str) -> float:
    value = number(text)
    if math.isnan(value):
        raise InputError(
            f"{where}: {name} '{said(text)}' is no number{hint(text)}; export it again"
        )
    return value


def _whole(text: str, name: str, where: str) -> int:
    value: Any = whole(text.strip())
    if value is None:
        raise InputError(
            f"{where}: {name} '{said(text)}' is no whole number from 0 up; export it again"
        )
    return value
