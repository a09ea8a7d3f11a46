"""A first dataset.json and cases.csv for a folder of frames: `fluorojax init`."""

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from fluorojax.core.errors import InputError
from fluorojax.core.progress import progress
from fluorojax.data import nnunet
from fluorojax.data.description import read_description, read_label_rules
from fluorojax.data.folder import Case, Folder, load_case
from fluorojax.data.label_rules import PLAIN, LabelRules
from fluorojax.data.splits import draw_split
from fluorojax.data.splits import split_unit as unit_of
from fluorojax.planning import classes as kinds
from fluorojax.planning.annotated import Annotated, match
from fluorojax.planning.files import look
from fluorojax.planning.guess import Guess
from fluorojax.planning.privacy import is_personal, personal_words, read_salt
from fluorojax.planning.shots import Shot, Shots, find_shots
from fluorojax.planning.splitting import Part, Splitting, propose
from fluorojax.planning.write import (
    Row,
    Table,
    append_rows,
    read_table,
    write_description,
    write_table,
)
from fluorojax.schema.info import ENCODINGS, ClassInfo, DatasetInfo, Encoding, Relation, SplitUnit

DESCRIPTION = "dataset.json"
LINE_PX = 4.0
"""Width proposed for lines that do not say theirs, px: that of guidewires on usual detectors."""


@dataclasses.dataclass(frozen=True)
class Proposal:
    """What was found and written.

    Attributes:
        guesses: what is proposed, each with its reason.
        remarks: what deserves a look.
        written: what was written, in words.
    """

    guesses: tuple[Guess, ...]
    remarks: tuple[str, ...]
    written: tuple[str, ...]


Measures = dict[Shot, dict[int, kinds.Measured]]


def init_folder(directory: Path, cases_file: str = "cases.csv", pattern: str = "") -> Proposal:
    """Look at a folder, and write what is not there yet of dataset.json and the table.

    A dataset.json that is there stays as it is. To a table that is there rows of new frames are
    added; those that stand there stay as they are.

    Args:
        directory: the folder.
        cases_file: the table's name in it.
        pattern: see `find_shots`.

    Raises:
        InputError: no frame, no annotation, or something that cannot be used.
    """
    if nnunet.is_raw(directory):
        raise InputError(
            f"{directory}: a folder of nnU-Net, which is read as it is; go on with fluorojax check "
            f"{directory}"
        )
    files = look(directory)
    with progress("look", len(files.frames)) as on_file:
        found = find_shots(files, lambda: read_salt(directory), pattern, on_file)
    annotated = match(files, found.shots)
    table = directory / cases_file
    there = read_table(table) if table.exists() else None
    shots = _to_be_listed(found.shots, annotated)
    new = _new_ones(directory, shots, there)
    proposed = _described(directory, annotated)
    measured = _measured(directory, proposed, annotated, new if there else shots)
    if proposed.is_new:
        proposed = _with_kinds(proposed, measured)
    rows, proposed = _rows(directory, found, new, annotated, proposed, measured, there)
    remarks = [
        *found.remarks,
        *annotated.remarks,
        *_about_annotations(found, shots, annotated, measured),
        *_about_names(directory, found, annotated, proposed),
        *proposed.remarks,
    ]
    written = _write(directory, table, proposed, rows, there, remarks)
    if there:
        remarks += _about_table(directory, shots, annotated, there)
    said = [Guess("annotations", str(len(annotated.cells)), annotated.reason)]
    said += [Guess("annotations", "by what is in them", reason) for reason in files.reasons]
    return Proposal((*found.guesses, *said, *proposed.guesses), tuple(remarks), tuple(written))


def _to_be_listed(shots: Sequence[Shot], annotated: Annotated) -> list[Shot]:
    """Return the frames that get a row: of a file of which some are annotated, those."""
    with_some = {shot.image for shot in annotated.cells if shot.number}
    return [shot for shot in shots if shot.image not in with_some or shot in annotated.cells]


