"""The frames of a folder: whose each is, of which run, and which number it has there."""

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fluorojax.core.errors import InputError
from fluorojax.data.dicom import Header
from fluorojax.data.problems import said
from fluorojax.data.readers import frame_count, header_of, holds_dicom, stem_of
from fluorojax.planning.files import Files, parents_of, place_of, split_said
from fluorojax.planning.guess import Guess
from fluorojax.planning.privacy import is_personal, personal_words, pseudonym

_JOINT = re.compile(r"[_\-. ]+")
_PERSON = frozenset(("case", "p", "pat", "patient", "subj", "subject"))


@dataclasses.dataclass(frozen=True)
class Shot:
    """One frame, as a row of the table has it.

    Attributes:
        image: its file.
        number: in a file of several frames, from 1; 0 where the file has one.
        case: its name in the table.
        patient, sequence: whose and of which run; empty where that is not known.
        frame: number in the sequence, -1 where it is not known.
        split: as the names of files and folders say; empty where they do not.
        burned_in: whether the header says that text is part of the picture.
        instance: identifier of a DICOM file, by which others refer to it; never written anywhere.
    """

    image: Path
    number: int
    case: str
    patient: str = ""
    sequence: str = ""
    frame: int = -1
    split: str = ""
    burned_in: bool = False
    instance: str = ""


@dataclasses.dataclass(frozen=True)
class Shots:
    """The frames of a folder, and what was noticed.

    Attributes:
        shots: in the order of files and numbers.
        guesses: how patients, sequences and names were found.
        remarks: what deserves a look: files left out, text burnt in, patients that are not known.
        patients_known: whether every frame's patient is.
        personal: paths within the folder that say who somebody is.
    """

    shots: tuple[Shot, ...]
    guesses: tuple[Guess, ...]
    remarks: tuple[str, ...]
    patients_known: bool
    personal: tuple[str, ...]


def _say_nothing(done: int) -> None:
    """Take a number of files and show nothing."""


def find_shots(
    files: Files,
    salt: Callable[[], bytes],
    pattern: str = "",
    on_file: Callable[[int], None] = _say_nothing,
) -> Shots:
    """Return the frames of a folder.

    Args:
        files: what lies in it.
        salt: gives the secret of pseudonyms; called where a DICOM file is there.
        pattern: a regular expression, found in a path within the folder without its ending, whose
            groups `patient`, `sequence` and `frame`, or else its first group, say these.
        on_file: hears how many files are read.

    Raises:
        InputError: no frame; a pattern that is none, or that fits no path.
    """
    by_name = _by_pattern(files, pattern) if pattern else _by_names(files)
    shots: list[Shot] = []
    left_out: list[str] = []
    personal: dict[Path, bool] = {}
    for done, path in enumerate(files.frames, 1):
        try:
            shots += _of_file(files.root, path, by_name.shots[path], salt, personal)
        except InputError as error:
            left_out.append(str(error))
        on_file(done)
    if not shots:
        reason = f" ({left_out[0]})" if left_out else ""
        raise InputError(f"{files.root}: no frame that can be read{reason}; give another folder")
    named = _named(files.root, shots, personal)
    known = all(shot.patient for shot in named)
    return Shots(
        tuple(named),
        tuple(_guesses(named, personal, by_name.reason)),
        tuple(_remarks(named, left_out)),
        known,
        tuple(p.relative_to(files.root).as_posix() for p, is_one in personal.items() if is_one),
    )


@dataclasses.dataclass(frozen=True)
class _ByName:
    shots: dict[Path, Shot]
    reason: str  # why the names say who the patients are; empty: they do not


def _of_file(
    root: Path, path: Path, named: Shot, salt: Callable[[], bytes], personal: dict[Path, bool]
) -> list[Shot]:
    """Return the frames of one file."""
    count = frame_count(path)
    header = header_of(path) if holds_dicom(path) else None
    if header:
        personal[path] = is_personal(path.relative_to(root).as_posix(), personal_words(path))
        named = _by_header(named, header, salt())
    if count == 1:
        return [named]
    return [
        dataclasses.replace(named, number=n, frame=n, sequence=named.sequence or stem_of(path))
        for n in range(1, count + 1)
    ]


