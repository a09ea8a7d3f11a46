from pathlib import Path

import pytest

from fluorojax.core.errors import InputError
from fluorojax.data.problems import LONGEST_LINE, MAX_PROBLEMS, perhaps, refuse, said, unseen


def test_no_problem_is_no_error():
    refuse(Path("a.csv"), [])


def test_one_problem_is_one_line():
    with pytest.raises(InputError) as error:
        refuse(Path("a.csv"), ["case c: wrong"])
    assert str(error.value) == "a.csv: case c: wrong"


def test_many_are_counted_and_cut():
    with pytest.raises(InputError) as error:
        refuse(Path("a.csv"), [f"case {k}" for k in range(MAX_PROBLEMS + 5)])
    lines = str(error.value).splitlines()
    assert lines[0] == "a.csv: 25 problems"
    assert lines[1] == "  case 0"
    assert lines[-1] == "  and 5 more"


def test_a_problem_is_one_line_whatever_it_tells():
    with pytest.raises(InputError) as error:
        refuse(Path("a.csv"), ["case a\nb\x1b[31m\ud800: wrong", "x" * 10_000])
    lines = str(error.value).splitlines()
    assert lines[1] == "  case a\\nb\\x1b[31m\\ud800: wrong"
    assert len(lines) == 3
    assert len(lines[2]) < LONGEST_LINE


def test_what_was_written_is_told_in_short():
    assert said("abc") == "abc"
    assert said([1, "ä"]) == "[1, 'ä']"
    assert len(said("x" * 10**6)) < 80
    assert said("x" * 90 + "end").endswith("end")


def test_what_was_perhaps_meant():
    known = ("image", "patient")
    assert perhaps("IMAGE", known) == "; perhaps 'image'?"
    assert perhaps("pateint", known) == "; perhaps 'patient'?"
    assert perhaps("nothing", known) == perhaps("", known) == perhaps(3, known) == ""


def test_characters_that_nobody_sees():
    assert unseen("Länge 3 \u00a0膝 \u200c") == ""
    assert [unseen(f"a{c}b") for c in "\n\x00\u200b\u202e\u2028\ufeff"] == [
        *"\n\x00\u200b\u202e\u2028\ufeff"
    ]
