"""The cases of a folder that a file of many frames' annotations lists: COCO, CVAT."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fluorojax.data.annotations import catalogue_of, of_a_tool
from fluorojax.data.catalogue import Catalogue
from fluorojax.data.label_rules import LabelRules
from fluorojax.data.leaks import grouped
from fluorojax.data.located import locate, missing
from fluorojax.data.problems import said

if TYPE_CHECKING:
    from fluorojax.data.folder import Case


def labelled_by_coco(
    cases: list["Case"], root: Path, rules: LabelRules, problems: list[str]
) -> list["Case"]:
    """Give the cases without annotation that the COCO file of `dataset.json` lists its path.

    What is wrong goes to `problems`.
    """
    path = locate(root, rules.coco)
    if reason := missing(path, root):
        problems.append(f"coco of dataset.json: {reason}")
        return cases
    listed = catalogue_of(path)
    if listed is None:
        problems.append(
            f"coco of dataset.json: {path} is no COCO file (it has no lists 'images' and "
            "'annotations'); name one that is"
        )
        return cases
    chosen, wrong = _labelled_by(listed, cases)
    problems += wrong
    return chosen


def wrong_catalogues(cases: Sequence["Case"]) -> list[str]:
    """Check that no two cases take one picture's annotation from a file of many."""
    by_file = grouped((c for c in cases if of_a_tool(c.annotation)), lambda c: c.annotation)
    return [
        problem
        for path, members in by_file.items()
        if len(members) > 1 and os.path.isfile(path) and (listed := catalogue_of(path))
        for problem in _shared_entries(listed, members)
    ]


def _labelled_by(catalogue: Catalogue, cases: Sequence["Case"]) -> tuple[list["Case"], list[str]]:
    """Give the cases without annotation that a catalogue lists its path, and say what is wrong.

    Where a single picture is found by its whole name, all must be: a picture of another folder
    that is called alike is another picture.
    """
    open_cases = [case for case in cases if not case.annotation]
    whole = any(catalogue.find_whole(case.image) is not None for case in open_cases)
    found = {
        case.case: catalogue.find_whole(case.image) if whole
        else catalogue.find(case.image, case.frame)
        for case in open_cases
    }  # fmt: skip
    path = str(catalogue.path)
    chosen = [
        dataclasses.replace(case, annotation=path) if found.get(case.case) is not None else case
        for case in cases
    ]
    if cases and all(place is None for place in found.values()) and open_cases:
        return chosen, [
            f"{path} lists none of the {len(open_cases)} pictures without annotation (it has "
            f"'{said((*catalogue.names, '')[0])}', the table {open_cases[0].image.name}); write "
            "the names there as in the table"
        ]
    return chosen, []


def _shared_entries(catalogue: Catalogue, cases: Sequence["Case"]) -> list[str]:
    """Name the cases of different files that one picture of a catalogue would label."""
    first: dict[int, Case] = {}
    problems = []
    for case in cases:
        place = catalogue.find(case.image, case.frame)
        other = case if place is None else first.setdefault(place, case)
        if (other.image, other.frame) != (case.image, case.frame):
            problems.append(
                f"cases {said(other.case)} and {said(case.case)}: {catalogue.path} has one picture "
                f"for both, '{said(catalogue.names[place or 0])}'; write its name there with its "
                "folder"
            )
    return problems
