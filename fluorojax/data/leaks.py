"""What must not stand on both sides of a split, and what looks as if it did."""

import hashlib
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fluorojax.core.files import file_name, same_file_name
from fluorojax.data import splits
from fluorojax.data.problems import said
from fluorojax.data.readers import holds_several
from fluorojax.schema.info import SplitUnit

if TYPE_CHECKING:
    from fluorojax.data.folder import Case

SHOWN = 3  # cases that are named of one group
MOST_NOTES = 10  # of one kind

_Item = TypeVar("_Item")
_Key = TypeVar("_Key")


def unit_of(case: "Case", unit: SplitUnit) -> str:
    """Return the name of what a case must not share with other splits."""
    return splits.split_unit(unit, case=case.case, patient=case.patient, sequence=case.sequence)


def shared_units(cases: Sequence["Case"], unit: SplitUnit) -> list[str]:
    """Name each patient (or sequence) that stands in more than one split.

    Names that differ only in how Unicode composes an accent are one.
    """
    if unit == "frame":
        return []
    problems = []
    if unit == "sequence":
        problems += [
            f"case {case.case}: no sequence, but dataset.json splits by sequence; fill it"
            for case in cases
            if not case.sequence
        ]
    remedy = (
        "move all its cases into one split"
        if unit == "sequence"
        else "move all cases of the patient into one split, or write "
        '"split_unit": "sequence" or "frame" into dataset.json if that cannot be had'
    )
    by_unit = grouped(cases, lambda case: unicodedata.normalize("NFC", unit_of(case, unit)))
    for name, members in by_unit.items():
        by_split = grouped([c for c in members if c.split], lambda case: case.split)
        if len(by_split) > 1:
            where = ", ".join(f"{split} (case {_names(some)})" for split, some in by_split.items())
            forms = len({unit_of(case, unit) for case in members})
            spelled = "its name is written in two Unicode forms: write one, and " * (forms > 1)
            problems.append(
                f"{unit} {said(name)} is in {len(by_split)} splits: {where}; {spelled}{remedy}"
            )
    return problems


def shared_files(cases: Sequence["Case"]) -> list[str]:
    """Name each file that is trained on under one case and tested on under another.

    Links and other spellings of a path are the same file; of a file of several frames, each is one.
    """
    problems = []
    for members in grouped(cases, _identity).values():
        if len({case.split for case in members}) > 1:
            problems.append(
                f"image {members[0].image} is in two splits: case {_with_splits(members)}; keep "
                "one of them"
            )
    return problems


def _identity(case: "Case") -> tuple[int | str, ...]:
    number = case.frame if case.frame >= 0 and holds_several(case.image) else -1
    try:
        status = os.stat(case.image)
    except (OSError, ValueError):
        return os.fspath(case.image), number
    return status.st_dev, status.st_ino, number


def picture(pixels: np.ndarray) -> str:
    """Return a digest of what a frame shows, '' where all pixels are of one value.

    It is that of the grey values, so that the same picture in another format, or spread from 8 to
    16 bits (v becomes 257 v), has the same.

    Args:
        pixels: [H, W] uint8 or uint16.
    """
    if pixels.min() == pixels.max():
        return ""  # it shows nothing, and nothing can be learned by heart from it
    values = pixels.astype("<u2")
    if pixels.dtype.itemsize > 1 and not (values % 257).any():
        values //= 257
    digest = hashlib.blake2b(f"{values.shape}".encode(), digest_size=16)
    digest.update(values.tobytes())
    return digest.hexdigest()


def shared_pictures(pictures: Mapping[str, Sequence["Case"]]) -> tuple[list[str], list[str]]:
    """Name the cases that show the same picture: (what is wrong, what deserves a look).

    It is wrong in two splits. Cases that are not labelled are neither trained on nor scored, so
    they, and repeats within a split, are only noted.

    Args:
        pictures: the cases of each picture, by its digest.
    """
    wrong, notes = [], []
    for digest, members in pictures.items():
        if not digest or len(members) < 2:
            continue
        used = [case for case in members if case.labelled]
        if len({case.split for case in used}) > 1:
            wrong.append(
                f"the same picture is in two splits: case {_with_splits(used)}, pixel for "
                "pixel; keep one of them"
            )
        else:
            notes.append(
                f"the same picture is that of several cases, pixel for pixel: "
                f"{_with_splits(members)}"
            )
    return wrong, few(notes)


def alike_units(cases: Sequence["Case"], unit: SplitUnit) -> list[str]:
    """Name units of two splits that are perhaps one, written in two ways.

    Ways that a spreadsheet or a hand makes of one name: 01, 1 and 1.0, P2 and p2, 'P 2' and P2.
    """
    if unit == "frame":
        return []
    by_unit = grouped(cases, lambda case: unit_of(case, unit))
    notes = []
    for names in grouped(by_unit, _as_spoken).values():
        if len(names) > 1 and len({case.split for name in names for case in by_unit[name]}) > 1:
            told = " and ".join(
                f"'{said(name)}' ({by_unit[name][0].split}, case {_names(by_unit[name])})"
                for name in names[:SHOWN]
            )
            notes.append(
                f"{unit}s {told} differ only in upper and lower case, blanks, needless zeros or "
                f"Unicode form; if they are one, write one name, and move its cases into one split"
            )
    return few(notes)


def _as_spoken(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    folded = re.sub(r"\s+", "", unicodedata.normalize("NFKC", folded))
    return re.sub(r"(?<!\d)0+(?=\d)|(?<=\d)\.0+$", "", folded)


def same_file_names(cases: Sequence["Case"]) -> list[str]:
    """Name cases whose files (masks, overlays) would be one on Windows and macOS."""
    by_name = grouped(cases, lambda case: same_file_name(file_name(case.case)))
    return few(
        f"cases {_names(members)} differ only in upper and lower case or Unicode form; on Windows "
        "and macOS one file would be written for both"
        for members in by_name.values()
        if len(members) > 1
    )


def shared_annotations(drawn: Mapping[str, Sequence["Case"]]) -> list[str]:
    """Name annotations with something on them that serve several frames.

    Args:
        drawn: the cases of each annotation's path.
    """
    return few(
        f"cases {_names(members)} have one annotation, {path}, on different frames; is it of each?"
        for path, members in drawn.items()
        if len({_identity(case) for case in members}) > 1
    )


def few(notes: Iterable[str]) -> list[str]:
    """Return the first notes of a kind, and how many there are more."""
    notes = list(notes)
    more = [f"and {len(notes) - MOST_NOTES} more of this kind"] * (len(notes) > MOST_NOTES)
    return [*notes[:MOST_NOTES], *more]


def grouped(items: Iterable[_Item], key: Callable[[_Item], _Key]) -> dict[_Key, list[_Item]]:
    """Return the items by their key, in their order."""
    groups: dict[_Key, list[_Item]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups


def _names(cases: Sequence["Case"]) -> str:
    more = ", ..." * (len(cases) > SHOWN)
    return ", ".join(said(case.case) for case in cases[:SHOWN]) + more


def _with_splits(cases: Sequence["Case"]) -> str:
    """Name cases with their splits, one of each split first."""
    first = {case.split: case for case in reversed(cases)}.values()
    others = [case for case in cases if all(case is not one for one in first)]
    shown = [*sorted(first, key=cases.index), *others][: SHOWN + 1]
    more = ", ..." * (len(cases) > len(shown))
    return ", ".join(f"{said(case.case)} ({case.split})" for case in shown) + more
