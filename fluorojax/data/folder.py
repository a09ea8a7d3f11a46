"""A dataset folder: `dataset.json` and a table of cases, checked before anything is built.

All that is wrong is told at once, up to 20 lines, each with the case, the value and the remedy.
"""

import dataclasses
import hashlib
import math
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.core.files import reading, why_no_file
from fluorojax.core.numbers import hint, number, whole
from fluorojax.core.progress import progress
from fluorojax.data import leaks, listed, nnunet, splits
from fluorojax.data.annotations import (
    CLASS_PLACEHOLDER,
    annotation_files,
    is_of_many,
    of_a_tool,
    read_annotation,
    read_ignore,
    read_labels,
)
from fluorojax.data.description import NEEDED_COLUMNS, Described, read_description, read_label_rules
from fluorojax.data.label_rules import PLAIN, LabelRules
from fluorojax.data.located import locate, missing
from fluorojax.data.problems import MAX_PROBLEMS, one_line, perhaps, refuse, said
from fluorojax.data.readers import read_frame
from fluorojax.data.table import LINE, read_rows
from fluorojax.schema.frame import UNKNOWN_SPACING, Frame, Spacing, unusual_spacing
from fluorojax.schema.info import ENCODINGS, SPLITS, UNKNOWN, DatasetInfo, ImageLabelInfo

ATTACHED = {"yes": 1, "no": 0, "": -1}
LONGEST_CASE = 1000
SPACINGS_MM = (1e-6, 1e6)  # beyond, no number of pixels is any length


@dataclasses.dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        case: its name, unique in the table.
        image: the frame's file, perhaps of several frames.
        patient: whose frame it is.
        split: train, validation or test; drawn from the patient's name where the table has none.
        annotation: the annotation's file, perhaps with `{class}` in it; empty: unlabelled.
        ignore: the mask of pixels that do not count, or None.
        sequence: the run within the patient; may be empty.
        frame: the number within the sequence, -1 where it is not said; of a file of several frames
            the number in it, from 1.
        attached: whether the relation holds: 1 yes, 0 no, -1 cannot be said.
        spacing_mm: pixel spacing (rows, columns) in mm, NaN where unknown.
        stratum: how hard the case is, in one's own words; scores are also given by stratum.
        image_labels: the place of each image label's value, UNKNOWN where its cell is empty.
    """

    case: str
    image: Path
    patient: str
    split: str
    annotation: str = ""
    ignore: Path | None = None
    sequence: str = ""
    frame: int = -1
    attached: int = -1
    spacing_mm: Spacing = UNKNOWN_SPACING
    stratum: str = ""
    image_labels: tuple[int, ...] = ()

    @property
    def labelled(self) -> bool:
        """Whether the case has an annotation (which may be empty of objects)."""
        return bool(self.annotation)


@dataclasses.dataclass(frozen=True)
class Folder:
    """A dataset folder whose description and table are sound; its pixels are not yet read.

    `described_by` are the files that say what it is; `notes` what was guessed of it, and why.
    """

    root: Path
    cases_file: Path
    info: DatasetInfo
    encoding: str
    cases: tuple[Case, ...]
    rules: LabelRules = PLAIN
    described_by: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()

    def split(self, name: str) -> tuple[Case, ...]:
        """Return the cases of one split, in the table's order."""
        return tuple(case for case in self.cases if case.split == name)


@dataclasses.dataclass(frozen=True)
class FolderSummary:
    """What a folder holds, counted while every pixel of it was decoded.

    Attributes:
        frames, labelled, patients: numbers a split.
        sizes: number of frames of each size (rows, columns).
        image_dtype: 'uint8', or 'uint16' if any frame has 16 bits.
        pixels: number of labelled pixels of each class.
        image_labels: number of frames with each value of each image label, and without any.
        notes: what is no mistake by the rules, but deserves a look.
    """

    frames: Mapping[str, int]
    labelled: Mapping[str, int]
    patients: Mapping[str, int]
    sizes: Mapping[tuple[int, int], int]
    image_dtype: str
    pixels: Mapping[str, int]
    image_labels: Mapping[str, Mapping[str, int]]
    notes: tuple[str, ...]

    def rows(self) -> list[tuple[str, str]]:
        """Return (what, how many) for a printed table."""
        split_rows = [
            (
                name,
                f"{self.frames[name]} frames ({self.labelled[name]} labelled), "
                f"{self.patients[name]} patients",
            )
            for name in SPLITS
        ]
        sizes = ", ".join(f"{h} x {w}: {n}" for (h, w), n in sorted(self.sizes.items()))
        pixels = [(f"class {name}", f"{n} pixels") for name, n in self.pixels.items()]
        image_labels = [
            (f"image label {name}", ", ".join(f"{value}: {n}" for value, n in counts.items()))
            for name, counts in self.image_labels.items()
        ]
        bits = ("bit depth", str(8 * np.dtype(self.image_dtype).itemsize))
        notes = [(f"note {k}", note) for k, note in enumerate(self.notes, 1)]
        size_row = ("sizes (rows x columns)", sizes)
        return [*split_rows, size_row, bits, *pixels, *image_labels, *notes]


