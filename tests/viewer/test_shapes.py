import numpy as np
import pytest
from scipy import ndimage
from skimage.draw import disk, line

from fluorojax.core.errors import InputError
from fluorojax.data.label_rules import Subject
from fluorojax.data.labelme import read_labelme
from fluorojax.metrics.overlap import dice
from fluorojax.schema.info import ClassInfo, DatasetInfo
from fluorojax.viewer import shapes
from tests.folders import frame

CLASSES = (ClassInfo("scope", "region"), ClassInfo("wire", "curve"))
SUBJECT = Subject(DatasetInfo("toy", CLASSES), (64, 64), "c1")


def a_mask(seed=3):
    packed = frame(seed)[1]
    return np.stack([packed == 1, packed == 2], -1)


def again(found, path="c1.json"):
    """Return the mask that the project's reader draws of shapes as they are saved."""
    written = shapes.to_write(found, "c1")
    document = {"shapes": written, "imageHeight": 64, "imageWidth": 64}
    return read_labelme(path, document, SUBJECT)


@pytest.mark.parametrize("seed", range(4))
def test_the_reader_draws_the_mask_again_from_its_shapes(seed):
    mask = a_mask(seed)
    found = shapes.of_mask(mask, CLASSES)
    assert [item["shape_type"] for item in found] == ["polygon", "linestrip"]
    drawn = again(found)
    assert dice(drawn[..., 0], mask[..., 0]) > 0.99
    assert dice(drawn[..., 1], mask[..., 1]) > 0.85


def test_holes_stay_holes():
    mask = np.zeros((64, 64, 2), bool)
    mask[disk((32, 32), 25)] = [True, False]
    mask[disk((25, 25), 6)] = False
    mask[disk((40, 40), 5)] = False
    found = shapes.of_mask(mask, CLASSES)
    assert len(found) == 1
    assert dice(again(found)[..., 0], mask[..., 0]) > 0.99
    assert not again(found)[25, 25, 0]


def test_pieces_are_shapes_of_their_own_and_specks_are_none():
    mask = np.zeros((64, 64, 2), bool)
    mask[5:15, 5:15, 0] = mask[30:40, 30:40, 0] = mask[60, 60, 0] = True
    found = shapes.of_mask(mask, CLASSES)
    assert len(found) == 2
    assert dice(again(found)[..., 0], mask[..., 0]) > 0.99


def test_a_tree_of_vessels_comes_as_outlines():
    mask = np.zeros((64, 64, 2), bool)
    for k, (start, end) in enumerate(
        [((2, 30), (60, 30)), ((20, 30), (50, 60)), ((30, 30), (58, 5))]
    ):
        branch = np.zeros((64, 64), bool)
        branch[line(*start, *end)] = True
        mask[..., 1] |= ndimage.binary_dilation(branch, iterations=3 - k)
    found = shapes.of_mask(mask, CLASSES)
    assert dice(again(found)[..., 1], mask[..., 1]) > 0.85


def test_shapes_of_labelme_are_read_with_their_widths():
    items = [
        {
            "label": "wire",
            "shape_type": "line",
            "points": [[1, 1], [9, 9]],
            "description": "width_px=2.5 tip",
        },
        {"label": "wire", "shape_type": "linestrip", "points": [[1, 1], [9, 9]]},
        {"label": "scope", "shape_type": "rectangle", "points": [[2, 2], [8, 6]]},
        {"label": "scope", "shape_type": "circle", "points": [[20, 20], [20, 26]]},
        {"label": "note", "shape_type": "point", "points": [[3, 3]]},
    ]
    found = shapes.read({"shapes": items}, {"wire": 4.0})
    assert [item["width"] for item in found] == [2.5, 4.0, None, None, None]
    assert [item["shape_type"] for item in found] == [
        *("linestrip", "linestrip", "polygon", "polygon", "point")
    ]
    assert found[2]["points"] == [[2, 2], [8, 2], [8, 6], [2, 6]]
    written = shapes.to_write(found, "c1")
    assert written[0]["description"] == "width_px=2.5 tip"
    assert written[4] == items[4]
    circle = again([found[3]])[..., 0]
    rows, columns = np.indices((64, 64)) + 0.5
    assert dice(circle, np.hypot(rows - 20, columns - 20) <= 6) > 0.97


@pytest.mark.parametrize(
    "given",
    [
        "no list",
        [1],
        [{"shape_type": "linestrip", "points": [[0, 0], [1, 1]]}],
        [{"shape_type": "linestrip", "points": [[0, 0], [1, 1]], "width": -1}],
        [{"shape_type": "linestrip", "points": [[0, 0], [1, 1]], "width": True}],
        [{"shape_type": "polygon", "points": [[0, 0], [1, "1"]]}],
        [{"shape_type": "polygon", "points": None}],
    ],
)
def test_what_is_no_shape_is_refused(given):
    with pytest.raises(InputError, match="c1"):
        shapes.to_write(given, "c1")


def test_curves_have_few_points_and_stay_where_they_are():
    x = np.linspace(0, 50, 200)
    points = np.stack([20 + 8 * np.sin(x / 10), x], -1)
    (found,) = shapes.of_curves([(points, 3.0)], "wire")
    assert len(found["points"]) < 25
    few = np.array(found["points"])[:, ::-1] - 0.5
    beside = np.abs(np.interp(x, few[:, 1], few[:, 0]) - points[:, 0])
    assert beside.max() < 0.6
    assert (found["width"], found["description"]) == (3.0, "width_px=3")
