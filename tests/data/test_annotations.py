import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.data.annotations import read_annotation, read_ignore
from fluorojax.schema.info import ClassInfo, DatasetInfo

INFO = DatasetInfo("toy", (ClassInfo("scope", "region"), ClassInfo("wire", "curve")))
ONE = DatasetInfo("toy", (ClassInfo("vessel", "curve", mask_value=255),))
CARM = Path(__file__).parents[2] / "../shared/data/carm_wire"
SHAPE = (6, 8)


def write_mask(path, values):
    Image.fromarray(np.asarray(values, np.uint8)).save(path)
    return path


def labels(**at):
    mask = np.zeros(SHAPE, np.uint8)
    for column, value in enumerate(at.values()):
        mask[2, column] = value
    return mask


def test_bitmask_may_overlap(tmp_path):
    path = write_mask(tmp_path / "m.png", labels(scope=1, wire=2, both=3))
    mask = read_annotation(path, INFO, "bitmask", SHAPE, "c")
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask[2, :4], [[1, 0], [0, 1], [1, 1], [0, 0]])


def test_index_counts_from_1(tmp_path):
    path = write_mask(tmp_path / "m.png", labels(scope=1, wire=2))
    mask = read_annotation(path, INFO, "index", SHAPE, "c")
    np.testing.assert_array_equal(mask[2, :3], [[1, 0], [0, 1], [0, 0]])


def test_index_by_mask_value(tmp_path):
    info = DatasetInfo("toy", (ClassInfo("a", "region", 80), ClassInfo("b", "region")))
    path = write_mask(tmp_path / "m.png", labels(a=80, b=2))
    mask = read_annotation(path, info, "index", SHAPE, "c")
    np.testing.assert_array_equal(mask[2, :3], [[1, 0], [0, 1], [0, 0]])


@pytest.mark.parametrize("on", [1, 255])
def test_per_class_reads_a_file_a_class(tmp_path, on):
    write_mask(tmp_path / "c_scope.png", labels(scope=on))
    write_mask(tmp_path / "c_wire.png", labels(scope=on, wire=on))
    mask = read_annotation(tmp_path / "c_{class}.png", INFO, "per_class", SHAPE, "c")
    np.testing.assert_array_equal(mask[2, :3], [[1, 1], [0, 1], [0, 0]])


def test_per_class_needs_the_file_of_every_class(tmp_path):
    write_mask(tmp_path / "c_scope.png", labels())
    with pytest.raises(InputError, match=r"case c7: .*c_wire\.png: no such file"):
        read_annotation(tmp_path / "c_{class}.png", INFO, "per_class", SHAPE, "c7")


@pytest.mark.parametrize(
    ("encoding", "value", "allowed"),
    [("bitmask", 4, "1 = scope, 2 = wire"), ("index", 3, "1 = scope, 2 = wire")],
)
def test_an_unknown_value_is_named_with_file_case_and_place(tmp_path, encoding, value, allowed):
    path = write_mask(tmp_path / "m.png", labels(scope=1, wire=2, unknown=value))
    expected = rf"m\.png: case c7: unknown label value {value} .*row 2, column 2.*{allowed}"
    with pytest.raises(InputError, match=expected):
        read_annotation(path, INFO, encoding, SHAPE, "c7")


@pytest.mark.parametrize("value", [1, 7, 128, 254])
def test_grey_away_from_the_edge_is_an_unknown_value(tmp_path, value):
    mask = np.zeros(SHAPE, np.uint8)
    mask[:, 6:] = 255
    mask[2, 1] = value
    with pytest.raises(InputError, match=rf"unknown label value {value} .*255 = \w+\. Correct"):
        read_annotation(write_mask(tmp_path / "m.png", mask), ONE, "index", SHAPE, "c")


def test_a_smoothed_edge_is_taken_at_half(tmp_path):
    mask = np.tile(np.array([0, 0, 40, 255, 255, 200, 0, 0], np.uint8), (6, 1))
    path = write_mask(tmp_path / "m.png", mask)
    found = read_annotation(path, ONE, "index", SHAPE, "c")[..., 0]
    np.testing.assert_array_equal(found[0], [0, 0, 0, 1, 1, 1, 0, 0])
    np.testing.assert_array_equal(read_ignore(path, SHAPE, "c"), found)


