"""Classes, their kinds and their relation, proposed from what the annotations hold."""

import dataclasses
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy import ndimage

from fluorojax.core.errors import InputError
from fluorojax.data.readers import read_mask_image
from fluorojax.geometry.centreline import longest_path_ends
from fluorojax.geometry.skeleton import skeleton
from fluorojax.planning.annotated import CURVES, Annotated
from fluorojax.planning.files import LABEL_FOLDERS
from fluorojax.planning.guess import Guess
from fluorojax.schema.info import ClassInfo, Encoding, Kind, Relation

THIN = 0.03
"""A mean width below this share of the frame's side is a curve's."""
LONG = 5.0
"""... if it is so many times as long as wide, in the longest quarter of the frames."""
MOST_JUMPS = 0.2
"""Share of a combined value's border at which several bits change, up to which it is an overlap."""
CLEARLY = 2.0
"""So many times as far as an end may lie from what it begins at, a curve is clearly away from it.

An end may lie 1.5 widths and 2 px away, so that is 3 widths and 4 px.
"""
CHILD_WORDS = ("wire", "pin", "needle", "catheter", "cannula", "screw", "lead")
PARENT_WORDS = ("scope", "instrument", "sheath", "tool", "drill", "guide", "introducer", "trocar")
LONGEST_NAME = 100
"""Characters of a class's name."""
_ODD = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclasses.dataclass(frozen=True)
class Classes:
    """The classes proposed: names, values and encoding; kinds are looked at later.

    Attributes:
        classes, encoding: see `DatasetInfo` and `Folder`.
        guesses: why the encoding and the names.
        names: class of each label that is called otherwise, as `LabelRules.names`.
    """

    classes: tuple[ClassInfo, ...]
    encoding: Encoding | None
    guesses: tuple[Guess, ...]
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)


def classes_of(annotated: Annotated) -> Classes:
    """Return the classes that annotations name, or whose values masks hold.

    Raises:
        InputError: no annotation says a class, or one is named as no class can be.
    """
    if annotated.kind == "mask":
        return _of_values(annotated)
    if annotated.kind == "per_class":
        classes = tuple(ClassInfo(name, "region") for name in annotated.classes)
        said = Guess("mask_encoding", "per_class", "a mask for each class, named after it")
        return Classes(classes, "per_class", (said,))
    return _of_labels(annotated)


def _of_labels(annotated: Annotated) -> Classes:
    names = _names_of_labels(annotated)
    shapes: dict[str, Counter[str]] = defaultdict(Counter)
    for drawn in annotated.drawn:
        for label, kinds in drawn.labels.items():
            shapes[names[label]].update(kinds)
    if annotated.kind == "lines" and "" in shapes:  # a line without a class is of the only one
        without = shapes.pop("")
        if not shapes:
            shapes[_names(annotated, 1)[0]] = without
    found = [ClassInfo(name, _kind_of_shapes(kinds)) for name, kinds in sorted(shapes.items())]
    found.sort(key=lambda of: of.kind == "curve")  # what is thin lies on top of what is not
    # Segments' labels are read in upper or lower case.
    as_read = str.casefold if annotated.kind == "seg" else str
    changed = {label: name for label, name in names.items() if as_read(label) != as_read(name)}
    told = ", ".join(f"{label} is {name}" for label, name in changed.items())
    said = Guess("label_names", told, "labels may hold what a class's name in dataset.json cannot")
    return Classes(tuple(found), None, (said,) if changed else (), changed)


def _names_of_labels(annotated: Annotated) -> dict[str, str]:
    """Return the class of each label: it without blanks, accents and the like.

    Of segments' labels that differ in upper and lower case alone it is the first.
    """
    labels = sorted({label for drawn in annotated.drawn for label in drawn.labels})
    first: dict[str, str] = {}
    names = {}
    for label in labels:
        plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
        name = _ODD.sub("_", plain).strip("_.-")[:LONGEST_NAME] or label
        names[label] = first.setdefault(name.casefold(), name) if annotated.kind == "seg" else name
    return names


def _kind_of_shapes(kinds: Counter[str]) -> Kind:
    lines = sum(n for kind, n in kinds.items() if kind in CURVES)
    return "curve" if lines > kinds.total() / 2 else "region"


