import itertools
import json
import time

import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.data import shapes as drawing
from fluorojax.data.annotations import read_annotation
from fluorojax.schema.info import ClassInfo, DatasetInfo

INFO = DatasetInfo("toy", (ClassInfo("scope", "region"), ClassInfo("wire", "curve")))
SHAPE = (6, 8)


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
        (shape("scope", "polygon", [[1, 1], [2, True], [3, 1]]), "write both as numbers"),
        (shape("scope", "polygon", [[1, 1], [2, 1e9], [3, 1]]), "point 1 is .*farther away"),
        (shape("scope", "polygon", [[1, 1, 1], [2, 5, 1], [3, 1, 1]]), "point 0 is .*as .x, y."),
        (shape("scope", "polygon", [1, 1, 5, 5, 9, 2]), "point 0 is 1; points are not pairs"),
        (shape("scope", "polygon", [[-9, 2], [-3, 2], [-3, 8]]), "draws no pixel: it lies outside"),
        (shape("scope", "polygon", [[3, 3], [3.2, 3], [3, 3.2]]), "draws no pixel: it covers no"),
        (shape("scope", "circle", [[3, 3], [3, 3]]), "draws no pixel"),
        (shape("scope", "circle", [[3, 3], [3, 5], [5, 3]]), "a circle of 3 points has 2"),
        (shape("scope", "rectangle", [[3, 3], [5, 5], [7, 3], [5, 1]]), "of 4 points has 2"),
        (shape("wire", "line", [[3, 3], [3, 3]], "width_px=2"), "draws no pixel"),
        (shape("wire", "line", [[3, 3], [9, 9]], "width_px=31"), "wider than the frame, 20 x 30"),
        (shape("wire", ["line"], [[3, 3], [9, 9]]), "shape_type .*cannot be drawn"),
        (shape("wyre", "line", [[3, 3], [9, 9]]), "unknown label 'wyre'.*perhaps 'wire'"),
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
        ('{"shapes": [', "not valid JSON.*export it again"),
        ('{"images": {}, "annotations": []}', "no LabelMe file.*nor one of COCO"),
        ("[]", "no LabelMe file"),
    ],
)
def test_other_json_is_refused(tmp_path, text, message):
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(InputError, match=rf"m\.json: case c7: {message}"):
        read_annotation(tmp_path / "m.json", INFO, "bitmask", SHAPE, "c7")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("width_px=3.5abc", "'3.5abc' is no number above 0 .write the number alone: 3.5."),
        ("width_px=12,5", "a decimal comma; write 12.5"),
        ("width_px=0,8", "a decimal comma; write 0.8"),
        ("width_px=3 mm", "'3 mm' is no number above 0"),
        ("width_px=nan", "'nan' is no number above 0"),
        ("width_px=1e400", "'1e400' is no number above 0"),
        ("width_px=1_0", "write it without '_': 10"),
        ("width_px=", "'' is no number above 0"),
        ("width_px=3 width_px=5", "2 widths"),
        ("max_width_px=3", "a line without width"),
        (3, "a line without width; write its width in pixels"),
        (None, "a line without width"),
    ],
)
def test_a_width_is_a_number_as_a_whole(tmp_path, text, message):
    with pytest.raises(InputError, match=rf"shape 0 \(wire\): .*{message}"):
        draw(tmp_path, shape("wire", "linestrip", [[1, 1], [9, 9]], text))


@pytest.mark.parametrize(
    "text",
    ["width_px=3", "thin, width_px = 3.0, old", "width_px=3.", "width_px=3e0; x", "width_px=3 px"],
)
def test_a_width_may_stand_in_other_text(tmp_path, text):
    assert draw(tmp_path, shape("wire", "line", [[5, 10.5], [25, 10.5]], text)).sum() == 60


def test_only_lines_need_a_description(tmp_path):
    assert draw(tmp_path, shape("scope", "rectangle", [[3, 2], [10, 8]], 3)).sum() == 42


def test_a_rectangle_may_have_its_four_corners(tmp_path):
    corners = [[3, 2], [10, 2], [10, 8], [3, 8]]
    assert draw(tmp_path, shape("scope", "rectangle", corners)).sum() == 42


