import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.data.annotations import read_annotation
from fluorojax.data.label_rules import LabelRules
from fluorojax.schema.info import ClassInfo, DatasetInfo

INFO = DatasetInfo("toy", (ClassInfo("scope", "region"), ClassInfo("wire", "curve")))
SHAPE = (20, 30)
BOX = '<polygon label="scope" points="3,2;10.0,2;10,8;3,8" z_order="1"/>'
WIDTH = '<attribute name="width_px">3</attribute>'
LINE = f'<polyline label="wire" points="5.00,10.50;25,10.5">{WIDTH}</polyline>'


def bar(rows=slice(2, 8), columns=slice(3, 10)):
    mask = np.zeros(SHAPE, bool)
    mask[rows, columns] = True
    return mask


@pytest.fixture(autouse=True)
def a_cine(monkeypatch):
    monkeypatch.setattr("fluorojax.data.cvat.holds_several", lambda path: path.stem == "cine")


def image(*shapes, name="a.png", size='width="30" height="20"'):
    return f'<image id="0" name="{name}" {size}>{"".join(shapes)}</image>'


def draw(tmp_path, *content, name="a.png", frame=-1, **rules):
    path = tmp_path / "m.xml"
    body = "<annotations><version>1.1</version>" + "".join(content) + "</annotations>"
    path.write_text('<?xml version="1.0" encoding="utf-8"?>\n' + body)
    rules = LabelRules(**rules)
    return read_annotation(
        path, INFO, "", SHAPE, "c7", image=tmp_path / name, frame=frame, rules=rules
    )


@pytest.mark.parametrize(
    "shape",
    [
        BOX,
        '<box label="scope" xtl="3.00" ytl="2.00" xbr="10.00" ybr="8.00"/>',
        '<box label="scope" xtl="3.5" ytl="1.5" xbr="9.5" ybr="8.5" rotation="90.0"/>',
        '<mask label="scope" rle="0, 42" left="3" top="2" width="7" height="6"/>',
        '<mask label="scope" rle="1,7,1,7,1,7,1,7,1,7,1,7,8" left="2" top="2" width="8" '
        'height="7"/>',
    ],
)
def test_areas(tmp_path, shape):
    mask = draw(tmp_path, image(shape))
    np.testing.assert_array_equal(mask[..., 0], bar())
    assert not mask[..., 1].any()


def test_polylines_have_a_width(tmp_path):
    expected = bar(slice(9, 12), slice(5, 25))
    np.testing.assert_array_equal(draw(tmp_path, image(LINE))[..., 1], expected)
    found = draw(tmp_path, image(LINE.replace(WIDTH, "")), widths={"wire": 3})
    np.testing.assert_array_equal(found[..., 1], expected)


def test_a_mask_beyond_the_frame_is_cut(tmp_path):
    mask = '<mask label="scope" rle="0,42" left="26" top="17" width="7" height="6"/>'
    found = draw(tmp_path, image(mask))[..., 0]
    np.testing.assert_array_equal(found, bar(slice(17, 20), slice(26, 30)))


def test_images_are_found_by_their_names_and_tags_are_no_shapes(tmp_path):
    other = image(LINE, name="b.png")
    mask = draw(tmp_path, image('<tag label="x"/>', BOX), other)
    assert mask.sum((0, 1)).tolist() == [42, 0]
    assert not draw(tmp_path, image(name="a.png"), other).any()


def test_a_label_may_be_left_out(tmp_path):
    note = '<points label="note" points="3,3"/>'
    assert draw(tmp_path, image(note, BOX), names={"note": ""}).sum() == 42


META = (
    "<meta><task><mode>interpolation</mode><stop_frame>9</stop_frame><original_size>"
    "<width>30</width><height>20</height></original_size></task></meta>"
)


def track(*shapes, label="scope"):
    return f'<track id="4" label="{label}">{"".join(shapes)}</track>'


def at(frame, x=3, outside=0):
    points = f"{x},2;{x + 7},2;{x + 7},8;{x},8"
    return f'<polygon frame="{frame}" outside="{outside}" keyframe="1" points="{points}"/>'


