"""Predictions of any tool: a folder of masks, one a case, to be scored like a network's."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.core.files import file_name, why_no_file
from fluorojax.data.annotations import annotation_files, read_annotation
from fluorojax.data.folder import Case, Folder
from fluorojax.schema.example import Example

NAMES = ("{case}.png", "{stem}.png")  # by the case's name, or as `fluorojax predict` writes them
SHOWN = 5  # missing cases that are named


class MaskFolder:
    """Masks of a folder, found by their cases' names; called with an example it returns its mask.

    A name is a pattern with `{case}` (as `core.files.file_name` writes it), or `{stem}` for the
    frame's file without its ending, and with `{class}` where each class has a file of its own.
    """

    def __init__(
        self,
        root: Path,
        folder: Folder,
        cases: Iterable[str],
        *,
        encoding: str = "bitmask",
        names: Iterable[str] = NAMES,
    ):
        """Find the masks of all `cases` at once, before any is scored.

        Args:
            root: where the masks are.
            folder: the frames they were predicted from; its classes are the masks'.
            cases: those that will be asked for.
            encoding: one of `fluorojax.schema.info.ENCODINGS`.
            names: patterns, of which the first that has its files is taken.

        Raises:
            InputError: cases without a mask, which would otherwise vanish from the means.
        """
        self._info, self._encoding = folder.info, encoding
        by_name = {case.case: case for case in folder.cases}
        found = {name: self._find(root, by_name[name], tuple(names)) for name in cases}
        missing = [name for name, path in found.items() if path is None]
        if missing:
            listed = ", ".join(missing[:SHOWN]) + (", ..." if len(missing) > SHOWN else "")
            raise InputError(
                f"{root}: {len(missing)} of {len(found)} cases have no mask ({listed}); looked for "
                f"{' and '.join(names)}; write an empty mask where nothing was found"
            )
        self._paths = {name: path for name, path in found.items() if path is not None}

    def _find(self, root: Path, case: Case, names: tuple[str, ...]) -> Path | None:
        for name in names:
            named = name.replace("{case}", file_name(case.case))
            path = root / named.replace("{stem}", case.image.stem)
            if not any(map(why_no_file, annotation_files(path, self._info))):
                return path
        return None

    def __call__(self, example: Example) -> np.ndarray:
        """Return the mask `[H, W, C] bool` of an example.

        Raises:
            InputError: the file is no such mask, or not of the frame's size.
        """
        case, shape = example["case"], example["image"].shape
        return read_annotation(self._paths[case], self._info, self._encoding, shape, case)
