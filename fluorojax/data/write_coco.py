"""A dataset folder as COCO: PNG frames, and a file of annotations a split."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from fluorojax.core.outputs import results
from fluorojax.data.folder import Case, Folder, load_case
from fluorojax.data.handed_on import (
    counted,
    names_of,
    row_of,
    spacing_of,
    write_description,
    write_json,
    write_png,
    write_table,
)
from fluorojax.schema.info import SPLITS, DatasetInfo

KIND = "COCO folder"


def write_coco(folder: Folder, out: Path, on_case: Callable[[int], None]) -> list[str]:
    """Write `images/`, `annotations/instances_SPLIT.json`, `ignore/`, and our own table.

    Each class of a frame is one annotation: its run lengths, which are exact and may overlap. A
    case without annotation is in no file of annotations. `dataset.json` and `cases.csv` make the
    folder one that this project reads too, with patients, spacings and ignored pixels, which COCO
    does not know.

    Args:
        folder: what is written.
        out: a new folder, or one of an earlier call.
        on_case: told after each case how many are done.

    Returns:
        What was written, in lines.

    Raises:
        InputError: a case cannot be read, or `out` not be written.
    """
    names = names_of(folder.cases)
    images: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    found: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    rows = []
    with results(out, KIND, [folder.root]) as draft:
        for number, case in enumerate(folder.cases, 1):
            name = names[case.case]
            frame, mask, ignore = load_case(folder, case)
            files = _write_files(draft, case, name, frame.pixels, ignore)
            if case.labelled:
                height, width = frame.shape
                image = {"id": number, "file_name": f"{name}.png", "height": height, "width": width}
                images[case.split].append(image)
                found[case.split] += annotations_of(mask, number)
            rows.append(row_of(case, files, spacing_of(frame), folder.info))
            on_case(number)
        for split in SPLITS:
            number_all(found[split])
            content = document_of(folder.info, images[split], found[split])
            write_json(draft / _file_of(split), content)
        write_description(draft / "dataset.json", folder.info)
        write_table(draft / "cases.csv", rows, folder.info)
    return [f"COCO: {counted(folder, folder.cases)} in {out}: images/ and annotations/"]


def _file_of(split: str) -> str:
    return f"annotations/instances_{split}.json"


def _write_files(
    draft: Path, case: Case, name: str, pixels: np.ndarray, ignore: np.ndarray
) -> dict[str, str]:
    """Write a frame, and its ignored pixels if there are any; return what the table says of it."""
    (draft / "annotations").mkdir(exist_ok=True)
    files = {"image": f"images/{name}.png"}
    write_png(draft / files["image"], pixels)
    if case.labelled:
        files["annotation"] = _file_of(case.split)
    if ignore.any():
        files["ignore"] = f"ignore/{name}.png"
        write_png(draft / files["ignore"], ignore.astype(np.uint8) * 255)
    return files


def annotations_of(mask: np.ndarray, image: int) -> list[dict[str, Any]]:
    """Return an annotation for each class that the frame shows; category k + 1 is class k."""
    found = []
    for k in np.flatnonzero(mask.any((0, 1))).tolist():
        packed = coco_mask.encode(np.asfortranarray(mask[..., k].astype(np.uint8)))
        size, counts = list(mask.shape[:2]), packed["counts"].decode("ascii")
        found.append(
            {
                "image_id": image,
                "category_id": k + 1,
                "segmentation": {"size": size, "counts": counts},
                "area": int(coco_mask.area(packed)),
                "bbox": [float(side) for side in coco_mask.toBbox(packed)],
                "iscrowd": 0,
            }
        )
    return found


def number_all(annotations: list[dict[str, Any]]) -> None:
    """Give annotations their numbers, from 1."""
    for number, annotation in enumerate(annotations, 1):
        annotation["id"] = number


def document_of(
    info: DatasetInfo, images: list[dict[str, Any]], annotations: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return what a file says, in the order that readers of it know."""
    return {
        "info": {"description": info.description or info.name},
        "licenses": [{"id": 1, "name": info.license}] if info.license else [],
        "categories": [
            {"id": k, "name": c.name, "supercategory": c.kind}
            for k, c in enumerate(info.classes, 1)
        ],
        "images": images,
        "annotations": annotations,
    }
