"""What the folders that are written for other tools share: a table of cases, frames, and notes."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.core.files import file_name
from fluorojax.core.outputs import refuse_clashes
from fluorojax.data.folder import ATTACHED, Case, Folder
from fluorojax.schema.frame import Frame, Spacing
from fluorojax.schema.info import UNKNOWN, DatasetInfo

COLUMNS = (
    *("case", "image", "annotation", "ignore", "patient", "sequence", "frame", "attached"),
    *("row_spacing_mm", "col_spacing_mm", "split", "stratum"),
)
_ATTACHED = {value: word for word, value in ATTACHED.items()}

Files = Mapping[str, str]
"""Of a case: `image`, `annotation` and `ignore`, as paths from the new folder."""


def names_of(cases: Iterable[Case]) -> dict[str, str]:
    """Return a plain file name, without ending, for each case.

    Raises:
        InputError: two cases would have one.
    """
    names = {case.case: file_name(case.case, plain=True) for case in cases}
    refuse_clashes((f"case {case}", Path(name)) for case, name in names.items())
    return names


def spacing_of(frame: Frame) -> Spacing | None:
    """Return a frame's spacing in the plane of the object, or None.

    A table of cases means that plane, so a spacing of the detector must not stand in it.
    """
    return frame.spacing_mm if frame.spacing_known and frame.plane == "object" else None


def row_of(case: Case, files: Files, spacing_mm: Spacing | None, info: DatasetInfo) -> list[str]:
    """Return a case's row in the table: COLUMNS, then a value for each image label."""
    rows_mm, columns_mm = (repr(mm) for mm in spacing_mm) if spacing_mm else ("", "")
    values = [
        "" if place == UNKNOWN else image_label.values[place]
        for image_label, place in zip(info.image_labels, case.image_labels, strict=True)
    ]
    known = {
        "case": case.case,
        "patient": case.patient,
        "sequence": case.sequence,
        "frame": str(case.frame) if case.frame >= 0 else "",
        "attached": _ATTACHED[case.attached],
        "row_spacing_mm": rows_mm,
        "col_spacing_mm": columns_mm,
        "split": case.split,
        "stratum": case.stratum,
        **files,
    }
    return [*(known.get(name, "") for name in COLUMNS), *values]


def write_table(path: Path, rows: Sequence[Sequence[str]], info: DatasetInfo) -> None:
    """Write the table of cases."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([*COLUMNS, *(image_label.name for image_label in info.image_labels)])
        table.writerows(rows)


def write_description(path: Path, info: DatasetInfo) -> None:
    """Write a description in our form: the classes, without an encoding."""
    fields = info.to_json()
    fields["classes"] = [{"name": c.name, "kind": c.kind} for c in info.classes]
    write_json(path, {name: value for name, value in fields.items() if value})


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file, indented."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write grey values or labels, 8 or 16 bit.

    Raises:
        InputError: pixels of another type.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(whole_numbers(pixels, path)).save(path)


def whole_numbers(pixels: np.ndarray, path: Path) -> np.ndarray:
    """Return 8- or 16-bit values as they are.

    Raises:
        InputError: pixels of another type.
    """
    if pixels.dtype.name not in ("uint8", "uint16"):
        raise InputError(
            f"{path.name}: pixels of type {pixels.dtype}; other tools are given 8 or 16 bit: save "
            "the frames so"
        )
    return pixels


def counted(folder: Folder, cases: Sequence[Case]) -> str:
    """Return how many cases of each split are written, in words."""
    counts = Counter(case.split for case in cases)
    told = ", ".join(f"{counts[name]} {name}" for name in ("train", "validation", "test"))
    left = len(folder.cases) - len(cases)
    return f"{len(cases)} cases ({told})" + (
        f"; {left} without annotation left out" if left else ""
    )
