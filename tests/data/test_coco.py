import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from fluorojax.core.errors import InputError
from fluorojax.data import coco
from fluorojax.data.annotations import read_annotation
from fluorojax.data.label_rules import LabelRules
from fluorojax.schema.info import ClassInfo, DatasetInfo

INFO = DatasetInfo("toy", (ClassInfo("scope", "region"), ClassInfo("wire", "curve")))
SHAPE = (20, 30)
BOX = [3, 2, 10, 2, 10, 8, 3, 8]
CATEGORIES = [{"id": 7, "name": "scope"}, {"id": 2, "name": "wire"}, {"id": 9, "name": "note"}]


def document(*annotations, **fields):
    return {
        "images": [{"id": 1, "file_name": "a.png", "height": 20, "width": 30}],
        "categories": CATEGORIES,
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 7} | a for n, a in enumerate(annotations)
        ],
    } | fields


def draw(tmp_path, *annotations, rules=None, name="a.png", **fields):
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(document(*annotations, **fields)))
    rules = rules or LabelRules()
    return read_annotation(path, INFO, "", SHAPE, "c7", image=tmp_path / name, rules=rules)


def box():
    mask = np.zeros(SHAPE, bool)
    mask[2:8, 3:10] = True
    return mask


def test_polygons_of_one_class_are_put_together(tmp_path):
    other = [15, 2, 20, 2, 20, 8, 15, 8]
    mask = draw(tmp_path, {"segmentation": [BOX]}, {"segmentation": [other, BOX], "iscrowd": 0})
    expected = box()
    expected[2:8, 15:20] = True
    np.testing.assert_array_equal(mask[..., 0], expected)
    assert not mask[..., 1].any()


def test_a_speck_beside_a_polygon_is_none_but_alone_it_is_refused(tmp_path):
    speck = [1.1, 1.1, 1.2, 1.1, 1.2, 1.2]
    np.testing.assert_array_equal(draw(tmp_path, {"segmentation": [BOX, speck]})[..., 0], box())
    with pytest.raises(InputError, match=r"annotation 0 \(scope\): polygon 0: draws no pixel"):
        draw(tmp_path, {"segmentation": [speck]})


@pytest.mark.parametrize("seed", range(5))
def test_run_lengths_are_those_of_the_library(tmp_path, seed):
    mask = np.random.default_rng(seed).random(SHAPE) < (0.5 if seed else 0.02)
    packed = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    text = {"size": list(SHAPE), "counts": packed["counts"].decode()}
    plain = {"size": list(SHAPE), "counts": coco._runs(text["counts"])}
    for segmentation in (text, plain):
        crowd = {"segmentation": segmentation, "iscrowd": 1, "category_id": 2}
        np.testing.assert_array_equal(draw(tmp_path, crowd)[..., 1], mask)


def test_keypoints_are_a_line_with_a_width(tmp_path):
    expected = np.zeros(SHAPE, bool)
    expected[9:12, 5:25] = True
    points = [5, 10.5, 2, 12, 10.5, 1, 0, 0, 0, 25, 10.5, 2]
    line = {"keypoints": points, "category_id": 2}
    for width in ({"width_px": 3}, {"attributes": {"width_px": "3"}}):
        np.testing.assert_array_equal(draw(tmp_path, line | width)[..., 1], expected)
    usual = LabelRules(widths={"wire": 3})
    np.testing.assert_array_equal(draw(tmp_path, line, rules=usual)[..., 1], expected)
    chain = [*CATEGORIES[:1], {"id": 2, "name": "wire", "skeleton": [[2, 1], [2, 3], [4, 3]]}]
    found = draw(tmp_path, line | {"width_px": 3}, categories=chain)
    np.testing.assert_array_equal(found[..., 1], expected)
    star = [*CATEGORIES[:1], {"id": 2, "name": "wire", "skeleton": [[1, 2], [1, 3], [1, 4]]}]
    with pytest.raises(InputError, match="skeleton of its category does not join"):
        draw(tmp_path, line | {"width_px": 3}, categories=star)


