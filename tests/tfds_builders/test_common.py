import dataclasses

import numpy as np
import pytest

from fluorojax.schema.info import ClassInfo, DatasetInfo, ImageLabelInfo
from tfds_builders import common

INFO = DatasetInfo("toy", (ClassInfo("scope", "region"), ClassInfo("wire", "curve")))


def case():
    mask = np.zeros((20, 30, 2), np.uint8)
    mask[5:15, :10, 0] = 1
    mask[9:12, 5:25, 1] = 1  # over the scope in part
    image = np.arange(600, dtype=np.uint8).reshape(20, 30)
    return common.StoredCase(
        case="c",
        patient="p",
        image=image,
        mask=mask,
        ignore=np.zeros((20, 30), bool),
        attached=1,
        spacing_mm=(0.2, 0.3),
    )


def test_record_and_features_hold_the_same_names_and_types():
    stored = common.record(case(), INFO, "uint16")
    features = common.features("uint16", 2)
    assert stored.keys() == features.keys()
    for name in ("image", "mask", "skeleton", "ignore", "spacing_mm"):
        assert stored[name].dtype == features[name].np_dtype
    again = features.deserialize_example_np(features.serialize_example(stored))
    np.testing.assert_array_equal(again["image"], case().image)
    np.testing.assert_array_equal(again["mask"], stored["mask"])


def test_masks_may_overlap_and_only_the_curve_has_a_skeleton():
    stored = common.record(case(), INFO, "uint8")
    assert set(np.unique(stored["mask"])) == {0, 1, 2, 3}
    assert set(np.unique(stored["skeleton"])) == {0, 2}
    assert (stored["skeleton"][10, 8:22] == 2).all()


def test_the_range_is_that_of_the_case():
    stored = common.record(case(), INFO, "uint16")
    low, high = np.percentile(case().image, (0.5, 99.5))
    assert (stored["low"], stored["high"]) == (low, high)


def test_more_than_eight_classes_take_16_bits():
    assert common.features("uint8", 9)["mask"].np_dtype == np.uint16


def test_attributes_are_stored_where_there_are_any_and_each_must_be_given():
    info = dataclasses.replace(INFO, image_labels=(ImageLabelInfo("view", ("front", "side")),) * 2)
    viewed = dataclasses.replace(case(), image_labels=(1, -1))
    features, stored = common.features("uint8", 2, 2), common.record(viewed, info, "uint8")
    again = features.deserialize_example_np(features.serialize_example(stored))
    np.testing.assert_array_equal(again["image_labels"], np.int8([1, -1]))
    assert "image_labels" not in common.features("uint8", 2)
    with pytest.raises(ValueError, match="case c has 0 image_labels, and toy has 2"):
        common.record(case(), info, "uint8")
