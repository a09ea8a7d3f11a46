import re
from xml.etree import ElementTree

import pytest

from fluorojax.report import chart
from fluorojax.report.page import environment


def line_chart(series, **how) -> str:
    """The chart as SVG text."""
    macros = environment().get_template("charts.html.j2").module
    names = {"x_name": "step", "y_name": "Dice"} | how
    return macros.chart(chart.line_chart(series, **names))


def drawn(svg: str) -> list[list[str]]:
    """The parts of each path: 'M1 2L3 4M5 6' -> ['M1 2L3 4', 'M5 6']."""
    paths = [
        p.attrib["d"] for p in ElementTree.fromstring(svg).iter("path") if "class" not in p.attrib
    ]
    return [re.findall(r"M[^M]*", d) for d in paths]


def test_a_rising_line_rises_and_fills_its_frame():
    svg = line_chart({"train": [(0, 0.0), (50, 1.0), (100, 2.0)]})
    (points,) = drawn(svg)[0]
    pairs = [tuple(map(float, p.split())) for p in re.split("[ML]", points)[1:]]
    xs, ys = zip(*pairs, strict=True)
    assert xs == (chart.LEFT, (chart.LEFT + chart.WIDTH - chart.RIGHT) / 2, 348.0)
    assert ys[0] > ys[1] > ys[2] > chart.TOP
    assert ys[0] == chart.HEIGHT - chart.BOTTOM  # 0 is the floor


def test_the_same_numbers_give_the_same_bytes():
    series = {"train": [(k, 1 / (k + 1)) for k in range(1000)], "validation": [(10, 0.3)]}
    assert line_chart(series) == line_chart(dict(series))


def test_names_are_escaped_and_marks_stand_at_their_place():
    svg = line_chart({"<a>": [(0, 0.5), (1, 0.75)]}, css={"<a>": '"x'}, marks=(0.5,))
    root = ElementTree.fromstring(svg)
    assert [g.attrib["class"] for g in root.iter("g")] == ['line "x']
    assert next(root.iter("title")).text == "<a>, step 0: 0.5"
    (mark,) = (p.attrib["d"] for p in root.iter("path") if p.attrib.get("class") == "mark")
    middle = (chart.LEFT + chart.WIDTH - chart.RIGHT) / 2
    assert mark == f"M{middle:.1f} {chart.TOP}V{chart.HEIGHT - chart.BOTTOM}"


def test_a_value_that_is_no_number_is_a_gap():
    svg = line_chart({"train": [(0, 1.0), (1, 1.0), (2, None), (3, 1.0), (4, 1.0)]})
    assert len(drawn(svg)[0]) == 2


def test_few_points_are_dots_with_their_value():
    svg = line_chart({"validation": [(0, 0.5), (200, 0.75)]})
    titles = [t.text for t in ElementTree.fromstring(svg).iter("title")]
    assert titles == ["validation, step 0: 0.5", "validation, step 200: 0.75"]
    many = line_chart({"train": [(k, 0.5) for k in range(200)]})
    assert "<circle" not in many


def test_one_point_is_a_chart_too():
    assert "<circle" in line_chart({"validation": [(7, 0.0)]})


def test_nothing_finite_is_refused():
    with pytest.raises(ValueError, match="no finite"):
        line_chart({"train": [(0, None)]})


def test_both_axes_are_named():
    svg = line_chart({"train": [(0, 1.0)]}, x_name="threshold", y_name="share (0 to 1)")
    texts = [t.text for t in ElementTree.fromstring(svg).iter("text") if t.get("class") == "axis"]
    assert texts == ["threshold", "share (0 to 1)"]


def test_thinning_keeps_means_and_gaps():
    points = [(float(k), float(k % 2)) for k in range(1000)]
    few = chart.thinned(points, 100)
    assert len(few) == 100
    assert all(y == 0.5 for _, y in few)
    assert chart.thinned(points[:50], 100) == points[:50]
    assert chart.thinned([(0, None), (1, None), (2, 3.0), (3, None)], 2) == [
        (0.5, None),
        (2.5, 3.0),
    ]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.5, 1]), (0, 1600, [0, 500, 1000, 1500]), (0.31, 0.39, [0.32, 0.34, 0.36, 0.38])],
)
def test_ticks_are_round_and_inside(low, high, expected):
    assert chart.ticks(low, high) == pytest.approx(expected)
    assert chart.ticks(2.0, 2.0) == [2.0]


def test_labels_are_short():
    values = (0, 0.25, 1500, 20000, 3e-4, 2e6)
    assert [chart.label(v) for v in values] == ["0", "0.25", "1500", "20k", "3e-04", "2e+06"]
