"""Predictions of any tool: a folder of masks, one a case, to be scored like a network's."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.core.files import file_name, why_no_file
from fluorojax.data.annotations import annotation_files, read_annotation
from fluorojax.data.folder import Case, Folder
from fluorojax.data.readers import stem_of
from fluorojax.schema.example import Example

NAMES = ("{case}.png", "{stem}.png")  # by the case's name, or by the frame's file
NAMES_PER_CLASS = ("{case}_{class}.png", "{stem}_{class}.png")
SHOWN = 5  # cases that a message names
OF_CASE, OF_CLASS = ("{case}", "{stem}"), "{class}"

Files = tuple[Path, ...]


class MaskFolder:
    """Masks of a folder, found by their cases' names; called with an example it returns its mask.

    A name is a pattern with `{case}` (as `core.files.file_name` writes it), or `{stem}` for the
    frame's file without its ending, and with `{class}` where each class has a file of its own.
    Which mask belongs to which case is never guessed: one pattern serves all cases, and one file
    serves one case.
    """

    def __init__(
        self,
        root: Path,
        folder: Folder,
        cases: Iterable[str],
        *,
        encoding: str = "bitmask",
        names: Iterable[str] | None = None,
    ):
        """Find the masks of all `cases` at once, before any is scored.

        Args:
            root: where the masks are.
            folder: the frames they were predicted from; its classes are the masks'.
            cases: those that will be asked for.
            encoding: one of `fluorojax.schema.info.ENCODINGS`.
            names: patterns, of which the one that has the files of all cases is taken; default:
                NAMES, or NAMES_PER_CLASS.

        Raises:
            InputError: cases without a mask, which would otherwise vanish from the means; two
                patterns that find different files; one file for two cases; or a pattern that
                cannot tell cases or classes apart.
        """
        self._info, self._encoding = folder.info, encoding
        wanted = [case for case in folder.cases if case.case in set(cases)]
        usual = NAMES_PER_CLASS if encoding == "per_class" else NAMES
        patterns = tuple(names or usual)
        for pattern in patterns:
            _check_pattern(pattern, encoding, len(wanted))
        self._paths = self._found(root, wanted, patterns)
        self._refuse_shared(root)

    def _found(self, root: Path, cases: Sequence[Case], patterns: Sequence[str]) -> dict[str, Path]:
        """Return case -> path by the one pattern that has all files."""
        by_pattern = {
            pattern: {case.case: root / _filled(pattern, case) for case in cases}
            for pattern in patterns
        }
        missing = {
            pattern: [name for name, path in paths.items() if not self._is_there(path)]
            for pattern, paths in by_pattern.items()
        }
        whole = [pattern for pattern in patterns if not missing[pattern]]
        if not whole:
            self._refuse_missing(root, missing, len(cases))
        for other in (pattern for pattern in patterns if pattern != whole[0]):
            self._refuse_different(by_pattern[whole[0]], by_pattern[other], whole[0], other)
        return by_pattern[whole[0]]

    def _files(self, path: Path) -> Files:
        return annotation_files(path, self._info)

    def _is_there(self, path: Path) -> bool:
        return not any(map(why_no_file, self._files(path)))

    def _refuse_missing(
        self, root: Path, missing: Mapping[str, Sequence[str]], count: int
    ) -> NoReturn:
        pattern = min(missing, key=lambda pattern: len(missing[pattern]))
        others = [other for other in missing if other != pattern]
        looked = f"looked for {' and '.join([pattern, *others])}"
        if all(len(missing[other]) < count for other in missing) and others:
            looked += ", of which one must serve all cases"
        raise InputError(
            f"{root}: {len(missing[pattern])} of {count} cases have no mask "
            f"({_listed(missing[pattern])}); {looked}; write an empty mask where nothing was "
            "found, or say --name"
        )

    def _refuse_different(
        self, ours: Mapping[str, Path], theirs: Mapping[str, Path], pattern: str, other: str
    ) -> None:
        for case, path in ours.items():
            if not self._is_there(theirs[case]):
                continue
            if _resolved(self._files(path)) != _resolved(self._files(theirs[case])):
                raise InputError(
                    f"case {case}: both {path} ({pattern}) and {theirs[case]} ({other}) are there; "
                    f"say which with --name '{pattern}' or --name '{other}'"
                )

    def _refuse_shared(self, root: Path) -> None:
        seen: dict[Path, str] = {}
        for case, path in self._paths.items():
            for file in _resolved(self._files(path)):
                if (other := seen.setdefault(file, case)) != case:
                    raise InputError(
                        f"{root}: {file.name} would be the mask of the cases {other} and {case}; "
                        "name each mask by its case, and say --name '{case}.png' or the like"
                    )

    def __call__(self, example: Example) -> np.ndarray:
        """Return the mask `[H, W, C] bool` of an example.

        Raises:
            InputError: the file is no such mask, or not of the frame's size.
        """
        case, shape = example["case"], example["image"].shape
        return read_annotation(self._paths[case], self._info, self._encoding, shape, case)


def _filled(pattern: str, case: Case) -> str:
    return pattern.replace("{case}", file_name(case.case)).replace("{stem}", stem_of(case.image))


def _resolved(files: Files) -> Files:
    return tuple(file.resolve() for file in files)


def _listed(cases: Sequence[str]) -> str:
    return ", ".join(cases[:SHOWN]) + (", ..." if len(cases) > SHOWN else "")


def _check_pattern(pattern: str, encoding: str, count: int) -> None:
    """Refuse a pattern that cannot tell apart what it must."""
    known = (*OF_CASE, OF_CLASS)
    if unknown := [name for name in re.findall(r"\{[^}]*\}", pattern) if name not in known]:
        raise InputError(
            f"--name {pattern}: {unknown[0]} is not filled in; write one of {', '.join(known)}"
        )
    if count > 1 and not any(name in pattern for name in OF_CASE):
        raise InputError(
            f"--name {pattern}: one file for {count} cases; write {{case}} or {{stem}} into it, as "
            "in '{case}.png'"
        )
    if (OF_CLASS in pattern) != (encoding == "per_class"):
        raise InputError(
            f"--name {pattern}: {{class}} goes with --encoding per_class, and only with it; here "
            f"it is {encoding}"
        )