def test_with_several_classes_a_grey_edge_is_an_unknown_value(tmp_path):
    info = DatasetInfo("toy", (ClassInfo("a", "region", 255), ClassInfo("b", "region", 100)))
    mask = np.tile(np.array([0, 0, 40, 255, 255, 200, 0, 0], np.uint8), (6, 1))
    with pytest.raises(InputError, match=r"unknown label value 40, 200 .*smoothed .anti-aliasing"):
        read_annotation(write_mask(tmp_path / "m.png", mask), info, "index", SHAPE, "c")


def test_a_mask_of_another_size_is_refused(tmp_path):
    path = write_mask(tmp_path / "m.png", np.zeros((8, 6)))
    for read in (
        lambda: read_annotation(path, INFO, "bitmask", SHAPE, "c7"),
        lambda: read_ignore(path, SHAPE, "c7"),
    ):
        with pytest.raises(
            InputError, match=r"m\.png: case c7: the mask is 8 x 6, the frame 6 x 8"
        ):
            read()


def test_ignore_takes_0_and_1_or_255_only(tmp_path):
    np.testing.assert_array_equal(
        read_ignore(write_mask(tmp_path / "a.png", labels(x=255)), SHAPE, "c"), labels(x=1) > 0
    )
    with pytest.raises(InputError, match="unknown label value 3"):
        read_ignore(write_mask(tmp_path / "b.png", labels(x=3)), SHAPE, "c")


# LabelMe


def labelme(path, *shapes, size=(20, 30)):
    document = {"shapes": list(shapes), "imageHeight": size[0], "imageWidth": size[1]}
    path.write_text(json.dumps(document))
    return path


def shape(label, kind, points, description=""):
    return {"label": label, "shape_type": kind, "points": points, "description": description}


def draw(tmp_path, *shapes):
    path = labelme(tmp_path / "m.json", *shapes)
    return read_annotation(path, INFO, "bitmask", (20, 30), "c7")


def test_a_polygon_on_pixel_borders_is_exact(tmp_path):
    mask = draw(tmp_path, shape("scope", "polygon", [[3, 2], [10, 2], [10, 8], [3, 8]]))
    expected = np.zeros((20, 30), bool)
    expected[2:8, 3:10] = True
    np.testing.assert_array_equal(mask[..., 0], expected)
    assert not mask[..., 1].any()


@pytest.mark.parametrize(("edge", "covered"), [(10.4, 10), (10.5, 11), (10.6, 11)])
def test_a_pixel_counts_from_half_coverage_on(tmp_path, edge, covered):
    points = [[0, 0], [edge, 0], [edge, 20], [0, 20]]
    assert draw(tmp_path, shape("scope", "polygon", points))[..., 0].sum() == covered * 20


def test_a_polygon_has_its_area_wherever_it_lies(tmp_path):
    triangle = np.array([[2.3, 1.1], [27.9, 6.2], [9.4, 18.7]])
    a, b = triangle[1] - triangle[0], triangle[2] - triangle[0]
    area = abs(a[0] * b[1] - a[1] * b[0]) / 2
    found = draw(tmp_path, shape("scope", "polygon", triangle.tolist()))[..., 0].sum()
    assert found == pytest.approx(area, abs=4)


def test_a_polygon_beyond_the_frame_is_cut(tmp_path):
    points = [[-9, -9], [99, -9], [99, 99], [-9, 99]]
    assert draw(tmp_path, shape("scope", "polygon", points))[..., 0].all()
    outside = [[-9, 2], [-3, 2], [-3, 8]]
    assert not draw(tmp_path, shape("scope", "polygon", outside)).any()


