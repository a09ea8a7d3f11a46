"""Rows of the matrix of bad inputs: how each is made, and what the user is told of it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fluorojax.core.errors import InputError

Bad = tuple[str, Callable[[Path], object], str]
"""Name of the row; makes the input in an empty folder and gives it to what reads it; a pattern
that the message must hold."""


def refused(row: Bad, folder: Path) -> str:
    """Check that a row ends in the project's own error, its message as the table says; return it.

    A message of several problems has a line for each; one of one problem is one line.
    """
    _, use, pattern = row
    with pytest.raises(InputError) as caught:
        use(folder)
    message = str(caught.value)
    assert re.search(pattern, message), message
    assert "\n" not in message or " problems" in message.splitlines()[0], message
    assert "Traceback" not in message
    return message


def names(rows: list[Bad]) -> list[str]:
    """Return the rows' names, which must differ, for pytest's `ids`."""
    found = [row[0] for row in rows]
    assert len(set(found)) == len(found), "two rows have one name"
    return found
