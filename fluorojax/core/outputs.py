"""Where commands write: never over what they read, aside first, and as a whole or not at all.

A folder of results is written under another name beside its place and renamed when it is complete,
with `contents.json`, which says what is in it: so a whole one is told from a torn one, and one that
a command may replace from one with other people's files.
"""

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fluorojax
from fluorojax.core.errors import InputError, writing
from fluorojax.core.files import read_json, reading

CONTENTS = "contents.json"
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
OF_A_RUN = ("checkpoints", "evaluation", "export", "tensorboard", "validation")
"""Folders that belong to a run: beside its `config.json`."""
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # of <fcntl.h> and <linux/fs.h>


@contextmanager
def results(
    out: Path, kind: str, reads: Iterable[Path] = (), *, owned: bool = False
) -> Iterator[Path]:
    """Give a folder to write results into; it takes the place of `out` when the block is through.

    Where the block ends in an error, or the process in the middle of it, `out` is as it was.

    Args:
        out: new, empty, or results of this kind that nobody has changed: they are replaced.
        kind: what the results are, in a word, such as 'evaluation'.
        reads: files and folders that the command reads; none may lie in `out`.
        owned: `out` is a part of a run, and replaced whatever is in it.

    Raises:
        InputError: see `check_free`; another process writes there; or it cannot be written.
    """
    if not owned:
        check_free(out, kind, reads)
    with replaced(out) as draft:
        yield draft
        _seal(draft, kind)


@contextmanager
def replaced(out: Path) -> Iterator[Path]:
    """Give a folder to write into; it takes the place of `out`, whatever is in that, at the end.

    Raises:
        InputError: another process writes there, or it cannot be written; `out` is as it was.
    """
    place = out.resolve()
    draft = place.with_name(f".{place.name}.part")
    with _writing_into(draft, out):
        draft.mkdir(parents=True, exist_ok=True)
        with _locked(draft, out):
            try:
                _clear(draft)
                yield draft
                _exchange(draft, place)
            finally:
                shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _writing_into(draft: Path, out: Path) -> Iterator[None]:
    """Turn a refusal to write into the draft into an error that speaks of `out`.

    What cannot be read elsewhere, and names its file, passes.
    """
    try:
        yield
    except OSError as error:
        if error.filename and not str(error.filename).startswith(str(draft)):
            raise
        raise InputError(
            f"--out {out} cannot be written ({error.strerror or error}); make room, correct the "
            "permissions or choose another folder, then run the same command again; what stood "
            "there is as it was"
        ) from error


def check_free(out: Path, kind: str, reads: Iterable[Path] = ()) -> None:
    """Check that results of this kind may be written to `out`: before anything is computed.

    Raises:
        InputError: `out` is a file or a part of a run, something that is read lies in it, or there
            is something in it that is no result of this kind, or was changed since.
    """
    with reading(out):
        refuse_part_of_a_run(out)
        if not os.path.lexists(out):
            return
        if not out.is_dir():
            raise InputError(f"--out {out} is no folder; give a new folder")
        if (path := first_within(out, reads)) is not None:
            raise InputError(
                f"--out {out}: {path} is read, and would be lost where results are written in "
                "its folder; give a new folder"
            )
        if foreign := _foreign(out, kind):
            raise InputError(
                f"--out {out} is not empty: {foreign}; give a new folder, nothing in it was changed"
            )


def first_within(out: Path, reads: Iterable[Path]) -> Path | None:
    """Return the first of the paths that lies in `out`, through links too; None: none does."""
    place = out.resolve()
    return next((path for path in reads if path.resolve().is_relative_to(place)), None)


def refuse_part_of_a_run(out: Path) -> None:
    """Refuse a folder that a run keeps for its own parts, or one within.

    Raises:
        InputError: it is one.
    """
    place = out.resolve()
    for path in (place, *place.parents):
        if path.name in OF_A_RUN and (path.parent / "config.json").is_file():
            raise InputError(
                f"--out {out} is a part of the run {path.parent}, whose own scores it would "
                "replace; give a folder elsewhere"
            )


