import dataclasses
import json

from fluorojax.schema.info import ClassInfo, DatasetInfo, ImageLabelInfo, Relation

INFO = DatasetInfo(
    name="x",
    classes=(ClassInfo("scope", "region"), ClassInfo("wire", "curve", 255)),
    relation=Relation(child="wire", parent="scope"),
    split_unit="frame",
    image_labels=(
        ImageLabelInfo("view", ("front", "side")),
        ImageLabelInfo("side", ("l", "r"), True),
    ),
)


def test_json_and_back_is_the_same():
    assert DatasetInfo.from_json(json.loads(json.dumps(INFO.to_json()))) == INFO


def test_a_description_from_before_there_were_attributes_has_none():
    fields = INFO.to_json()
    del fields["image_labels"]
    assert DatasetInfo.from_json(fields).image_labels == ()


def test_shared_patients_are_cautioned_of():
    assert "new patient" in INFO.caution
    assert dataclasses.replace(INFO, split_unit="patient").caution == ""


def test_indices_follow_the_order_of_the_classes():
    assert INFO.class_names == ("scope", "wire")
    assert INFO.curves == (1,)
    assert INFO.index("wire") == 1
