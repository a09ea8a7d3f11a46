"""Numbers that people type: read as a whole or not at all, never up to the first odd character."""

import math
import re

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
LONGEST = 100  # characters of a number
_COMMA = re.compile(r"[+-]?\d*,\d+")
_UNIT = re.compile(rf"({_NUMBER.pattern})\s*([^\W\d_]+|%)", re.ASCII)


def number(text: str) -> float:
    """Return the finite number that a text says, blanks around it aside; NaN where it says none.

    Only 0 to 9, a sign, a point and an exponent are taken: `float` would also take 1_000, digits
    of other scripts, inf and nan.
    """
    if len(text) > LONGEST or not _NUMBER.fullmatch(text.strip()):
        return math.nan
    value = float(text)
    return value if math.isfinite(value) else math.nan


def whole(text: str) -> int | None:
    """Return the whole number from 0 up, of at most 9 digits 0 to 9, that a text says, or None."""
    return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else None


def hint(text: str) -> str:
    """Return why a text says no number, to follow a message; '' where nothing is known of it."""
    text = text.strip()[:LONGEST]
    if _COMMA.fullmatch(text):
        return f" (a decimal comma; write {text.replace(',', '.')})"
    if found := _UNIT.fullmatch(text):
        return f" (write the number alone: {found[1]})"
    if re.search(r"[^\W0-9_]", text) and re.fullmatch(r"[\d.,٫+-]+", text):
        return " (write digits 0 to 9)"
    if re.fullmatch(r"[\d_.]+", text, re.ASCII) and "_" in text:
        return f" (write it without '_': {text.replace('_', '')})"
    return ""
