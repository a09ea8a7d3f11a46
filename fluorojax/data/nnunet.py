"""nnU-Net's raw folders as dataset folders: what they say, and guesses of what they do not."""

import dataclasses
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.core.files import read_json, reading
from fluorojax.data import splits
from fluorojax.data.description import Described, read_description, read_label_rules
from fluorojax.data.label_rules import PLAIN, LabelRules
from fluorojax.data.leaks import few
from fluorojax.data.problems import refuse, said
from fluorojax.data.table import LINE, read_rows
from fluorojax.geometry.skeleton import skeleton
from fluorojax.schema import bitmask
from fluorojax.schema.info import ClassInfo, DatasetInfo, Kind, SplitUnit

BESIDE = "fluorojax.json"
"""Says what nnU-Net's description cannot: kinds, relation, split unit; in the form of ours."""
SPLITS_FILE = "splits_final.json"
FOLDS = 5
MOST_VALUES = 65535

_FRAME_OF = re.compile(r"(.*?\d.*?)[_.-]+(?:[A-Za-z]+[_.-]?)?\d+")  # a name with two numbers
_LOOKED_AT = 6  # label images from which kinds are guessed
_THIN = 4.0, 0.03  # pixels, and of the shorter side: the widest that is taken for a curve
_LONG = 4.0  # times its width, at least

Values = tuple[int, ...]
Labels = Callable[[Path], np.ndarray]
"""Reads a label image as [H, W] of values."""


def is_raw(root: Path) -> bool:
    """Say whether a folder is nnU-Net's: its own kind of `dataset.json`, and `imagesTr`."""
    if not os.path.isdir(root / "imagesTr") or not os.path.isfile(root / "dataset.json"):
        return False
    fields = read_json(root / "dataset.json")
    return isinstance(fields, dict) and "labels" in fields and "classes" not in fields


def read_raw(root: Path, cases_file: str, read_labels: Labels) -> Described:
    """Read an nnU-Net raw folder (version 2) of 2D images with one channel.

    Classes are its labels, or its regions; `ignore` are pixels that do not count. A file
    `fluorojax.json` beside says kinds and relation, and a table of cases patients and splits, as
    `fluorojax prepare --to-nnunet` writes both. Without them a thin label is a curve, patients are
    guessed from the names, and the splits are nnU-Net's first fold.

    Args:
        root: the folder.
        cases_file: the table's name in it.
        read_labels: reads a label image, for guesses of kinds.

    Raises:
        InputError: what is wrong with its description, or with the names of its files.
    """
    path = root / "dataset.json"
    fields = read_json(path)
    refuse(path, _wrong_fields(fields))
    values, ignored = _values(fields["labels"], path)
    cases = _cases(root, fields)
    notes: list[str] = []
    if (root / BESIDE).is_file():
        info, rules = _said_beside(root / BESIDE, values)
        files = [path, root / BESIDE]
    else:
        info, notes = _guessed(root, values, cases, read_labels)
        info = dataclasses.replace(info, split_unit=fields.get("split_unit", "patient"))
        rules, files = PLAIN, [path]
    of_class = tuple(values[name] for name in info.class_names)
    rules = dataclasses.replace(rules, coco="", values=of_class, ignore_value=ignored)
    if (table := root / cases_file).is_file():
        rows = read_rows(table, info)
        return Described(info, "index", rules, table, rows, (*files, table), tuple(notes))
    rows, more, used = _rows(root, cases, ignored is not None)
    return Described(info, "index", rules, path, rows, (*files, *used), (*notes, *more))


# Its description


def _wrong_fields(fields: Mapping[str, Any]) -> list[str]:
    labels, channels = fields["labels"], fields.get("channel_names")
    if not isinstance(labels, dict) or not labels:
        return ['labels: write {"background": 0, "wire": 1} as nnU-Net has it']
    if "modality" in fields or all(isinstance(value, str) for value in labels.values()):
        return [
            "the description of nnU-Net's first version; convert it: "
            "nnUNetv2_convert_old_nnUNet_dataset"
        ]
    problems = []
    if not isinstance(channels, dict) or not channels:
        problems.append('channel_names: write {"0": "xray"} as nnU-Net has it')
    elif len(channels) > 1:
        named = ", ".join(said(name) for name in channels.values())
        problems.append(
            f"{len(channels)} channels ({named}); images of one channel are read: leave the others "
            "out"
        )
    ending = fields.get("file_ending")
    if not isinstance(ending, str) or not re.fullmatch(r"\.[A-Za-z0-9.]+", ending):
        problems.append(f"file_ending {said(repr(ending))}: write one such as '.png'")
    if fields.get("split_unit", "patient") not in get_args(SplitUnit):
        problems.append(f"split_unit: write one of {', '.join(get_args(SplitUnit))}")
    return problems


