"""The one error that speaks to the user."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STATUS = 2  # with which a command leaves after an `InputError`
SOME_FAILED = 3  # and where some frames could not be used, but the others were


class InputError(ValueError):
    """Something the user gave cannot be used as it is.

    The message names the file, the case and the value, and says how to mend it. The commands and
    launch.py print it without a traceback and leave with `STATUS`.
    """


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an operating system's refusal to write `path` (full, read-only) into an `InputError`."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{error.filename or path} cannot be written ({error.strerror}); make room, correct "
            "the permissions or choose another folder, then run the same command again"
        ) from error
