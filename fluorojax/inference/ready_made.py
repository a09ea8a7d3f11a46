"""Trained networks that come with the package, by their names: `fluorojax.load("joint")`.

Each is an export in `fluorojax/pretrained/NAME/`. Whatever reads an export asks `folder_of` where
it lies, so every command takes a name wherever it takes the folder of an export.
"""

import os
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "pretrained"
MANIFEST = "manifest.json"


def names() -> list[str]:
    """Return the names of the ready-made models."""
    return sorted(path.parent.name for path in FOLDER.glob(f"*/{MANIFEST}"))


def folder_of(given: str | Path) -> Path:
    """Return the folder of an export: the path given, or the ready-made model of this name.

    What stands at the path comes first, whatever it is, and so does a folder of that name in the
    current one.
    """
    path = Path(given)
    ready = len(path.parts) == 1 and path.name in names() and not os.path.lexists(path)
    return FOLDER / path.name if ready else path


def is_export(given: Path) -> bool:
    """Say whether a path is the folder of an export, or the name of a ready-made model."""
    return (folder_of(given) / MANIFEST).is_file()


def in_words() -> str:
    """Return the names as the end of a message says them: 'a ready-made model (joint)'."""
    return f"a ready-made model ({', '.join(names()) or 'there is none'})"