def test_tracks_show_what_they_show_in_a_frame(tmp_path):
    content = META, track(at(2), at(3, 5), at(4, 5, 1)), track(at(7, 9), at(8, 9, 1))
    expected = {1: None, 2: None, 3: 3, 4: 5, 5: None, 6: None, 8: 9}
    for frame, left in expected.items():
        mask = draw(tmp_path, *content, name="cine.dcm", frame=frame)[..., 0]
        shown = np.zeros(SHAPE, bool) if left is None else bar(columns=slice(left, left + 7))
        np.testing.assert_array_equal(mask, shown)


@pytest.mark.parametrize(
    ("name", "frame", "message"),
    [
        ("a.png", 3, "names no pictures.*holds one frame.*export it as 'CVAT for images 1.1'"),
        ("cine.dcm", -1, "which frame of the video.*column 'frame'"),
        ("cine.dcm", 11, "frame 11, but CVAT had 10"),
        ("cine.dcm", 4, "track 4: drawn in frame 3 and not in frame 4, nor said to be outside"),
    ],
)
def test_a_frame_that_tracks_do_not_tell_is_refused(tmp_path, name, frame, message):
    with pytest.raises(InputError, match=message):
        draw(tmp_path, META, track(at(2), at(5, 3, 1)), name=name, frame=frame)


BAD = [
    (image(BOX.replace("scope", "Scope")), "polygon 0: unknown label 'Scope'.*perhaps 'scope'"),
    (image(LINE.replace(WIDTH, "")), r"polyline 0 \(wire\): a line without width"),
    (image(LINE.replace(">3<", ">3 mm<")), "width_px '3 mm' is none.*write the number alone: 3"),
    (image('<points label="wire" points="3,3"/>'), "points cannot be drawn; use box, mask, po"),
    (image('<ellipse label="wire" cx="3"/>'), "ellipse cannot be drawn"),
    (image(BOX.replace("10.0", "ten")), "points 'ten' is no number"),
    (image(BOX.replace("10.0,2", "10.0")), "point 1 is"),
    (image(BOX.replace("3,2;10.0,2;", "")), "a polygon of 2 points needs 3"),
    (image('<box label="scope" xtl="3"/>'), "ytl '' is no number"),
    (image('<mask label="scope" rle="3" left="0" top="0" width="2" height="2"/>'), "of 3 pixels"),
    (image('<mask label="scope" rle="4" left="0" top="0" width="2" height="2"/>'), "no pixel in"),
    (image('<mask label="scope" rle="x" left="0" top="0" width="2" height="2"/>'), "rle 'x' is no"),
    (image('<mask label="scope" rle="9" left="-1" top="0" width="3" height="3"/>'), "left '-1' is"),
    (image('<mask label="scope" rle="9" left="0" top="0" width="9" height="999"/>'), "damaged"),
    (image(size='width="20" height="30"'), "height x width = 30 x 20, the frame is 20 x 30"),
    (image(name="b.png"), "lists no picture 'a.png' among its 1.*perhaps 'b.png'"),
    (image() + image(), "'a.png' and 'a.png' may both be"),
    ("<image", "not valid XML"),
]


@pytest.mark.parametrize(("content", "message"), BAD)
def test_what_cannot_be_drawn_is_named(tmp_path, content, message):
    with pytest.raises(InputError, match=rf"m\.xml: .*{message}"):
        draw(tmp_path, content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation/>", "XML of 'annotation', not of CVAT"),
        (
            '<!DOCTYPE a [<!ENTITY b "bbbb">]><annotations>&b;</annotations>',
            "a document type or entities",
        ),
        (
            '<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotations/>',
            "a document type or entities",
        ),
        ('<?xml version="1.0" encoding="nonsense"?><annotations/>', "not valid XML"),
        ("", "not valid XML"),
    ],
)
def test_xml_that_is_no_cvat_file_is_refused(tmp_path, text, message):
    path = tmp_path / "m.xml"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"m\.xml: case c7: .*{message}"):
        read_annotation(path, INFO, "", SHAPE, "c7", image=tmp_path / "a.png")
