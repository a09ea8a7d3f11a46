"""A dataset folder as an nnU-Net raw folder: labels, or regions where classes overlap."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fluorojax.core.errors import needs
from fluorojax.core.outputs import results
from fluorojax.data.folder import Case, Folder, load_case, load_frame
from fluorojax.data.handed_on import (
    counted,
    names_of,
    row_of,
    spacing_of,
    whole_numbers,
    write_description,
    write_json,
    write_png,
    write_table,
)
from fluorojax.data.nnunet import BESIDE, SPLITS_FILE
from fluorojax.schema import bitmask
from fluorojax.schema.frame import Spacing
from fluorojax.schema.info import DatasetInfo

KIND = "nnU-Net folder"
PNG, NIFTI = ".png", ".nii.gz"


class _Coding(NamedTuple):
    """How masks become label images.

    Attributes:
        value_of: set of classes, as the sum of their bits -> value.
        ignored: value of pixels that do not count, or None where all do.
    """

    value_of: dict[int, int]
    ignored: int | None

    def labels(self, mask: np.ndarray, ignore: np.ndarray) -> np.ndarray:
        """Return `mask: [H, W, C]` as [H, W] of values, uint8 or uint16."""
        most = max(*self.value_of.values(), self.ignored or 0)
        # What only ignored pixels show has no value, and needs none.
        table = np.zeros(1 << mask.shape[-1], np.uint8 if most < 256 else np.uint16)
        for bits, value in self.value_of.items():
            table[bits] = value
        return np.where(ignore, table.dtype.type(self.ignored or 0), table[bitmask.pack(mask)])


def write_nnunet(folder: Folder, out: Path, on_case: Callable[[int], None]) -> list[str]:
    """Write train and validation as `imagesTr`, test as `imagesTs`, and the split as a fold.

    Classes that overlap in no pixel are labels. Where some do, each set of classes that is seen
    together has a value of its own, and the classes are nnU-Net's regions. Pixels that do not count
    are its label `ignore`, whatever class they have. Frames are NIfTI where the spacing of all is
    known, else PNG, which cannot say it. Cases without annotation are left out but for test.
    `fluorojax.json` and `cases.csv` beside say what nnU-Net does not ask for.

    Args:
        folder: what is written.
        out: a new folder, or one of an earlier call.
        on_case: told after each case how many are done.

    Returns:
        What was written, in lines.

    Raises:
        InputError: a case cannot be read, nibabel is missing where it is needed, or `out` cannot
            be written.
    """
    cases = [case for case in folder.cases if case.labelled or case.split == "test"]
    names = names_of(cases)
    coding, ending = _coding(folder, cases), _ending(cases)
    rows = []
    with results(out, KIND, [folder.root]) as draft:
        for done, case in enumerate(cases, 1):
            frame, mask, ignore = load_case(folder, case)
            part, spacing = ("Ts" if case.split == "test" else "Tr"), spacing_of(frame)
            image = f"images{part}/{names[case.case]}_0000{ending}"
            files = {"image": image}
            _write(draft / image, frame.pixels, spacing)
            if case.labelled:
                files["annotation"] = f"labels{part}/{names[case.case]}{ending}"
                _write(draft / files["annotation"], coding.labels(mask, ignore), spacing)
                files["ignore"] = "" if coding.ignored is None else files["annotation"]
            rows.append(row_of(case, files, spacing, folder.info))
            on_case(done)
        trained = [case for case in cases if case.split != "test"]
        write_json(draft / "dataset.json", _description(folder.info, coding, len(trained), ending))
        write_json(draft / SPLITS_FILE, [_fold(trained, names)])
        write_description(draft / BESIDE, folder.info)
        write_table(draft / "cases.csv", rows, folder.info)
    return [f"nnU-Net: {counted(folder, cases)} in {out}", *_notes(folder, coding, ending, out)]


def _coding(folder: Folder, cases: Sequence[Case]) -> _Coding:
    """Give each class a value, then each set of classes that some pixel shows, then `ignore`."""
    classes = len(folder.info.classes)
    seen: set[int] = set()
    ignores = False
    for case in cases:
        if case.labelled:
            _, mask, ignore = load_case(folder, case)
            seen |= set(np.unique(bitmask.pack(mask)[~ignore]).tolist())
            ignores |= bool(ignore.any())
    alone = [1 << k for k in range(classes)]
    sets = [0, *alone, *sorted(seen - {0, *alone})]
    value_of = {bits: value for value, bits in enumerate(sets)}
    return _Coding(value_of, len(sets) if ignores else None)


def _ending(cases: Sequence[Case]) -> str:
    """Return the frames' format: the one that says spacings, where all are known."""
    return NIFTI if all(spacing_of(load_frame(case)) for case in cases) else PNG


def _write(path: Path, values: np.ndarray, spacing_mm: Spacing | None) -> None:
    if path.name.endswith(PNG):
        write_png(path, values)
        return
    nibabel = needs("nibabel", "formats", "NIfTI files, which nnU-Net takes spacings from")
    path.parent.mkdir(parents=True, exist_ok=True)
    row_mm, column_mm = spacing_mm or (1.0, 1.0)
    # Directions as SimpleITK, which nnU-Net reads with, gives a picture without any.
    affine = np.diag([-column_mm, -row_mm, 1.0, 1.0])
    image = nibabel.Nifti1Image(whole_numbers(values, path).T, affine)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)


def _description(info: DatasetInfo, coding: _Coding, count: int, ending: str) -> dict[str, Any]:
    """Return nnU-Net's `dataset.json`; with regions, curves are painted last, over the others."""
    order = sorted(range(len(info.classes)), key=lambda k: (info.classes[k].kind == "curve", k))
    labels: dict[str, Any] = {"background": 0}
    regional = len(coding.value_of) > len(info.classes) + 1
    for k in order if regional else range(len(info.classes)):
        values = [value for bits, value in coding.value_of.items() if bits >> k & 1]
        labels[info.class_names[k]] = values if regional else values[0]
    if coding.ignored is not None:
        labels["ignore"] = coding.ignored
    regions = {"regions_class_order": [k + 1 for k in order]} if regional else {}
    return {
        "name": info.name,
        "description": info.description,
        "licence": info.license,
        "channel_names": {"0": "xray"},
        "labels": labels,
        **regions,
        "numTraining": count,
        "file_ending": ending,
    }


def _fold(cases: Sequence[Case], names: Mapping[str, str]) -> dict[str, list[str]]:
    return {
        name: [names[case.case] for case in cases if case.split == split]
        for name, split in (("train", "train"), ("val", "validation"))
    }


def _notes(folder: Folder, coding: _Coding, ending: str, out: Path) -> list[str]:
    """Return what the user should know of what nnU-Net makes of it."""
    notes = []
    if len(coding.value_of) > len(folder.info.classes) + 1:
        notes.append(
            "classes overlap, so they are nnU-Net's regions: it learns them all, but its "
            "predictions show one class a pixel, the last in regions_class_order"
        )
    if ending == PNG:
        notes.append("not every spacing is known, so frames are PNG, which nnU-Net takes as 1 mm")
    if not out.name.startswith("Dataset"):
        notes.append(
            f"nnU-Net wants the folder called such as nnUNet_raw/Dataset501_{folder.info.name}, "
            f"and {SPLITS_FILE} in its folder of nnUNet_preprocessed"
        )
    return notes
