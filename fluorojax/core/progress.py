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
    """Prints how far the work is, at most every quarter of a minute.

    The time left is reckoned from the first units on, which wait for a compiler, files and
    processes: they count as done, and their time does not. Until there are more, none is said.
    """

    def __init__(self, name: str, total: int, done: int):
        self._name, self._total, self._start = name, total, done
        self._began: float | None = None
        self._spoke = time.monotonic()

    def __call__(self, done: int, note: str = "") -> None:
        """Say that `done` units are done."""
        now = time.monotonic()
        if self._began is None and done > self._start:
            self._start, self._began = done, now
        if now - self._spoke < SECONDS_BETWEEN_LINES and done < self._total:
            return
        self._spoke = now
        console.print(f"{self._name} {done}/{self._total}{self._left(done, now)}  {note}".rstrip())

    def _left(self, done: int, now: float) -> str:
        """Return the time left in words; nothing as long as it is not known."""
        if done >= self._total:
            return f", {duration(0.0)} left"
        if self._began is None or done <= self._start:
            return ""
        left = (now - self._began) / (done - self._start) * (self._total - done)
        return f", {duration(left)} left"


class Bar:
    """Moves a bar of rich, whose time left is reckoned from the first update on as well."""

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