def test_names_may_mean_classes_or_nothing(tmp_path):
    rules = LabelRules(names={"note": "", "scope": "wire"})
    note = {"category_id": 9, "segmentation": [BOX]}
    mask = draw(tmp_path, note, {"segmentation": [BOX]}, rules=rules)
    assert mask.sum((0, 1)).tolist() == [0, 42]


def test_an_image_without_annotations_is_empty(tmp_path):
    assert not draw(tmp_path).any()


@pytest.mark.parametrize("name", ["x/a.png", "a.dcm", "a.tif"])
def test_an_image_is_found_by_its_name(tmp_path, name):
    assert draw(tmp_path, {"segmentation": [BOX]}, name=name)[..., 0].sum() == 42


def rle(counts, size=SHAPE):
    return {"segmentation": {"size": list(size), "counts": counts}}


BAD = [
    ({"segmentation": [[3, 2, 10]]}, "polygon 0: 3, 2, 10. is no list x, y|is no list x, y"),
    ({"segmentation": [[3, 2, 10, 2]]}, "a polygon of 2 points needs 3"),
    ({"segmentation": [[3, 2, 10, "2", 5, 5]]}, "point 1 .*without quotes"),
    ({"segmentation": [[0.1, 0.1, 0.5, 0.1, 0.5, 0.5]]}, "within 0 to 1, as shares"),
    ({"segmentation": [[90, 2, 99, 2, 99, 9]]}, "lies outside of the frame"),
    ({"segmentation": "x"}, "segmentation x is no list"),
    ({"bbox": [1, 1, 5, 5]}, "neither a segmentation nor keypoints"),
    ({"segmentation": [BOX], "category_id": 9}, "unknown category 'note'; the classes of dataset"),
    ({"segmentation": [BOX], "category_id": 1}, "category_id 1 is none of the categories"),
    ({"segmentation": [BOX], "image_id": 2}, "image_id 2 is none of the images"),
    (rle([0, 600], (30, 20)), "run lengths of a mask of .30, 20., the frame is 20 x 30"),
    (rle([10, 20]), "run lengths of 30 pixels in all, the frame has 600: damaged or cut"),
    (rle([10, -20, 610]), "are no run lengths"),
    (rle("d0"), "run lengths of"),
    (rle("oo"), "are no run lengths|run lengths of"),
    (rle("\u2603"), "are no run lengths"),
    (rle([600]), "no pixel in the frame"),
    (rle(None), "counts None are no run lengths"),
    ({"keypoints": [5, 5, 2, 9, 9, 2]}, "a line without width.*width_px.*dataset.json"),
    ({"keypoints": [5, 5, 2, 9, 9, 2], "width_px": "3,5"}, "a decimal comma; write 3.5"),
    ({"keypoints": [5, 5, 2, 9, 9, 2], "width_px": 0}, "width_px '?0'? is none"),
    ({"keypoints": [5, 5, 2, 9, 9, 2], "width_px": 99}, "wider than the frame"),
    ({"keypoints": [5, 5, 2, 9, 9, 0], "width_px": 3}, "a linestrip of 1 points needs 2"),
    ({"keypoints": [5, 5, 2, 9], "width_px": 3}, "are no list x, y, visible"),
]


@pytest.mark.parametrize(("wrong", "message"), BAD)
def test_what_cannot_be_drawn_is_named(tmp_path, wrong, message):
    with pytest.raises(InputError, match=message) as caught:
        draw(tmp_path, wrong)
    assert "coco.json" in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"images": [{"id": 1, "file_name": "b.png"}]}, "lists no picture 'a.png' among its 1"),
        ({"images": [{"id": 1, "file_name": "a.png"}]}, "has height x width = None x None there"),
        ({"images": [{"id": 1, "file_name": 3}]}, "images 0 is .* each has id and file_name"),
        ({"images": [{"id": 1, "file_name": "a"}] * 2}, "images 1: id 1 stands there twice"),
        ({"categories": {}}, "no list 'categories'"),
        (
            {"images": [{"id": n, "file_name": f"{n}/a.png"} for n in (1, 2)]},
            "'1/a.png' and '2/a.png' may both be",
        ),
    ],
)
def test_images_that_do_not_fit_are_named(tmp_path, fields, message):
    with pytest.raises(InputError, match=rf"coco\.json: .*{message}"):
        draw(tmp_path, **fields)
