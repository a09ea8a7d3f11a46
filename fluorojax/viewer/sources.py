"""What is looked at: a dataset folder, a folder of frames, or what a run was scored on."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from fluorojax.core.errors import InputError
from fluorojax.core.files import read_json
from fluorojax.data.catalogue import MOST_BYTES
from fluorojax.data.folder import Case, Folder, load_case, load_frame, read_cases
from fluorojax.data.problems import perhaps, said
from fluorojax.data.table import LINE, read_rows
from fluorojax.drawing import archive
from fluorojax.inference.inputs import cases_of, is_dataset
from fluorojax.schema.frame import Frame
from fluorojax.schema.info import SPLITS, ClassInfo, Kind
from fluorojax.viewer import shapes
from fluorojax.viewer.shapes import Shape

CONFIG, MANIFEST = "config.json", "export/manifest.json"
JOURNAL = "predictions.jsonl"
Annotation = list[Shape] | None


@dataclasses.dataclass(frozen=True)
class Source:
    """Frames, and what is drawn on them.

    Attributes:
        path: of the folder.
        cases: a frame each.
        classes: those that are known; empty where nothing says them.
        frame: reads a case's frame.
        annotation: returns its shapes; None where it has none.
        folder: the dataset folder, if it is one.
        widths: of lines that do not say their own (px), by class.
        opens: a case's file is one that other programs open.
    """

    path: Path
    cases: tuple[Case, ...]
    classes: tuple[ClassInfo, ...]
    frame: Callable[[Case], Frame]
    annotation: Callable[[Case, Frame], Annotation]
    folder: Folder | None = None
    widths: Mapping[str, float] = dataclasses.field(default_factory=dict)
    opens: bool = True


def open_source(path: Path, cases_file: str = "cases.csv") -> Source:
    """Return what is in a folder.

    Raises:
        InputError: no folder, or nothing in it can be shown.
    """
    if not path.is_dir():
        raise InputError(f"{path} is no folder; give a folder of frames, or of a run")
    if is_dataset(path):
        return _of_dataset(path, cases_file)
    if (path / CONFIG).is_file() and (path / "evaluation").is_dir():
        return _of_run(path)
    if (path / JOURNAL).is_file():
        raise InputError(
            f"{path} holds masks, and not the frames that they were made of; give both: "
            f"fluorojax view FRAMES --predictions {path}"
        )
    return _of_frames(path)


def classes_given(text: str) -> tuple[ClassInfo, ...]:
    """Return what `--classes NAME:KIND,...` says.

    Raises:
        InputError: a kind that there is not, or a name twice.
    """
    kinds: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
    found: dict[str, ClassInfo] = {}
    for part in text.split(","):
        name, _, kind = part.strip().partition(":")
        if not name or kind not in kinds or name in found:
            raise InputError(
                f"--classes {said(part)}: write each class once, with its kind, as in "
                f"wire:curve,scope:region{perhaps(kind, kinds)}"
            )
        found[name] = ClassInfo(name, kinds[kind])
    return tuple(found.values())


# A dataset folder


def _of_dataset(path: Path, cases_file: str) -> Source:
    folder = read_cases(path, cases_file)

    def annotation(case: Case, frame: Frame) -> Annotation:
        if not case.labelled:
            return None
        document = _labelme(Path(case.annotation))
        if document is not None:
            return shapes.read(document, folder.rules.widths)
        return shapes.of_mask(load_case(folder, case)[1], folder.info.classes)

    return Source(
        *(path, folder.cases, folder.info.classes, load_frame, annotation),
        folder=folder,
        widths=folder.rules.widths,
    )


def _labelme(path: Path) -> Mapping[str, Any] | None:
    """Return a LabelMe file; None where an annotation is another file."""
    if path.suffix.lower() != ".json":
        return None
    found = read_json(path, most=MOST_BYTES)
    good = isinstance(found, dict) and isinstance(found.get("shapes"), list)
    return found if good else None


# A folder of pictures or DICOM


def _of_frames(path: Path) -> Source:
    cases = tuple(cases_of([path]))
    beside = {case.case: _beside(case) for case in cases}
    documents = [read_json(file, most=MOST_BYTES) for file in beside.values() if file]

    def annotation(case: Case, frame: Frame) -> Annotation:
        file = beside[case.case]
        document = _labelme(file) if file else None
        return None if document is None else shapes.read(document, {})

    return Source(path, cases, kinds_drawn(documents), load_frame, annotation)


def _beside(case: Case) -> Path | None:
    """Return the LabelMe file that lies beside a frame, if one does."""
    path = case.image.with_name(f"{case.case}.json")
    return path if path.is_file() and _labelme(path) is not None else None


def kinds_drawn(documents: Sequence[Any]) -> tuple[ClassInfo, ...]:
    """Return the classes that LabelMe files name: curves where all shapes of a label are lines."""
    kinds: dict[str, Kind] = {}
    for document in documents:
        items = document.get("shapes", ()) if isinstance(document, dict) else ()
        for item in items:
            label = item.get("label") if isinstance(item, dict) else None
            if isinstance(label, str) and label:
                line = item.get("shape_type") in ("line", "linestrip")
                same = line and kinds.get(label, "curve") == "curve"
                kinds[label] = "curve" if same else "region"
    return tuple(ClassInfo(label, kind) for label, kind in sorted(kinds.items()))


# What a run was scored on


def _of_run(path: Path) -> Source:
    """Return the frames of the first split that was evaluated, test before validation."""
    splits = (path / "evaluation" / name / "maps" for name in (SPLITS[2], SPLITS[1], SPLITS[0]))
    maps = next((folder for folder in splits if any(folder.glob("*.png"))), None)
    if maps is None:
        raise InputError(
            f"{path}: no frame in evaluation/SPLIT/maps; give the folder of frames instead, and "
            f"the network with --export {path / 'export'}"
        )
    files = sorted(maps.glob("*.png"))
    classes = classes_of_run(path)

    def frame(case: Case) -> Frame:
        return Frame(archive.load(case.image, len(classes)).frame, source=str(case.image))

    def annotation(case: Case, frame: Frame) -> Annotation:
        return shapes.of_mask(archive.load(case.image, len(classes)).reference, classes)

    cases = tuple(Case(file.stem, file, "", maps.parent.name) for file in files)
    return Source(path, cases, classes, frame, annotation, opens=False)


def classes_of_run(path: Path) -> tuple[ClassInfo, ...]:
    """Return the classes of a run, by its export.

    Raises:
        InputError: its manifest is missing or damaged.
    """
    file = path / MANIFEST
    try:
        return tuple(
            ClassInfo(entry["name"], entry["kind"]) for entry in read_json(file)["masks"]["classes"]
        )
    except (KeyError, TypeError) as error:
        raise InputError(f"{file} is damaged; export the run again") from error


def table_with(folder: Folder, annotations: Mapping[str, Path]) -> list[dict[str, str]]:
    """Return the rows of a folder's table, with other annotations of some cases.

    Args:
        folder: whose table it is.
        annotations: case -> file.
    """
    rows = read_rows(folder.cases_file, folder.info)
    root = folder.root.resolve()
    found = []
    for row in rows:
        row = {"annotation": "", **{name: value for name, value in row.items() if name != LINE}}
        if (path := annotations.get(row["case"])) is not None:
            place = path.resolve()
            inside = place.is_relative_to(root)
            row["annotation"] = (place.relative_to(root) if inside else place).as_posix()
        found.append(row)
    return found
