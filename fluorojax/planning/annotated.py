"""Which annotation belongs to which frame, and what its file says of classes.

What a file says is read by `READERS` and `LISTS`, a line a kind: there another comes in.
"""

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fluorojax.core.errors import InputError
from fluorojax.core.files import read_json, reading
from fluorojax.data.annotations import CLASS_PLACEHOLDER, parsed
from fluorojax.data.coco import CocoFile, is_coco
from fluorojax.data.cvat import CvatFile, width_said
from fluorojax.data.dicom_seg import SegmentationFile, segments_on
from fluorojax.data.leaks import few
from fluorojax.data.line_table import is_line_table, lines_of, says_width
from fluorojax.data.readers import MASK_SUFFIXES, holds_dicom, stem_of, suffix_of
from fluorojax.planning.files import (
    FEW_VALUES,
    LABEL_FOLDERS,
    SHAPE_SUFFIXES,
    Files,
    is_segmentation,
    parents_of,
    place_of,
    values_of,
    without_label_word,
)
from fluorojax.planning.shots import Shot

CURVES = frozenset(("line", "linestrip"))
_NUMBER = re.compile(
    r"^(?P<stem>.+?)[_\-. ]+(?:frame|fr|f)?[_\-]?(?P<number>\d{1,6})$", re.IGNORECASE
)
_MOST_BETWEEN = 0.3  # of what a mask of 0 and 255 shows: the pixels of smoothed edges


@dataclasses.dataclass(frozen=True)
class Drawn:
    """What an annotation file says of one frame.

    Attributes:
        file: it.
        kind: a key of `READERS` or `LISTS`, or 'per_class'.
        labels: of shapes, the number of each kind of shape by label; '' where it has none.
        values: of masks, the number of pixels of each value.
        without_width: lines of which no width is said, or may be (COCO).
    """

    file: Path
    kind: str
    labels: Mapping[str, Counter[str]] = dataclasses.field(default_factory=dict)
    values: Mapping[int, int] = dataclasses.field(default_factory=dict)
    without_width: int = 0


def read_shapes(path: Path, document: Any) -> list[Drawn]:
    """Return the labels of a LabelMe file, with the kinds of shapes that each is drawn with."""
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    bare = 0
    for item in document["shapes"]:
        if not isinstance(item, dict) or not isinstance(item.get("label"), str):
            continue  # `check` says what is wrong with it
        kind = str(item.get("shape_type") or "polygon")
        labels[item["label"]][kind] += 1
        bare += kind in CURVES and "width_px" not in str(item.get("description"))
    return [Drawn(path, "labelme", labels, without_width=bare)]


def read_values(path: Path, _: Any) -> list[Drawn]:
    """Return the values of a mask; what lies between 0 and 255 on smoothed edges is left out.

    Raises:
        InputError: it is no label image.
    """
    values = values_of(path)
    drawn = sum(n for v, n in values.items() if v)
    between = drawn - values.get(255, 0)
    if values.get(255) and between <= _MOST_BETWEEN * drawn:
        values = {v: n for v, n in values.items() if v in (0, 255)}
    if len(values) > FEW_VALUES:
        raise InputError(f"{path}: {len(values)} grey values, so it is no mask")
    return [Drawn(path, "mask", values=values)]


def read_lines(path: Path, _: Any) -> list[Drawn]:
    """Return the labels of a table of centrelines.

    Raises:
        InputError: it is no such table.
    """
    lines = lines_of(path)
    labels = _counted((label, "linestrip") for label, _ in lines)
    bare = sum(not says_width(rows) for _, rows in lines)
    return [Drawn(path, "lines", labels, without_width=bare)]


def _counted(shapes: Iterable[tuple[str, str]]) -> dict[str, Counter[str]]:
    """Return the number of each kind of shape by label, of pairs of them."""
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for label, kind in shapes:
        labels[label][kind] += 1
    return labels


READERS: dict[str, Callable[[Path, Any], list[Drawn]]] = {
    "labelme": read_shapes,
    "lines": read_lines,
    "mask": read_values,
}
"""What the files of one frame each say, by their kind."""


def drawn_in_coco(file: CocoFile, shot: Shot) -> Drawn | None:
    """Return the categories of a frame, with the kinds of shapes each is drawn with."""
    place = file.find(shot.image, shot.number or -1)
    if place is None:
        return None
    shapes = []
    for annotation in file.annotations[place]:
        number = annotation.get("category_id")
        known = file.categories.get(number, {}) if isinstance(number, int | str) else {}
        is_line = not annotation.get("segmentation") and annotation.get("keypoints")
        if name := known.get("name"):
            shapes.append((name, "linestrip" if is_line else "polygon"))
    bare = sum(kind == "linestrip" for _, kind in shapes)
    return Drawn(file.path, "coco", _counted(shapes), without_width=bare)


