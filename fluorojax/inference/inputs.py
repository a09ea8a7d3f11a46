"""The frames that a command was given: files and folders, and what it says of them."""

from collections.abc import Sequence
from pathlib import Path

from fluorojax.core.errors import InputError
from fluorojax.core.numbers import hint, number, whole
from fluorojax.core.progress import console
from fluorojax.data.folder import SPACINGS_MM, Case, read_cases
from fluorojax.data.problems import perhaps, said
from fluorojax.data.readers import frame_count, frame_suffixes, frames_in, stem_of
from fluorojax.schema.frame import Spacing, unusual_spacing


def frames_of(inputs: Sequence[Path]) -> list[Path]:
    """Return the frames named, and those in the folders named, each once.

    Raises:
        InputError: nothing is there, or two frames would write the same `<stem>.png`.
    """
    paths: list[Path] = []
    for given in inputs:
        if given.is_dir():
            paths += frames_in(given)
        elif given.is_file():
            paths.append(given)
        else:
            raise InputError(f"{given} does not exist; give frames, or folders of frames")
    if not paths:
        raise InputError(
            f"no frame ({', '.join(frame_suffixes())}) in {', '.join(map(str, inputs))}"
        )
    stems: dict[str, Path] = {}
    for path in paths:
        if (other := stems.setdefault(stem_of(path), path)) != path:
            raise InputError(
                f"{other} and {path} would both be written to {stem_of(path)}.png; "
                "give them in two commands, with two folders, or rename one"
            )
    return list(stems.values())


def cases_of(inputs: Sequence[Path], cases_file: str = "cases.csv") -> list[Case]:
    """Return the cases of the dataset folders named, then the other frames as cases of their own.

    A folder with a `dataset.json` is a dataset folder: its table says which files are its frames,
    and their spacing. A frame that no table names is called by its file without the ending; of a
    cine or a video each frame is a case, with its number behind: 'run_0001'.

    Args:
        inputs: frames, folders of frames, dataset folders.
        cases_file: the table's name in dataset folders.

    Raises:
        InputError: nothing is there, a table is wrong, or two cases would write one file.
    """
    folders = [path for path in inputs if is_dataset(path)]
    others = [path for path in inputs if path not in folders]
    cases = [case for path in folders for case in read_cases(path, cases_file).cases]
    for path in frames_of(others) if others else ():
        cases += frames_within(path)
    named: dict[str, Case] = {}
    for case in cases:
        if (other := named.setdefault(case.case, case)).image != case.image:
            raise InputError(
                f"{other.image} and {case.image} would both be written to {case.case}.png; "
                "give them in two commands, with two folders, or rename one"
            )
    return list(named.values())


def frames_within(path: Path) -> list[Case]:
    """Return a case for each frame of a file; one for a file that cannot be read, to be named."""
    stem = stem_of(path)
    try:
        count = frame_count(path)
    except InputError:
        count = 1
    if count == 1:
        return [Case(stem, path, "", "")]
    numbers = range(1, count + 1)
    return [Case(f"{stem}_{n:04d}", path, "", "", sequence=stem, frame=n) for n in numbers]


def is_dataset(path: Path) -> bool:
    """Say whether a folder is a dataset folder, whose table says what is in it."""
    return (path / "dataset.json").is_file()


def spacing_given(text: str | None) -> Spacing | None:
    """Return what `--spacing-mm MM` or `--spacing-mm ROW,COLUMN` says; None: it is not given.

    A spacing that no detector has is taken, with a note on the console.

    Raises:
        InputError: not one or two positive numbers, or two without a point: 1,5 may be 1.5, too.
    """
    if text is None:
        return None
    parts = text.split(",")
    if len(parts) == 2 and all(whole(part.strip()) is not None for part in parts):
        raise InputError(
            f"--spacing-mm {said(text)}: write one number with a point, as in {'.'.join(parts)}, "
            f"or two with a point each, as in {parts[0]}.0,{parts[1]}.0: rows, columns"
        )
    low, high = SPACINGS_MM
    numbers = [number(part) for part in parts]
    if len(numbers) > 2 or not all(low <= mm <= high for mm in numbers):
        raise InputError(
            f"--spacing-mm {said(text)}: write one number above 0, or two: rows, columns"
            f"{hint(text)}"
        )
    spacing = numbers[0], numbers[-1]
    if note := unusual_spacing(spacing):
        console.print(f"note: --spacing-mm: {note}", markup=False)
    return spacing


def thresholds_given(
    text: str, class_names: Sequence[str], usual: Sequence[float]
) -> tuple[float, ...]:
    """Return what `--threshold P` or `--threshold CLASS=P,...` says, one a class.

    Args:
        text: the option.
        class_names: of the export, in order.
        usual: thresholds of the classes that are not named.

    Raises:
        InputError: no such class, or no number from 0 to 1.
    """
    if "=" not in text:
        return (_threshold(text, text),) * len(class_names)
    chosen: dict[str, float] = {}
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise InputError(
                f"--threshold {said(text)}: '{said(name)}' says nothing of a class; write "
                "CLASS=0.4 for each, with points in numbers and commas between classes"
            )
        if name not in class_names:
            raise InputError(
                f"--threshold {said(text)}: there is no class {said(repr(name))}; the export finds "
                f"{', '.join(class_names)}{perhaps(name, class_names)}"
            )
        if name in chosen:
            raise InputError(f"--threshold {said(text)}: {name} stands there twice; keep one")
        chosen[name] = _threshold(text, value)
    of = dict(zip(class_names, usual, strict=True)) | chosen
    return tuple(of[name] for name in class_names)


def _threshold(text: str, value: str) -> float:
    if not 0 <= (found := number(value)) <= 1:
        raise InputError(
            f"--threshold {said(text)}: write a probability from 0 to 1, for all classes or for "
            f"some, as in 0.5 or wire=0.4,scope=0.6{hint(value)}"
        )
    return found
