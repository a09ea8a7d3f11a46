import json
from pathlib import Path

import pytest

from fluorojax.core.errors import InputError
from fluorojax.data.description import read_description
from fluorojax.schema.info import ClassInfo, ImageLabelInfo, Relation
from tests.folders import CLASSES

SOUND = {
    "name": "toy",
    "description": "bars",
    "license": "CC0",
    "classes": CLASSES,
    "mask_encoding": "bitmask",
    "relation": {"child": "wire", "parent": "scope"},
    "split_unit": "sequence",
}


def write(folder: Path, **fields) -> Path:
    (folder / "dataset.json").write_text(json.dumps(SOUND | fields))
    return folder / "dataset.json"


def test_a_sound_description(tmp_path):
    info, encoding = read_description(write(tmp_path))
    assert encoding == "bitmask"
    assert (info.name, info.description, info.license) == ("toy", "bars", "CC0")
    assert info.classes == (ClassInfo("scope", "region"), ClassInfo("wire", "curve"))
    assert info.relation == Relation(child="wire", parent="scope")
    assert info.split_unit == "sequence"
    assert info.image_labels == ()


def image_labels(*entries):
    return {
        "image_labels": [dict(zip(("name", "values", "chiral"), e, strict=False)) for e in entries]
    }


def test_attributes_are_read_in_their_order(tmp_path):
    fields = image_labels(("view", ["front", "side"]), ("hand", ["left", "right"], True))
    info, _ = read_description(write(tmp_path, **fields))
    assert info.image_labels == (
        ImageLabelInfo("view", ("front", "side")),
        ImageLabelInfo("hand", ("left", "right"), chiral=True),
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"image_labels": {"view": ["front", "side"]}}, "image_labels: write a list such as"),
        (image_labels(("view", "front")), "image_labels: write a list such as"),
        (image_labels(("view", ["front", "side"], "yes")), "image_labels: write a list such as"),
        (image_labels(("a view", ["front", "side"])), "image label 'a view': name it with letters"),
        (
            image_labels(("stratum", ["1", "2"])),
            "image label 'stratum': a class or a column is named so",
        ),
        (image_labels(("wire", ["1", "2"])), "image label 'wire': a class or a column is named so"),
        (image_labels(*[("v", ["a", "b"])] * 2), "image label 'v' stands there 2 times"),
        (image_labels(("v", ["a", "a"])), "image label 'v': value 'a' stands there 2 times"),
        (
            image_labels(("v", ["a", " b"])),
            "image label 'v': value ' b': write a word without blanks",
        ),
        (image_labels(("v", ["a"])), "image label 'v' has 1 values; write 2 to 127"),
        (image_labels(("v", [str(n) for n in range(128)])), "image label 'v' has 128 values"),
    ],
)
def test_what_is_wrong_with_an_attribute_is_named(tmp_path, fields, message):
    with pytest.raises(InputError, match=rf"dataset\.json: {message}"):
        read_description(write(tmp_path, **fields))


def test_by_default_splits_are_by_patient(tmp_path):
    fields = {"name": "toy", "classes": CLASSES}
    (tmp_path / "dataset.json").write_text(json.dumps(fields))
    info, encoding = read_description(tmp_path / "dataset.json")
    assert (info.split_unit, info.relation, encoding) == ("patient", None, "")


def classes(*entries):
    return {
        "classes": [dict(zip(("name", "kind", "mask_value"), e, strict=False)) for e in entries]
    }


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mask_encoding": "rgb"}, "mask_encoding 'rgb': write one of bitmask, index, per_class"),
        ({"split_unit": "study"}, "split_unit 'study'"),
        ({"name": "a b"}, "name 'a b'"),
        ({"split-unit": "frame"}, "unknown field 'split-unit'"),
        ({"coco": 3}, "coco '3' is no path|coco 3 is no path"),
        ({"classes": []}, "classes: write a list such as"),
        (classes(("scope", "region"), ("scope", "curve")), "class 'scope' stands there 2 times"),
        (classes(("scope", "area"), ("wire", "curve")), "class 'scope': kind 'area': write region"),
        (
            classes(("scope", "region", 9), ("wire", "curve")),
            "mask_value goes with mask_encoding ind",
        ),
        (
            {"relation": {"child": "guide", "parent": "scope"}},
            "child 'guide' is no class.*scope, wir",
        ),
        ({"relation": {"child": "wire", "parent": "wire"}}, "'wire' cannot come out of itself"),
        ({"relation": "wire"}, "relation: write"),
        (
            classes(("scope", "region", 2), ("wire", "curve")) | {"mask_encoding": "index"},
            "mask_value 2 means two classes",
        ),
        (
            classes(("scope", "region", 0), ("wire", "curve")) | {"mask_encoding": "index"},
            "mask_value 0: give a whole number from 1",
        ),
    ],
)
def test_what_is_wrong_with_the_description_is_named(tmp_path, fields, message):
    with pytest.raises(InputError, match=message):
        read_description(write(tmp_path, **fields))


def test_broken_json_is_named(tmp_path):
    (tmp_path / "dataset.json").write_text('{"name": ')
    with pytest.raises(InputError, match=r"dataset\.json: not valid JSON"):
        read_description(tmp_path / "dataset.json")


def test_a_byte_order_mark_is_taken(tmp_path):
    path = write(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_description(path)[0].name == "toy"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": 5}, "name 5 is no text"),
        ({"license": ["CC0"]}, "license .* is no text"),
        ({"split_unti": "frame"}, "unknown field 'split_unti'.*perhaps 'split_unit'"),
        (
            classes(("wire", "curve", [3])) | {"mask_encoding": "index", "relation": None},
            r"mask_value \[3\]: give",
        ),
        ({"classes": [{"name": "wire", "kind": "curve", "color": 3}]}, "wire': unknown field"),
    ],
)
def test_fields_of_another_type_are_named(tmp_path, fields, message):
    with pytest.raises(InputError, match=message):
        read_description(write(tmp_path, **fields))