def _new_ones(directory: Path, shots: Sequence[Shot], there: Table | None) -> list[Shot]:
    """Return the frames that a table does not list."""
    listed = {
        (str(PurePosixPath(row.get("image", "").replace("\\", "/"))), row.get("frame", ""))
        for row in (there.rows if there else ())
    }
    images = {image for image, _ in listed}
    return [
        shot
        for shot in shots
        if (
            (_path(directory, shot), str(shot.number)) not in listed
            if shot.number
            else _path(directory, shot) not in images
        )
    ]


def _path(directory: Path, shot: Shot) -> str:
    return shot.image.relative_to(directory).as_posix()


# dataset.json


@dataclasses.dataclass(frozen=True)
class _Proposed:
    """What dataset.json says, or will."""

    info: DatasetInfo
    encoding: Encoding | None
    is_new: bool
    rules: LabelRules = PLAIN
    guesses: tuple[Guess, ...] = ()
    remarks: tuple[str, ...] = ()


def _described(directory: Path, annotated: Annotated) -> _Proposed:
    """Return the description that is there, or a new one with classes whose kinds are open."""
    path = directory / DESCRIPTION
    found = kinds.classes_of(annotated)
    if path.exists():
        info, encoding = read_description(path)
        return _Proposed(
            info,
            next((e for e in ENCODINGS if e == encoding), None),
            is_new=False,
            rules=read_label_rules(path),
            remarks=tuple(_new_classes(info, read_label_rules(path), annotated)),
        )
    if not found.classes:
        raise InputError(
            f"{directory}: no annotation of a frame ({annotated.reason}); put LabelMe files or "
            "masks beside the frames or into a folder 'labels', named as the frames are, and run "
            "the same command again: nothing was written"
        )
    kinds.sound_names(found.classes, directory)
    info = DatasetInfo(_name(directory), found.classes)
    widths, said = _widths(annotated, found.classes)
    return _Proposed(
        info,
        found.encoding,
        is_new=True,
        rules=LabelRules(names=found.names, widths=widths),
        guesses=(*found.guesses, *said),
    )


def _widths(
    annotated: Annotated, classes: Sequence[ClassInfo]
) -> tuple[dict[str, float], list[Guess]]:
    """Return a width (px) for lines that do not say theirs, by class."""
    bare = sum(drawn.without_width for drawn in annotated.drawn)
    lines = [of.name for of in classes if of.kind == "curve"]
    if not (bare and lines):
        return {}, []
    reason = f"{bare} lines do not say theirs: measure it on a frame, and write it there"
    return dict.fromkeys(lines, LINE_PX), [Guess("line_width_px", f"{LINE_PX:g}", reason)]