def _foreign(out: Path, kind: str) -> str:
    """Return what in a folder is not a result of this kind as it was written; '' if nothing is."""
    entries = (p for p in out.rglob("*") if p.is_symlink() or not p.is_dir())
    found = {p.relative_to(out).as_posix() for p in entries}
    found -= {name for name in found if Path(name).name.startswith(".")}
    if not found:
        return ""
    if CONTENTS not in found:
        return f"{min(found)} is no {kind} of an earlier call"
    contents = read_contents(out)
    if contents["kind"] != kind:
        return f"it holds another call's {contents['kind']}"
    listed = contents["files"]
    if other := found - listed.keys() - {CONTENTS}:
        return f"{min(other)} is no {kind} of an earlier call"
    for name in sorted(found & listed.keys()):
        if sha256(out / name) != listed[name]["sha256"]:
            return f"{name} was changed since it was written"
    return ""


def check_whole(folder: Path) -> None:
    """Check that a folder of results holds what was written: every file, none of another size.

    Tables and descriptions are compared by their checksum too. Results of versions before there
    was `contents.json` say nothing, and pass.

    Raises:
        InputError: names the first file that is missing or was changed.
    """
    if not (folder / CONTENTS).is_file():
        return
    for name, of in read_contents(folder)["files"].items():
        path = folder / name
        if not path.is_file():
            raise InputError(f"{path} is missing, which {CONTENTS} lists; evaluate again")
        changed = path.stat().st_size != of["bytes"]
        if changed or (path.suffix in (".csv", ".json") and sha256(path) != of["sha256"]):
            raise InputError(f"{path} is not as it was written: torn or changed; evaluate again")


def read_contents(folder: Path) -> dict[str, Any]:
    """Return what `contents.json` says: `kind`, `files` (name -> `bytes`, `sha256`), `fluorojax`.

    Raises:
        InputError: it is missing or damaged.
    """
    path = folder / CONTENTS
    contents = read_json(path)
    files = contents.get("files") if isinstance(contents, dict) else None
    good = isinstance(files, dict) and all(
        isinstance(of, dict) and of.keys() >= {"bytes", "sha256"} for of in files.values()
    )
    if not good or not isinstance(contents.get("kind"), str):
        raise InputError(f"{path} is damaged; write these results again into a new folder")
    return contents


def _seal(draft: Path, kind: str) -> None:
    """Write what is in the folder into its `contents.json`, and bring that to the disk."""
    files = {
        path.relative_to(draft).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256(path)}
        for path in sorted(draft.rglob("*"))
        if path.is_file()
    }
    record = {"kind": kind, "fluorojax": fluorojax.__version__, "files": files}
    with (draft / CONTENTS).open("w", encoding="utf-8") as file:
        file.write(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def sha256(path: Path) -> str:
    """Return the checksum of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Give a file to write to; it takes the place of `path` when the block is through.

    A reader sees the old file or the new one, never half of one.

    Raises:
        InputError: it cannot be written; `path` is as it was.
    """
    draft = path.with_name(f".{path.name[-100:]}.part")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield draft
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def refuse_clashes(files: Iterable[tuple[str, Path]]) -> None:
    """Check that no two things are written to one file.

    Args:
        files: what is written, in words, and its path.

    Raises:
        InputError: two of them; both are named.
    """
    seen: dict[Path, str] = {}
    for what, path in files:
        if (other := seen.setdefault(path, what)) != what:
            raise InputError(
                f"{other} and {what} would both be written to {path}; give them in two "
                "commands, with two folders, or rename one"
            )


@contextmanager
def _locked(draft: Path, out: Path) -> Iterator[None]:
    """Hold the folder against other processes; the lock goes with this one, however it ends."""
    handle = os.open(draft, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            os.close(handle)
            raise InputError(
                f"--out {out}: another process writes there; wait for its end, or give another "
                "folder"
            ) from error
    try:
        yield
    finally:
        os.close(handle)


def _clear(draft: Path) -> None:
    """Remove what a process that was killed left of its results."""
    for path in draft.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _exchange(draft: Path, place: Path) -> None:
    """Put the draft in its place, and what stood there in the draft's, in one move if it can be.

    Elsewhere than on Linux the old results are away for a moment, under the draft's name and
    '.old' behind it, and come back where the second move fails.
    """
    if not place.exists():
        draft.rename(place)
    elif not _try_exchange(draft, place):
        _exchange_in_two(draft, place)


def _exchange_in_two(draft: Path, place: Path) -> None:
    old = draft.with_name(f"{draft.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    place.rename(old)
    try:
        draft.rename(place)
    except OSError:
        old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _try_exchange(one: Path, other: Path) -> bool:
    """Let two folders change their names at once; False where the system has no such call."""
    with contextlib.suppress(OSError, AttributeError):
        call = ctypes.CDLL(None, use_errno=True).renameat2
        names = os.fsencode(one), os.fsencode(other)
        return call(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0
    return False