def shots_of_cvat(file: CvatFile, index: "_Index") -> Sequence[Shot]:
    """Return the frames that may be in a file: a video's are found by its name, or the file's."""
    if not file.is_video:
        return index.shots
    source = stem_of(Path(file.meta("source") or ""))
    shots = (index.of_file(file.path, source) if source else []) or index.of_file(file.path)
    last = len(shots) if file.last is None else file.last
    return [shot for shot in shots if 0 < shot.number <= last + 1]


def drawn_in_cvat(file: CvatFile, shot: Shot) -> Drawn | None:
    """Return the labels of a frame, with the kinds of shapes each is drawn with.

    Of a video only frames that show something are annotated: CVAT does not say of the others
    whether they were looked at.
    """
    place = shot.number - 1 if file.is_video else file.find(shot.image, shot.number or -1)
    if place is None:
        return None
    shapes = file.shapes(place, f"{file.path}: case {shot.case}")
    if file.is_video and not shapes:
        return None
    lines = [item for item, _, _ in shapes if item.tag == "polyline"]
    labels = _counted(
        (label, "linestrip" if item.tag == "polyline" else "polygon")
        for item, label, _ in shapes
        if label
    )
    bare = sum(not width_said(item) for item in lines)
    return Drawn(file.path, "cvat", labels, without_width=bare)


def shots_of_seg(file: SegmentationFile, index: "_Index") -> Sequence[Shot]:
    """Return the frames that a segmentation refers to, or else those that are called as it is.

    The latter where it says no frames, or where they were saved in another format.
    """
    referred = [shot for uid in sorted(file.sources) for shot in index.of_instance(uid)]
    if file.says_frames:
        return referred or [shot for shot in index.of_file(file.path) if not shot.instance]
    alike = index.find(file.path)
    return [shot for shot in referred if not shot.number] or ([alike] if alike else [])


def drawn_in_seg(file: SegmentationFile, shot: Shot) -> Drawn | None:
    """Return the labels of the segments of a frame.

    Of a cine only frames that show something are annotated: segmentations may have empty planes
    for the others.
    """
    found = list(segments_on(file, shot.image, shot.number or -1, shot.case))
    if shot.number and not any(some for _, some in found):
        return None
    return Drawn(file.path, "seg", _counted((label, "segment") for label, _ in found))


class _List(NamedTuple):
    """How a file of many frames is read: the frames that it may be of, and what it says of one."""

    shots: Callable[[Any, "_Index"], Sequence[Shot]]
    drawn: Callable[[Any, Shot], Drawn | None]


LISTS = {
    "coco": _List(lambda file, index: index.shots, drawn_in_coco),
    "cvat": _List(shots_of_cvat, drawn_in_cvat),
    "seg": _List(shots_of_seg, drawn_in_seg),
}
"""What the files of many frames say of one of them, by their kind.

Another kind of annotation comes in here: `kind_of` tells it, and it has a line in one of the two.
"""


def kind_of(path: Path) -> tuple[str, Any]:
    """Return the kind of an annotation file, and what a JSON file holds; '': it is none."""
    suffix = suffix_of(path)
    if suffix in MASK_SUFFIXES:
        return "mask", None
    if suffix not in SHAPE_SUFFIXES:
        return ("seg" if is_segmentation(path) else ""), None
    if suffix == ".csv":
        return ("lines" if is_line_table(path) else ""), None
    if suffix == ".xml":
        with reading(path), path.open("rb") as file:
            return ("cvat" if b"<annotations" in file.read(4096) else ""), None
    try:
        document = read_json(path)
    except InputError:
        return "", None
    if not isinstance(document, dict):
        return "", None
    if isinstance(document.get("shapes"), list):
        return "labelme", document
    return ("coco" if is_coco(document) else ""), None


@dataclasses.dataclass(frozen=True)
class Annotated:
    """The annotations of a folder.

    Attributes:
        cells: what the column `annotation` says of each frame that has one.
        kind: of all of them, a key of `IN_WORDS`; '' where there is none.
        drawn: what the files say.
        classes: names of classes that files' or folders' names say, in order.
        ignores: the ignore mask of each frame that has one.
        reason: how they were found.
        remarks: files that are not used, and why.
    """

    cells: Mapping[Shot, str]
    kind: str
    drawn: Sequence[Drawn]
    classes: tuple[str, ...]
    ignores: Mapping[Shot, str]
    reason: str
    remarks: tuple[str, ...]


