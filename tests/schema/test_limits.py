import dataclasses
import math

import pytest

from fluorojax.schema import limits
from fluorojax.schema.limits import limits_of


@dataclasses.dataclass(frozen=True)
class Section:
    """One field of each kind."""

    dose: float = limits.number(1.0, 0.0, 10.0, above=True)
    share: float = limits.rate(0.5)
    count: int = limits.whole(3, 1, 8)
    gamma: tuple[float, float] = limits.uniform(0.5, 2.0, 0.1, 10.0)
    size: tuple[int, int] = limits.sizes(64, 32, 8, 2048)
    norm: str = limits.choice("group", ("group", "none"))
    remat: bool = limits.flag(False)
    folder: str = limits.text("frames")
    export: str | None = limits.text(None)
    classes: str = limits.by_class("", 0.0, 100.0)


FIELDS = {field.name: field for field in dataclasses.fields(Section)}


def problem(name, value):
    return limits_of(FIELDS[name]).problem(value)


@pytest.mark.parametrize("name", FIELDS)
def test_the_usual_value_is_no_problem(name):
    assert problem(name, FIELDS[name].default) == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dose", 10),
        ("share", 0.0),
        ("share", 1),
        ("count", 8),
        ("gamma", [0.1, 10]),
        ("gamma", (2.0, 2.0)),
        ("size", [8, 2048]),
        ("size", (2048, 8)),
        ("remat", True),
        ("export", "runs/joint/export"),
        ("classes", "cement=2, tibia=0.5"),
    ],
)
def test_the_ends_belong_to_it_and_lists_are_pairs(name, value):
    assert problem(name, value) == ""


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("dose", 0.0, "is 0.0; it must be above 0 and at most 10"),
        ("dose", math.nan, "is nan; it must be above 0 and at most 10"),
        ("dose", math.inf, "is inf; it must be above 0 and at most 10"),
        ("share", -0.1, "is -0.1; it must lie in 0 to 1"),
        ("share", "half", "is 'half'; write one number, which must lie in 0 to 1"),
        ("share", (0.1, 0.2), "is (0.1, 0.2); write one number, which must lie in 0 to 1"),
        ("share", True, "is True; write one number, which must lie in 0 to 1"),
        ("count", 2.0, "is 2.0; write one whole number, which must lie in 1 to 8"),
        ("count", True, "is True; write one whole number, which must lie in 1 to 8"),
        ("count", 0, "is 0; it must lie in 1 to 8"),
        ("gamma", 1.0, "is 1.0; write two numbers, low and high"),
        ("gamma", (1.0,), "is (1.0,); write two numbers, low and high"),
        ("gamma", "0.5,2", "is '0.5,2'; write two numbers, low and high"),
        ("gamma", (0.5, math.inf), "is (0.5, inf); it must lie in 0.1 to 10"),
        ("gamma", (math.nan, 1.0), "is (nan, 1.0); it must lie in 0.1 to 10"),
        ("gamma", (2.0, 1.0), "is (2.0, 1.0); the smaller number comes first"),
        ("size", (64.0, 64.0), "is (64.0, 64.0); write two whole numbers, rows and columns"),
        ("size", (64, 4096), "is (64, 4096); it must lie in 8 to 2048"),
        ("norm", "batch", "is 'batch'; write one of 'group', 'none'"),
        ("remat", 1, "is 1; write True or False"),
        ("folder", None, "is None; write text"),
        ("export", 3, "is 3; write text"),
        ("classes", "cement", "is 'cement': 'cement' has no number; write cement=2 or the like"),
        ("classes", "cement=-1", "'cement' has no number"),
        ("classes", "cement=2,tibia=200", "tibia=200 must lie in 0 to 100"),
        ("classes", "tibia=" + "9" * 400, "must lie in 0 to 100"),
        ("classes", 2.0, "is 2.0; write text such as 'cement=2,tibia=0.5'"),
    ],
)
def test_what_is_refused_is_named_with_what_to_write_instead(name, value, message):
    assert message in problem(name, value)


def test_large_limits_are_written_in_full():
    assert limits.Number(1, 1_000_000, whole=True).rule == "lie in 1 to 1000000"


@pytest.mark.parametrize(
    ("kind", "good", "wrong", "message"),
    [
        (limits.NAME, "wire-2.b", "a/b", "is 'a/b'; write a name of letters"),
        (limits.NAME, "w", "-w", "is '-w'; write"),
        (limits.NAME, "w" * 200, "w" * 201, "has 201 letters; at most 200"),
        (limits.NAME, "w", 3, "is 3; write a name"),
        (limits.WORD, "left side", " left", "is ' left'; write a word"),
        (limits.DIGEST, "0f" * 32, "0F" * 32, "64 hexadecimal digits"),
        (limits.Exactly(3), 3, 3.0, "is 3.0; this version knows 3 alone"),
        (limits.Exactly(1), 1, True, "is True; this version knows 1 alone"),
    ],
)
def test_text_of_a_form_and_single_values(kind, good, wrong, message):
    assert kind.problem(good) == ""
    assert message in kind.problem(wrong)


def test_a_long_or_deep_value_is_cut_in_the_message():
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    for value in (deep, "x" * 100_000, 10**4000, list(range(10**6))):
        assert len(limits.Flag().problem(value)) < 200