def _by_header(named: Shot, header: Header, salt: bytes) -> Shot:
    """Return what a DICOM header says, in pseudonyms; what it does not, the name may."""
    whose = header.patient or header.study
    return dataclasses.replace(
        named,
        patient=pseudonym(salt, "patient", whose) if whose else named.patient,
        sequence=pseudonym(salt, "sequence", header.series) if header.series else named.sequence,
        frame=header.instance_number,
        burned_in=header.burned_in is True,
        instance=header.instance,
    )


def _by_pattern(files: Files, pattern: str) -> _ByName:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(f"--patient-pattern {pattern}: no regular expression ({error})") from error
    found = {path: _matched(files.root, path, compiled) for path in files.frames}
    if files.frames and not any(shot.patient for shot in found.values()):
        first = _bare(files.root, files.frames[0])
        raise InputError(
            f"--patient-pattern {pattern}: found in no path, such as '{said(first)}'; correct it"
        )
    return _ByName(found, f"--patient-pattern {pattern}")


def _matched(root: Path, path: Path, compiled: re.Pattern[str]) -> Shot:
    match = compiled.search(_bare(root, path))
    if match is None:
        return Shot(path, 0, "")
    groups = match.groupdict()
    patient = groups.get("patient") or (match[1] if match.re.groups else match[0])
    number = groups.get("frame") or ""
    return Shot(
        path,
        0,
        "",
        patient=patient or "",
        sequence=groups.get("sequence") or "",
        frame=int(number) if number.isdigit() else -1,
        split=_split_of(root, path),
    )


def _bare(root: Path, path: Path) -> str:
    return "/".join((*parents_of(root, path), stem_of(path)))


def _split_of(root: Path, path: Path) -> str:
    words = (*parents_of(root, path), _JOINT.split(stem_of(path))[0])
    return next((split for word in words if (split := split_said(word))), "")


@dataclasses.dataclass(frozen=True)
class _Words:
    """A path in words: its folders, and its stem without the number at its end."""

    folders: tuple[str, ...]
    tokens: tuple[str, ...]
    number: int


def _words(root: Path, path: Path) -> _Words:
    folders = tuple(f for f in place_of(root, path) if not split_said(f))
    tokens = [t for t in _JOINT.split(stem_of(path)) if t]
    if len(tokens) > 1 and split_said(tokens[0]):
        tokens = tokens[1:]
    number = int(tokens.pop()) if tokens and _is_number(tokens[-1]) else -1
    return _Words(folders, tuple(tokens), number)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _by_names(files: Files) -> _ByName:
    """Read patients from folders, or from words with which several files' names begin."""
    words = {path: _words(files.root, path) for path in files.frames}
    for level in range(max((len(w.folders) for w in words.values()), default=0)):
        found = {p: w.folders[level] for p, w in words.items() if len(w.folders) > level}
        if len(set(found.values())) > 1:
            rest = {p: "_".join((*w.folders[level + 1 :], *w.tokens)) for p, w in words.items()}
            return _ByName(_shots(files, words, found, rest), "the names of folders")
    return _by_first_words(files, words)


def _by_first_words(files: Files, words: dict[Path, _Words]) -> _ByName:
    place, before = 0, ""
    heads = [w.tokens for w in words.values()]
    while heads and all(len(t) > place for t in heads) and len({t[place] for t in heads}) == 1:
        if heads[0][place].casefold() in _PERSON and any(len(t) > place + 1 for t in heads):
            before = heads[0][place]
        place += 1
    found = {
        p: f"{before}{'_' * bool(before)}{w.tokens[place]}"
        for p, w in words.items()
        if len(w.tokens) > place
    }
    often = Counter(found.values())
    shared = sum(often[name] > 1 for name in found.values())
    if len(often) < 2 or shared < len(words) / 2:
        return _ByName(_shots(files, words, {}, _rests(words, 0)), "")
    shown = ", ".join(said(name) for name in list(often)[:3])
    reason = f"words with which several names begin ({shown}{', ...' * (len(often) > 3)})"
    return _ByName(_shots(files, words, found, _rests(words, place + 1)), reason)


