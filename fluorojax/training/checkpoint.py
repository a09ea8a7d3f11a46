"""The only file that imports Orbax: the last and the best states of a run.

    <workdir>/checkpoints/last/STEP    the whole training state; the two newest
    <workdir>/checkpoints/best/STEP    the averaged parameters with the best score so far

Each folder holds `state/`, which Orbax writes, and `manifest.json`: the arrays, a note, and the
size and sha256 of every file. It is written beside its place by a thread and renamed when it is
whole, so that a name without `.part` behind it was complete once; what does not fit its manifest
was damaged later.

Why not `ocp.CheckpointManager` (looked at in 0.12.8): its only hook, `post_finalization_callback`,
is called after a step has been renamed to its place, so a kill between the two leaves a step that
counts as the newest and has no checksum; what it writes is not brought to the disk (no fsync)
before the rename, so a power failure can leave a named, empty step; and it counts a NaN score as
the best. Here checksum and fsync come before the rename, and Orbax writes the arrays.

States are saved as host arrays, so that what N devices wrote is read by any other number.
"""

import hashlib
import json
import math
import os
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from fluorojax.core.errors import InputError
from fluorojax.core.progress import console

MANIFEST = "manifest.json"
LAST_KEPT = 2
NO_RECORD = (ValueError, AttributeError, LookupError, TypeError)  # raised by another file's content
Note = dict[str, Any]


class DamageError(InputError):
    """A file of a checkpoint is not as it was written."""


