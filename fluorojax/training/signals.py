"""An orderly end when the scheduler or the user asks for one: SIGTERM, SIGUSR1 and Ctrl-C."""

import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

from fluorojax.core.errors import STATUS, in_words
from fluorojax.core.progress import console

# "Temporary failure, try again" of <sysexits.h>: the same command goes on.
EXIT_CODE = 75
# As shells have it: 128 and the signal's number.
INTERRUPTED = 128 + signal.SIGINT
NOBODY_READS = 128 + signal.SIGPIPE
SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class Stopped(BaseException):
    """The run was asked to end, and nothing that was computed is lost.

    No error: like KeyboardInterrupt, it passes every `except Exception`.
    """


def leave(stopped: Stopped) -> NoReturn:
    """Report that the run was stopped, and leave the process with EXIT_CODE.

    At once: a signal may have come in the middle of a compilation, and the interpreter's own end
    has crashed after that, with another status than the one that schedulers wait for.
    """
    print(f"stopped by {stopped}; run the same command again to go on", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(EXIT_CODE)


@contextlib.contextmanager
def leaving() -> Iterator[None]:
    """Turn what ends a command into its status: what the user can mend, and a signal.

    The first is printed without a traceback (`fluorojax.core.errors.in_words`); another error is
    one of the program, and passes. Where nobody reads on (`fluorojax check DIR | head`) nothing
    more is said.
    """
    _write_any_text()
    try:
        yield
        print(end="", flush=True)
    except Stopped as stopped:
        leave(stopped)
    except KeyboardInterrupt:
        _flush()
        print("interrupted; what was finished stands", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except Exception as error:
        _flush()
        if isinstance(error, BrokenPipeError) and error.filename is None:
            sys.exit(NOBODY_READS)
        if not (words := in_words(error)):
            raise
        print(f"error: {words}", file=sys.stderr)
        sys.exit(STATUS)


def _write_any_text() -> None:
    """Let names of files that are no text of this terminal be printed, with escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _flush() -> None:
    """Write what is still to be printed; where that fails, let the rest of it go nowhere."""
    try:
        print(end="", flush=True)  # nothing happens where there is no output at all
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Stop:
    """Whether the run was asked to end; use it as a context manager, which takes the signals.

    Outside `deferred` a signal raises `Stopped` at once. Inside, it is only noted in `requested`,
    for the loop to look at between two steps. Further signals change nothing, so that saving is
    not disturbed; but a second Ctrl-C leaves the process on the spot. Checkpoints are renamed when
    they are whole, so even then an older one stands.
    """

    def __init__(self) -> None:
        self.requested: str | None = None
        self._deferred = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Stop":
        # Python gives signals to its main thread alone.
        if threading.current_thread() is threading.main_thread():
            self._before = {one: signal.signal(one, self._receive) for one in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Only note a signal inside the block."""
        with self._mode(deferred=True):
            yield

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Raise `Stopped` as soon as a signal comes, inside a block of `deferred` too."""
        if self.requested:
            raise Stopped(self.requested)
        with self._mode(deferred=False):
            yield

    @contextlib.contextmanager
    def _mode(self, deferred: bool) -> Iterator[None]:
        before, self._deferred = self._deferred, deferred
        try:
            yield
        finally:
            self._deferred = before

    def _receive(self, number: int, _frame: Any) -> None:
        name = signal.Signals(number).name
        if self.requested:
            if number == signal.SIGINT:
                console.show_cursor(True)
                os._exit(128 + number)
            return
        self.requested = name
        if not self._deferred:
            raise Stopped(name)
        # Not by the console, which the signal may have found in the middle of a line.
        os.write(2, f"\n{name}: finishing the step, then saving; Ctrl-C to leave now\n".encode())
