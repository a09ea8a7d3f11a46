"""What a folder of predictions holds already, so that a call goes on where another was stopped."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fluorojax.core.errors import InputError, writing
from fluorojax.core.files import kept_for_each_file, read_text
from fluorojax.core.outputs import first_within, refuse_part_of_a_run, sha256, written_aside

FILE = "predictions.jsonl"
"""Its first line says by which call the folder was made; then there is a line a frame."""
TABLES = ("predictions.csv", "image_labels.csv")
"""Of all frames, made of the lines."""

Entry = dict[str, Any]


class Journal:
    """The frames of a folder that are done; a line is added before a frame's files are renamed.

    Attributes:
        entries: case -> what was noted of it, the last line where there are several.
        products: name of a file that is made of several frames -> what was noted of it.
    """

    def __init__(self, out: Path, call: Mapping[str, Any], reads: Iterable[Path]):
        """Check that this call may write there: before anything is computed.

        Args:
            out: new, empty, or a folder that calls with the same settings have made.
            call: what the masks depend on besides the frame, as JSON.
            reads: the frames; none may lie in `out`.

        Raises:
            InputError: one does, there is something else in `out`, or it is a part of a run.
        """
        self._out, self._path, self._call = out, out / FILE, dict(call)
        self.entries: dict[str, Entry] = {}
        self.products: dict[str, Entry] = {}
        refuse_part_of_a_run(out)
        if (frame := first_within(out, reads)) is not None:
            raise InputError(
                f"--out {out}: the frame {frame} lies in it, and its mask could be written over a "
                "frame; give a new folder"
            )
        if self._path.is_file():
            self._read()
        if foreign := sorted(_visible(out) - self._own()):
            raise InputError(
                f"--out {out} is not empty: {foreign[0]} is no prediction of an earlier call; give "
                "a new folder, nothing in it was changed"
            )

    def _read(self) -> None:
        first, *lines = [_parsed(line) for line in read_text(self._path).splitlines()] or [None]
        before = first.get("call") if first else None
        if not isinstance(before, dict):
            raise InputError(f"{self._path} is damaged; give a new --out")
        for name in sorted(before.keys() | self._call.keys()):
            if before.get(name) != self._call.get(name):
                raise InputError(
                    f"--out {self._out} holds predictions with {name} "
                    f"{json.dumps(before.get(name))}, and this call has "
                    f"{json.dumps(self._call.get(name))}; give a new folder"
                )
        # A line that was cut off is of a frame that is done again.
        self.entries = {line["case"]: line for line in lines if line and _is_entry(line)}
        self.products = {line["product"]: line for line in lines if line and _is_product(line)}

    def _own(self) -> set[str]:
        """Return the names of all files that calls have written, the tables included."""
        files = {name for entry in self.entries.values() for name in entry["files"]}
        files |= self.products.keys()
        return files | ({FILE, *TABLES} if self._path.is_file() else set())

    def is_done(
        self, case: str, frame: Path, given: Mapping[str, Any], names: Iterable[str] = ()
    ) -> bool:
        """Say whether a frame's files are there, made of this very content.

        Args:
            case: its name.
            frame: its file.
            given: what else is known of it, such as its spacing.
            names: files that must be among them.
        """
        entry = self.entries.get(case)
        if entry is None or not frame.is_file():
            return False
        if entry["given"] != dict(given) or entry["frame_sha256"] != _of_frame(frame):
            return False
        files = entry["files"]
        return files.keys() >= set(names) and all(
            (self._out / name).is_file() and digest in (None, sha256(self._out / name))
            for name, digest in files.items()
        )

    def add(
        self,
        case: str,
        frame: Path,
        given: Mapping[str, Any],
        files: Mapping[str, Path | None],
        found: Mapping[str, Any],
    ) -> None:
        """Note a frame before its files take their places: so no file there is unknown.

        Args:
            case, frame, given: as for `is_done`.
            files: name in the folder -> the draft; None: it may be changed there by hand.
            found: what else was found of it, as JSON.
        """
        entry = {
            "case": case,
            "frame": frame.name,
            "frame_sha256": _of_frame(frame),
            "given": dict(given),
            "files": {name: path and sha256(path) for name, path in files.items()},
            "found": dict(found),
        }
        self.entries.pop(case, None)
        self.entries[case] = entry
        if not self._path.is_file():
            with written_aside(self._path) as draft:
                draft.write_text(_line({"call": self._call}), "utf-8")
        self._append(entry)

    def digest_of(self, files: Mapping[str, str], *settings: Any) -> str:
        """Return a checksum of what a file of several frames is made of, and how.

        Args:
            files: case -> which of its files.
            settings: as JSON.

        Raises:
            KeyError: a case is not done, or has no such file.
        """
        of = [[case, self.entries[case]["files"][name]] for case, name in files.items()]
        text = json.dumps([self._call, of, settings], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def is_made(self, name: str, digest: str) -> bool:
        """Say whether a file of several frames is there, as it was made of the very same."""
        product = self.products.get(name)
        if product is None or product["made_of"] != digest or not (self._out / name).is_file():
            return False
        return bool(product["sha256"] == sha256(self._out / name))

    def add_product(self, name: str, digest: str, draft: Path) -> None:
        """Note a file of several frames before it takes its place."""
        self.products[name] = {"product": name, "made_of": digest, "sha256": sha256(draft)}
        self._append(self.products[name])

    def _append(self, entry: Entry) -> None:
        with writing(self._path), self._path.open("ab") as file:
            # One write: a process that is killed leaves the line out, or a part of the last one.
            file.write(_ended(self._path) + _line(entry).encode())
            file.flush()
            os.fsync(file.fileno())


_of_frame = kept_for_each_file(1)(sha256)
"""The sha256 of a frame's file; a cine's is that of hundreds of frames."""


def _is_entry(line: Entry) -> bool:
    kinds = {"case": str, "frame_sha256": str, "given": dict, "files": dict, "found": dict}
    return all(isinstance(line.get(name), kind) for name, kind in kinds.items())


def _is_product(line: Entry) -> bool:
    return all(isinstance(line.get(name), str) for name in ("product", "made_of", "sha256"))


def _line(entry: Entry) -> str:
    return json.dumps(entry) + "\n"  # ASCII: names of files may be no UTF-8


def _ended(path: Path) -> bytes:
    """Return what ends a last line that was cut off: a line of its own for the next."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return b""
        file.seek(-1, os.SEEK_END)
        return b"" if file.read() == b"\n" else b"\n"


def _parsed(line: str) -> Entry | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _visible(out: Path) -> set[str]:
    if os.path.lexists(out) and not out.is_dir():
        raise InputError(f"--out {out} is no folder; give a new folder")
    return {p.name for p in out.iterdir() if not p.name.startswith(".")} if out.is_dir() else set()