def read_folder(directory: str | Path, cases_file: str = "cases.csv") -> Folder:
    """Read and check `dataset.json` and the table of cases; pixels are left to `check_cases`.

    Args:
        directory: the dataset folder.
        cases_file: the table's name in it.

    Raises:
        InputError: everything that is wrong, with its remedy.
    """
    return _read(directory, cases_file, _with_splits)


def read_cases(directory: str | Path, cases_file: str = "cases.csv") -> Folder:
    """Read a folder of which nothing will be learned: its splits may be missing or mixed up.

    Arguments and errors as for `read_folder`, but for the splits.
    """
    return _read(directory, cases_file, lambda cases, info: (list(cases), []))


Splitting = Callable[[Sequence[Case], DatasetInfo], tuple[list[Case], list[str]]]
"""Gives every case a split; the second of what it returns is what is wrong with them."""


def _read(directory: str | Path, cases_file: str, splitting: Splitting) -> Folder:
    root = Path(directory)
    found = _described(root, cases_file)
    info, rules, table = found.info, found.rules, found.table
    problems: list[str] = []
    parsed = [_parse_case(row, root, info, problems) for row in found.rows]
    if rules.coco:
        parsed = listed.labelled_by_coco(parsed, root, rules, problems)
    cases, wrong_splits = splitting(parsed, info)
    problems += _repeated_cases(cases)
    problems += _missing_files(cases, info, root)
    problems += _wrong_annotations(cases, info, found.encoding)
    refuse(table, problems + wrong_splits)
    return Folder(root, table, info, found.encoding, tuple(cases), rules, found.files, found.notes)


def _described(root: Path, cases_file: str) -> Described:
    """Return what a folder says of itself, in our form or in nnU-Net's."""
    if nnunet.is_raw(root):
        return nnunet.read_raw(root, cases_file, read_labels)
    description, table = root / "dataset.json", root / cases_file
    for path in (root, description, table):
        reason = why_no_file(path)
        if not reason or (path is root and reason.startswith("a folder")):
            continue
        there = "not there" if reason == "no file" else reason.rstrip(":")
        raise InputError(
            f"{one_line(str(path))}: {there}; a dataset folder holds dataset.json and "
            f"{one_line(cases_file)}"
        )
    info, encoding = read_description(description)
    rules, rows = read_label_rules(description), read_rows(table, info)
    return Described(info, encoding, rules, table, rows, (description, table))


def _with_splits(cases: Sequence[Case], info: DatasetInfo) -> tuple[list[Case], list[str]]:
    """Draw the splits where the table has none, and check them."""
    drawn = not any(case.split for case in cases)
    chosen = [_draw(case, info) for case in cases] if drawn else list(cases)
    return chosen, [
        *_unknown_splits(chosen),
        *leaks.shared_units(chosen, info.split_unit),
        *leaks.shared_files(chosen),
        *_empty_splits(chosen, drawn),
    ]


def load_frame(case: Case) -> Frame:
    """Read a case's frame, with what the table says of it, and else what the file says.

    Raises:
        InputError: the file cannot be used.
    """
    frame = read_frame(case.image, case.frame if case.frame >= 0 else None)
    if case.frame >= 0:
        frame = dataclasses.replace(frame, number=case.frame)
    if math.isnan(case.spacing_mm[0]):
        return frame
    return dataclasses.replace(frame, spacing_mm=case.spacing_mm, spacing_origin="stated")