def _rests(words: dict[Path, _Words], place: int) -> dict[Path, str]:
    return {p: "_".join(w.tokens[place:]) for p, w in words.items()}


def _shots(
    files: Files, words: dict[Path, _Words], patients: dict[Path, str], sequences: dict[Path, str]
) -> dict[Path, Shot]:
    return {
        path: Shot(
            path,
            0,
            "",
            patient=patients.get(path, ""),
            sequence=sequences[path],
            frame=words[path].number,
            split=_split_of(files.root, path),
        )
        for path in files.frames
    }


def _named(root: Path, shots: Sequence[Shot], personal: dict[Path, bool]) -> list[Shot]:
    """Give each frame a name of its own, from its path where that says nothing of a person."""
    stems = Counter(stem_of(path) for path in {shot.image for shot in shots})
    named = []
    for place, shot in enumerate(shots, 1):
        base = stem_of(shot.image)
        if stems[base] > 1:
            base = "_".join((*place_of(root, shot.image), base))
        case = f"{base}_{shot.number:04d}" if shot.number else base
        neutral = personal.get(shot.image, False)
        named.append(dataclasses.replace(shot, case=f"case_{place:04d}" if neutral else case))
    often = Counter(shot.case for shot in named)
    return [
        dataclasses.replace(shot, case=f"{shot.case}_{place:04d}") if often[shot.case] > 1 else shot
        for place, shot in enumerate(named, 1)
    ]


def _guesses(shots: Sequence[Shot], personal: dict[Path, bool], by_name: str) -> Iterator[Guess]:
    several = sorted({shot.image for shot in shots if shot.number})
    count = len({shot.image for shot in shots})
    if several:
        of_them = sum(shot.number > 0 for shot in shots)
        yield Guess(
            "frames", str(len(shots)), f"{count} files, {len(several)} of several frames: {of_them}"
        )
    else:
        yield Guess("frames", str(len(shots)), f"{count} files of one frame each")
    known = {shot.patient for shot in shots if shot.patient}
    headers = sum(shot.image in personal for shot in shots)
    if headers:
        reason = "PatientID in DICOM headers, or the study where there is none; as pseudonyms"
        yield Guess("patients", str(len(known)), reason)
    elif known:
        yield Guess("patients", str(len(known)), by_name)
    else:
        yield Guess("patients", "not known", "neither headers nor names say it: one a frame")
    if sequences := {(shot.patient, shot.sequence) for shot in shots if shot.sequence}:
        reason = "the series of DICOM headers" if headers else "files' names, without their numbers"
        yield Guess("sequences", str(len(sequences)), reason)
    neutral = sum(personal.get(shot.image, False) for shot in shots)
    if neutral:
        yield Guess(
            "names of cases", "case_0001 ...", f"{neutral} files' names say who somebody is"
        )


def _remarks(shots: Sequence[Shot], left_out: Sequence[str]) -> Iterator[str]:
    unknown = sum(not shot.patient for shot in shots)
    if unknown:
        yield (
            f"whose {unknown} of {len(shots)} frames are is not known, so each counts as a patient "
            "of its own: neighbours of one run may be trained on and tested on. Fill the column "
            "'patient', or say --patient-pattern"
        )
    if burned := {shot.case for shot in shots if shot.burned_in}:
        yield (
            f"{len(burned)} frames say of themselves that text is part of the picture "
            f"(BurnedInAnnotation YES), such as case {min(burned)}: look before you give any away"
        )
    for line in left_out[:5]:
        yield f"left out: {line}"
    if len(left_out) > 5:
        yield f"and {len(left_out) - 5} more files left out"
