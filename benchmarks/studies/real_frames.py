"""Make dataset folders of public real frames, out of clones that the user has made.

    git clone https://github.com/fercer/Coronary
    python -m benchmarks.studies.real_frames coronary_xa Coronary --out real/coronary_xa
    git clone https://github.com/ajensen1234/JTML
    python -m benchmarks.studies.real_frames jtml_knee JTML --out real/jtml_knee

Nothing is loaded from the network. Licences are copied along; the frames stay their authors'.
"""

import argparse
import csv
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.data.readers import read_frame, read_mask_image
from fluorojax.training import signals

Row = dict[str, str | int]

CORONARY: dict[str, Any] = {
    "name": "coronary_xa",
    "description": "Coronary X-ray angiograms with the vessel tree drawn by experts; 300 x 300, "
    "8 bit. Patients unknown: each frame counts as one.",
    "license": "BSD-3-Clause (fercer/Coronary)",
    "classes": [{"name": "vessel", "kind": "curve", "mask_value": 255}],
    "mask_encoding": "index",
}
JTML: dict[str, Any] = {
    "name": "jtml_knee",
    "description": "Knee flexion under two fluoroscopes after total knee arthroplasty; 1024 x 1024",
    "license": "BSD-3-Clause (JTML, Gary J. Miller, Ph.D. Orthopaedic Biomechanics Laboratory)",
    "classes": [{"name": "femoral", "kind": "region"}, {"name": "tibial", "kind": "region"}],
    "mask_encoding": "bitmask",
    "split_unit": "frame",
}
EVERY = 9
"""Of JTML's frames, which are 2 x 261: neighbours are nearly the same."""
LAST_TRAINED = 198
"""Number of the last frame of the first fluoroscope that is trained on; later ones validate."""


def coronary(clone: Path, out: Path) -> Iterator[Row]:
    """Write the frames of fercer/Coronary: 40 to learn from, of which 5 validate, and 20 tests.

    Raises:
        InputError: a picture is not where the repository has it.
    """
    for split, folder, count in (("train", "training", 40), ("test", "testing", 20)):
        for number in range(1, count + 1):
            source = clone / f"Angios_40_{folder}" / f"{number}.png"
            mask = read_mask_image(_there(source.with_name(f"{number}_gt.png")))
            drawn = np.where(mask > 0, 255, 0).astype(np.uint8)
            case = f"{split}_{number:02d}"
            image, annotation = _write(out, case, read_frame(_there(source)).pixels, drawn)
            validates = split == "train" and number % 7 == 0
            yield {
                "case": case,
                "image": image,
                "annotation": annotation,
                "patient": case,
                "split": "validation" if validates else split,
            }


def jtml(clone: Path, out: Path) -> Iterator[Row]:
    """Write every ninth frame of JTML's Subject0: the second fluoroscope is the test.

    Raises:
        InputError: no frames are there, or no masks of a component.
    """
    for number in (1, 2):
        camera = clone / "example_studies" / "Subject0" / f"Cam{number}"
        frames = sorted((camera / "Img_Tif").glob("*.tif"))
        if not frames:
            raise InputError(f"{camera / 'Img_Tif'}: no frames; clone all of ajensen1234/JTML")
        masks = [_masks_of(camera, part) for part in ("fem", "tib")]
        for k in range(0, len(frames), EVERY):
            bits = (read_mask_image(files[k]) > 0 for files in masks)
            mask = sum(part.astype(np.uint8) << bit for bit, part in enumerate(bits))
            case = f"cam{number}_{k:03d}"
            image, annotation = _write(out, case, read_frame(frames[k]).pixels, np.asarray(mask))
            learned = "train" if k <= LAST_TRAINED else "validation"
            yield {
                "case": case,
                "image": image,
                "annotation": annotation,
                "patient": "subject0",
                "sequence": f"cam{number}",
                "frame": k,
                "split": learned if number == 1 else "test",
            }


def _masks_of(camera: Path, part: str) -> list[Path]:
    """Return the masks of a component: of the folder beside the frames whose name has its part.

    Raises:
        InputError: there is no such folder, or it has not one mask a frame.
    """
    count = len(list((camera / "Img_Tif").glob("*.tif")))
    folders = sorted(path for path in camera.rglob("*") if path.is_dir())
    for folder in folders:
        masks = sorted(folder.glob("*.tif"))
        if part in folder.relative_to(camera).as_posix().lower() and len(masks) == count:
            return masks
    names = ", ".join(path.name for path in folders)
    raise InputError(
        f"{camera}: no folder of {count} masks has '{part}' in its name (there are {names}); "
        "rename the component's folder so that it has"
    )


def _there(path: Path) -> Path:
    if not path.is_file():
        raise InputError(f"{path}: not there; clone all of the repository that the page names")
    return path


def _write(out: Path, case: str, pixels: np.ndarray, mask: np.ndarray) -> tuple[str, str]:
    """Write a frame and its mask as PNG, and return where, relative to the folder."""
    names = f"images/{case}.png", f"masks/{case}.png"
    for name, values in zip(names, (pixels, mask), strict=True):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(out / name)
    return names


SETS: dict[str, tuple[dict[str, Any], Callable[[Path, Path], Iterator[Row]]]] = {
    "coronary_xa": (CORONARY, coronary),
    "jtml_knee": (JTML, jtml),
}


def make(name: str, clone: Path, out: Path) -> int:
    """Write a dataset folder out of a clone; return how many frames it has.

    Raises:
        InputError: the folder is there already, or the clone lacks a file.
    """
    if out.exists():
        raise InputError(f"--out {out} is there already; name a new folder")
    description, frames = SETS[name]
    whole, out = out, out.with_name(f"{out.name}.part")  # takes its name when it is whole
    shutil.rmtree(out, ignore_errors=True)
    rows = list(frames(clone, out))
    (out / "dataset.json").write_text(json.dumps(description, indent=1) + "\n", "utf-8")
    with (out / "cases.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for licence in sorted(clone.glob("LICENSE*")):
        shutil.copy(licence, out)
    out.rename(whole)
    return len(rows)


def main() -> None:
    """Make one of the folders."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", choices=tuple(SETS))
    parser.add_argument("clone", type=Path, help="folder of the clone")
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    options = parser.parse_args()
    count = make(options.name, options.clone, options.out)
    print(f"{count} frames in {options.out}; fluorojax check {options.out} looks at them")


if __name__ == "__main__":
    with signals.leaving():
        main()
