"""Annotations that were corrected: a LabelMe file a frame, never half of one, never lost.

A file carries a checksum of its shapes as the viewer wrote them. One without, or whose shapes were
changed since by another program, is somebody else's: before it is replaced, a copy is kept.
"""

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fluorojax.core.errors import InputError, writing
from fluorojax.core.files import file_name, kept_for_each_file, read_json
from fluorojax.core.outputs import written_aside
from fluorojax.data.catalogue import MOST_BYTES

MARK = "fluorojax_view"
"""The field of a LabelMe file that holds the checksum; LabelMe keeps fields that it does not know.
"""
KEPT = "kept"
MOST_FRAMES = 100_000  # whose marks are remembered
Document = dict[str, Any]


class StaleError(InputError):
    """The file was changed by somebody else since the page read it."""


class Store:
    """The folder of corrected annotations."""

    def __init__(self, folder: Path):
        """Take a folder, which is made when something is saved."""
        self.folder = folder
        self._lock = threading.Lock()

    def path(self, case: str) -> Path:
        """Return where the annotation of a case is kept."""
        return self.folder / f"{file_name(case)}.json"

    def load(self, case: str) -> Document | None:
        """Return the document of a case; None where there is none.

        Raises:
            InputError: it cannot be read, or is no LabelMe file.
        """
        path = self.path(case)
        if not path.is_file():
            return None
        found = read_json(path, most=MOST_BYTES, case=case)
        if not isinstance(found, dict) or not isinstance(found.get("shapes"), list):
            raise InputError(f"{path}: case {case}: no LabelMe file; move it away")
        return found

    def is_ours(self, case: str) -> bool:
        """Say whether the annotation of a case is there as the viewer wrote it."""
        return self._mark(case) == "ours"

    def is_corrected(self, case: str) -> bool:
        """Say whether the viewer wrote the annotation of a case, whoever has changed it since."""
        return self._mark(case) != ""

    def _mark(self, case: str) -> str:
        try:
            return _mark_of(self.path(case))
        except OSError:
            return ""

    def revision(self, case: str) -> str:
        """Return what tells this version of a case's file from all others; '' where there is none.

        Raises:
            InputError: it cannot be read.
        """
        found = self.load(case)
        return "" if found is None else checksum(found["shapes"])

    def save(self, case: str, document: Mapping[str, Any], revision: str) -> str:
        """Replace the annotation of a case in one move, and return its revision.

        What stands there and was not written here is copied to `CASE.json.kept-1`, or a further
        number, before.

        Args:
            case: its name.
            document: a LabelMe document.
            revision: of the file that was changed into this one.

        Raises:
            StaleError: the file is not of that revision.
            InputError: it cannot be written; what stood there is as it was.
        """
        path = self.path(case)
        with self._lock, writing(path):
            if self.revision(case) != revision:
                raise StaleError(
                    f"case {case}: {path} was changed elsewhere meanwhile; it is read again"
                )
            if path.is_file() and not self.is_ours(case):
                _keep(path)
            new = checksum(document["shapes"])
            with written_aside(path) as draft, draft.open("w", encoding="utf-8") as file:
                json.dump({**document, MARK: new}, file, indent=1, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            return new


@kept_for_each_file(MOST_FRAMES)
def _mark_of(path: Path) -> str:
    """Return 'ours' of a file as it was written here, 'changed' of one changed since, or ''."""
    try:
        found = read_json(path, most=MOST_BYTES)
    except InputError:
        return ""
    if not isinstance(found, dict) or MARK not in found or "shapes" not in found:
        return ""
    return "ours" if found[MARK] == checksum(found["shapes"]) else "changed"


def checksum(shapes: Any) -> str:
    """Return the sha256 (hex) of a list of shapes."""
    text = json.dumps(shapes, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _keep(path: Path) -> None:
    """Copy a file to the first name of its own that is free."""
    number = 1
    while os.path.lexists(copy := path.with_name(f"{path.name}.{KEPT}-{number}")):
        number += 1
    with written_aside(copy) as draft:
        shutil.copy2(path, draft)