def match(files: Files, shots: Sequence[Shot]) -> Annotated:
    """Find the annotation of each frame, by its name or by what its file says.

    Of several kinds the one with most frames is taken: a dataset has one. LabelMe files name the
    classes, so they come first of equals, and masks last.
    """
    index = _Index(files.root, shots)
    remarks: list[str] = []
    by_kind: dict[str, dict[Shot, list[Drawn]]] = {kind: {} for kind in (*READERS, *LISTS)}
    for path in (*files.shapes, *files.labels):
        kind, document = kind_of(path)
        if kind in LISTS:
            remarks += _of_many(path, kind, index, by_kind[kind])
            continue
        shot = index.find(path) if kind else None
        if shot is None:
            continue
        try:
            drawn = READERS[kind](path, document)
        except InputError as error:
            remarks.append(f"left out: {error}")
            continue
        by_kind[kind].setdefault(shot, []).extend(drawn)
    per_class = _per_class(files, index)
    return _chosen(files, index, by_kind, per_class, remarks)


def _of_many(path: Path, kind: str, index: "_Index", found: dict[Shot, list[Drawn]]) -> list[str]:
    """Find the frames that a file is of; return what is wrong with it."""
    wrong = []
    count = 0
    try:
        file = parsed(path)
        shots = LISTS[kind].shots(file, index)
    except InputError as error:
        return [f"left out: {error}"]
    for shot in shots:
        try:
            drawn = LISTS[kind].drawn(file, shot)
        except InputError as error:
            wrong.append(f"left out: {error}")
            continue
        if drawn:
            found.setdefault(shot, []).append(drawn)
            count += 1
    if not (wrong or count):
        wrong.append(f"left out: {path}: {NONE[kind]}")
    return few(wrong)


NONE = {
    "coco": "it lists none of the frames by name",
    "cvat": "it lists none of the frames by name, or shows nothing on them; a video's file may be "
    "called as its cine is",
    "seg": "it refers to none of the frames that are here, or shows nothing on them",
}


class _Index:
    """Frames by the names that their annotations may have."""

    def __init__(self, root: Path, shots: Sequence[Shot]):
        self.root = root
        self.shots: Sequence[Shot] = shots
        self._by_key: dict[tuple[tuple[str, ...], str], list[Shot]] = defaultdict(list)
        self._by_stem: dict[str, list[Shot]] = defaultdict(list)
        self._by_instance: dict[str, list[Shot]] = defaultdict(list)
        for shot in shots:
            self._by_instance[shot.instance].append(shot)
            stem = stem_of(shot.image).casefold()
            self._by_key[_folded(place_of(root, shot.image)), stem].append(shot)
            self._by_stem[stem].append(shot)
        self.zero_based: set[str] = set()

    def find(self, path: Path, stem: str = "", place: tuple[str, ...] | None = None) -> Shot | None:
        """Return the frame that a file of this name annotates; None: there is none, or several."""
        stem = (stem or _stem(path)).casefold()
        place = _folded(place_of(self.root, path) if place is None else place)
        for name in dict.fromkeys((stem, without_label_word(stem))):
            if found := self._of_name(name, place):
                return found
        return None

    def of_instance(self, uid: str) -> Sequence[Shot]:
        """Return the frames of a DICOM file."""
        return self._by_instance.get(uid, ()) if uid else ()

    def of_file(self, path: Path, stem: str = "") -> Sequence[Shot]:
        """Return all frames of the one file that is called as an annotation is, or as `stem`."""
        stem = (stem or _stem(path)).casefold()
        place = _folded(place_of(self.root, path))
        for name in dict.fromkeys((stem, without_label_word(stem))):
            found = self._by_key.get((place, name)) or self._by_stem.get(name, [])
            if len({shot.image for shot in found}) == 1:
                return found
        return ()

    def _of_name(self, stem: str, place: tuple[str, ...]) -> Shot | None:
        found = self._by_key.get((place, stem)) or self._by_stem.get(stem, [])
        if len(found) == 1:
            return found[0]
        if not (numbered := _NUMBER.match(stem)):
            return None
        stem, number = numbered["stem"], int(numbered["number"])
        several = self._by_key.get((place, stem)) or self._by_stem.get(stem, [])
        fitting = [shot for shot in several if shot.number and shot.number == number]
        return fitting[0] if len(fitting) == 1 else None


def _stem(path: Path) -> str:
    return path.stem if path.suffix.lower() in SHAPE_SUFFIXES else stem_of(path)


def _folded(place: Iterable[str]) -> tuple[str, ...]:
    return tuple(part.casefold() for part in place)


def _per_class(files: Files, index: _Index) -> dict[str, dict[Shot, dict[str, Path]]]:
    """Return the masks of one class each: pattern of the path -> frame -> class -> file.

    Either a folder a class (`masks/wire/001.png`), or a word a class at the end of the name
    (`001_wire.png`).
    """
    found: dict[str, dict[Shot, dict[str, Path]]] = {"folder": {}, "suffix": {}}
    for path in files.labels:
        if holds_dicom(path):
            continue
        if shot := index.find(path):
            folder = parents_of(files.root, path)[-1:]
            of_mask, of_frame = (_folded(place_of(files.root, p)) for p in (path, shot.image))
            if folder and folder[0].casefold() not in LABEL_FOLDERS and of_mask != of_frame:
                found["folder"].setdefault(shot, {})[folder[0]] = path
            continue
        stem, joint, name = stem_of(path).rpartition("_")
        if joint and name and not name.isdigit() and (shot := index.find(path, stem)):
            found["suffix"].setdefault(shot, {})[name] = path
    return found


