"""Text files that people and other programs write, read within limits and refused by name."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from fluorojax.core.errors import InputError

MIB = 2**20
MOST_TEXT = 64 * MIB
"""Bytes of a table or a description; what is longer is something else."""


@contextmanager
def reading(path: Path, case: str = "") -> Iterator[None]:
    """Turn an operating system's refusal to read `path` into an `InputError`."""
    named = f"{path}: case {case}" if case else f"{path}"
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(
            f"{named}: no such file; correct the path, or put the file there"
        ) from error
    except OSError as error:
        raise InputError(
            f"{named}: cannot be read ({error.strerror or error}); correct the path or the "
            "permissions"
        ) from error


def read_text(path: Path, *, most: int = MOST_TEXT, case: str = "") -> str:
    """Return a text file in UTF-8, without the byte order mark that Windows editors write.

    Raises:
        InputError: no such file, one that cannot be read, is longer than `most` bytes, or is not
            in UTF-8.
    """
    named = f"{path}: case {case}" if case else f"{path}"
    with reading(path, case):
        if (size := path.stat().st_size) > most:
            raise InputError(
                f"{named}: {size / MIB:.0f} MiB, and at most {most / MIB:g} MiB are read; is it "
                "the right file?"
            )
        data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{named}: not text in UTF-8 ({error.reason} at byte {error.start}); save it as such"
        ) from error


def read_json(path: Path, *, most: int = MOST_TEXT, case: str = "") -> Any:
    """Return what a JSON file holds; NaN, infinite numbers and repeated names are refused.

    Raises:
        InputError: as for `read_text`, not JSON, brackets within hundreds of others, or a name that
            stands twice in one object, of which only one would count.
    """
    named = f"{path}: case {case}" if case else f"{path}"
    text = read_text(path, most=most, case=case)
    try:
        return json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_no_number)
    except RecursionError as error:
        raise InputError(
            f"{named}: brackets within hundreds of others, more than any file of this kind has; "
            "write or export it again"
        ) from error
    except ValueError as error:
        raise InputError(
            f"{named}: not valid JSON ({error}); correct it there, or write or export it again"
        ) from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"'{repeated}' stands there twice; keep one")
    return found


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number that JSON has")
