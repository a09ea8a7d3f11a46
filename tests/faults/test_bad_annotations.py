"""The matrix of bad files of annotation tools: COCO, CVAT, tables of lines, nnU-Net, DICOM-SEG."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fluorojax.data.annotations import read_annotation
from fluorojax.data.folder import check_folder
from tests.data import test_coco, test_cvat, test_line_table
from tests.data.test_nnunet import write_raw
from tests.faults.fuzz import survives
from tests.faults.matrix import Bad, names, refused


def annotation(name: str, content: bytes | Any) -> Callable[[Path], object]:
    """Return what writes a file and reads it as an annotation of `a.png`."""

    def use(folder: Path) -> object:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return read_annotation(
            path, test_coco.INFO, "", test_coco.SHAPE, "c7", image=folder / "a.png"
        )

    return use


def coco(*annotations: Any, **fields: Any) -> Callable[[Path], object]:
    return annotation("m.json", test_coco.document(*annotations, **fields))


def cvat(content: str) -> Callable[[Path], object]:
    return annotation("m.xml", f"<annotations>{content}</annotations>".encode())


def raw(change: Callable[[Path], object] = lambda root: None, **fields: Any):
    def use(folder: Path) -> object:
        root = write_raw(folder / "d", cases=3, tests=1, **fields)
        change(root)
        return check_folder(root)

    return use


def label(path: str, values: np.ndarray) -> Callable[[Path], object]:
    return lambda root: Image.fromarray(values).save(root / path)


def folds(text: str) -> Callable[[Path], object]:
    return lambda root: (root / "splits_final.json").write_text(text)


def missing(folder: Path) -> object:
    return read_annotation(folder / "m.dcm", test_coco.INFO, "", (2, 2), "c")


COLOURS = np.dstack([np.eye(64, dtype=np.uint8), np.zeros((64, 64, 2), np.uint8)])
AS_TEXT = [{"id": 1, "file_name": "a.png", "height": "20", "width": 30}]
ROWS: list[Bad] = [
    *[(f"COCO {n}", coco(bad), text) for n, (bad, text) in enumerate(test_coco.BAD)],
    *[(f"CVAT {n}", cvat(bad), text) for n, (bad, text) in enumerate(test_cvat.BAD)],
    *[
        (f"lines {n}", annotation("m.csv", bad.encode()), text)
        for n, (bad, text) in enumerate(test_line_table.BAD)
    ],
    ("COCO deep", annotation("m.json", b'{"images": ' + b"[" * 99999), "brackets within hundreds"),
    ("COCO NaN", annotation("m.json", b'{"images": [NaN]}'), "NaN is no number that JSON has"),
    ("COCO annotation a number", coco(images=[], annotations=[3]), "image_id None is none of the"),
    ("COCO image a list", coco(images=[[]]), "images 0 is .* each has id and file_name"),
    ("COCO id a list", coco(images=[{"id": [], "file_name": "a"}]), "each has id and file_name"),
    ("COCO size as text", coco(images=AS_TEXT), "height x width = 20 x 30 there"),
    ("COCO category without name", coco(categories=[{"id": 7}]), "categories 0 is .* id and name"),
    ("COCO polygon deep", coco({"segmentation": [[[1, 2], [3, 4]]]}), "points are not pairs"),
    ("COCO polygon far", coco({"segmentation": [[1, 1, 1e9, 1, 1, 9]]}), "farther away than any"),
    ("COCO run huge", coco(test_coco.rle([2**40, 1])), "run lengths of 1099511627777 pixels"),
    ("COCO run true", coco(test_coco.rle([True, 599])), "are no run lengths"),
    ("COCO text endless", coco(test_coco.rle("o" * 99)), "are no run lengths"),
    ("COCO text cut", coco(test_coco.rle("c25?0000")), "pixels in all, the frame has 600"),
    ("COCO empty text", coco(test_coco.rle("")), "run lengths of 0 pixels"),
    ("COCO size missing", coco({"segmentation": {"counts": [600]}}), "of a mask of None"),
    ("COCO width true", coco({"keypoints": [5, 5, 2, 9, 9, 2], "width_px": True}), "is none"),
    ("CVAT empty", annotation("m.xml", b""), "not valid XML"),
    ("CVAT bytes", annotation("m.xml", bytes(range(256))), "not valid XML"),
    ("CVAT entities", annotation("m.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><annotations/>'),
     "a document type or entities"),
    ("CVAT nothing", cvat(""), "names no pictures"),
    ("SEG a picture", annotation("m.dcm", b"\x89PNG\r\n\x1a\n" + b"\0" * 200), "cannot be decoded"),
    ("SEG empty", annotation("m.dcm", b""), "cannot be decoded"),
    ("SEG missing", missing, "no such file"),
    ("nnU-Net channels", raw(channel_names={"0": "R", "1": "G"}), "2 channels .R, G."),
    ("nnU-Net version 1", raw(modality={"0": "x"}), "first version; convert it"),
    ("nnU-Net value", raw(label("labelsTr/case_000.png", np.full((64, 64), 9, np.uint8))),
     "unknown label value 9"),
    ("nnU-Net size", raw(label("labelsTr/case_000.png", np.zeros((9, 9), np.uint8))),
     "the mask is 9 x 9, the frame 64 x 64"),
    ("nnU-Net colours", raw(label("labelsTr/case_000.png", COLOURS)), "case_000.*colour"),
    ("nnU-Net split", raw(folds("[]")), "splits_final.json: write"),
    ("nnU-Net fold", raw(folds('[{"train": ["x"], "val": []}]')), "do not hold the same cases"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
def test_a_bad_file_is_refused_with_its_message(row: Bad, tmp_path: Path):
    message = refused(row, tmp_path)
    assert len(message) < 5000
    assert all(c.isprintable() or c == "\n" for c in message)


def test_a_file_of_brackets_within_brackets_is_survived(tmp_path):
    survives(lambda: cvat("<a>" * 50_000 + "</a>" * 50_000)(tmp_path))