def load_case(folder: Folder, case: Case) -> tuple[Frame, np.ndarray, np.ndarray]:
    """Read a case's frame and annotation.

    Returns:
        frame of [H, W] uint8 or uint16; mask [H, W, C] bool, all False where unlabelled;
        ignore [H, W] bool, also where the frame holds no picture.

    Raises:
        InputError: a file that cannot be used, named with its case.
    """
    try:
        frame = load_frame(case)
    except InputError as error:
        raise InputError(f"case {case.case}: {error}") from error
    mask = (
        read_annotation(
            case.annotation,
            folder.info,
            folder.encoding,
            frame.shape,
            case.case,
            image=case.image,
            frame=case.frame,
            rules=folder.rules,
        )
        if case.labelled
        else np.zeros((*frame.shape, len(folder.info.classes)), bool)
    )
    ignore = (
        read_ignore(case.ignore, frame.shape, case.case, folder.rules.ignore_value)
        if case.ignore
        else np.zeros(frame.shape, bool)
    )
    return frame, mask, ignore if frame.hidden is None else ignore | frame.hidden


def check_folder(directory: str | Path, cases_file: str = "cases.csv") -> dict[str, str]:
    """Read a folder as a build would, every pixel of it, and return what it holds, for a table.

    Raises:
        InputError: everything that is wrong, with its remedy.
    """
    folder = read_folder(directory, cases_file)
    return {"name": folder.info.name, **dict(check_cases(folder).rows())}


Look = Callable[[Case, Frame, np.ndarray, np.ndarray], None]
"""Takes a case, its frame, its mask and what of it is ignored; see `load_case`."""


def check_cases(folder: Folder, look: Look | None = None) -> FolderSummary:
    """Decode every frame, annotation and ignore mask, and count what is in them.

    Args:
        folder: sound, but for its pixels.
        look: is shown each case that can be used.

    Raises:
        InputError: every file that cannot be used, with its case and the remedy; a picture that is
            in two splits; a split whose every labelled pixel is ignored.
    """
    problems: list[str] = []
    found = _Found(folder)
    with progress("check", len(folder.cases)) as on_case:
        for done, case in enumerate(folder.cases, 1):
            try:
                loaded = load_case(folder, case)
            except InputError as error:
                problems.append(str(error))
            else:
                found.add(case, *loaded)
                if look:
                    look(case, *loaded)
            on_case(done)
    shared, repeated = leaks.shared_pictures(found.pictures)
    refuse(folder.cases_file, problems + shared + found.nothing_counts())
    return FolderSummary(
        frames={name: len(folder.split(name)) for name in SPLITS},
        labelled={name: sum(c.labelled for c in folder.split(name)) for name in SPLITS},
        patients={name: len({c.patient for c in folder.split(name)}) for name in SPLITS},
        sizes=found.sizes,
        image_dtype=max(found.dtypes, key=lambda d: d.itemsize).name,
        pixels={name: counts.total() for name, counts in found.pixels.items()},
        image_labels=_attribute_counts(folder),
        notes=(
            *folder.notes,
            *found.empty_classes(),
            *_values_never_learned(folder),
            *leaks.alike_units(folder.cases, folder.info.split_unit),
            *repeated,
            *leaks.shared_annotations(found.drawn),
            *found.ignored_cases(),
            *_unusual_spacings(folder.cases),
            *leaks.same_file_names(folder.cases),
        ),
    )


class _Found:
    """What is counted of a folder while its cases are read, one by one."""

    def __init__(self, folder: Folder):
        self.cases = folder.cases
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.dtypes: set[np.dtype] = set()
        self.pixels = {name: Counter[str]() for name in folder.info.class_names}
        self.pictures: dict[str, list[Case]] = defaultdict(list)
        self.drawn: dict[str, list[Case]] = defaultdict(list)
        self.ignored: list[Case] = []

    def add(self, case: Case, frame: Frame, mask: np.ndarray, ignore: np.ndarray) -> None:
        """Count a case."""
        self.sizes[frame.shape] += 1
        self.dtypes.add(frame.pixels.dtype)
        self.pictures[leaks.picture(frame.pixels)].append(case)
        if ignore.all():
            self.ignored.append(case)
        if mask.any() and not is_of_many(case.annotation):
            self.drawn[case.annotation].append(case)
        for counts, count in zip(self.pixels.values(), mask.sum((0, 1)), strict=True):
            counts[case.split] += int(count)

    def nothing_counts(self) -> list[str]:
        """Name the splits of which nothing could be learned, or nothing be scored."""
        labelled = Counter(case.split for case in self.cases if case.labelled)
        ignored = Counter(case.split for case in self.ignored if case.labelled)
        return [
            f"split '{name}': every pixel of every labelled case is ignored, so that nothing "
            "counts; in an ignore mask 0 is what counts, so perhaps they are inverted?"
            for name in SPLITS
            if ignored[name] and ignored[name] == labelled[name]
        ]

    def ignored_cases(self) -> list[str]:
        """Name single cases of which nothing counts."""
        return leaks.few(f"case {said(c.case)}: every pixel is ignored" for c in self.ignored)

    def empty_classes(self) -> list[str]:
        """Name the classes that a split lacks."""
        return [
            f"class {name} has no pixel in any case of {split}"
            for name, counts in self.pixels.items()
            for split in SPLITS
            if not counts[split] and any(case.split == split for case in self.cases)
        ]


