"""Files that a table names, found also where another system wrote their names another way.

A path is taken from the dataset folder, and may leave it ('../shared/f.png', or an absolute path):
files are only ever read, as pictures or annotations, so a folder from elsewhere learns nothing of
others. Where nothing of that name is there, backslashes are read as '/', and accents in their other
Unicode form (macOS writes 'a' and its dots apart).
"""

import os
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from fluorojax.core.files import same_file_name, why_no_file

_DRIVE = re.compile(r"[A-Za-z]:")


def locate(root: Path, text: str, stand_in: tuple[str, str] = ("", "")) -> Path:
    """Return the path that `text` names within `root`, as it is spelled where there is a file.

    Args:
        root: the dataset folder.
        text: as the table says it.
        stand_in: what is replaced by what while the file is looked for, as '{class}' by a class.
    """
    spellings = _spellings(text)
    for spelling in spellings:
        if os.path.isfile(os.path.join(root, spelling.replace(*stand_in))):
            return root / spelling
    return root / spellings[-1 if "\\" in text else 0]


def _spellings(text: str) -> list[str]:
    """Return the ways in which a path may be spelled, the given one first."""
    if text.isascii():
        return [text, text.replace("\\", "/")] if "\\" in text else [text]
    slashed = text.replace("\\", "/")
    forms = (unicodedata.normalize(form, slashed) for form in ("NFC", "NFD"))
    return list(dict.fromkeys((text, *forms, slashed)))


def missing(path: Path, root: Path) -> str:
    """Return why a file cannot be read and what to do, or '' where there is one."""
    reason = why_no_file(path)
    if not reason:
        return ""
    if os.name != "nt" and _is_of_windows(path, root):
        return (
            f"{path} is an absolute path of Windows, which means nothing here; write paths "
            "within the folder, such as images/f1.png"
        )
    other = _other_spelling(path)
    meant = f"; perhaps {other}, which is spelled otherwise?" if other else ""
    return f"{reason} {path}; correct the path, or put the file there{meant}"


def _is_of_windows(path: Path, root: Path) -> bool:
    if str(path).startswith("//"):
        return True
    parts = path.relative_to(root).parts if path.is_relative_to(root) else ()
    return bool(parts and _DRIVE.fullmatch(parts[0]))


def _other_spelling(path: Path) -> Path | None:
    """Return the file whose path differs in upper and lower case or Unicode form alone."""
    there = Path(path.anchor)
    for part in path.parts[bool(path.anchor) :]:
        if not part.isprintable() or not os.path.lexists(there / part):
            name = _names(str(there)).get(same_file_name(part))
            if name is None:
                return None
            part = name
        there = there / part
    return there if os.path.isfile(there) and there != path else None


@lru_cache(maxsize=64)
def _names(folder: str) -> dict[str, str]:
    """Return the names in a folder by what `same_file_name` makes of them."""
    try:
        return by_file_name(os.listdir(folder))
    except (OSError, ValueError):
        return {}


def by_file_name(names: Iterable[str]) -> dict[str, str]:
    """Return names by what names of one file share on Windows and macOS."""
    return {same_file_name(name): name for name in names}