def _name(directory: Path) -> str:
    """Return a data set's name: that of its folder, in letters that a name may have."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", directory.resolve().name).strip("_.-")[:100]
    return name or "my_frames"


def _new_classes(info: DatasetInfo, rules: LabelRules, annotated: Annotated) -> Iterator[str]:
    labels = {label for drawn in annotated.drawn for label in drawn.labels if label}
    known = {*info.class_names, *rules.names}
    if annotated.kind == "seg":  # which are read in upper or lower case
        known |= {label for label in labels if label.casefold() in map(str.casefold, known)}
    if unknown := sorted({*labels, *annotated.classes} - known):
        yield (
            f"annotations name classes that {DESCRIPTION} does not: {', '.join(unknown)}; add them "
            "there, or correct the labels"
        )


def _with_kinds(proposed: _Proposed, measured: Measures) -> _Proposed:
    shown = list(measured.values())
    classes, guesses = kinds.with_kinds(proposed.info.classes, shown)
    relation, reason = kinds.relation_of(classes, shown)
    info = dataclasses.replace(proposed.info, classes=classes, relation=relation)
    said = (*proposed.guesses, *guesses, *([reason] if reason else ()))
    return dataclasses.replace(proposed, info=info, guesses=said)


def _measured(
    directory: Path, proposed: _Proposed, annotated: Annotated, shots: Sequence[Shot]
) -> Measures:
    """Return what the annotations show; those that cannot be read are left for `check` to name."""
    folder = Folder(
        directory, directory, proposed.info, proposed.encoding or "", (), proposed.rules
    )
    labelled = [shot for shot in shots if shot in annotated.cells]
    found: Measures = {}
    with progress("measure", len(labelled)) as on_frame:
        for done, shot in enumerate(labelled, 1):
            case = Case(
                shot.case,
                shot.image,
                shot.patient,
                "",
                annotation=str(directory / annotated.cells[shot]),
                frame=shot.number or -1,
            )
            try:
                _, mask, _ = load_case(folder, case)
            except InputError:
                continue
            found[shot] = kinds.measure(mask, proposed.info.curves)
            on_frame(done)
    return found


# The table


def _rows(
    directory: Path,
    found: Shots,
    new: Sequence[Shot],
    annotated: Annotated,
    proposed: _Proposed,
    measured: Measures,
    there: Table | None,
) -> tuple[list[Row], _Proposed]:
    """Return the rows of new frames, and the description with the unit that is split by."""
    names = _free_names(new, there)
    if there is None:
        splitting = _splitting(new, annotated, proposed, measured, found.patients_known)
        splits = {shot: splitting.splits.get(shot.case, "") for shot in new}
        if splitting.splits:
            splits = _with_unlabelled(splits, splitting.unit)
        if proposed.is_new:
            info = dataclasses.replace(proposed.info, split_unit=splitting.unit)
            proposed = dataclasses.replace(proposed, info=info)
        proposed = dataclasses.replace(proposed, guesses=(*proposed.guesses, splitting.guess))
    else:
        splits = _splits_of_more(new, there, proposed.info.split_unit)
    relation = proposed.info.relation
    pair = (
        (proposed.info.index(relation.child), proposed.info.index(relation.parent))
        if relation
        else None
    )
    rows: list[Row] = [
        {
            "case": names[shot],
            "image": _path(directory, shot),
            "annotation": annotated.cells.get(shot, ""),
            "ignore": annotated.ignores.get(shot, ""),
            "patient": shot.patient or names[shot],
            "sequence": shot.sequence,
            "frame": str(shot.number or (shot.frame if 0 <= shot.frame < 10**9 else "")),
            "attached": kinds.attached(pair, measured.get(shot, {})) if pair else "",
            "split": splits[shot],
        }
        for shot in new
    ]
    if relation and any(row["attached"] for row in rows):
        proposed = dataclasses.replace(
            proposed, guesses=(*proposed.guesses, _about_attached(rows, relation))
        )
    return rows, proposed


def _about_attached(rows: Sequence[Row], relation: Relation) -> Guess:
    counts = Counter(row["attached"] for row in rows)
    reasons = {
        "yes": f"yes where {relation.child} begins in or at {relation.parent}; write no where it "
        "only crosses it in projection, which masks do not tell",
        "no": f"no where all of {relation.child} lies clearly away from {relation.parent}, by more "
        "than 3 of its widths",
    }
    said = [value for value in reasons if counts[value]]
    told = ", ".join(f"{value} in {counts[value]}" for value in said)
    return Guess("attached", f"{told} of {len(rows)}", "; ".join(reasons[v] for v in said))


def _free_names(new: Sequence[Shot], there: Table | None) -> dict[Shot, str]:
    """Return names that no row of the table has."""
    taken = {row.get("case", "") for row in (there.rows if there else ())}
    names = {}
    for shot in new:
        name, number = shot.case, 1
        while name in taken:
            number += 1
            name = f"{shot.case}_{number}"
        taken.add(name)
        names[shot] = name
    return names


def _splitting(
    new: Sequence[Shot],
    annotated: Annotated,
    proposed: _Proposed,
    measured: Measures,
    known: bool,
) -> Splitting:
    parts = [
        Part(
            shot.case,
            shot.patient or shot.case,
            shot.sequence,
            shot.frame,
            shot.split,
            frozenset(measured.get(shot, {})),
        )
        for shot in new
        if shot in annotated.cells
    ]
    unit = None if proposed.is_new else proposed.info.split_unit
    return propose(parts, patients_known=known, unit=unit)


def _with_unlabelled(splits: dict[Shot, str], unit: SplitUnit) -> dict[Shot, str]:
    """Give frames without a split, which are not labelled, that of their patient or sequence."""
    by_unit = {_unit(shot, unit): split for shot, split in splits.items() if split}
    return {s: split or by_unit.get(_unit(s, unit), "train") for s, split in splits.items()}


def _unit(shot: Shot, unit: SplitUnit) -> str:
    patient = shot.patient or shot.case
    return unit_of(unit, case=shot.case, patient=patient, sequence=shot.sequence)


def _splits_of_more(new: Sequence[Shot], there: Table, unit: SplitUnit) -> dict[Shot, str]:
    """Return the splits of frames that come to a table: their unit's, or drawn from its name."""
    by_unit = {}
    for row in there.rows:
        name = unit_of(
            unit,
            case=row.get("case", ""),
            patient=row.get("patient", ""),
            sequence=row.get("sequence", ""),
        )
        by_unit[name] = row.get("split", "")
    if not any(by_unit.values()):
        return dict.fromkeys(new, "")
    return {s: by_unit.get(_unit(s, unit)) or draw_split(_unit(s, unit)) for s in new}