def _unusual_spacings(cases: Sequence[Case]) -> list[str]:
    by_note = leaks.grouped(cases, lambda case: unusual_spacing(case.spacing_mm))
    return leaks.few(
        f"{note} (case {said(members[0].case)}, {len(members)} in all)"
        for note, members in by_note.items()
        if note
    )


def _attribute_counts(folder: Folder) -> dict[str, dict[str, int]]:
    """Return image label -> value -> number of cases; those without a value are 'not said'."""
    counts = {}
    for k, image_label in enumerate(folder.info.image_labels):
        of = Counter(case.image_labels[k] for case in folder.cases)
        counts[image_label.name] = {value: of[n] for n, value in enumerate(image_label.values)}
        if of[UNKNOWN]:
            counts[image_label.name]["not said"] = of[UNKNOWN]
    return counts


def _values_never_learned(folder: Folder) -> list[str]:
    learned = [case.image_labels for case in folder.split("train") if case.labelled]
    return [
        f"image label {image_label.name} is {value} in no labelled case of train"
        for k, image_label in enumerate(folder.info.image_labels)
        for n, value in enumerate(image_label.values)
        if not any(values[k] == n for values in learned)
    ]


def fingerprint(folder: Folder) -> str:
    """Return the sha256 (hex) of what describes the folder, and every file that its table names."""
    files = [*folder.described_by]
    for case in folder.cases:
        files += _files(case, folder.info)
    digest = hashlib.sha256()
    for path in dict.fromkeys(files):  # one may be named by many cases
        with reading(path):
            content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


# The table of cases


def _parse_case(row: Mapping[str, str], root: Path, info: DatasetInfo, problems: list[str]) -> Case:
    """Parse one row; what cannot be parsed goes to `problems` and is left at its default."""
    name = row["case"]
    where = f"case {said(name)}" if name else f"line {row[LINE]}"
    for column in NEEDED_COLUMNS:
        if not row[column]:
            problems.append(f"{where}: column '{column}' is empty; fill it")
    if re.search(r"[/\\]", name) or name in (".", ".."):
        problems.append(f"{where}: a case names files; rename it without slashes")
    if len(name) > LONGEST_CASE:
        problems.append(f"{where}: a name of {len(name)} characters; at most {LONGEST_CASE}")
    attached = row.get("attached", "")
    if attached not in ATTACHED:
        problems.append(f"{where}: attached '{said(attached)}': write yes, no, or nothing")
    annotation, ignore = row.get("annotation", ""), row.get("ignore", "")
    a_class = (CLASS_PLACEHOLDER, info.class_names[0])
    return Case(
        case=name,
        image=locate(root, row["image"]),
        patient=row["patient"],
        split=row.get("split", ""),
        annotation=str(locate(root, annotation, a_class)) if annotation else "",
        ignore=locate(root, ignore) if ignore else None,
        sequence=row.get("sequence", ""),
        frame=_frame_number(row, where, problems),
        attached=ATTACHED.get(attached, -1),
        spacing_mm=_spacing(row, where, problems),
        stratum=row.get("stratum", ""),
        image_labels=tuple(_value(row, a, where, problems) for a in info.image_labels),
    )


def _value(
    row: Mapping[str, str], image_label: ImageLabelInfo, where: str, problems: list[str]
) -> int:
    """Return the place of an image label's value, UNKNOWN where the cell is empty or absent."""
    text = row.get(image_label.name, "")
    if text and text not in image_label.values:
        problems.append(
            f"{where}: {image_label.name} '{said(text)}': write one of "
            f"{', '.join(image_label.values)}, or nothing{perhaps(text, image_label.values)}"
        )
    return image_label.values.index(text) if text in image_label.values else UNKNOWN


