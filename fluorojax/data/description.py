"""`dataset.json` of a dataset folder: classes, encoding, relation and image labels, checked."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from fluorojax.core.errors import InputError
from fluorojax.data.annotations import index_values
from fluorojax.data.problems import refuse
from fluorojax.schema import bitmask
from fluorojax.schema.info import (
    ENCODINGS,
    ClassInfo,
    DatasetInfo,
    Kind,
    Relation,
    SplitUnit,
    image_labels_from_json,
)
from fluorojax.schema.renamed import with_new_names

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_KEYS = {
    "name",
    "description",
    "license",
    "classes",
    "mask_encoding",
    "relation",
    "split_unit",
    "coco",
    "image_labels",
}
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


def read_description(path: Path) -> tuple[DatasetInfo, str]:
    """Read and check `dataset.json`.

    Returns:
        The description, and the mask encoding; '' where none is given (LabelMe needs none).

    Raises:
        InputError: everything that is wrong, with its remedy.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON ({error}); correct it there") from error
    if not isinstance(fields, dict):
        raise InputError(f"{path}: write an object, such as {{'name': ..., 'classes': [...]}}")
    fields = with_new_names(fields, {"attributes": "image_labels"})
    refuse(
        path,
        [
            *_wrong_fields(fields),
            *_wrong_classes(fields),
            *_wrong_relation(fields),
            *_wrong_image_labels(fields),
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


def _wrong_fields(fields: Mapping[str, Any]) -> list[str]:
    problems = [
        f"unknown field '{key}'; the fields are {', '.join(sorted(_KEYS))}"
        for key in fields
        if key not in _KEYS
    ]
    if fields.get("coco"):
        problems.append("'coco' is not read yet; convert it to LabelMe or to masks")
    if not _NAME.fullmatch(str(fields.get("name", ""))):
        problems.append(
            f"name '{fields.get('name', '')}': give a name of letters, digits, '_', '-' and '.'"
        )
    for key, allowed in (("mask_encoding", ENCODINGS), ("split_unit", get_args(SplitUnit))):
        if key in fields and fields[key] not in allowed:
            problems.append(f"{key} '{fields[key]}': write one of {', '.join(allowed)}")
    return problems


def _wrong_classes(fields: Mapping[str, Any]) -> list[str]:
    classes = fields.get("classes")
    example = '[{"name": "wire", "kind": "curve"}]'
    if not isinstance(classes, list) or not classes or not all(map(_is_class, classes)):
        return [
            f"classes: write a list such as {example}, each with name, kind and perhaps mask_value"
        ]
    problems = []
    for name, count in Counter(c["name"] for c in classes).items():
        if not _NAME.fullmatch(name):
            problems.append(f"class '{name}': name it with letters, digits, '_', '-' and '.'")
        if count > 1:
            problems.append(f"class '{name}' stands there {count} times; rename or remove one")
    for c in classes:
        if c.get("kind") not in get_args(Kind):
            problems.append(
                f"class '{c['name']}': kind '{c.get('kind', '')}': write region (it has an area) "
                "or curve (thin, with a centreline)"
            )
    if len(classes) > bitmask.MAX_CLASSES:
        problems.append(f"{len(classes)} classes; at most {bitmask.MAX_CLASSES} are supported")
    return problems


def _is_class(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("name"), str)
        and set(entry) <= {"name", "kind", "mask_value"}
    )


def _wrong_mask_values(info: DatasetInfo, encoding: str) -> list[str]:
    given = [c for c in info.classes if c.mask_value is not None]
    if given and encoding != "index":
        return [
            f"class '{given[0].name}': mask_value goes with mask_encoding index only, not with "
            f"'{encoding}'; remove it or change the encoding"
        ]
    problems = [
        f"class '{c.name}': mask_value {c.mask_value!r}: give a whole number from 1 to 65535"
        for c in given
        if type(c.mask_value) is not int or not 1 <= c.mask_value <= 65535
    ]
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
        return ["relation: write {'child': a class, 'parent': the class it comes out of}"]
    classes = fields.get("classes")
    names = [c.get("name") for c in classes or [] if isinstance(c, dict)]
    problems = [
        f"relation: {role} '{name}' is no class; the classes are {', '.join(map(str, names))}"
        for role, name in relation.items()
        if name not in names
    ]
    if relation["child"] == relation["parent"]:
        problems.append(f"relation: '{relation['child']}' cannot come out of itself; name two")
    return problems


def _wrong_image_labels(fields: Mapping[str, Any]) -> list[str]:
    entries = fields.get("image_labels", [])
    if not isinstance(entries, list) or not all(map(_is_image_label, entries)):
        return [
            'image_labels: write a list such as [{"name": "view", "values": ["front", "side"]}], '
            'each with name, values and perhaps "chiral": true'
        ]
    problems = []
    taken = {*NEEDED_COLUMNS, *OPTIONAL_COLUMNS}
    taken |= {c["name"] for c in fields.get("classes") or [] if _is_class(c)}
    for name, count in Counter(entry["name"] for entry in entries).items():
        if not _NAME.fullmatch(name):
            problems.append(f"image label '{name}': name it with letters, digits, '_', '-' and '.'")
        if name in taken:
            problems.append(f"image label '{name}': a class or a column is named so; rename it")
        if count > 1:
            problems.append(
                f"image label '{name}' stands there {count} times; rename or remove one"
            )
    return problems + [problem for entry in entries for problem in _wrong_values(entry)]


def _is_image_label(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("name"), str)
        and isinstance(entry.get("values"), list)
        and all(isinstance(value, str) for value in entry["values"])
        and isinstance(entry.get("chiral", False), bool)
        and set(entry) <= {"name", "values", "chiral"}
    )


def _wrong_values(entry: Mapping[str, Any]) -> list[str]:
    name, values = entry["name"], entry["values"]
    problems = [
        f"image label '{name}': value '{value}': write a word without blanks around it"
        for value in values
        if not value or value != value.strip()
    ]
    problems += [
        f"image label '{name}': value '{value}' stands there {count} times; remove one"
        for value, count in Counter(values).items()
        if count > 1
    ]
    if not 2 <= len(values) <= MAX_VALUES:
        problems.append(
            f"image label '{name}' has {len(values)} values; write 2 to {MAX_VALUES} of them"
        )
    return problems
