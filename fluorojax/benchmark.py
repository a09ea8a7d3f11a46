"""A grid of runs, methods x seeds, each in a process of its own; then their comparison.

The folder of a grid holds `METHOD-seedN/` (a run), `METHOD-seedN.log` (what it printed),
`benchmark.json` (what all runs have in common) and `comparison/`. The same command again goes on:
finished runs are not made again, and a run that was stopped goes on from its checkpoint.
"""

import importlib.util
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from fluorojax.environment import ROOT
from fluorojax.errors import InputError
from fluorojax.progress import console, duration
from fluorojax.training.signals import EXIT_CODE, Stopped

SHARED = "benchmark.json"
FORWARDED = (signal.SIGTERM, signal.SIGUSR1)


class Cell(NamedTuple):
    """One run of a grid: a configuration such as `joint` or `joint:quick`, and a seed."""

    config: str
    seed: int
    workdir: Path

    @property
    def log(self) -> Path:
        """What the run printed."""
        return self.workdir.with_name(self.workdir.name + ".log")


def grid(configs: Sequence[str], seeds: Sequence[int], root: Path) -> list[Cell]:
    """Return the runs of a grid, all methods of a seed before the next seed.

    Raises:
        InputError: no such configuration, or one named twice.
    """
    for config in configs:
        name = config.partition(":")[0]
        if importlib.util.find_spec(f"configs.{name}") is None:
            raise InputError(f"--configs: there is no configs/{name}.py")
    for given, of in ((configs, "--configs"), (seeds, "--seeds")):
        twice = [one for one in given if list(given).count(one) > 1]
        if twice:
            raise InputError(f"{of} names {twice[0]} twice")
    # A grid that is stopped halfway can then be compared already, on fewer seeds.
    return [
        Cell(config, seed, root / f"{config.replace(':', '-')}-seed{seed}")
        for seed in seeds
        for config in configs
    ]


def claim(root: Path, settings: Sequence[str]) -> None:
    """Make the folder of a grid, or check that the grid that stands there has the same settings.

    Args:
        root: the folder.
        settings: `FIELD=VALUE`, set in every configuration.

    Raises:
        InputError: the folder's runs have other settings.
    """
    path = root / SHARED
    ours = {"settings": sorted(settings)}
    if path.is_file():
        theirs = json.loads(path.read_text("utf-8"))
        if theirs != ours:
            raise InputError(
                f"{root} holds runs with --set {' '.join(theirs['settings']) or '(nothing)'}, not "
                f"{' '.join(ours['settings']) or '(nothing)'}; give a new --workdir, or the same"
            )
        return
    root.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(ours, indent=1) + "\n", "utf-8")


def is_finished(cell: Cell) -> bool:
    """Say whether a run is trained and scored: its report is the last thing that it writes."""
    return (cell.workdir / "report.html").is_file()


def command(cell: Cell, settings: Sequence[str]) -> list[str]:
    """Return the command line of a run."""
    name, colon, variant = cell.config.partition(":")
    return [
        sys.executable,
        str(ROOT / "launch.py"),
        f"--config={ROOT / 'configs' / name}.py{colon}{variant}",
        f"--workdir={cell.workdir.absolute()}",
        f"--config.seed={cell.seed}",
        *(f"--config.{setting}" for setting in settings),
    ]


def run_process(arguments: Sequence[str], log: Path) -> int:
    """Run a command with its output added to `log`; return its exit status.

    Signals that ask to stop go on to the process, which saves and ends before this returns.
    """
    with (
        log.open("a", encoding="utf-8") as file,
        subprocess.Popen(arguments, stdout=file, stderr=subprocess.STDOUT) as process,
    ):

        def forward(number: int, _: FrameType | None) -> None:
            process.send_signal(number)

        before = {number: signal.signal(number, forward) for number in FORWARDED}
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()  # the terminal has told it too
            raise
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def run_grid(cells: Sequence[Cell], settings: Sequence[str]) -> None:
    """Make every run that is not finished, one after the other.

    A run that fails does not keep the others from being made.

    Raises:
        InputError: runs failed; names each with its log.
        Stopped: a run was asked to stop, and saved its state.
    """
    failed = []
    for number, cell in enumerate(cells, 1):
        where = f"{number}/{len(cells)}  {cell.workdir.name}"
        if is_finished(cell):
            console.print(f"{where}: finished before")
            continue
        console.print(f"{where}: running, log in {cell.log}")
        began = time.monotonic()
        status = run_process(command(cell, settings), cell.log)
        took = duration(time.monotonic() - began)
        console.print(f"{where}: {'done' if status == 0 else f'status {status}'} after {took}")
        if status == EXIT_CODE:
            raise Stopped("a signal")
        if status != 0:
            failed.append(f"- {cell.workdir.name}: status {status}, see {cell.log}")
    if failed:
        raise InputError("runs have failed; mend and repeat the command:\n" + "\n".join(failed))
