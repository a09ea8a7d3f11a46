"""The folder of a run: its lock, its configuration, and on what it ran."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from fluorojax.config import difference
from fluorojax.core import environment, parallel
from fluorojax.core.errors import InputError, writing
from fluorojax.core.outputs import NO_LOCKS, written_aside
from fluorojax.core.progress import console
from fluorojax.datasets.source import Dataset, Frames
from fluorojax.training.reproduce import read_record

CASES = "cases.json"
# These do not change what is learned, so a resumed run may change them.
FREE = (
    *("data.threads", "data.memory_mb", "data.built_dir", "training.cpu_devices"),
    *("training.log_every", "training.images", "training.most_skipped"),
)
# The last bits may depend on these.
SURROUNDINGS = ("versions", "git_revision", "devices", "machine")


@contextmanager
def lock(workdir: Path) -> Iterator[None]:
    """Make the folder of a run, and keep other processes out of it until the block ends.

    The lock is the system's own (flock) on the file `lock`: it goes with the process, however that
    ends, so nothing is left to be removed by hand.

    Raises:
        InputError: another process works in the folder, or it cannot be written.
    """
    with writing(workdir):
        workdir.mkdir(parents=True, exist_ok=True)
        handle = (workdir / "lock").open("a+", encoding="utf-8")
    with handle:
        _acquire(handle, workdir)
        with writing(workdir / "lock"):
            handle.truncate(0)
            handle.write(f"process {os.getpid()}")  # not on which machine: runs are shared
            handle.flush()
        yield


def _acquire(handle: Any, workdir: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in NO_LOCKS:
            console.print(
                f"warning: the file system of {workdir} has no locks; start no second run"
            )
            return
        handle.seek(0)
        raise InputError(
            f"{handle.read() or 'another process'} works in {workdir}; wait for its end, or give "
            "another --workdir"
        ) from error


def validate_run_directory(
    workdir: Path, config: ConfigDict, dataset: Dataset, command: str | None = None
) -> None:
    """Make the folder of a run, or check that the run that stands there is the same one.

    It may go on with other versions or devices, after a warning: its result is as good, but not
    that of an uninterrupted run bit for bit.

    Args:
        workdir: the folder.
        config: of the run.
        dataset: that it learns from.
        command: that began it, if any did; see `fluorojax.launch`.

    Raises:
        InputError: another configuration or data set stands there, the fields that differ are
            named; or the record of the run that stands there is damaged.
    """
    record = describe(config, dataset) | ({"command": command} if command else {})
    path = workdir / "config.json"
    if path.exists():
        there = read_record(workdir)
        _compare(path, there, record)
        for line in difference(
            *({name: x.get(name) for name in SURROUNDINGS} for x in (record, there))
        ):
            console.print(f"warning: begun under other conditions, so not bitwise the same: {line}")
        return
    with writing(path):
        workdir.mkdir(parents=True, exist_ok=True)
        with written_aside(path) as draft:
            draft.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


def write_cases(workdir: Path, frames: Mapping[str, Frames]) -> None:
    """Write which cases the run trains on, validates on and may be tested on, by split."""
    lists = {split: [row.case for row in of.rows] for split, of in frames.items()}
    with writing(workdir / CASES), written_aside(workdir / CASES) as draft:
        draft.write_text(json.dumps(lists, indent=1) + "\n", "utf-8")


def describe(config: ConfigDict, dataset: Dataset) -> dict[str, Any]:
    """Return what `config.json` holds, as JSON."""
    return {
        "config": config.to_dict(),
        "dataset": {**dataset.info.to_json(), "fingerprint": dataset.fingerprint},
        "versions": environment.versions(),
        "git_revision": environment.git_revision(),
        "devices": parallel.describe_devices(),
        "machine": environment.machine(),
    }


def _compare(path: Path, there: dict[str, Any], here: dict[str, Any]) -> None:
    lines = difference(here["config"], there["config"])
    lines = [line for line in lines if not line.startswith(tuple(f"{name}:" for name in FREE))]
    ours, theirs = here["dataset"]["fingerprint"], there["dataset"]["fingerprint"]
    if ours != theirs:
        lines.append(f"the data set's content: {theirs[:12]} there, {ours[:12]} here")
    if lines:
        raise InputError(
            f"{path.parent} holds another run; give a new --workdir, or repeat its settings:\n"
            + "\n".join(f"- {line}" for line in lines)
        )


def default(config: ConfigDict) -> Path:
    """Return `runs/METHOD-DATA-SIZE-seedN`: other data or another seed is another run."""
    data = config.data
    source = Path(data.dir).resolve().name if data.builder == "xray_folder" else data.size
    return Path("runs") / f"{config.method}-{source}-seed{config.seed}"