def _of_values(annotated: Annotated) -> Classes:
    values = sorted({v for drawn in annotated.drawn for v in drawn.values if v})
    if not values:
        return Classes((), None, ())
    combined = [v for v in values if v & (v - 1)]
    if combined and set(values) != {255} and _are_overlaps(annotated, combined):
        bits = max(values).bit_length()
        names = _names(annotated, bits)
        said = Guess(
            "mask_encoding",
            "bitmask",
            f"values {_listed(values)}: {_listed(combined)} only lie where two others meet, as "
            "overlaps do",
        )
        return Classes(tuple(ClassInfo(n, "region") for n in names), "bitmask", (said,))
    names = _names(annotated, len(values))
    plain = values == list(range(1, len(values) + 1))
    classes = tuple(
        ClassInfo(name, "region", None if plain else value)
        for name, value in zip(names, values, strict=True)
    )
    said = Guess("mask_encoding", "index", f"values {_listed(values)}, each a class")
    return Classes(classes, "index", (said,))


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values[:8])) + ", ..." * (len(values) > 8)


def _names(annotated: Annotated, count: int) -> list[str]:
    """Name classes of which only values are known; one is named after its folder, if that says."""
    if count > 1:
        return [f"class_{k}" for k in range(1, count + 1)]
    folders = {drawn.file.parent.name for drawn in annotated.drawn}
    (folder, *others) = folders
    name = _ODD.sub("_", folder).strip("_.-")
    says = not others and name and folder.casefold() not in LABEL_FOLDERS
    return [name if says else "object"]


def _are_overlaps(annotated: Annotated, combined: Sequence[int]) -> bool:
    """Say whether combined values are overlaps of classes, and no classes of their own.

    At the border of an overlap one class ends, so one bit changes; only where two outlines cross
    do several. A class of its own borders on nothing (0) along its outline.
    """
    jumps = borders = 0
    holding = [d for d in annotated.drawn if any(v in d.values for v in combined)]
    for drawn in holding[:20]:
        mask = read_mask_image(drawn.file).astype(np.int64)
        for a, b in ((mask[1:], mask[:-1]), (mask[:, 1:], mask[:, :-1])):
            at = (a != b) & (np.isin(a, combined) | np.isin(b, combined))
            changed = a[at] ^ b[at]
            borders += len(changed)
            jumps += int((np.bitwise_count(changed) > 1).sum())
    return borders > 0 and jumps <= MOST_JUMPS * borders


# What masks show


@dataclasses.dataclass(frozen=True)
class Measured:
    """What was measured of one class in one frame.

    Attributes:
        width, length: of a ribbon with this area A and this skeleton, px. A skeleton ends half a
            width before its ribbon does, so A = w (l + w), l its length.
        side: square root of the frame's area, px.
        begins_at: the other classes that an end of it lies in, or at; looked for where it is a
            curve, or as thin as one.
        away_from: the other classes that all of it lies clearly away from; looked for as before.
    """

    width: float
    length: float
    side: float
    begins_at: frozenset[int] = frozenset()
    away_from: frozenset[int] = frozenset()

    @property
    def thin(self) -> bool:
        """Whether it is as thin as curves are."""
        return self.width < THIN * self.side


def measure(mask: np.ndarray, curves: Collection[int] = ()) -> dict[int, Measured]:
    """Measure the classes that are in a mask `[H, W, C] bool`; `curves` are known to be thin."""
    side = math.sqrt(mask.shape[0] * mask.shape[1])
    found = {}
    for k in range(mask.shape[-1]):
        if not (area := int(mask[..., k].sum())):
            continue
        line = skeleton(mask[..., k])
        width = width_of(area, int(line.sum()))
        measured = Measured(width, area / width, side)
        if measured.thin or k in curves:
            begins, away = _places(mask, k, line, 1.5 * width + 2)
            measured = dataclasses.replace(measured, begins_at=begins, away_from=away)
        found[k] = measured
    return found


def width_of(area: int, length: int) -> float:
    """Return the width of a ribbon by its area and the length of its skeleton, see `Measured`."""
    return (math.sqrt(length**2 + 4 * area) - length) / 2


