import json

import pytest

from fluorojax.core.errors import InputError
from fluorojax.data.description import read_description, read_label_rules
from fluorojax.data.label_rules import LabelRules, Subject
from fluorojax.schema.info import ClassInfo, DatasetInfo

INFO = DatasetInfo("toy", (ClassInfo("scope", "region"), ClassInfo("wire", "curve")))
CLASSES = [{"name": "scope", "kind": "region"}, {"name": "wire", "kind": "curve"}]


def written(tmp_path, **fields):
    path = tmp_path / "dataset.json"
    path.write_text(json.dumps({"name": "toy", "classes": CLASSES} | fields))
    return path


def test_what_is_said_of_labels(tmp_path):
    path = written(
        tmp_path,
        coco="a.json",
        label_names={"Guide wire": "wire", "remark": None},
        line_width_px={"wire": 3.5},
    )
    read_description(path)
    expected = LabelRules("a.json", {"Guide wire": "wire", "remark": ""}, {"wire": 3.5})
    assert read_label_rules(path) == expected
    assert read_label_rules(written(tmp_path)) == LabelRules()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"coco": 3}, "coco 3 is no path"),
        ({"label_names": ["wire"]}, 'label_names: write {"name in the annotations"'),
        ({"label_names": {"a": "wyre"}}, "'a' means 'wyre', which is no class.*perhaps 'wire'"),
        ({"label_names": {"a": ["wire"]}}, "which is no class"),
        ({"line_width_px": 3}, 'line_width_px: write {"class": pixels}'),
        ({"line_width_px": {"wyre": 3}}, "'wyre' is no class.*perhaps 'wire'"),
        ({"line_width_px": {"wire": "3"}}, "line_width_px of 'wire' is '3': write pixels"),
        ({"line_width_px": {"wire": 0}}, "write pixels above 0"),
        ({"line_width_px": {"wire": True}}, "write pixels above 0"),
        ({"line_width_px": {"wire": 1e9}}, "at most 10000"),
    ],
)
def test_what_is_said_wrong_is_named(tmp_path, fields, message):
    with pytest.raises(InputError, match=rf"dataset\.json: .*{message}"):
        read_description(written(tmp_path, **fields))


def test_a_label_means_a_class_or_nothing():
    subject = Subject(INFO, (9, 9), "c", rules=LabelRules(names={"x": "wire", "y": ""}))
    assert [subject.class_of(label, "w") for label in ("scope", "x", "y")] == [0, 1, None]
    for label in ("", None, 3, ["wire"], "Wire"):
        with pytest.raises(InputError, match="w: unknown label"):
            subject.class_of(label, "w")


@pytest.mark.parametrize(("given", "width"), [(None, 2.0), ("", 2.0), ("3.5", 3.5), (4, 4.0)])
def test_a_line_has_its_own_width_or_the_usual(given, width):
    subject = Subject(INFO, (9, 9), "c", rules=LabelRules(widths={"wire": 2}))
    assert subject.line_width(given, 1, "w") == width