class Checkpoints:
    """The two checkpoint folders of a run, `last` and `best`; use it as a context manager.

    Nothing is changed on disk before the first `resume` or save.
    """

    def __init__(self, workdir: Path):
        self._root = (workdir / "checkpoints").resolve()  # Orbax wants absolute paths
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._pending: dict[str, Future[None]] = {}

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.wait()
        finally:
            self._writer.shutdown()

    def wait(self) -> None:
        """Return when everything saved so far stands on disk.

        Raises:
            InputError: it could not be written; older checkpoints stand as before.
        """
        for kind in tuple(self._pending):
            self._settle(kind)

    def check(self) -> None:
        """Raise what `wait` would, if it is known already; do not wait."""
        for kind in [k for k, future in self._pending.items() if future.done()]:
            self._settle(kind)

    def resume(self, like: Any) -> tuple[Any, Note] | None:
        """Return the newest undamaged state and its note, and delete whatever is newer.

        A state needs the best parameters of its time too, because the run ends with them. One that
        is damaged is passed over aloud: going on from the one before gives the same bits.

        Args:
            like: a state with the structure, shapes and types of the stored one.

        Returns:
            None when nothing was saved yet.

        Raises:
            InputError: states were saved, and all are damaged; the files are named. Or the stored
                arrays have other shapes or types than `like`.
        """
        found: list[DamageError] = []
        for step in reversed(self._steps("last")):
            try:
                note = self._verified("last", step)["note"]
                if note["best_step"] is not None:
                    self._verified("best", note["best_step"])
            except DamageError as damage:
                found.append(damage)
                continue
            for known in found:
                console.print(f"warning: {known}; going on from step {step}, the one before")
            state = self._restore("last", step, like)
            self._forget_after(step)
            return state, note
        if found:
            raise InputError(
                "no checkpoint is whole, so the run cannot go on; bring back the files from a "
                f"copy, or remove {self._root} to start from the first step:\n"
                + "\n".join(f"- {known}" for known in found)
            )
        self._forget_after(0)
        return None

    @property
    def last_step(self) -> int | None:
        """Step of the newest state, None when there is none yet."""
        return self._newest("last")

    def save_last(self, step: int, state: Any, note: Note | None = None) -> None:
        """Write the whole training state after `step` updates, with a note in JSON, by a thread."""
        if step != self.last_step:
            self._save("last", step, state, {**(note or {}), "best_step": self.best_step})

    def restore_last(self, like: Any) -> Any:
        """Return the newest state, with the structure and types of `like`.

        Raises:
            InputError: a file of it is damaged, or the stored arrays have other shapes or types
                than `like`.
        """
        return self._newest_state("last", like)

    def save_best(self, step: int, parameters: Any, score: float) -> bool:
        """Write `parameters` if `score` beats all before; NaN never does. Say whether it did."""
        if not math.isfinite(score) or score <= self.best_score:
            return False
        self._save("best", step, parameters, {"score": score})
        return True

    @property
    def best_step(self) -> int | None:
        """Step of the best parameters, None when no score was a number yet."""
        return self._newest("best")

    @property
    def best_score(self) -> float:
        """Score of the best parameters so far, minus infinity when there are none."""
        step = self.best_step
        return -math.inf if step is None else self._manifest("best", step)["note"]["score"]

    def restore_best(self, like: Any) -> Any:
        """Return the best parameters, with the structure and types of `like`.

        Raises:
            InputError: a file of them is damaged.
        """
        return self._newest_state("best", like)

    def arrays(self, kind: str) -> dict[str, np.ndarray]:
        """Return the arrays of the newest 'last' or 'best', by name; none if there is none yet.

        Raises:
            InputError: a file of them is damaged.
        """
        step = self._newest(kind)
        if step is None:
            return {}
        self._check(kind, step)
        with _checkpointer() as reader:
            stored = reader.restore(self._root / kind / str(step) / "state")
        return {name: np.asarray(array) for name, array in stored.items()}

    # Reading.

    def _steps(self, kind: str) -> list[int]:
        folder = self._root / kind
        names = (path.name for path in folder.iterdir()) if folder.is_dir() else ()
        return sorted(int(name) for name in names if name.isdecimal())

    def _newest(self, kind: str) -> int | None:
        self._settle(kind)
        return max(self._steps(kind), default=None)

    def _newest_state(self, kind: str, like: Any) -> Any:
        step = self._newest(kind)
        if step is None:
            raise InputError(f"{self._root / kind} holds no checkpoint")
        self._check(kind, step)
        return self._restore(kind, step, like)

    def _check(self, kind: str, step: int) -> None:
        try:
            self._verified(kind, step)
        except DamageError as damage:
            raise InputError(
                f"{damage}. Run the same launch.py command again to go back to the checkpoint "
                "before it and make it anew, or bring back the file from a copy"
            ) from damage

    def _manifest(self, kind: str, step: int) -> dict[str, Any]:
        path = self._root / kind / str(step) / MANIFEST
        try:
            record = json.loads(path.read_text("utf-8"))
            digest = record.pop("sha256")
        except (*NO_RECORD, OSError, RecursionError) as error:
            raise DamageError(f"{path} is damaged or missing ({type(error).__name__})") from error
        if digest != _digest_of(record):
            raise DamageError(f"{path} is damaged: its content is not what was written")
        return record

    def _verified(self, kind: str, step: int) -> dict[str, Any]:
        """Return the manifest of a checkpoint after reading every file of it."""
        record = self._manifest(kind, step)
        for name, expected in record["files"].items():
            path = self._root / kind / str(step) / name
            try:
                found = _file_record(path)
            except OSError as error:
                raise DamageError(f"{path} is missing or unreadable ({error.strerror})") from error
            if found != expected:
                raise DamageError(
                    f"{path} is damaged: {found['bytes']} bytes, where {expected['bytes']} with "
                    f"sha256 {expected['sha256'][:12]} were written"
                )
        return record

    def _restore(self, kind: str, step: int, like: Any) -> Any:
        folder, template = self._root / kind / str(step), _flat(like)
        # Orbax would cast types silently.
        stored, needed = self._manifest(kind, step)["arrays"], _arrays(template)
        for name in sorted(needed | stored):
            if needed.get(name) != stored.get(name):
                raise InputError(
                    f"{folder} has {stored.get(name, 'nothing')} as {name}, where "
                    f"{needed.get(name, 'nothing')} is needed; it belongs to another "
                    "configuration: repeat the run's own, or give a new --workdir"
                )
        with _checkpointer() as reader:
            flat = reader.restore(folder / "state", args=ocp.args.StandardRestore(template))
        return jax.tree.unflatten(jax.tree.structure(like), [flat[name] for name in template])

    # Writing.

    def _settle(self, kind: str) -> None:
        future = self._pending.pop(kind, None)
        if future is not None:
            future.result()

    def _save(self, kind: str, step: int, tree: Any, note: Note) -> None:
        self._settle(kind)  # one copy of each kind in memory, not a queue of them
        arrays = _flat(tree)
        self._pending[kind] = self._writer.submit(self._write, kind, step, arrays, note)

    def _write(self, kind: str, step: int, arrays: dict[str, np.ndarray], note: Note) -> None:
        draft = self._root / kind / f"{step}.part"
        try:
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            with _checkpointer() as writer:
                writer.save(draft / "state", args=ocp.args.StandardSave(arrays))
            _write_manifest(draft, {"note": note, "arrays": _arrays(arrays)})
            _synchronise(draft)
            _delete(self._root / kind / str(step))
            draft.rename(self._root / kind / str(step))
            _synchronise(draft.parent)
        except Exception as error:  # Orbax raises errors of its own kinds for a full disk
            shutil.rmtree(draft, ignore_errors=True)
            raise InputError(
                f"{self._root / kind / str(step)} cannot be written ({error}); the checkpoints "
                "before it stand as they were. Make room or correct the permissions, then run the "
                "same command again"
            ) from error
        self._prune()

    def _prune(self) -> None:
        """Delete all but the newest states, and the best parameters that none of them needs."""
        last, best = self._steps("last"), self._steps("best")
        kept = last[-LAST_KEPT:]
        for step in last[:-LAST_KEPT]:
            _delete(self._root / "last" / str(step))
        # A run that goes on from a kept state starts with the best of that time.
        needed = {max((b for b in best if b <= step), default=None) for step in kept}
        for step in best[:-1]:
            if step not in needed:
                _delete(self._root / "best" / str(step))

    def _forget_after(self, step: int) -> None:
        """Delete what is newer than `step`, and what a killed run left unfinished."""
        for kind in ("last", "best"):
            folder = self._root / kind
            for path in folder.iterdir() if folder.is_dir() else ():
                if not path.name.isdecimal() or int(path.name) > step:
                    _delete(path)