def _places(
    mask: np.ndarray, k: int, line: np.ndarray, reach: float
) -> tuple[frozenset[int], frozenset[int]]:
    """Return the classes that an end of a line lies in or at, and those that it is away from."""
    ends = longest_path_ends(line, (1.0, 1.0))
    others = [c for c in range(mask.shape[-1]) if c != k and mask[..., c].any()]
    begins = {c for c in others if any(_is_near(mask[..., c], end, reach) for end in ends)}
    away = {
        c
        for c in others
        if c not in begins and _distance(mask[..., k], mask[..., c]) > CLEARLY * reach
    }
    return frozenset(begins), frozenset(away)


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the distance between the nearest pixels of two masks, px."""
    return float(ndimage.distance_transform_edt(~b)[a].min())


def _is_near(mask: np.ndarray, point: np.ndarray, reach: float) -> bool:
    row, column = (int(v) for v in point)
    r = math.ceil(reach)
    top, left = max(row - r, 0), max(column - r, 0)
    near = mask[top : row + r + 1, left : column + r + 1]
    rows, columns = np.nonzero(near)
    return bool((np.hypot(rows + top - row, columns + left - column) <= reach).any())


def with_kinds(
    classes: Sequence[ClassInfo], measured: Sequence[Mapping[int, Measured]]
) -> tuple[tuple[ClassInfo, ...], list[Guess]]:
    """Return the classes with their kinds, and why each has it."""
    found, guesses = [], []
    for k, of in enumerate(classes):
        shown = [m[k] for m in measured if k in m]
        kind, reason = _kind(of, shown)
        found.append(dataclasses.replace(of, kind=kind))
        guesses.append(Guess(f"class {of.name}", kind, reason))
    return tuple(found), guesses


def _kind(of: ClassInfo, shown: Sequence[Measured]) -> tuple[Kind, str]:
    if of.kind == "curve":
        return "curve", "drawn with lines"
    if not shown:
        return "region", "in no frame that was looked at"
    width = float(np.median([m.width for m in shown]))
    share = float(np.median([m.width / m.side for m in shown]))
    told = f"mean width {width:.3g} px, {100 * share:.2g} % of the frame's side"
    if share < THIN and np.quantile([m.length / m.width for m in shown], 0.75) > LONG:
        return "curve", f"{told}, and long"
    return "region", told


def relation_of(
    classes: Sequence[ClassInfo], measured: Sequence[Mapping[int, Measured]]
) -> tuple[Relation | None, Guess | None]:
    """Return which curve comes out of which class: it begins in or at it in most frames."""
    best: tuple[float, int, int, int, int] | None = None
    for k, child in enumerate(classes):
        if child.kind != "curve":
            continue
        for parent, of in enumerate(classes):
            if parent == k or (of.kind == "curve" and not _by_words(child.name, of.name)):
                continue
            both = [m for m in measured if k in m and parent in m]
            begin = sum(parent in m[k].begins_at for m in both)
            share = begin / len(both) if both else 0.0
            least = 0.3 if _by_words(child.name, of.name) else 0.5
            if len(both) > 1 and share > least and (best is None or share > best[0]):
                best = share, k, parent, begin, len(both)
    if best is None:
        return None, _no_relation(classes)
    _, k, parent, begin, both_count = best
    relation = Relation(classes[k].name, classes[parent].name)
    hint = ", as their names say" if _by_words(relation.child, relation.parent) else ""
    reason = f"begins in or at it in {begin} of the {both_count} frames that show both{hint}"
    return relation, Guess("relation", f"{relation.child} comes out of {relation.parent}", reason)


def _by_words(child: str, parent: str) -> bool:
    return any(w in child.casefold() for w in CHILD_WORDS) and any(
        w in parent.casefold() for w in PARENT_WORDS
    )


def _no_relation(classes: Sequence[ClassInfo]) -> Guess | None:
    if len(classes) > 1 and any(c.kind == "curve" for c in classes):
        return Guess("relation", "none", "no curve begins in or at another class in most frames")
    return None


def sound_names(classes: Sequence[ClassInfo], where: Path) -> None:
    """Check that labels can be names of classes.

    Raises:
        InputError: one cannot.
    """
    for of in classes:
        if _ODD.search(of.name) or not of.name[:1].isalnum():
            raise InputError(
                f"{where}: the label '{of.name}' can be no class's name; rename it in the "
                "annotation tool: letters without accents, digits, '_', '-' and '.'"
            )


def attached(relation: tuple[int, int], measured: Mapping[int, Measured]) -> str:
    """Return what a frame's annotation says of the relation (child, parent).

    'yes' where the child begins in or at its parent: whether it only crosses the parent in
    projection, a mask does not tell. 'no' where all of it lies clearly away from the parent. ''
    where it lies between, or the frame does not show both.
    """
    child, parent = relation
    if child not in measured:
        return ""
    if parent in measured[child].begins_at:
        return "yes"
    return "no" if parent in measured[child].away_from else ""