def _values(labels: Mapping[str, Any], path: Path) -> tuple[dict[str, Values], int | None]:
    """Return the values of each class, and the value of pixels that do not count."""
    ignored: int | None = None
    found: dict[str, Values] = {}
    problems = []
    for label, given in labels.items():
        values = given if isinstance(given, list) else [given]
        if not values or any(type(v) is not int or not 0 <= v <= MOST_VALUES for v in values):
            problems.append(
                f"label '{said(label)}' is {said(repr(given))}: write a whole number, or a list of "
                "them for a region"
            )
        elif label == "ignore":
            ignored = values[0]
        elif values != [0]:
            name = re.sub(r"[^A-Za-z0-9_.-]", "_", label).lstrip("_.-")[:100]
            if not name or name in found:
                problems.append(f"label '{said(label)}': rename it with letters, as no other is")
            found[name] = tuple(values)
    if not problems and not 1 <= len(found) <= bitmask.MAX_CLASSES:
        problems.append(f"{len(found)} labels; give 1 to {bitmask.MAX_CLASSES}")
    refuse(path, problems)
    return found, ignored


def _said_beside(path: Path, values: Mapping[str, Values]) -> tuple[DatasetInfo, LabelRules]:
    """Read `fluorojax.json`, whose classes must be nnU-Net's."""
    info, _ = read_description(path)
    if set(info.class_names) != set(values):
        raise InputError(
            f"{path}: classes {', '.join(info.class_names)}, but dataset.json has labels "
            f"{', '.join(values)}; write the same names"
        )
    return info, read_label_rules(path)


# Its cases


class _Found(NamedTuple):
    """One image: its case, its path from the root, its label's, and whether it is for training."""

    case: str
    image: str
    annotation: str
    training: bool


def _cases(root: Path, fields: Mapping[str, Any]) -> list[_Found]:
    ending = fields["file_ending"]
    found = [
        *_listed(root, "imagesTr", "labelsTr", ending, training=True),
        *_listed(root, "imagesTs", "labelsTs", ending, training=False),
    ]
    count = sum(of.training for of in found)
    problems = []
    if not found:
        problems.append(f"no image *_0000{ending} in imagesTr; correct file_ending, or put them in")
    if found and fields.get("numTraining", count) != count:
        problems.append(
            f"numTraining is {said(fields['numTraining'])}, but imagesTr has {count} images; put "
            "the lost ones back, or correct it"
        )
    problems += [
        f"case '{said(name)}' is in imagesTr and in imagesTs; rename one"
        for name, n in Counter(of.case for of in found).items()
        if n > 1
    ]
    refuse(root / "dataset.json", problems)
    return found


def _listed(
    root: Path, images: str, labels: str, ending: str, *, training: bool
) -> Iterator[_Found]:
    folder = root / images
    if not folder.is_dir():
        return
    with reading(folder):
        names = sorted(path.name for path in folder.iterdir())
    for name in names:
        if name.startswith(".") or not name.endswith(ending):
            continue
        parts = re.fullmatch(r"(.+)_(\d{4})", name.removesuffix(ending))
        if not parts or parts[2] != "0000":
            raise InputError(
                f"{folder / name}: images are called CASE_0000{ending}, and have one channel: "
                "rename it, or leave it out"
            )
        annotation = f"{labels}/{parts[1]}{ending}"
        if not training and not (root / annotation).is_file():
            annotation = ""
        yield _Found(parts[1], f"{images}/{name}", annotation, training)


def _rows(
    root: Path, cases: Sequence[_Found], ignores: bool
) -> tuple[list[dict[str, str]], list[str], list[Path]]:
    """Return the rows of a table of cases, what was guessed, and the file of splits if any."""
    patients, notes = _patients([of.case for of in cases])
    split_of, why, used = _splits(root, cases, patients)
    rows = [
        {
            "case": of.case,
            "image": of.image,
            "annotation": of.annotation,
            "ignore": of.annotation if ignores else "",
            "patient": patients[of.case],
            "split": split_of[of.case],
            LINE: of.case,
        }
        for of in cases
    ]
    return rows, [*notes, why], used


