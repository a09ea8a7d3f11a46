"""`dataset.json` of a dataset folder: classes, encoding, relation and image labels, checked."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

from fluorojax.core.errors import InputError
from fluorojax.core.files import read_json
from fluorojax.data import label_rules
from fluorojax.data.problems import MAX_PROBLEMS, perhaps, refuse, said, unseen
from fluorojax.schema import bitmask
from fluorojax.schema.info import (
    ENCODINGS,
    ClassInfo,
    DatasetInfo,
    Kind,
    Relation,
    SplitUnit,
    image_labels_from_json,
    index_values,
)
from fluorojax.schema.renamed import with_new_names

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")  # it becomes part of files' names
_NAME_RULE = "letters without accents, digits, '_', '-' and '.', 100 at most"
_KEYS = (
    "name",
    "description",
    "license",
    "classes",
    "mask_encoding",
    "relation",
    "split_unit",
    "image_labels",
    *label_rules.KEYS,
)
_CLASS_KEYS = ("name", "kind", "mask_value")
_LABEL_KEYS = ("name", "values", "chiral")
NEEDED_COLUMNS = ("case", "image", "patient")
OPTIONAL_COLUMNS = (
    "annotation",
    "ignore",
    "sequence",
    "frame",
    "attached",
    "row_spacing_mm",
    "col_spacing_mm",
    "split",
    "stratum",
)
"""Of the table of cases; each image label has a column of its own name besides."""
MAX_VALUES = 127  # of an image label: a frame stores its value's place in 8 bits


class Described(NamedTuple):
    """What a dataset folder says of itself.

    Attributes:
        info, encoding, rules: its description.
        table: the file that names the cases.
        rows: the cases, by column.
        files: those that say any of this.
        notes: what was guessed, and why.
    """

    info: DatasetInfo
    encoding: str
    rules: label_rules.LabelRules
    table: Path
    rows: list[dict[str, str]]
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def read_description(path: Path) -> tuple[DatasetInfo, str]:
    """Read and check `dataset.json`.

    Returns:
        The description, and the mask encoding; '' where none is given (files of annotation tools
        need none).

    Raises:
        InputError: everything that is wrong, with its remedy.
    """
    fields = read_json(path)
    if not isinstance(fields, dict):
        raise InputError(f'{path}: write an object, such as {{"name": ..., "classes": [...]}}')
    fields = with_new_names(fields, {"attributes": "image_labels"})
    refuse(
        path,
        [
            *_wrong_fields(fields),
            *_wrong_classes(fields),
            *_wrong_relation(fields),
            *_wrong_image_labels(fields),
            *label_rules.wrong_rules(fields, _class_names(fields)),
        ],
    )
    info = DatasetInfo(
        name=fields["name"],
        classes=tuple(
            ClassInfo(c["name"], c["kind"], c.get("mask_value")) for c in fields["classes"]
        ),
        description=fields.get("description", ""),
        license=fields.get("license", ""),
        relation=Relation(**fields["relation"]) if fields.get("relation") else None,
        split_unit=fields.get("split_unit", "patient"),
        image_labels=image_labels_from_json(fields.get("image_labels", [])),
    )
    encoding = fields.get("mask_encoding", "")
    refuse(path, _wrong_mask_values(info, encoding))
    return info, encoding


def read_label_rules(path: Path) -> label_rules.LabelRules:
    """Return what a `dataset.json` that `read_description` has checked says of annotations."""
    return label_rules.rules_of(read_json(path))


def _wrong_fields(fields: Mapping[str, Any]) -> list[str]:
    problems = _unknown("", fields, _KEYS)
    name = fields.get("name", "")
    if not isinstance(name, str):
        problems.append(f"name {said(name)} is no text; write it in quotes")
    elif not _NAME.fullmatch(name):
        problems.append(f"name '{said(name)}': give a name of {_NAME_RULE}")
    problems += [
        f"{key} {said(repr(fields[key]))} is no text; write it in quotes"
        for key in ("description", "license")
        if not isinstance(fields.get(key, ""), str)
    ]
    for key, allowed in (("mask_encoding", ENCODINGS), ("split_unit", get_args(SplitUnit))):
        if key in fields and fields[key] not in allowed:
            problems.append(
                f"{key} '{said(fields[key])}': write one of {', '.join(allowed)}"
                f"{perhaps(fields[key], allowed)}"
            )
    return problems


def _unknown(where: str, entry: Mapping[str, Any], known: Sequence[str]) -> list[str]:
    """Name each field that is not known, with what was perhaps meant."""
    return [
        f"{where}unknown field '{said(key)}'; the fields are {', '.join(sorted(known))}"
        f"{perhaps(key, known) if n < MAX_PROBLEMS else ''}"
        for n, key in enumerate(key for key in entry if key not in known)
    ]


def _wrong_classes(fields: Mapping[str, Any]) -> list[str]:
    classes = fields.get("classes")
    example = '[{"name": "wire", "kind": "curve"}]'
    if not isinstance(classes, list) or not classes or not all(map(_is_class, classes)):
        return [
            f"classes: write a list such as {example}, each with name, kind and perhaps mask_value"
        ]
    if len(classes) > bitmask.MAX_CLASSES:
        return [f"{len(classes)} classes; at most {bitmask.MAX_CLASSES} are supported"]
    problems = []
    for name, count in Counter(c["name"] for c in classes).items():
        if not _NAME.fullmatch(name):
            problems.append(f"class '{said(name)}': name it with {_NAME_RULE}")
        if count > 1:
            problems.append(f"class '{name}' stands there {count} times; rename or remove one")
    for c in classes:
        problems += _unknown(f"class '{said(c['name'])}': ", c, _CLASS_KEYS)
        if c.get("kind") not in get_args(Kind):
            problems.append(
                f"class '{said(c['name'])}': kind '{said(c.get('kind', ''))}': write region (it "
                f"has an area) or curve (thin, with a centreline)"
            )
    return problems


def _is_class(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str)


def _wrong_mask_values(info: DatasetInfo, encoding: str) -> list[str]:
    given = [c for c in info.classes if c.mask_value is not None]
    if given and encoding != "index":
        return [
            f"class '{given[0].name}': mask_value goes with mask_encoding index only, not with "
            f"'{encoding}'; remove it or change the encoding"
        ]
    problems = [
        f"class '{c.name}': mask_value {said(repr(c.mask_value))}: give a whole number from 1 to "
        "65535, without quotes"
        for c in given
        if type(c.mask_value) is not int or not 1 <= c.mask_value <= 65535
    ]
    if problems:
        return problems
    repeated = [value for value, n in Counter(index_values(info)).items() if n > 1]
    if repeated:
        problems.append(
            f"mask_value {repeated[0]} means two classes (without mask_value, class k is k + 1); "
            "give each class its own"
        )
    return problems


def _wrong_relation(fields: Mapping[str, Any]) -> list[str]:
    relation = fields.get("relation")
    if relation is None:
        return []
    if not isinstance(relation, dict) or set(relation) != {"child", "parent"}:
        return ['relation: write {"child": a class, "parent": the class it comes out of}']
    names = _class_names(fields)
    problems = [
        f"relation: {role} '{said(name)}' is no class; the classes are {', '.join(names)}"
        f"{perhaps(name, names)}"
        for role, name in relation.items()
        if name not in names
    ]
    if relation["child"] == relation["parent"]:
        problems.append(
            f"relation: '{said(relation['child'])}' cannot come out of itself; name two"
        )
    return problems


def _class_names(fields: Mapping[str, Any]) -> list[str]:
    classes = fields.get("classes")
    entries = classes[: bitmask.MAX_CLASSES] if isinstance(classes, list) else []
    return [c["name"] for c in entries if _is_class(c)]


def _wrong_image_labels(fields: Mapping[str, Any]) -> list[str]:
    entries = fields.get("image_labels", [])
    if not isinstance(entries, list) or not all(map(_is_image_label, entries)):
        return [
            'image_labels: write a list such as [{"name": "view", "values": ["front", "side"]}], '
            'each with name, values and perhaps "chiral": true'
        ]
    problems = []
    taken = {*NEEDED_COLUMNS, *OPTIONAL_COLUMNS}
    taken |= set(_class_names(fields))
    for name, count in Counter(entry["name"] for entry in entries).items():
        if not _NAME.fullmatch(name):
            problems.append(f"image label '{said(name)}': name it with {_NAME_RULE}")
        if name in taken:
            problems.append(f"image label '{name}': a class or a column is named so; rename it")
        if count > 1:
            problems.append(
                f"image label '{name}' stands there {count} times; rename or remove one"
            )
    for entry in entries:
        problems += _unknown(f"image label '{said(entry['name'])}': ", entry, _LABEL_KEYS)
        problems += _wrong_values(entry)
    return problems


def _is_image_label(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("name"), str)
        and isinstance(entry.get("values"), list)
        and all(isinstance(value, str) for value in entry["values"])
        and isinstance(entry.get("chiral", False), bool)
    )


def _wrong_values(entry: Mapping[str, Any]) -> list[str]:
    name, values = said(entry["name"]), entry["values"]
    problems = [
        f"image label '{name}': value '{said(value)}': write a word without blanks around it"
        for value in values
        if not value or value != value.strip() or unseen(value)
    ]
    problems += [
        f"image label '{name}': value '{said(value)}' stands there {count} times; remove one"
        for value, count in Counter(values).items()
        if count > 1
    ]
    if not 2 <= len(values) <= MAX_VALUES:
        problems.append(
            f"image label '{name}' has {len(values)} values; write 2 to {MAX_VALUES} of them"
        )
    return problems