def _chosen(
    files: Files,
    index: _Index,
    by_kind: dict[str, dict[Shot, list[Drawn]]],
    per_class: dict[str, dict[Shot, dict[str, Path]]],
    remarks: list[str],
) -> Annotated:
    way = max(per_class, key=lambda name: len(per_class[name]))
    one_each = per_class[way]
    if one_each and way == "folder":
        # A class a folder: those masks have been taken for masks of all classes.
        of_classes = {path for shown in one_each.values() for path in shown.values()}
        by_kind["mask"] = _without(by_kind["mask"], of_classes)
    counts = {kind: len(found) for kind, found in by_kind.items() if kind != "mask"}
    counts |= {"per_class": len(one_each), "mask": len(by_kind["mask"])}
    kind = max(counts, key=lambda name: counts[name])
    ignores = dict(_ignores(files, index))
    if not counts[kind]:
        return Annotated({}, "", (), (), ignores, "no file is called as a frame is", tuple(remarks))
    remarks += [
        f"{IN_WORDS[name]} of {count} frames are not used, as {IN_WORDS[kind]} of {counts[kind]} "
        "are there"
        for name, count in counts.items()
        if name != kind and count
    ]
    if kind == "per_class":
        return _of_classes(files, one_each, ignores, remarks)
    return _of_files(files, kind, by_kind[kind], ignores, remarks)


def _without(found: dict[Shot, list[Drawn]], paths: set[Path]) -> dict[Shot, list[Drawn]]:
    kept = {shot: [d for d in drawn if d.file not in paths] for shot, drawn in found.items()}
    return {shot: drawn for shot, drawn in kept.items() if drawn}


def _of_files(
    files: Files,
    kind: str,
    found: dict[Shot, list[Drawn]],
    ignores: dict[Shot, str],
    remarks: list[str],
) -> Annotated:
    """Return annotations of which a file holds all classes, of one frame or of many."""
    remarks += [
        f"case {shot.case}: {len(several)} annotations; the first is taken"
        for shot, several in found.items()
        if len(several) > 1
    ]
    drawn = [several[0] for several in found.values()]
    paths = [d.file.relative_to(files.root) for d in drawn]
    cells = {shot: path.as_posix() for shot, path in zip(found, paths, strict=True)}
    if kind in LISTS:
        names = sorted({path.as_posix() for path in paths})
        how = "which say their frames"
    else:
        names = sorted({f"{path.parent.as_posix()}/" for path in paths})
        how = "called as frames are"
    where = ", ".join(names[:3]) + ", ..." * (len(names) > 3)
    reason = f"{IN_WORDS[kind]} in {where}, {how}"
    return Annotated(cells, kind, drawn, (), ignores, reason, tuple(remarks))


IN_WORDS = {
    "labelme": "LabelMe files",
    "coco": "COCO annotations",
    "cvat": "CVAT annotations",
    "seg": "DICOM segmentations",
    "lines": "tables of centrelines",
    "mask": "masks",
    "per_class": "masks of a class each",
}


def _of_classes(
    files: Files,
    one_each: dict[Shot, dict[str, Path]],
    ignores: dict[Shot, str],
    remarks: list[str],
) -> Annotated:
    names = tuple(dict.fromkeys(name for shown in one_each.values() for name in sorted(shown)))
    cells = {}
    for shot, shown in one_each.items():
        patterns = {
            path.relative_to(files.root).as_posix().replace(name, CLASS_PLACEHOLDER)
            for name, path in shown.items()
        }
        if len(shown) == len(names) and len(patterns) == 1:
            cells[shot] = patterns.pop()
        else:
            missing = ", ".join(name for name in names if name not in shown) or "one way of names"
            remarks.append(
                f"case {shot.case}: no mask of {missing}, so it is left without annotation; draw "
                "an empty one where the class is not there"
            )
    drawn = [Drawn(path, "per_class") for shot in cells for path in one_each[shot].values()]
    reason = f"masks of a class each: {', '.join(names)}"
    return Annotated(cells, "per_class", drawn, names, ignores, reason, tuple(remarks))


def _ignores(files: Files, index: _Index) -> Iterator[tuple[Shot, str]]:
    for path in files.ignores:
        if suffix_of(path) in MASK_SUFFIXES and (shot := index.find(path)):
            yield shot, path.relative_to(files.root).as_posix()
