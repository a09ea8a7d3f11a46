import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.data.annotations import read_annotation
from fluorojax.data.label_rules import LabelRules
from fluorojax.data.line_table import is_line_table, lines_of, says_width
from fluorojax.schema.info import ClassInfo, DatasetInfo

INFO = DatasetInfo("toy", (ClassInfo("scope", "region"), ClassInfo("wire", "curve")))
SHAPE = (20, 30)


def draw(tmp_path, text, info=INFO, **rules):
    (tmp_path / "m.csv").write_text(text)
    return read_annotation(tmp_path / "m.csv", info, "", SHAPE, "c7", rules=LabelRules(**rules))


def bar(rows=slice(9, 12), columns=slice(5, 25)):
    mask = np.zeros(SHAPE, bool)
    mask[rows, columns] = True
    return mask


@pytest.mark.parametrize(
    "text",
    [
        "x,y,width_px\n5,10.5,3\n25,10.5,3\n",
        "x,y,width_px,class,line\n5,10.5,3,wire,a\n25,10.5,,,a\n",
        "sep=,\r\nclass,y,x,width_px\r\nwire,10.5,5,3\r\nwire,10.5,25,\r\n",
        "\ufeffx,y,width_px\n\n5,10.5,3\n\n12,10.5,\n25,10.5,\n",
    ],
)
def test_a_line_with_its_width(tmp_path, text):
    mask = draw(tmp_path, text)
    np.testing.assert_array_equal(mask[..., 1], bar())
    assert not mask[..., 0].any()


def test_a_usual_width_of_the_class(tmp_path):
    mask = draw(tmp_path, "x,y\n5,10.5\n25,10.5\n", widths={"wire": 3})
    np.testing.assert_array_equal(mask[..., 1], bar())


def test_lines_and_classes_are_told_apart(tmp_path):
    rows = ["x,y,width_px,class,line", "5,10.5,3,wire,1", "5,2.5,1,scope,2", "25,10.5,3,wire,1"]
    mask = draw(tmp_path, "\n".join([*rows, "9,2.5,1,scope,2", "2,15.5,1,,3", "8,15.5,1,,3"]))
    expected = bar() | bar(slice(15, 16), slice(2, 8))
    np.testing.assert_array_equal(mask[..., 1], expected)
    np.testing.assert_array_equal(mask[..., 0], bar(slice(2, 3), slice(5, 9)))


def test_a_width_a_point_changes_evenly(tmp_path):
    mask = draw(tmp_path, "x,y,width_px\n0,10,2\n20,10,12\n30,10,4\n")[..., 1]
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    half = np.where(x <= 20, 1 + 5 * x / 20, 6 - 4 * (x - 20) / 10)
    expected = (abs(y - 10) <= half) | (np.hypot(x - 20, y - 10) <= 6)
    np.testing.assert_array_equal(mask, expected)


def test_no_rows_are_an_empty_mask(tmp_path):
    assert not draw(tmp_path, "x,y\n").any()


TWO = DatasetInfo("toy", (ClassInfo("a", "curve"), ClassInfo("b", "curve")))
BAD = [
    ("", "no column 'x'; the first line names the columns"),
    ("x;y\n1;2\n", "columns are separated by ';'"),
    ("x,y,widht_px\n", "column 'widht_px' is unknown.*perhaps 'width_px'"),
    ("x,y,x\n", "column 'x' is unknown or stands there twice"),
    ("x,y,width_px\n1,2\n", "line 2: 2 values under 3 columns"),
    ("x,y,width_px\n1,2,3\n", r"line 2 \(wire\): a linestrip of 1 points needs 2"),
    ('x,y,width_px\n1,2,3\n"3,5",2,3\n', "line 3: x '3,5' is no number .a decimal comma"),
    ("x,y,width_px\n1,2,3\nnan,2,3\n", "line 3: x 'nan' is no number"),
    ("x,y\n1,2\n9,9\n", "a line without width.*line_width_px into dataset.json"),
    ("x,y,width_px\n1,2,-3\n9,9,\n", "width_px '-3' is none"),
    ("x,y,width_px\n1,2,3\n9,9,\n12,9,4\n", "no width_px in line 3; write it in every row"),
    ("x,y,width_px,class\n1,2,3,wyre\n", "unknown class 'wyre'.*perhaps 'wire'"),
    ("x,y,width_px,class,line\n1,2,3,wire,1\n9,9,3,scope,1\n", "line 3: class 'scope' in the lin"),
    ("x,y,width_px\n91,2,3\n99,2,3\n", "lies outside of the frame"),
    ("x,y,width_px\n0.1,0.2,3\n0.9,0.8,3\n", "within 0 to 1, as shares"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_what_is_no_line_is_named(tmp_path, text, message):
    with pytest.raises(InputError, match=rf"m\.csv: case c7: .*{message}"):
        draw(tmp_path, text)


def test_a_class_must_be_said_where_there_are_two_curves(tmp_path):
    with pytest.raises(InputError, match=r"no class, and dataset.json has 2 of kind curve"):
        draw(tmp_path, "x,y,width_px\n1,2,3\n9,9,3\n", TWO)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x,y\n", True),
        ("sep=,\nclass,y,x,width_px\n", True),
        ("x;y;width_px\n1;2;3\n", True),  # to be refused by name
        ("x\ty\n", True),
        ("case,image,patient\n", False),
        ("max,y\n", False),
        ("", False),
        ("x,y\0\n", False),
    ],
)
def test_tables_of_points_are_known_by_their_columns(tmp_path, text, expected):
    (tmp_path / "m.csv").write_text(text)
    assert is_line_table(tmp_path / "m.csv") == expected


def test_lines_are_told_with_their_classes_and_whether_they_say_a_width(tmp_path):
    rows = ["x,y,width_px,class,line", "1,1,3,wire,1", "9,1,,,1", "2,5,,,2", "8,5,,,2"]
    (tmp_path / "m.csv").write_text("\n".join(rows))
    found = [(label, len(of), says_width(of)) for label, of in lines_of(tmp_path / "m.csv")]
    assert found == [("wire", 2, True), ("", 2, False)]
    (tmp_path / "m.csv").write_text("x,y,z\n1,2,3\n")
    with pytest.raises(InputError, match=r"m.csv: column 'z' is unknown"):
        lines_of(tmp_path / "m.csv")