def _checkpointer() -> ocp.Checkpointer:
    # Of several processes only this one writes: Orbax shall not wait for the others.
    alone = ocp.options.MultiprocessingOptions(
        primary_host=jax.process_index(), active_processes={jax.process_index()}
    )
    handler = ocp.StandardCheckpointHandler(multiprocessing_options=alone)
    return ocp.Checkpointer(handler, multiprocessing_options=alone)


def _flat(tree: Any) -> dict[str, np.ndarray]:
    """Return host arrays by their path, 'parameters|stage_0|...': names survive any container."""
    leaves = jax.tree_util.tree_leaves_with_path(jax.device_get(tree))
    # Copies: the device's own memory is given to the next step while a thread writes.
    return {
        jax.tree_util.keystr(path, simple=True, separator="|"): np.array(leaf)
        for path, leaf in leaves
    }


def _arrays(flat: dict[str, np.ndarray]) -> dict[str, str]:
    return {name: f"{array.dtype}{list(array.shape)}" for name, array in flat.items()}


def _write_manifest(folder: Path, record: dict[str, Any]) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    record = record | {
        "files": {path.relative_to(folder).as_posix(): _file_record(path) for path in files}
    }
    record["sha256"] = _digest_of(record)
    with (folder / MANIFEST).open("w", encoding="utf-8") as file:
        json.dump(record, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def _digest_of(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _file_record(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def _synchronise(folder: Path) -> None:
    """Bring a folder's names to the disk, so that a machine that loses power has them too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _delete(folder: Path) -> None:
    """Delete a folder; a kill in between leaves it under a name that says so."""
    doomed = folder if folder.suffix else folder.with_suffix(".deleted")
    with suppress(FileNotFoundError):
        if doomed != folder:
            shutil.rmtree(doomed, ignore_errors=True)
            folder.rename(doomed)
        shutil.rmtree(doomed)
