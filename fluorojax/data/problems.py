"""Several mistakes reported at once, so that a folder is mended in one go."""

from collections.abc import Sequence
from pathlib import Path

from fluorojax.core.errors import InputError

MAX_PROBLEMS = 20


def refuse(path: Path, problems: Sequence[str]) -> None:
    """Raise one error with the file's problems, at most 20 of them; nothing where there is none.

    Raises:
        InputError: there is a problem.
    """
    if not problems:
        return
    if len(problems) == 1:
        raise InputError(f"{path}: {problems[0]}")
    shown = [f"  {problem}" for problem in problems[:MAX_PROBLEMS]]
    if len(problems) > MAX_PROBLEMS:
        shown.append(f"  and {len(problems) - MAX_PROBLEMS} more")
    raise InputError("\n".join([f"{path}: {len(problems)} problems", *shown]))