def _write(
    directory: Path,
    table: Path,
    proposed: _Proposed,
    rows: Sequence[Row],
    there: Table | None,
    remarks: list[str],
) -> list[str]:
    """Write what is not there yet, and say so."""
    written = []
    if proposed.is_new:
        path = directory / DESCRIPTION
        write_description(path, proposed.info, proposed.encoding, proposed.rules)
        written.append(f"{directory / DESCRIPTION}: new")
    if there is None:
        write_table(table, rows)
        written.append(f"{table}: new, {len(rows)} frames")
    elif rows:
        for name in append_rows(table, there, rows):
            remarks.append(f"{table} has no column '{name}', so the new frames' is not written")
        written.append(f"{table}: {len(rows)} new frames behind the {len(there.rows)} there")
    return written or [f"nothing: {table} lists all frames already"]


# What deserves a look


def _about_annotations(
    found: Shots, shots: Sequence[Shot], annotated: Annotated, measured: Measures
) -> Iterator[str]:
    left = len(found.shots) - len(shots)
    if left:
        yield (
            f"of files of several frames, of which some are annotated, only these have a row: "
            f"{left} others are left out"
        )
    open_ones = sum(shot not in annotated.cells for shot in shots)
    if open_ones and annotated.cells:
        yield f"{open_ones} frames have no annotation: kept, but neither trained on nor scored"


def _about_names(
    directory: Path, found: Shots, annotated: Annotated, proposed: _Proposed
) -> Iterator[str]:
    segmentations = {cell for cell in annotated.cells.values() if annotated.kind == "seg"}
    personal = {
        *found.personal,
        *(cell for cell in segmentations if is_personal(cell, personal_words(directory / cell))),
    }
    if personal:
        yield (
            f"the paths of {len(personal)} files say who somebody is, and stand in the "
            "table: rename the files before you give the table away"
        )
    nameless = [c.name for c in proposed.info.classes if re.fullmatch(r"class_\d+|object", c.name)]
    if proposed.is_new and nameless:
        yield f"annotations do not say what {', '.join(nameless)} are: name them in {DESCRIPTION}"


def _about_table(
    directory: Path, shots: Sequence[Shot], annotated: Annotated, there: Table
) -> Iterator[str]:
    """Say what was found for rows that stand there, and is not written into them."""
    empty = {row.get("image", "") for row in there.rows if not row.get("annotation")}
    late = [
        s for s in shots if not s.number and s in annotated.cells and _path(directory, s) in empty
    ]
    if late:
        first = annotated.cells[late[0]]
        yield (
            f"{len(late)} rows have no annotation, but one is there now, such as {first}: write it "
            "into the column, or remove these rows and run the same command again"
        )
    gone = Counter(
        row.get("image", "")
        for row in there.rows
        if not (directory / row.get("image", "")).exists()
    )
    if gone:
        yield f"{gone.total()} rows name files that are not there, such as {min(gone)}"