def _patients(cases: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Guess whose frame each is: a number at the end of a name that has another one counts frames.

    `p03_012` and `p03_040` are frames of p03; `wire_012` and `wire_040` are patients of their own.
    """
    parts = {case: _FRAME_OF.fullmatch(case) for case in cases}
    stems = {case: found[1] for case, found in parts.items() if found}
    counts = Counter(stems.values())
    shared = [stem for stem, n in counts.items() if n > 1]
    if len(stems) == len(cases) and shared and len(counts) > 1:
        return stems, [
            f"nnU-Net does not say whose images they are: taken for frames of {len(counts)} "
            f"patients, such as {said(shared[0])}, by what stands before the last number of their "
            "names; write a table of cases if that is wrong"
        ]
    return {case: case for case in cases}, [
        "nnU-Net does not say whose images they are: each counts as a patient of its own, which is "
        "too favourable where one has several; write a table of cases if so"
    ]


def _splits(
    root: Path, cases: Sequence[_Found], patients: Mapping[str, str]
) -> tuple[dict[str, str], str, list[Path]]:
    """Return the split of each case, how it was found, and the file that says it."""
    training = [of.case for of in cases if of.training]
    has_test = any(of.annotation and not of.training for of in cases)
    found = {of.case: "test" for of in cases}
    path = _splits_file(root)
    left = training
    if path:
        validates = _first_fold(path, training)
        found |= dict.fromkeys(training, "train")
        found |= dict.fromkeys(validates, "validation" if has_test else "test")
        if has_test:
            return found, f"splits are the first fold of {path.name}, and imagesTs for test", [path]
        left = [case for case in training if case not in validates]
    folds = min(FOLDS, len({patients[case] for case in left}))
    fold_of = splits.assign_folds((patients[c] for c in left), folds) if folds > 1 else {}
    names = ["validation"] if has_test or path else ["validation", "test"]
    for case in left:
        fold = fold_of.get(patients[case], folds)
        found[case] = names[fold] if fold < len(names) else "train"
    drawn = " and ".join(names)
    test = "imagesTs for test" if has_test else "its validation cases for test" if path else ""
    return (
        found,
        f"{drawn} cases were drawn from {len(left)} of imagesTr by the patient"
        + (f"; {test}" if test else "")
        + "; write a table of cases to say otherwise",
        [path] if path else [],
    )


def _splits_file(root: Path) -> Path | None:
    beside = root.resolve().parent
    places = (root, beside, beside.parent / "nnUNet_preprocessed" / root.resolve().name)
    return next((p / SPLITS_FILE for p in places if (p / SPLITS_FILE).is_file()), None)


def _first_fold(path: Path, training: Sequence[str]) -> list[str]:
    """Return the cases that validate in the first fold."""
    folds = read_json(path)
    fold = folds[0] if isinstance(folds, list) and folds else None
    parts: list[Any] = [
        fold.get(name) if isinstance(fold, dict) else None for name in ("train", "val")
    ]
    if not all(isinstance(part, list) and all(isinstance(c, str) for c in part) for part in parts):
        raise InputError(
            f'{path}: write [{{"train": [cases], "val": [cases]}}, ...] as nnU-Net has it'
        )
    trains, validates = parts
    lost = Counter(training)
    lost.subtract(Counter([*trains, *validates]))
    if odd := [case for case, n in lost.items() if n]:
        raise InputError(
            f"{path}: the first fold and imagesTr do not hold the same cases, each once "
            f"({said(', '.join(odd[:3]))}); correct it, or remove it"
        )
    return validates


# Kinds


def _guessed(
    root: Path, values: Mapping[str, Values], cases: Sequence[_Found], read_labels: Labels
) -> tuple[DatasetInfo, list[str]]:
    """Return the classes, those that are thin as curves, and why."""
    widths = _widths(root, values, cases, read_labels)
    kinds: dict[str, Kind] = {}
    notes = []
    for name in values:
        kinds[name] = "curve" if widths.get(name) else "region"
        if widths.get(name):
            notes.append(
                f"class {name} is taken for a curve: {widths[name]}; if it is a region, say so in "
                f"{BESIDE}"
            )
    title = re.sub(r"[^A-Za-z0-9_.-]", "_", root.resolve().name).lstrip("_.-")[:100] or "nnunet"
    classes = tuple(ClassInfo(name, kind) for name, kind in kinds.items())
    return DatasetInfo(title, classes), few(notes)


def _widths(
    root: Path, values: Mapping[str, Values], cases: Sequence[_Found], read_labels: Labels
) -> dict[str, str]:
    """Return the classes that are thin in the images looked at, with how thin."""
    labelled = [of.annotation for of in cases if of.annotation]
    seen: dict[str, list[np.ndarray]] = {name: [] for name in values}
    for annotation in labelled[:: max(1, len(labelled) // _LOOKED_AT)][:_LOOKED_AT]:
        try:
            labels = read_labels(root / annotation)
        except InputError:
            continue  # told when all are read
        for name, of in values.items():
            seen[name].append(np.isin(labels, of))
    return {name: told for name, masks in seen.items() if (told := _thin(masks))}


def _thin(masks: Sequence[np.ndarray]) -> str:
    """Return how thin a thing is that is thin in all images together and long in one, or ''."""
    lengths = [int(skeleton(mask).sum()) for mask in masks]
    if not any(lengths):
        return ""
    width = sum(int(mask.sum()) for mask in masks) / sum(lengths)
    least, share = _THIN
    thin = width <= max(least, share * min(min(mask.shape) for mask in masks))
    long = max(lengths) >= _LONG * width
    return f"{width:.1f} pixels wide and up to {max(lengths)} long" if thin and long else ""