def test_a_line_has_its_width_and_flat_ends(tmp_path):
    mask = draw(tmp_path, shape("wire", "linestrip", [[5, 10.5], [25, 10.5]], "width_px=3"))
    expected = np.zeros((20, 30), bool)
    expected[9:12, 5:25] = True
    np.testing.assert_array_equal(mask[..., 1], expected)


def test_a_bend_has_no_notch(tmp_path):
    points = [[5, 5], [15, 5], [15, 15]]
    mask = draw(tmp_path, shape("wire", "linestrip", points, "thin, width_px = 4.0"))[..., 1]
    assert mask[4, 15]  # outside both bars, within the joint's disc


def test_a_line_thinner_than_a_pixel_is_not_broken(tmp_path):
    mask = draw(tmp_path, shape("wire", "linestrip", [[2, 3], [28, 17]], "width_px=0.3"))[..., 1]
    assert mask[:, 2:28].any(0).all()


def test_rectangle_and_circle(tmp_path):
    box = draw(tmp_path, shape("scope", "rectangle", [[10, 8], [3, 2]]))[..., 0]
    assert box.sum() == 42
    disc = draw(tmp_path, shape("scope", "circle", [[15, 10], [15, 16]]))[..., 0]
    assert disc.sum() == pytest.approx(np.pi * 36, rel=0.05)


def test_no_shapes_is_an_empty_mask(tmp_path):
    assert not draw(tmp_path).any()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (shape("Wire", "polygon", [[1, 1], [2, 2], [3, 1]]), "unknown label 'Wire'.*scope, wire"),
        (shape("wire", "linestrip", [[1, 1], [9, 9]]), "a line without width.*width_px=3.5"),
        (shape("wire", "linestrip", [[1, 1], [9, 9]], "width_px=-2"), "a line without width"),
        (shape("wire", "point", [[1, 1]]), "shape_type 'point' cannot be drawn; use circle"),
        (shape("scope", "polygon", [[1, 1], [2, 2]]), "a polygon of 2 points needs 3"),
        (shape("scope", "polygon", [[1, 1], [2, "x"], [3, 1]]), "points are not pairs of numbers"),
        (shape("scope", "polygon", [[1, 1], [2, float("nan")], [3, 1]]), "not a finite number"),
    ],
)
def test_shapes_that_cannot_be_drawn_are_named(tmp_path, wrong, message):
    with pytest.raises(InputError, match=rf"m\.json: case c7: shape 0.*{message}"):
        draw(tmp_path, wrong)


def test_labelme_drawn_on_another_size_is_refused(tmp_path):
    path = labelme(tmp_path / "m.json", size=(10, 15))
    with pytest.raises(InputError, match=r"m\.json: case c7: .*10 x 15, the frame is 20 x 30"):
        read_annotation(path, INFO, "bitmask", (20, 30), "c7")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"shapes": [', "not valid JSON.*truncated"),
        ('{"images": [], "annotations": []}', "no LabelMe file.*COCO is not read yet"),
        ("[]", "no LabelMe file"),
    ],
)
def test_other_json_is_refused(tmp_path, text, message):
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(InputError, match=rf"m\.json: case c7: {message}"):
        read_annotation(tmp_path / "m.json", INFO, "bitmask", SHAPE, "c7")


@pytest.mark.skipif(not CARM.exists(), reason="the C-arm frames lie beside the project, not in it")
def test_labelme_and_bitmask_of_real_frames_agree():
    info = DatasetInfo("carm", (ClassInfo("instrument", "region"), ClassInfo("wire", "curve")))
    with (CARM / "cases.csv").open() as file:
        cases = [row["case"] for row in csv.DictReader(file)]
    assert len(cases) == 12
    for case in cases:
        drawn, painted = (
            read_annotation(CARM / name, info, "bitmask", (1024, 1024), case)
            for name in (f"labelme/{case}.json", f"masks/{case}.png")
        )
        for k in np.flatnonzero(painted.any((0, 1))):
            both = (drawn[..., k] & painted[..., k]).sum()
            dice = 2 * both / (drawn[..., k].sum() + painted[..., k].sum())
            assert dice > 0.95, (case, info.class_names[k])
