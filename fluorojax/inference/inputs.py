"""The frames that a command was given: files, and folders of them."""

from collections.abc import Sequence
from pathlib import Path

from fluorojax.core.errors import InputError
from fluorojax.data.readers import IMAGE_SUFFIXES


def frames_of(inputs: Sequence[Path]) -> list[Path]:
    """Return the frames named, and those in the folders named, each once.

    Raises:
        InputError: nothing is there, or two frames would write the same `<stem>.png`.
    """
    paths: list[Path] = []
    for given in inputs:
        if given.is_dir():
            paths += sorted(p for p in given.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
        elif given.is_file():
            paths.append(given)
        else:
            raise InputError(f"{given} does not exist; give frames, or folders of frames")
    if not paths:
        raise InputError(f"no frame ({', '.join(IMAGE_SUFFIXES)}) in {', '.join(map(str, inputs))}")
    stems: dict[str, Path] = {}
    for path in paths:
        if (other := stems.setdefault(path.stem, path)) != path:
            raise InputError(
                f"{other} and {path} would both be written to {path.stem}.png; "
                "give them in two commands, with two folders, or rename one"
            )
    return list(stems.values())
