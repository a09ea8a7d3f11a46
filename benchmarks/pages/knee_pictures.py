"""Simulated knees with everything that is measured drawn on them, and what a run finds on others.

    python -m benchmarks.pages.knee_pictures --out docs/images
    python -m benchmarks.pages.knee_pictures --out docs/images --run runs/knee-512

Writes knee_ap.jpg and knee_lateral.jpg: simulated films after a total knee arthroplasty with
radiolucent lines, measured on their true masks as `fluorojax measure` does. Prints each value
beside the simulation's own. With `--run`, instead, knee_found.jpg: the overlays of some of that
run's test cases side by side.
"""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
from PIL import Image

from fluorojax.knee.drawing import draw_knee
from fluorojax.knee.measure import KneeFilm, measure_knee
from fluorojax.schema.knee_classes import CLASSES
from fluorojax.simulation.knee.knee import SIDES, VIEWS, simulate
from fluorojax.simulation.knee.spec import KneeSpec

PLAIN = KneeSpec(
    height=512,
    width=512,
    field_mm=(240.0, 250.0),
    short_rate=0.0,
    dark_bone_rate=0.0,
    border_rate=0.0,
    blades_rate=0.0,
    round_rate=0.0,
    photo_rate=0.0,
    ball_rate=0.0,
    rotation_degrees=(-3.0, 3.0),
    flexion_degrees=(5.0, 15.0),
    lucency_rate=1.0,
    zone_rate=0.3,
    native_share=0.0,
    ps_share=0.0,
    uka_share=0.0,
    revision_share=0.0,
)
SEEDS = {"ap": 3, "lateral": 5}
ANGLES = {"ap": ("alpha", "beta"), "lateral": ("gamma", "sigma")}
OVERLAYS = "evaluation/test/overlays"
CASES = "test0000,test0003,test0007"
WIDTH = 512  # of each case's picture


def main() -> None:
    """Write the pictures, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--seed", type=int, help="another knee")
    parser.add_argument("--run", type=Path, help="show what it found on test cases instead")
    parser.add_argument("--cases", default=CASES, help="of the run; default: %(default)s")
    options = parser.parse_args()
    if options.run:
        cases = options.cases.split(",")
        save(side_by_side(options.run / OVERLAYS, cases), options.out / "knee_found.jpg")
        return
    for view in VIEWS:
        seed = SEEDS[view] if options.seed is None else options.seed
        found = film(view, seed)
        picture, report = draw(found, view)
        save(picture, options.out / f"knee_{view}.jpg")
        for name, truth in zip(ANGLES[view], found["angles"], strict=True):
            value = report[name].value
            print(f"  {name} {'refused' if value is None else f'{value:.2f}'}, truth {truth:.2f}")


def save(picture: np.ndarray, path: Path) -> None:
    """Write a picture [h, w, 3] and say how large the file is."""
    Image.fromarray(picture).save(path, quality=80, subsampling=0)
    print(f"{path}, {path.stat().st_size / 1e3:.0f} kB")


def side_by_side(folder: Path, cases: Sequence[str]) -> np.ndarray:
    """Return the overlays of cases, each `WIDTH` wide, in a row, [h, w, 3]."""
    found = [Image.open(folder / f"{case}.png").convert("RGB") for case in cases]
    height = max(round(picture.height * WIDTH / picture.width) for picture in found)
    return np.concatenate([np.asarray(picture.resize((WIDTH, height))) for picture in found], 1)


def film(view: str, seed: int) -> dict[str, np.ndarray]:
    """Simulate one film of a view."""
    spec = dataclasses.replace(PLAIN, lateral_rate=float(view == "lateral"))
    return jax.device_get(jax.jit(simulate)(jax.random.key(seed), spec))


def draw(found: dict[str, np.ndarray], view: str):
    """Return the picture [h, w, 3] and the report of a film's true masks."""
    pixel = float(found["pixel_mm"])
    knee = KneeFilm(
        found["mask"].astype(bool),
        CLASSES,
        view,
        (pixel, pixel),
        SIDES[int(found["body_side"])],
        "total",
        1.0,
    )
    report = measure_knee(knee)
    return draw_knee(found["image"], report), report


if __name__ == "__main__":
    main()
