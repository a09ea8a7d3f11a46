"""What a film does not show no network can find: metal beside cement that is as white.

    python -m benchmarks.studies.knee_metal runs/knee/export \\
        --out benchmarks/results/knee_metal.json

Films are those of `benchmarks.studies.knee_measures`, in no split of a data set, with both
components. Each is put among the others by the share of its cement whose grey value is that of
metal: there the film's window ends, and where metal ends and cement begins is not in it. A line of
the table is a range of that share: films, the components' mean Dice, and of what is falsely called
metal the share that is cement.
"""

import argparse
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
from rich.table import Table

from benchmarks.studies.knee_measures import SEED, Truth, films, found_by
from benchmarks.timing import machine
from fluorojax.core import environment
from fluorojax.core.progress import console
from fluorojax.data.intensity import shown
from fluorojax.knee.measure import CLASSES
from fluorojax.knee.measure.film import View
from fluorojax.metrics.overlap import dice

VIEWS = get_args(View)
Masks = Mapping[str, np.ndarray]  # class -> [H, W] bool

METAL = ("femoral_component", "tibial_component")
AS_WHITE = 0.03  # difference in grey, of the film's range, that nobody sees
RANGES = {"none": (0.0, 0.2), "some": (0.2, 0.6), "most": (0.6, 1.01)}  # shares of the cement


class Film(NamedTuple):
    """One film."""

    view: str
    white: float  # share of the cement that is as white as metal; NaN without cement
    dice: tuple[float, ...]  # of METAL
    on_cement: float  # share of what is falsely called metal that is cement


def main() -> None:
    """Find metal on films, print the table and write the numbers."""
    options = parse()
    environment.set_flags(deterministic=False, cpu_devices=1)
    seen = list(looked_at(found_by(options.export), options.films, options.size))
    result: dict[str, Any] = {
        "command": "python -m benchmarks.studies.knee_metal",
        "options": {"films": options.films, "size": options.size, "seed": SEED},
        "machine": machine(),
        "versions": environment.versions(),
        "films": summary(seen),
    }
    show(result["films"])
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("export", type=Path, help="of a run that found a knee's classes")
    parser.add_argument("--films", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--size", type=int, default=256, help="rows and columns; %(default)s px")
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    return parser.parse_args()


def looked_at(masks: Callable[[Truth], np.ndarray], count: int, size: int) -> Iterator[Film]:
    """Yield every film that has both components."""
    for truth in films(count, size, SEED):
        reference = {n: truth["mask"][..., CLASSES.index(n)].astype(bool) for n in CLASSES}
        if not all(reference[name].any() for name in METAL):
            continue
        found = masks(truth)
        yield film_of(truth, reference, {n: found[..., CLASSES.index(n)] for n in METAL})


def film_of(
    truth: Truth, reference: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]
) -> Film:
    """Return how much of a film's cement is as white as metal, and how metal was found."""
    metal = np.any([reference[name] for name in METAL], axis=0)
    cement = reference["cement"] & ~metal
    grey = shown(truth["image"])
    white = np.abs(grey[cement] - np.median(grey[metal])) < AS_WHITE
    false = np.any([found[name] & ~reference[name] for name in METAL], axis=0)
    return Film(
        VIEWS[int(truth["view"])],
        _share(white.sum(), cement.sum()),
        tuple(dice(found[name], reference[name]) for name in METAL),
        _share((false & cement).sum(), false.sum()),
    )


def _share(part: int, whole: int) -> float:
    return float(part / whole) if whole else math.nan


def summary(seen: Sequence[Film]) -> list[dict[str, Any]]:
    """Return a row a view and range of cement that is as white as metal."""
    rows = []
    for view in VIEWS:
        of_view = [film for film in seen if film.view == view]
        groups = {"no cement there": [film for film in of_view if math.isnan(film.white)]}
        for name, (low, high) in RANGES.items():
            groups[name] = [film for film in of_view if low <= film.white < high]
        rows += [{"view": view, "cement": name} | means(group) for name, group in groups.items()]
    return rows


def means(group: Sequence[Film]) -> dict[str, Any]:
    """Return the number of some films and their means, None where there is nothing to say."""
    false = [film.on_cement for film in group if not math.isnan(film.on_cement)]
    return {
        "films": len(group),
        **{name: _mean([film.dice[k] for film in group]) for k, name in enumerate(METAL)},
        "false_on_cement": _mean(false),
    }


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def show(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a line a row."""
    table = Table("view", "cement as white", "films", "femoral", "tibial", "false: cement")
    for row in rows:
        table.add_row(*(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()))
    console.print(table)


if __name__ == "__main__":
    main()
