"""What `predict` makes of the files of several frames, for other programs: when these are done.

All of it comes of the masks and pictures on the disk, one frame at a time, so that a cine of a
thousand frames takes no more memory than one of ten, and an output that is asked for later needs no
frame to be predicted again.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.core.files import file_name
from fluorojax.core.outputs import written_aside
from fluorojax.data.dicom_out import Algorithm, check_source
from fluorojax.data.dicom_out import library as dicom_library
from fluorojax.data.folder import Case
from fluorojax.data.readers import frame_rate, stem_of
from fluorojax.data.write_coco import annotations_of, document_of, number_all
from fluorojax.data.write_dicom_seg import write_dicom_seg
from fluorojax.drawing import film, overlay
from fluorojax.inference.journal import Journal
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.schema import bitmask
from fluorojax.schema.info import ClassInfo, DatasetInfo

COCO = "coco.json"
USUAL_RATE = 10.0
"""Frames a second of a video whose cine says none."""


class Wanted(NamedTuple):
    """What is written beside masks, pictures and tables.

    Attributes:
        labelme: the curves of each frame, for LabelMe.
        probabilities: of each frame and class, as pictures of 16 bit.
        dicom_seg: a DICOM segmentation of each file.
        video: of each cine, its pictures.
        coco: one file for all frames.
    """

    labelme: bool = False
    probabilities: bool = False
    dicom_seg: bool = False
    video: bool = False
    coco: bool = False


NOTHING_MORE = Wanted()


class Product(NamedTuple):
    """A file that is made of several frames.

    Attributes:
        name: in the folder of predictions.
        files: case -> the file of it that it is made of, in order.
        settings: what it depends on besides them, as JSON.
        write: writes it to a path.
    """

    name: str
    files: Mapping[str, str]
    settings: tuple[Any, ...]
    write: Callable[[Path], None]


def recordings(cases: Sequence[Case]) -> dict[Path, list[Case]]:
    """Return the cases of each file, in the order of their frames."""
    found: dict[Path, list[Case]] = {}
    for case in cases:
        found.setdefault(case.image, []).append(case)
    return {path: sorted(of, key=lambda case: case.frame) for path, of in found.items()}


def check_wanted(cases: Sequence[Case], wanted: Wanted) -> None:
    """Check that what is asked for can be made: before anything is predicted.

    Raises:
        InputError: a library is missing, there is no cine, or a file cannot be the source of a
            DICOM segmentation.
    """
    if wanted.video:
        film.library()
        if all(len(of) == 1 for of in recordings(cases).values()):
            raise InputError(
                "--video writes cines, and no file that is given has several frames; give a DICOM "
                "cine or a video, or leave --video out"
            )
    if wanted.dicom_seg:
        dicom_library("DICOM segmentations")
        for path in recordings(cases):
            check_source(path, "--dicom-seg")


def products(
    cases: Sequence[Case],
    out: Path,
    rules: MaskRules,
    algorithm: Algorithm,
    wanted: Wanted,
) -> list[Product]:
    """Return the files that are made of the cases' own.

    Args:
        cases: of this call.
        out: the folder of predictions.
        rules: of the masks.
        algorithm: what found them.
        wanted: which of them.
    """
    made = []
    for path, of in recordings(cases).items():
        stem = file_name(of[0].case if len(of) == 1 else stem_of(path))
        names = [case.case for case in of]
        if wanted.dicom_seg:
            write = _segmentation(path, of, out, rules, algorithm)
            files = {name: mask_name(name) for name in names}
            made.append(Product(f"{stem}_seg.dcm", files, ("seg", *algorithm), write))
        if wanted.video and len(of) > 1:
            files = {name: overlay_name(name) for name in names}
            made.append(Product(f"{stem}_overlay.mp4", files, ("video",), _video(path, of, out)))
    return made


def _segmentation(
    path: Path, cases: Sequence[Case], out: Path, rules: MaskRules, algorithm: Algorithm
) -> Callable[[Path], None]:
    def write(draft: Path) -> None:
        masks = ((max(case.frame, 1), read_mask(out, case.case, rules.classes)) for case in cases)
        colours = [overlay.colour(k).tolist() for k in range(len(rules.names))]
        write_dicom_seg(draft, path, masks, rules.names, algorithm, colours)

    return write


def _video(path: Path, cases: Sequence[Case], out: Path) -> Callable[[Path], None]:
    def write(draft: Path) -> None:
        film.write_film(draft, _pictures(cases, out), frame_rate(path) or USUAL_RATE)

    return write


def _pictures(cases: Sequence[Case], out: Path) -> Iterator[np.ndarray]:
    for case in cases:
        with Image.open(out / overlay_name(case.case)) as picture:
            yield np.asarray(picture)


def mask_name(case: str) -> str:
    """Return the file of a case's masks."""
    return f"{file_name(case)}.png"


def overlay_name(case: str) -> str:
    """Return the file of a case's picture."""
    return f"{file_name(case)}_overlay.png"


def read_mask(out: Path, case: str, classes: Sequence[ClassInfo]) -> np.ndarray:
    """Return the masks [H, W, C] bool of a case, as they were written."""
    with Image.open(out / mask_name(case)) as picture:
        return bitmask.unpack(np.asarray(picture), len(classes))


def coco(journal: Journal, out: Path, classes: Sequence[ClassInfo]) -> Product:
    """Return the file of the masks of all frames in a folder, those of earlier calls too."""
    entries = journal.entries

    def write(draft: Path) -> None:
        document = coco_document(entries, out, classes)
        draft.write_text(json.dumps(document) + "\n", "utf-8")

    return Product(COCO, {case: mask_name(case) for case in entries}, ("coco",), write)


def coco_document(
    entries: Mapping[str, Mapping[str, Any]], out: Path, classes: Sequence[ClassInfo]
) -> dict[str, Any]:
    """Return the masks of cases as COCO: run lengths, which are exact and may overlap.

    A picture is called by its file; frames of a cine as CVAT calls them, from 0 on: `run/
    frame_000000.png`, and their number, from 1, is in `frame`.

    Args:
        entries: of a journal.
        out: the folder that holds the masks.
        classes: in the order of the masks' bits.
    """
    images: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for number, (case, entry) in enumerate(entries.items(), 1):
        mask = read_mask(out, case, classes)
        image = {"id": number, **_named(entry), "case": case}
        images.append({**image, "height": mask.shape[0], "width": mask.shape[1]})
        found += annotations_of(mask, number)
    number_all(found)
    return document_of(DatasetInfo("predictions", tuple(classes)), images, found)


def _named(entry: Mapping[str, Any]) -> dict[str, Any]:
    name = str(entry["frame"])
    if not entry["found"].get("several"):
        return {"file_name": name}
    number = entry["given"]["frame"]
    return {"file_name": f"{stem_of(Path(name))}/frame_{number - 1:06d}.png", "frame": number}


def make(product: Product, out: Path, journal: Journal) -> str:
    """Write a file of several frames unless it is there; return why it cannot be made, or ''."""
    if missing := [case for case in product.files if case not in journal.entries]:
        return (
            f"{missing[0]}, and {len(missing) - 1} more, could not be predicted; it is made "
            "when all its frames are"
        ).replace(", and 0 more,", "")
    digest = journal.digest_of(product.files, *product.settings)
    if journal.is_made(product.name, digest):
        return ""
    try:
        with written_aside(out / product.name) as draft:
            product.write(draft)
            journal.add_product(product.name, digest, draft)
    except InputError as error:
        return str(error)
    return ""
