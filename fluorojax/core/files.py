"""Text files that people and other programs write, read within limits and refused by name."""

import codecs
import functools
import hashlib
import json
import math
import os
import re
import stat
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from fluorojax.core.errors import InputError

Read = TypeVar("Read")

MIB = 2**20
MOST_TEXT = 64 * MIB
"""Bytes of a table or a description; what is longer is something else."""


_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # of a character: it can be neither written nor shown
_LARGE = re.compile(r"\d[eE]\+?\d\d|\d{200}")  # without one, no number is beyond 1e308

LONGEST_NAME = 200
"""Bytes of a file's name; systems allow 255, and endings are added."""
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")  # on Windows


def kept_for_each_file(most: int) -> Callable[[Callable[[Path], Read]], Callable[[Path], Read]]:
    """Return a decorator: what is read of a file is kept until the file changes.

    Args:
        most: files of which it is kept, those asked for last.
    """

    def decorate(read: Callable[[Path], Read]) -> Callable[[Path], Read]:
        @functools.lru_cache(maxsize=most)
        def of_version(path: Path, changed: int, size: int) -> Read:
            return read(path)

        @functools.wraps(read)
        def found(path: Path) -> Read:
            status = path.stat()
            return of_version(path, status.st_mtime_ns, status.st_size)

        return found

    return decorate


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


def read_bytes(path: Path, *, most: int = MOST_TEXT, case: str = "") -> bytes:
    """Return what is in a file.

    Raises:
        InputError: no such file, one that cannot be read, or is longer than `most` bytes.
    """
    named = f"{path}: case {case}" if case else f"{path}"
    with reading(path, case):
        if (size := path.stat().st_size) > most:
            raise InputError(
                f"{named}: {size / MIB:.0f} MiB, and at most {most / MIB:g} MiB are read; is it "
                "the right file?"
            )
        return path.read_bytes()


def read_text(path: Path, *, most: int = MOST_TEXT, case: str = "") -> str:
    """Return a text file in UTF-8, without the byte order mark that Windows editors write.

    Raises:
        InputError: no such file, one that cannot be read, is longer than `most` bytes, is not in
            UTF-8, or holds a zero byte, as no text does.
    """
    named = f"{path}: case {case}" if case else f"{path}"
    data = read_bytes(path, most=most, case=case)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(
            f"{named}: text in UTF-16, which Excel calls 'Unicode text'; save it in UTF-8 (in "
            "Excel: 'CSV UTF-8')"
        )
    if (at := data.find(0)) >= 0:
        raise InputError(
            f"{named}: no text: a zero byte at byte {at}, as in UTF-16 or in a damaged file; save "
            "it in UTF-8"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{named}: not text in UTF-8 ({error.reason} at byte {error.start}); save it as such"
        ) from error


def read_json(path: Path, *, most: int = MOST_TEXT, case: str = "") -> Any:
    """Return what a JSON file holds; NaN, infinite numbers and repeated names are refused.

    Raises:
        InputError: as for `read_text`, not JSON, brackets within hundreds of others, a number too
            large for a computer, half a character, or a name that stands twice in one object, of
            which only one would count.
    """
    named = f"{path}: case {case}" if case else f"{path}"
    text = read_text(path, most=most, case=case)
    try:
        found = json.loads(
            text,
            object_pairs_hook=_without_repeats,
            parse_constant=_no_number,
            parse_float=_finite if _LARGE.search(text) else float,
        )
        if _HALF.search(text):
            json.dumps(found, ensure_ascii=False).encode()
        return found
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
        ((repeated, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"'{repeated}' stands there twice; keep one")
    return found


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number that JSON has")


def _finite(text: str) -> float:
    if math.isinf(value := float(text)):
        raise ValueError(f"{text} is larger than any number that a computer holds")
    return value


def why_no_file(path: str | os.PathLike[str]) -> str:
    """Return why a path cannot be read as a file, as 'no file'; '' where there is one.

    Whatever the path is: too long, with a zero byte in it, in a folder that may not be entered.
    """
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return "no file"
    except (OSError, ValueError) as error:
        return f"cannot be read ({getattr(error, 'strerror', None) or error}):"
    if stat.S_ISDIR(status.st_mode):
        return "a folder, not a file:"
    return "" if stat.S_ISREG(status.st_mode) else "no file that can be read to its end:"


def file_name(name: str, *, plain: bool = False) -> str:
    """Return the name of a file, without its ending, for what is called `name` by the user.

    A name that every system can write stays as it is. Others lose what cannot be written, are cut
    to 200 bytes in UTF-8, and get a checksum, so that two names never share a file (on a system
    that tells upper from lower case: see `same_file_name`).

    Args:
        name: of a case, a film or a frame.
        plain: keep only letters without accents, digits, '_', '-' and '.', as in pages and runs.
    """
    kept = re.sub(r"[^A-Za-z0-9_.-]", "_", name).lstrip(".")
    data = name.encode("utf-8", "surrogatepass")
    short = len(data) <= LONGEST_NAME
    if short and _writable(name) and (kept == name or not plain):
        return name
    if short:
        return f"{kept}-{zlib.crc32(data):08x}"
    # Of long names many may begin alike, so their checksum is a longer one.
    return f"{kept[: LONGEST_NAME - 17]}-{hashlib.sha256(data).hexdigest()[:16]}"


def _writable(name: str) -> bool:
    """Say whether every usual system can keep a file of this name."""
    odd = any(unicodedata.category(c) in ("Cc", "Cs") or c in '<>:"/\\|?*' for c in name)
    ends = name.startswith((".", " ")) or name.endswith((".", " "))
    return bool(name) and not (odd or ends or _RESERVED.fullmatch(name))


def same_file_name(name: str) -> str:
    """Return what two names share whose files are one on Windows and macOS.

    These tell neither upper from lower case nor apart how an accent is composed.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
