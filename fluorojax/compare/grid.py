"""A grid of runs, methods x seeds, each in a process of its own; then their comparison.

The folder of a grid holds `METHOD-seedN/` (a run), `METHOD-seedN.log` (what it printed),
`benchmark.json` (what all runs have in common) and `comparison/`. The same command again goes on:
finished runs are not made again, and a run that was stopped goes on from its checkpoint.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from fluorojax.config_file import find
from fluorojax.core.errors import InputError
from fluorojax.core.files import read_json
from fluorojax.core.progress import console, duration
from fluorojax.schema.limits import Number, Text
from fluorojax.schema.nested import Many, Record, first_of, problems
from fluorojax.training.signals import EXIT_CODE, Stopped

SHARED = "benchmark.json"
_SHARED = Record({"settings": Many(Text(), 0, 10_000)}, {"folds": Number(2, 1000, whole=True)})
FORWARDED = (signal.SIGTERM, signal.SIGUSR1)


class Cell(NamedTuple):
    """One run of a grid: a configuration as `fluorojax train` takes it, and a seed."""

    config: str
    seed: int
    workdir: Path
    settings: tuple[str, ...] = ()  # `FIELD=VALUE`, of this run alone

    @property
    def name(self) -> str:
        """What it is called: a fold by its method and seed as well."""
        inside = self.workdir.name.startswith("fold")
        return f"{self.workdir.parent.name}/{self.workdir.name}" if inside else self.workdir.name

    @property
    def log(self) -> Path:
        """What the run printed."""
        return self.workdir.with_name(self.workdir.name + ".log")


def grid(configs: Sequence[str], seeds: Sequence[int], root: Path) -> list[Cell]:
    """Return the runs of a grid, all methods of a seed before the next seed.

    Raises:
        InputError: no such configuration, or one named twice.
    """
    names = [name_of(config) for config in configs]
    for given, of in ((names, "--configs"), (seeds, "--seeds")):
        twice = [one for one in given if list(given).count(one) > 1]
        if twice:
            raise InputError(f"{of} names {twice[0]} twice")
    # A grid that is stopped halfway can then be compared already, on fewer seeds.
    return [
        Cell(config, seed, root / f"{name}-seed{seed}")
        for seed in seeds
        for config, name in zip(configs, names, strict=True)
    ]


def name_of(config: str) -> str:
    """Return what the runs of a configuration are called: `joint-quick` for `joint:quick`."""
    path, variant = find(config)
    return f"{path.stem}-{variant}" if variant else path.stem


def validate_grid_directory(root: Path, settings: Sequence[str], folds: int = 0) -> None:
    """Make the folder of a grid, or check that the grid that stands there has the same settings.

    Args:
        root: the folder.
        settings: `FIELD=VALUE`, set in every configuration.
        folds: of a cross-validation, or 0.

    Raises:
        InputError: the folder's runs have other settings, or the file that says so is damaged.
    """
    path = root / SHARED
    ours = {"settings": sorted(settings)} | ({"folds": folds} if folds else {})
    if path.is_file():
        theirs = read_json(path)
        if wrong := first_of(problems(_SHARED, theirs, "")):
            raise InputError(f"{path} is damaged: {wrong}; bring it back from a copy")
        if theirs != ours:
            raise InputError(
                f"{root} holds runs with {_in_words(theirs)}, not {_in_words(ours)}; give a new "
                "--workdir, or the same"
            )
        return
    root.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(ours, indent=1) + "\n", "utf-8")


def _in_words(shared: Mapping[str, Any]) -> str:
    folds = f" and --folds {shared['folds']}" if "folds" in shared else ""
    return f"--set {' '.join(shared['settings']) or '(nothing)'}{folds}"


def is_finished(cell: Cell) -> bool:
    """Say whether a run is trained and scored: its report is the last thing that it writes."""
    return (cell.workdir / "report.html").is_file()


def command(cell: Cell, settings: Sequence[str]) -> list[str]:
    """Return the command line of a run."""
    return [
        *(sys.executable, "-m", "fluorojax", "train", cell.config),
        f"--workdir={cell.workdir.absolute()}",
        f"--config.seed={cell.seed}",
        *overrides((*settings, *cell.settings)),
    ]


def overrides(settings: Sequence[str]) -> list[str]:
    """Return settings, `FIELD=VALUE` each, as `fluorojax train` takes them."""
    return [f"--config.{setting}" for setting in settings]


class Processes:
    """The processes of a grid: who runs, and whether they were asked to stop."""

    def __init__(self, jobs: int):
        """Take the number that run at once."""
        self.stopped = False
        self._running: set[subprocess.Popen[bytes]] = set()
        self._places: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._jobs = jobs
        for place in range(jobs):
            self._places.put(place)

    def run(self, arguments: Sequence[str], log: Path) -> int:
        """Run a command with its output added to `log`; return its exit status."""
        place = self._places.get()
        with (
            log.open("a", encoding="utf-8") as file,
            subprocess.Popen(arguments, stdout=file, stderr=subprocess.STDOUT) as process,
        ):
            self._running.add(process)
            if self._jobs > 1 and hasattr(os, "sched_setaffinity"):
                # Without a share of its own each run would start threads for all cores.
                cores = share_of_cores(os.sched_getaffinity(0), place, self._jobs)
                os.sched_setaffinity(process.pid, cores)
            status = process.wait()
            self._running.remove(process)
        self._places.put(place)
        return status

    def stop(self, number: int, _: FrameType | None = None) -> None:
        """Send a signal to all that runs; each saves and ends."""
        self.stopped = True
        for process in tuple(self._running):
            process.send_signal(number)

    @contextlib.contextmanager
    def forwarding(self) -> Iterator[None]:
        """Pass signals that ask to stop on to all that runs."""
        before = {number: signal.signal(number, self.stop) for number in FORWARDED}
        try:
            yield
        except KeyboardInterrupt:
            self.stopped = True  # the terminal has told the processes too
            raise
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def share_of_cores(cores: Collection[int], place: int, jobs: int) -> set[int]:
    """Return the cores of one of `jobs` runs; all of them where there are more runs than cores."""
    return set(sorted(cores)[place::jobs]) if jobs <= len(cores) else set(cores)


def run_grid(cells: Sequence[Cell], settings: Sequence[str], jobs: int = 1) -> None:
    """Make every run that is not finished, `jobs` at a time.

    A run that fails does not keep the others from being made.

    Raises:
        InputError: runs failed; names each with its log.
        Stopped: a run was asked to stop, and saved its state.
    """
    processes = Processes(jobs)

    def made(number: int, cell: Cell) -> int:
        return make(cell, settings, processes, f"{number}/{len(cells)}  {cell.name}")

    # The pool is left first, so that signals reach the runs as long as there are any.
    with processes.forwarding(), ThreadPoolExecutor(jobs) as pool:
        statuses = list(pool.map(made, range(1, len(cells) + 1), cells))
    if processes.stopped or EXIT_CODE in statuses:
        raise Stopped("a signal")
    failed = [
        f"- {cell.name}: status {status}, see {cell.log}"
        for cell, status in zip(cells, statuses, strict=True)
        if status
    ]
    if failed:
        raise InputError("runs have failed; mend and repeat the command:\n" + "\n".join(failed))


def make(cell: Cell, settings: Sequence[str], processes: Processes, where: str) -> int:
    """Make a run that is not finished; return its exit status, EXIT_CODE where all is to stop."""
    if processes.stopped:
        return EXIT_CODE
    if is_finished(cell):
        console.print(f"{where}: finished before")
        return 0
    console.print(f"{where}: running, log in {cell.log}")
    cell.log.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    status = processes.run(command(cell, settings), cell.log)
    took = duration(time.monotonic() - began)
    console.print(f"{where}: {'done' if status == 0 else f'status {status}'} after {took}")
    processes.stopped |= status == EXIT_CODE
    return status