def _frame_number(row: Mapping[str, str], where: str, problems: list[str]) -> int:
    text = row.get("frame", "")
    if not text:
        return -1
    if (value := whole(text)) is None:
        problems.append(f"{where}: frame '{said(text)}': write a whole number, or nothing")
        return -1
    return value


def _spacing(row: Mapping[str, str], where: str, problems: list[str]) -> tuple[float, float]:
    texts = [row.get(name, "") for name in ("row_spacing_mm", "col_spacing_mm")]
    if not any(texts):
        return math.nan, math.nan
    row_mm, col_mm = map(number, texts)
    low, high = SPACINGS_MM
    if not (low <= row_mm <= high and low <= col_mm <= high):
        problems.append(
            f"{where}: row_spacing_mm '{said(texts[0])}'{hint(texts[0])}, col_spacing_mm "
            f"'{said(texts[1])}'{hint(texts[1])}: write two positive numbers (millimetres a "
            "pixel), or nothing in both"
        )
        return math.nan, math.nan
    return row_mm, col_mm


def _draw(case: Case, info: DatasetInfo) -> Case:
    return dataclasses.replace(case, split=splits.draw_split(leaks.unit_of(case, info.split_unit)))


def _unknown_splits(cases: Sequence[Case]) -> list[str]:
    return [
        f"case {said(case.case)}: split '{said(case.split)}': write {', '.join(SPLITS)} "
        f"(or leave the whole column empty: then it is drawn)"
        for case in cases
        if case.split not in SPLITS
    ]


def _repeated_cases(cases: Sequence[Case]) -> list[str]:
    return [
        f"case {said(name)} stands there {n} times; give each frame its own case"
        for name, n in Counter(case.case for case in cases).items()
        if n > 1 and name
    ]


def _files(case: Case, info: DatasetInfo) -> list[Path]:
    annotations = annotation_files(case.annotation, info) if case.labelled else ()
    return [case.image, *annotations, *([case.ignore] if case.ignore else [])]


def _missing_files(cases: Sequence[Case], info: DatasetInfo, root: Path) -> list[str]:
    lost = [
        (case, path)
        for case in cases
        for path in _files(case, info)
        if path != root and not os.path.isfile(path)
    ]
    # The first are told with what was perhaps meant, the others are counted.
    return [
        f"case {said(case.case)}: {missing(path, root) if n < MAX_PROBLEMS else path}"
        for n, (case, path) in enumerate(lost)
    ]


def _wrong_annotations(cases: Sequence[Case], info: DatasetInfo, encoding: str) -> list[str]:
    """Check each annotation against the encoding, and `attached` against the relation."""
    images = [c for c in cases if c.labelled and not of_a_tool(c.annotation)]
    problems = [
        f"case {said(case.case)}: {case.annotation}: one file of a tool holds all classes; write "
        f"its path without '{CLASS_PLACEHOLDER}'"
        for case in cases
        if of_a_tool(case.annotation) and CLASS_PLACEHOLDER in case.annotation
    ] or listed.wrong_catalogues(cases)
    if images and not encoding:
        problems.append(
            f"case {said(images[0].case)}: {images[0].annotation} is a mask, but dataset.json has "
            f"no mask_encoding; add it ({', '.join(ENCODINGS)})"
        )
    for case in images:
        per_class = CLASS_PLACEHOLDER in case.annotation
        if encoding and per_class != (encoding == "per_class"):
            problems.append(
                f"case {said(case.case)}: {case.annotation}: '{CLASS_PLACEHOLDER}' in the path "
                f"goes with mask_encoding per_class, and only with it; here it is {encoding}"
            )
    if info.relation is None:
        problems += [
            f"case {said(case.case)}: attached is given, but dataset.json has no relation; "
            "add the relation, or leave attached empty"
            for case in cases
            if case.attached != -1
        ]
    return problems


def _empty_splits(cases: Sequence[Case], drawn: bool) -> list[str]:
    """Name the splits without a labelled case; frames that are all for the test need no others."""
    problems = []
    tested_only = not drawn and {case.split for case in cases} == {"test"}
    for name in ("test",) if tested_only else SPLITS:
        members = [case for case in cases if case.split == name]
        if members and any(case.labelled for case in members):
            continue
        what = "has no labelled case" if members else "has no case"
        remedy = (
            "the splits were drawn from the patients' names, and the patients are too few for it: "
            "add a column 'split' and fill it yourself"
            if drawn
            else f"write '{name}' into the column split of some (labelled) cases"
        )
        problems.append(f"split '{name}' {what}; {remedy}")
    return problems
