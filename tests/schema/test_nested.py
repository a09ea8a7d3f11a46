import dataclasses

import pytest

from fluorojax.schema.limits import NAME, Flag, Number, whole
from fluorojax.schema.nested import (
    ByName,
    Finite,
    Many,
    Perhaps,
    Record,
    first_of,
    problems,
    record_of,
    within,
)

POINT = Record({"x": Number(0, 9), "y": Number(0, 9)}, {"sure": Flag()})
LINE = Record({"name": NAME, "points": Many(POINT, 2, 4)}, {"of": Perhaps(NAME)})
LINES = Many(LINE, 0, 3, "name")
AT = {"x": 1, "y": 2}
WIRE = {"name": "wire", "points": [AT, {**AT, "sure": True}], "of": None}


@dataclasses.dataclass(frozen=True)
class Grid:
    side: int = dataclasses.field(metadata=within(Number(1, 8, whole=True)))
    cells: int = whole(4, 1, 16)


def test_what_is_right_has_no_problem():
    assert list(problems(LINES, [WIRE, {**WIRE, "name": "scope", "of": "wire"}], "lines")) == []
    assert list(problems(ByName(Number(0, 1), NAME), {"wire": 0.5}, "points")) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, "lines is 3; it must be a list"),
        ([WIRE] * 4, "lines has 4 entries; it must have 0 to 3"),
        ([WIRE, WIRE], "lines has 'wire' twice; each name stands there once"),
        ([WIRE, 3], "lines[1] is 3; it must be an object"),
        ([{"name": "wire"}], "lines[0].points is missing"),
        ([{**WIRE, "nme": 1}], "lines[0].nme is an unknown field; did you mean 'name'?"),
        ([{**WIRE, "zzzz": 1}], "lines[0].zzzz is an unknown field"),
        ([{**WIRE, "points": [AT, {"x": 1, "y": 10}]}], "lines[0].points[1].y is 10; it must lie"),
        ([{**WIRE, "of": 3}], "lines[0].of is 3; write a name"),
    ],
)
def test_a_problem_is_named_by_its_path(value, expected):
    assert first_of(problems(LINES, value, "lines")).startswith(expected)


def test_of_several_problems_the_first_is_said_and_the_others_are_counted():
    wrong = problems(POINT, {"x": -1, "z": 0}, "")
    assert first_of(wrong) == ("z is an unknown field (and 2 more like it)")
    assert first_of([]) == ""


def test_an_open_record_leaves_other_fields_alone():
    record = Record({"x": Number(0, 9)}, open=True)
    assert list(problems(record, {"x": 1, "other": object()}, "")) == []
    assert first_of(problems(record, {}, "file")) == "file.x is missing"


def test_numbers_anywhere_are_finite():
    deep: object = float("inf")
    for _ in range(5000):
        deep = [deep]
    assert first_of(Finite().problems({"a": {"b": [1.0, float("nan")]}}, "f")).startswith(
        "f.a.b[1]"
    )
    assert first_of(Finite().problems(deep, "deep")).startswith("deep[0][0]")
    assert list(Finite().problems({"a": [None, True, "x", 2]}, "f")) == []


def test_a_dataclass_says_its_own_limits():
    assert list(problems(record_of(Grid), {"side": 2}, "")) == []
    assert first_of(problems(record_of(Grid, whole=True), {"side": 2}, "")) == "cells is missing"
    assert first_of(problems(record_of(Grid), {"side": 9}, "grid")).startswith("grid.side is 9")


def test_names_and_values_of_a_mapping_are_checked():
    of = ByName(Number(0, 1), NAME)
    assert first_of(problems(of, {"a/b": 0.5}, "points")).startswith("points: the name is 'a/b'")
    assert first_of(problems(of, {"wire": 2}, "points")).startswith("points.wire is 2")
    assert first_of(problems(of, [], "points")) == "points is []; it must be an object"
