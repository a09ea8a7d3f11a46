import math

import pytest

from fluorojax.core import numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.2", 0.2), (" .25 ", 0.25), ("12.", 12.0), ("-1e-3", -1e-3), ("+7", 7.0), ("1E5", 1e5)],
)
def test_numbers_are_read(text, value):
    assert numbers.number(text) == value


@pytest.mark.parametrize(
    "text",
    [
        *("", "abc", "3.5abc", "0.2mm", "12,5", "1_000", "١٢", "１", "nan", "inf", "1e400", "--1"),
        *("1 2", "0x10", "1.2.3", "1e", "." * 9, "9" * 200, "9" * 100_000 + "x"),
    ],
)
def test_what_is_no_number_is_nan_as_a_whole(text):
    assert math.isnan(numbers.number(text))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("12,5", " (a decimal comma; write 12.5)"),
        ("0.2 mm", " (write the number alone: 0.2)"),
        ("3.5abc", " (write the number alone: 3.5)"),
        ("١٢", " (write digits 0 to 9)"),
        ("1_000", " (write it without '_': 1000)"),
        ("wide", ""),
        ("", ""),
    ],
)
def test_the_usual_slips_are_named(text, hint):
    assert numbers.hint(text) == hint


def test_whole_numbers_have_up_to_nine_digits():
    assert numbers.whole("007") == 7
    assert [numbers.whole(t) for t in ("", "-1", "1.0", "١", "1234567890")] == [None] * 5
