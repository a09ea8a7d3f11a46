import numpy as np

from fluorojax.schema.info import ClassInfo, DatasetInfo, Relation
from fluorojax.schema.labels import all_as_one, classes_as_they_are, merge

SCOPE, WIRE = ClassInfo("scope", "region"), ClassInfo("wire", "curve")
TWO = DatasetInfo("x", (SCOPE, WIRE), relation=Relation("wire", "scope"), split_unit="frame")


def test_one_label_is_the_union_and_keeps_how_the_data_is_split():
    one = all_as_one(TWO)
    assert one.class_names == ("instruments",)
    assert one.classes[0].kind == "region"
    assert one.relation is None
    assert one.split_unit == "frame"


def test_a_single_class_keeps_its_name_and_kind():
    vessels = DatasetInfo("v", (WIRE,))
    assert all_as_one(vessels) == vessels


def test_two_curves_stay_a_curve():
    info = DatasetInfo("v", (WIRE, ClassInfo("catheter", "curve")))
    assert all_as_one(info).classes[0].kind == "curve"


def test_classes_as_they_are_changes_nothing():
    assert classes_as_they_are(TWO) is TWO


def test_merge_is_the_union_or_the_mask_itself():
    mask = np.array([[1, 0], [0, 1], [0, 0]])
    np.testing.assert_array_equal(merge(mask, 1), [[1], [1], [0]])
    assert merge(mask, 2) is mask
