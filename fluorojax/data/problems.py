"""Several mistakes reported at once, so that a folder is mended in one go."""

import difflib
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fluorojax.core.errors import InputError

MAX_PROBLEMS = 20
LONGEST_VALUE = 80
LONGEST_LINE = 1500
_JOINERS = "\u200c\u200d"  # invisible, but letters of some scripts need them


def refuse(path: Path, problems: Sequence[str]) -> None:
    """Raise one error with the file's problems, at most 20 of them; nothing where there is none.

    Raises:
        InputError: there is a problem.
    """
    if not problems:
        return
    if len(problems) == 1:
        raise InputError(f"{path}: {one_line(problems[0])}")
    shown = [f"  {one_line(problem)}" for problem in problems[:MAX_PROBLEMS]]
    if len(problems) > MAX_PROBLEMS:
        shown.append(f"  and {len(problems) - MAX_PROBLEMS} more")
    raise InputError("\n".join([f"{path}: {len(problems)} problems", *shown]))


def said(value: Any) -> str:
    """Return what the user wrote as it is told to him: one line of at most 80 characters."""
    return one_line(str(value), LONGEST_VALUE)


def one_line(text: str, most: int = LONGEST_LINE) -> str:
    """Write control characters and the like as escapes, and leave out the middle of long texts."""
    if len(text) > most:
        text = f"{text[: most // 2]}...{text[-most // 4 :]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def perhaps(name: Any, known: Iterable[str]) -> str:
    """Return what was perhaps meant by an unknown name, '; perhaps ...?', or '' if nothing is near.

    Names that differ in upper and lower case alone are the nearest.
    """
    if not isinstance(name, str):
        return ""
    by_folded = {other.casefold(): other for other in known}
    near = difflib.get_close_matches(name[:LONGEST_VALUE].casefold(), by_folded, 1, cutoff=0.7)
    return f"; perhaps '{by_folded[near[0]]}'?" if near else ""


def unseen(value: str) -> str:
    """Return the first control character, line break or invisible character; '' if there is none.

    Names with one could be told apart by no reader, and would break the lines of tables.
    """
    if value.isprintable():
        return ""
    odd = (c for c in value if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    return next((c for c in odd if c not in _JOINERS), "")
