"""Files that hold the annotations of many frames, and how a frame finds its own in them."""

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from fluorojax.core.errors import InputError
from fluorojax.core.files import MIB, reading
from fluorojax.data.problems import perhaps, said
from fluorojax.data.readers import holds_several, stem_of

Parsed = TypeVar("Parsed")

MOST_BYTES = 256 * MIB
"""Of a file of annotations."""
_COMPARED = 1000  # names, to say which was perhaps meant
_MOST_KEPT = 2  # files; one is asked for again and again, case after case
_kept: dict[tuple[Any, ...], Any] = {}
_one_at_a_time = threading.Lock()


def kept(path: Path, case: str, parse: Callable[[Path, str], Parsed]) -> Parsed:
    """Return what `parse(path, case)` makes of a file; of the same file it is made once.

    Raises:
        InputError: the file is missing or cannot be read, or as `parse` says.
    """
    with reading(path, case):
        status = path.stat()
    key = parse, path, status.st_size, status.st_mtime_ns
    with _one_at_a_time:
        if key not in _kept:
            found = parse(path, case)
            for old in list(_kept)[: len(_kept) + 1 - _MOST_KEPT]:
                del _kept[old]
            _kept[key] = found
        return _kept[key]


class Catalogue:
    """The pictures that a file of annotations lists, by the names that it gives them."""

    def __init__(self, path: Path, names: Sequence[str]):
        """Take the names in the file's order, with slashes of any kind."""
        self.path = path
        self.names = names
        self._parts = [_parts(name) for name in names]
        self._by_name: dict[str, list[int]] = defaultdict(list)
        self._by_stem: dict[str, list[int]] = defaultdict(list)
        for n, parts in enumerate(self._parts):
            self._by_name[parts[-1]].append(n)
            self._by_stem[PurePosixPath(parts[-1]).stem].append(n)

    def find_whole(self, image: Path) -> int | None:
        """Return the place of the picture whose name, with its folders, is the end of a path.

        Raises:
            InputError: two pictures have that name.
        """
        parts = _parts(str(image))
        fitting = [
            n for n in self._by_name.get(parts[-1], ()) if parts[-len(self._parts[n]) :]
            == self._parts[n]
        ]  # fmt: skip
        longest = max((len(self._parts[n]) for n in fitting), default=0)
        return self._only([n for n in fitting if len(self._parts[n]) == longest], image)

    def find(self, image: Path, frame: int = -1) -> int | None:
        """Return the place of a frame's picture: by `find_whole`, or else by less of its name.

        Annotated copies may have lain in another folder, or have another ending; frames of a file
        of several are called `frame_000000` and so on by CVAT.

        Raises:
            InputError: several pictures may be meant.
        """
        if (found := self.find_whole(image)) is not None:
            return found
        numbered = self._by_stem.get(f"frame_{frame - 1:06d}")
        if not self._by_name.get(image.name) and numbered and holds_several(image):
            return self._only(numbered, image)
        for places in (self._by_name.get(image.name), self._by_stem.get(stem_of(image))):
            if places:
                return self._only(places, image)
        return None

    def of(self, image: Path | None, frame: int, case: str) -> int:
        """Return the place of the picture of a case.

        Raises:
            InputError: there is none, or several may be meant.
        """
        if image is None and len(self.names) == 1:
            return 0
        name = image.name if image else ""
        found = self.find(image, frame) if image else None
        if found is None:
            meant = perhaps(name, self.names[:_COMPARED])
            raise InputError(
                f"{self.path}: case {case}: lists no picture '{said(name)}' among its "
                f"{len(self.names)}{meant}; correct the name there, or empty the cell 'annotation' "
                "if the frame has none"
            )
        return found

    def _only(self, places: Sequence[int], image: Path) -> int | None:
        if len(places) > 1:
            named = " and ".join(f"'{said(self.names[n])}'" for n in places[:2])
            raise InputError(
                f"{self.path}: {named} may both be {image}; write the names there with their "
                "folders, as in the dataset folder, and each once"
            )
        return places[0] if places else None


def _parts(name: str) -> tuple[str, ...]:
    parts = tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))
    return parts or ("",)
