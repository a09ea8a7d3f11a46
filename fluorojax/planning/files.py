"""The files of a folder: which are frames, and which are perhaps annotations of them."""

import dataclasses
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.core.files import reading
from fluorojax.data.readers import (
    MASK_SUFFIXES,
    frames_in,
    header_of,
    holds_dicom,
    read_mask_image,
    stem_of,
    suffix_of,
)

FRAME_FOLDERS = frozenset(
    ("image", "images", "img", "imgs", "frame", "frames", "png", "tif", "tiff", "dicom", "dcm")
)
LABEL_FOLDERS = frozenset(
    (
        *("annotation", "annotations", "ground_truth", "groundtruth", "gt", "json", "label"),
        *("labelme", "labels", "mask", "masks", "seg", "segmentation", "segmentations"),
        *("centerline", "centerlines", "centreline", "centrelines"),
    )
)
IGNORE_FOLDERS = frozenset(("ignore", "ignored"))
LABEL_WORDS = ("mask", "masks", "label", "labels", "seg", "segmentation", "gt", "annotation")
SPLIT_WORDS = {
    **dict.fromkeys(("train", "training", "tr"), "train"),
    **dict.fromkeys(("validation", "valid", "val"), "validation"),
    **dict.fromkeys(("test", "testing", "ts"), "test"),
}
"""Words in names of files and folders that say which split a frame is of."""

SHAPE_SUFFIXES = (".json", ".xml", ".csv")
FEW_VALUES = 16
"""A picture with more grey values than that is no label image."""
_LOOKED_AT = 4  # pictures of a folder


@dataclasses.dataclass(frozen=True)
class Files:
    """What lies in a folder; all paths are within `root`, in order.

    Attributes:
        root: the folder.
        frames: pictures, DICOM files, videos.
        labels: pictures that are perhaps masks, and DICOM segmentations.
        ignores: pictures in a folder `ignore`.
        shapes: JSON, XML and CSV files, which perhaps hold shapes.
        reasons: why folders are taken for annotations, where their names do not say so.
    """

    root: Path
    frames: tuple[Path, ...]
    labels: tuple[Path, ...]
    ignores: tuple[Path, ...]
    shapes: tuple[Path, ...]
    reasons: tuple[str, ...]


def look(root: Path) -> Files:
    """Return the files in a folder and those below it, sorted.

    Left out are hidden ones, and folders of results that a command has written.

    Raises:
        InputError: the folder is missing or cannot be read.
    """
    with reading(root):
        os.scandir(root).close()
    pictures: list[Path] = []
    shapes: list[Path] = []
    for folder in _folders(root):
        found = frames_in(folder)
        pictures += found
        shapes += sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in SHAPE_SUFFIXES
            and not path.name.startswith(".")
            and path not in found
        )
    roles, by_content = _roles(root, pictures)
    by_role = {role: tuple(p for p in pictures if roles[p] == role) for role in ROLES}
    told = tuple(
        f"{folder.relative_to(root).as_posix()}: pictures of few grey values, called as frames are"
        for folder in by_content
    )
    return Files(root, by_role["frame"], by_role["label"], by_role["ignore"], tuple(shapes), told)


ROLES = ("frame", "label", "ignore")


def _folders(root: Path) -> Iterator[Path]:
    seen = set()  # links may lead in a circle
    for place, names, files in os.walk(root, followlinks=True):
        if ("contents.json" in files and Path(place) != root) or os.path.realpath(place) in seen:
            names.clear()
            continue
        seen.add(os.path.realpath(place))
        names[:] = sorted(name for name in names if not name.startswith("."))
        yield Path(place)


def parents_of(root: Path, path: Path) -> tuple[str, ...]:
    """Return the names of the folders between the root and a file."""
    return path.relative_to(root).parts[:-1]


def split_said(word: str) -> str:
    """Return the split that a folder's or a file's first word names; '' where it names none."""
    return SPLIT_WORDS.get(word.casefold(), "")


def place_of(root: Path, path: Path) -> tuple[str, ...]:
    """Return a file's folders without those that only say what lies in them, as `masks`."""
    known = FRAME_FOLDERS | LABEL_FOLDERS | IGNORE_FOLDERS
    return tuple(p for p in parents_of(root, path) if p.casefold() not in known)


def role_by_name(root: Path, path: Path) -> str:
    """Return what a file is by its folders' names; '' where they do not say."""
    folders = {part.casefold() for part in parents_of(root, path)}
    if folders & IGNORE_FOLDERS:
        return "ignore"
    return "label" if folders & LABEL_FOLDERS else ""


def without_label_word(stem: str) -> str:
    """Return a stem without a word such as `_mask` at its end or `mask_` at its start."""
    folded = stem.casefold()
    for word in LABEL_WORDS:
        for joint in "_-. ":
            if folded.endswith(joint + word):
                return stem[: -len(word) - 1]
            if folded.startswith(word + joint):
                return stem[len(word) + 1 :]
    return stem


def _roles(root: Path, pictures: Sequence[Path]) -> tuple[dict[Path, str], list[Path]]:
    """Return what each picture is, and the folders of which that is told by what is in them."""
    roles = {path: role_by_name(root, path) for path in pictures}
    stems = {stem_of(path) for path in pictures}
    for path in pictures:
        bare = without_label_word(stem_of(path))
        if not roles[path] and bare != stem_of(path) and bare in stems:
            roles[path] = "label"
    folders = defaultdict(list)
    for path in pictures:
        folders[path.parent].append(path)
    by_content = _label_folders(folders, roles)
    for folder in by_content:
        roles |= dict.fromkeys(folders[folder], "label")
    roles |= dict.fromkeys(filter(is_segmentation, pictures), "label")
    return {path: role or "frame" for path, role in roles.items()}, by_content


def _label_folders(folders: dict[Path, list[Path]], roles: dict[Path, str]) -> list[Path]:
    """Return the folders whose pictures are called like those of another, and hold labels."""
    open_folders = {f: paths for f, paths in folders.items() if not any(roles[p] for p in paths)}
    often = Counter(stem_of(path) for paths in open_folders.values() for path in paths)
    found = []
    for folder, paths in open_folders.items():
        twice = sum(often[stem_of(path)] > 1 for path in paths)
        if twice > len(paths) / 2 and all(map(_holds_labels, _some(paths))):
            found.append(folder)
    return found if len(found) < len(open_folders) else []


def _some(paths: Sequence[Path]) -> list[Path]:
    step = max(1, len(paths) // _LOOKED_AT)
    return list(paths[::step][:_LOOKED_AT])


def _holds_labels(path: Path) -> bool:
    if suffix_of(path) not in MASK_SUFFIXES:
        return False
    try:
        return len(values_of(path)) <= FEW_VALUES
    except InputError:
        return False


def is_segmentation(path: Path) -> bool:
    """Say whether a file is a DICOM segmentation (DICOM-SEG)."""
    try:
        return holds_dicom(path) and header_of(path).modality == "SEG"
    except InputError:
        return False


def values_of(path: Path) -> dict[int, int]:
    """Return the number of pixels of each value in a label image.

    Raises:
        InputError: it cannot be read as one.
    """
    values, counts = np.unique(read_mask_image(path), return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))
