"""How films of knees look: simulated ones beside a folder of real ones, in the same figures.

    python -m benchmarks.studies.knee_look                              # simulated ones alone
    python -m benchmarks.studies.knee_look real/jtml_knee     # and a data set folder's

Each figure is a film's; of the films it gives the 10th, 50th and 90th percentile. Grey values are
those of 8 bits, turned round where metal is darker than what surrounds it, so that dense is bright.
Of the classes those count whose names begin with "fem" (or "tib") and hold no or "component".
"""

import argparse
import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import jax
import numpy as np
from rich.table import Table
from scipy import ndimage

from fluorojax.core.outputs import written_aside
from fluorojax.core.progress import console
from fluorojax.data.folder import load_case, read_folder
from fluorojax.schema.knee_classes import CLASSES
from fluorojax.simulation.knee import knee
from fluorojax.simulation.knee.spec import KNEE, WIDE, KneeSpec

PERCENTILES = (10, 50, 90)
RING_PX = 12  # what surrounds the metal
LEAST_PX = 40  # of a class, to tell anything of it
Masks = Mapping[str, np.ndarray]  # "femoral", "tibial" metal, "femur", "tibia" bone: [H, W] bool


def main() -> None:
    """Measure, print, write."""
    options = parse()
    sets = {f"{folder.name}": real(folder) for folder in options.folders}
    sets |= {
        name: simulated(dataclasses.replace(spec, height=options.side, width=options.side), options)
        for name, spec in (("knee_wide", WIDE), ("knee", KNEE))
    }
    found = {name: percentiles([film(*one) for one in films]) for name, films in sets.items()}
    console.print(table(found))
    if options.out:
        with written_aside(options.out) as draft:
            draft.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="*", help="data set folders of real films")
    parser.add_argument("--n", type=int, default=100, help="simulated films")
    parser.add_argument("--side", type=int, default=256, help="their pixels")
    parser.add_argument("--out", type=Path, help="where the figures are written as JSON")
    return parser.parse_args()


def simulated(spec: KneeSpec, options: argparse.Namespace) -> Iterator[tuple[np.ndarray, Masks]]:
    """Yield simulated films with an implant."""
    films = jax.device_get(knee.simulate_many(jax.random.split(jax.random.key(0), options.n), spec))
    for image, mask in zip(films["image"], films["mask"], strict=True):
        yield 255.0 * image, named(CLASSES, mask)


def real(folder: Path) -> Iterator[tuple[np.ndarray, Masks]]:
    """Yield a data set folder's frames."""
    data = read_folder(folder)
    for case in data.cases:
        frame, mask, _ = load_case(data, case)
        full = np.iinfo(frame.pixels.dtype).max
        yield frame.pixels * (255.0 / full), named(tuple(c.name for c in data.info.classes), mask)


def named(classes: tuple[str, ...], mask: np.ndarray) -> Masks:
    """Return the four classes that are measured, as far as there are such."""
    found = {}
    for index, name in enumerate(classes):
        for start in ("fem", "tib"):
            if name.startswith(start):
                is_bone = name in ("femur", "tibia")
                found[name if is_bone else f"{start} metal"] = mask[..., index] > 0
    return found


def film(image: np.ndarray, masks: Masks) -> dict[str, float]:
    """Return the figures of a film [H, W] of grey values 0 to 255."""
    metal = masks.get("fem metal", np.zeros(image.shape, bool))
    found = {"film's width / height": image.shape[1] / image.shape[0]}
    if metal.sum() < LEAST_PX:
        return found
    columns, rows = np.nonzero(metal.any(0))[0], np.nonzero(metal.any(1))[0]
    longer = max(np.ptp(columns), np.ptp(rows)) + 1
    found["component's length / long side"] = longer / max(image.shape)
    ring = ndimage.binary_dilation(metal, iterations=RING_PX) & ~ndimage.binary_dilation(
        metal, iterations=3
    )
    if image[metal].mean() < image[ring].mean():
        image = 255.0 - image
    span = np.ptp(np.percentile(image, (1, 99)))
    found |= {"femoral metal, grey": image[metal].mean(), "s.d. within it": image[metal].std()}
    found["(metal - around) / range"] = (image[metal].mean() - image[ring].mean()) / span
    for name in ("femur", "tibia"):
        bone = masks.get(name, np.zeros(image.shape, bool)) & ~ndimage.binary_dilation(
            metal | masks.get("tib metal", metal), iterations=3
        )
        if bone.sum() >= LEAST_PX:
            found[f"{name}, grey"] = image[bone].mean()
    return found | {"edge of metal, 10 to 90 %, px": edge(image, metal)}


def edge(image: np.ndarray, metal: np.ndarray) -> float:
    """Return how many pixels the grey takes from 10 to 90 % across the metal's outline, median.

    Along the gradient of the mask's distance, from 5 px inside to 5 px outside.
    """
    inside = ndimage.distance_transform_edt(metal)
    distance = np.where(metal, 0.5 - inside, ndimage.distance_transform_edt(~metal) - 0.5)
    bins = np.arange(-5.0, 5.5, 0.5)
    which = np.digitize(distance, bins)
    profile = np.array(
        [
            np.median(image[which == k]) if (which == k).any() else np.nan
            for k in range(1, len(bins))
        ]
    )
    profile = profile[np.isfinite(profile)]
    share = (profile - profile[-1]) / (profile[0] - profile[-1] + 1e-6)
    return 0.5 * float(((share > 0.1) & (share < 0.9)).sum())


def percentiles(films: list[dict[str, float]]) -> dict[str, list[float]]:
    """Return the percentiles over films, by figure."""
    names = dict.fromkeys(name for one in films for name in one)
    return {
        name: np.percentile([f[name] for f in films if name in f], PERCENTILES).round(3).tolist()
        for name in names
    }


def table(found: Mapping[str, Mapping[str, list[float]]]) -> Table:
    """Return a row a figure, a column a set."""
    result = Table("10th / 50th / 90th percentile", *found)
    for name in dict.fromkeys(name for of in found.values() for name in of):
        cells = [" / ".join(f"{v:.3g}" for v in of.get(name, [])) for of in found.values()]
        result.add_row(name, *cells)
    return result


if __name__ == "__main__":
    main()
