"""The error that speaks to the user, and what is said of others that can be mended."""

import errno
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

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


def needs(module: str, extra: str, what: str) -> ModuleType:
    """Return a library that an extra of the project installs, and not the base.

    Raises:
        InputError: it is not installed; `what` is read or written by it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"{what} need the library {module.partition('.')[0]}; install it: pip install "
            f"'fluorojax[{extra}]'"
        ) from error


REMEDIES = {
    errno.EACCES: "correct the permissions, or give another folder",
    errno.EDQUOT: "make room, then run the same command again",
    errno.EEXIST: "give another name, or remove what stands there",
    errno.EFBIG: "give another folder, whose file system takes files of this size",
    errno.EIO: "the disk or the network drive fails; copy the data to another",
    errno.EISDIR: "a folder stands there, and a file is needed; give the file",
    errno.ELOOP: "its links lead in a circle; give the file itself",
    errno.EMFILE: "let the process open more files (ulimit -n)",
    errno.ENAMETOOLONG: "give a shorter name, or a shorter path to it",
    errno.ENOENT: "correct the path, or put the file there",
    errno.ENOSPC: "make room, then run the same command again",
    errno.ENOTDIR: "a part of the path is a file; give a path of folders",
    errno.ENOTEMPTY: "empty the folder, or give another",
    errno.EPERM: "correct the permissions, or give another folder",
    errno.EROFS: "it is mounted for reading alone; give another folder",
    errno.ESTALE: "the network drive was lost; run the same command again when it is back",
    errno.EXDEV: "it lies on another disk; give a folder on the same",
}
"""What to do about what a system refuses, by the number of its error."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What libraries report by errors of their own kinds, with the system's words in them."""
USUAL = "correct the path, the permissions or the disk, then run the same command again"


def in_words(error: BaseException) -> str:
    """Return what a user is told of an error that can be mended; '' where it is the program's own.

    An `InputError` says it itself, perhaps in several lines; what the system refuses is one line
    with the file, the reason and the remedy, and so is too little memory.
    """
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError):
        return _of_system(error)
    for number in FULL:
        if os.strerror(number) in (text := str(error)):
            return f"{' '.join(text.split())[:300]}; {REMEDIES[number]}"
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)[:200]:
        reason = next(iter(str(error).splitlines()), "")
        return (
            f"the memory does not suffice{f' ({reason[:200]})' if reason else ''}; give smaller "
            "frames or batches (--config.training.batch_size), or use a machine with more of it"
        )
    if isinstance(error, RecursionError):
        return (
            "something that was given holds brackets or folders within hundreds of others; write "
            "or export it again"
        )
    return ""


def _of_system(error: OSError) -> str:
    """Return the file, or two of them, the reason and the remedy."""
    files = [str(name) for name in (error.filename, error.filename2) if name is not None]
    reason = error.strerror or next(iter(str(error).splitlines()), "") or type(error).__name__
    remedy = REMEDIES.get(error.errno or 0, USUAL)
    return f"{' -> '.join(files)}: {reason}; {remedy}" if files else f"{reason}; {remedy}"
