from pathlib import Path

import pytest

from fluorojax.core.errors import InputError
from fluorojax.data.problems import MAX_PROBLEMS, refuse


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
