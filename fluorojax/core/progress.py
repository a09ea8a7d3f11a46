"""Long work shows a bar with the time left in a terminal, and plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

# Text comes from the user too: `[/x]` in a file's name is no markup, and `:bomb:` no picture.
console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)

SECONDS_BETWEEN_LINES = 15.0


class Lines:
    """Prints how far the work is, at most every quarter of a minute."""

    def __init__(self, name: str, total: int, done: int):
        self._name, self._total, self._start = name, total, done
        self._began = self._spoke = time.monotonic()

    def __call__(self, done: int, note: str = "") -> None:
        """Say that `done` units are done."""
        now = time.monotonic()
        if now - self._spoke < SECONDS_BETWEEN_LINES and done < self._total:
            return
        self._spoke = now
        fresh = done - self._start
        left = (now - self._began) / fresh * (self._total - done) if fresh else 0.0
        console.print(f"{self._name} {done}/{self._total}, {duration(left)} left  {note}".rstrip())


class Bar:
    """Moves a bar of rich."""

    def __init__(self, progress: Progress, name: str, total: int, done: int):
        self._progress = progress
        self._task = progress.add_task(name, total=total, completed=done, note="")

    def __call__(self, done: int, note: str = "") -> None:
        """Say that `done` units are done."""
        self._progress.update(self._task, completed=done, note=note)


@contextmanager
def progress(name: str, total: int, done: int = 0) -> Iterator[Lines | Bar]:
    """Give a function `update(done, note)` that shows progress until the block ends."""
    if not console.is_terminal:
        yield Lines(name, total, done)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=console) as bar:
        yield Bar(bar, name, total, done)


def duration(seconds: float) -> str:
    """Return '45 s', '12 min' or '3.4 h'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