def test_shares_of_the_picture_are_no_pixels(tmp_path):
    shares = shape("scope", "polygon", [[0.1, 0.1], [0.9, 0.1], [0.5, 1]])
    with pytest.raises(InputError, match=r"within 0 to 1.*multiply x by 30 and y by 20"):
        draw(tmp_path, shares)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((None, None), 'are missing, as in files of LabelMe before version 3.*"imageHeight": 20'),
        (("20", "30"), "imageHeight '20' and imageWidth '30' must be numbers, without quotes"),
        ((True, 30), "must be numbers"),
        ((20, [30]), "must be numbers"),
    ],
)
def test_the_size_of_the_picture_must_be_said_in_numbers(tmp_path, size, message):
    path = labelme(tmp_path / "m.json", size=size)
    with pytest.raises(InputError, match=message):
        read_annotation(path, INFO, "bitmask", (20, 30), "c7")


def test_a_byte_order_mark_is_taken(tmp_path):
    path = labelme(tmp_path / "m.json")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert not read_annotation(path, INFO, "bitmask", (20, 30), "c7").any()


def by_definition(points, width, shape):
    """Return the pixels of a line, each looked at alone."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    found = np.zeros(shape, bool)
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        length = np.hypot(x1 - x0, y1 - y0)
        along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length
        across = np.abs((x - x0) * (y1 - y0) - (y - y0) * (x1 - x0)) / length
        found |= (along >= 0) & (along <= length) & (across <= width / 2)
    for x0, y0 in points[1:-1]:
        found |= np.hypot(x - x0, y - y0) <= width / 2
    return found


@pytest.mark.parametrize("width", [1.3, 6.1, 40.7])
@pytest.mark.parametrize("step", [3, 90, 400])
def test_short_and_long_segments_are_drawn_as_defined(width, step):
    rng = np.random.default_rng(step)
    points = 150 + np.cumsum(rng.uniform(-step, step, (6, 2)), axis=0)
    canvas = drawing.Canvas((300, 310), 1)
    canvas.draw(0, drawing.Outline("linestrip", points, "", width))
    found = canvas.mask[..., 0]
    np.testing.assert_array_equal(found, by_definition(points, width, found.shape))


def many(kind, points):
    document = [shape("wire", kind, points.tolist(), "width_px=3")]
    return json.dumps({"shapes": document, "imageHeight": 1000, "imageWidth": 1000})


@pytest.mark.parametrize("kind", ["linestrip", "polygon"])
@pytest.mark.parametrize("points", [100_000, 200_000])
def test_many_points_take_seconds(tmp_path, kind, points):
    turns = np.linspace(0, 40, points)
    spiral = 500 + turns[:, None] * 10 * np.stack([np.cos(turns), np.sin(turns)], 1)
    (tmp_path / "m.json").write_text(many(kind, spiral))
    began = time.process_time()
    mask = read_annotation(tmp_path / "m.json", INFO, "bitmask", (1000, 1000), "c7")
    assert 20_000 < mask[..., 1].sum() < 600_000
    assert time.process_time() - began < 10


@pytest.mark.parametrize("kind", ["linestrip", "polygon"])
def test_what_nobody_draws_is_refused_in_seconds(tmp_path, kind):
    points = np.random.default_rng(0).uniform(0, 1000, (100_000, 2))
    (tmp_path / "m.json").write_text(many(kind, points))
    began = time.process_time()
    with pytest.raises(InputError, match="hundreds of times"):
        read_annotation(tmp_path / "m.json", INFO, "bitmask", (1000, 1000), "c7")
    assert time.process_time() - began < 10


def test_points_and_shapes_of_a_file_are_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "MOST_POINTS", 5)
    monkeypatch.setattr(drawing, "MOST_SHAPES", 2)
    box = shape("scope", "rectangle", [[3, 2], [10, 8]])
    triangle = shape("scope", "polygon", [[3, 2], [10, 8], [3, 8]])
    draw(tmp_path, box, triangle)
    with pytest.raises(InputError, match=r"shape 1 .*more than 5 points up to here"):
        draw(tmp_path, triangle, triangle)
    with pytest.raises(InputError, match="3 shapes, and at most 2 are read"):
        draw(tmp_path, box, box, box)
