"""Are a network's angles right, or refused, on films unlike those that it measures best?

    python -m benchmarks.studies.knee_doubt runs/knee-wide/export \\
        --out benchmarks/results/knee_doubt.json

Standing films of `knee_wide`, photographs of monitors among them, with every nuisance; nothing is
told but the spacing. Each is measured twice: from one look at it, and as `fluorojax measure` does,
with the film also mirrored, smaller and of another contrast (`fluorojax.knee.doubt`). A line says
how many films could be measured at all, how many of their angles were reported, and of those how
many lie within one, two and three of their stated errors of the truth (68, 95 and 99.7 % if these
are honest), and the greatest error. A film whose view was called wrong has no right angle.
"""

import argparse
import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks.studies.knee_measures import films, truths
from benchmarks.timing import machine
from fluorojax.core import environment
from fluorojax.core.errors import InputError
from fluorojax.core.outputs import written_aside
from fluorojax.core.progress import console, progress
from fluorojax.data.folder import Case
from fluorojax.inference.predictor import Predictor
from fluorojax.knee.doubt import agreed_labels, looks
from fluorojax.knee.films import Overrides, measure_film
from fluorojax.knee.measure import KneeReport, KneeSettings
from fluorojax.knee.measure.film import FOUND_EDGE_PX
from fluorojax.knee.source import Film, Observation, Source
from fluorojax.schema.frame import Frame
from tfds_builders.simulated import to_detector

SEED = 2011
SMALL_DEG = 0.05  # nobody reads an angle better: an error stated smaller counts as this
FILM = Film(Case("film", Path("film.png"), "", "test"))


def main() -> None:
    """Measure, print and write."""
    options = parse()
    environment.set_flags(deterministic=False, cpu_devices=1)
    from fluorojax.inference.export import load
    from fluorojax.simulation.knee.spec import WIDE

    model = load(options.export)
    spec = dataclasses.asdict(dataclasses.replace(WIDE, oblique_rate=0.0))
    angles: dict[str, list[tuple[float, float]]] = {"one look": [], "with doubt": []}
    measured = dict.fromkeys(angles, 0)
    with progress("measure", options.films) as update:
        made = films(options.films, model.image_size[0], options.seed, **spec)
        for number, truth in enumerate(made, 1):
            for way, seen in observations(model, truth).items():
                report = report_of(model, seen)
                measured[way] += report is not None
                angles[way] += list(errors(report, truth))
            update(number)
    result = {
        "command": "python -m benchmarks.studies.knee_doubt",
        "films": options.films,
        "machine": machine(),
        **{way: {"measured": measured[way]} | summary(found) for way, found in angles.items()},
    }
    console.print(table(result, list(angles)))
    if options.out:
        with written_aside(options.out) as draft:
            draft.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("export", type=Path, help="folder with manifest.json, of a knee's network")
    parser.add_argument("--films", type=int, default=100, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=SEED, help="default: %(default)s")
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    return parser.parse_args()


def observations(model: Predictor, truth: Mapping[str, Any]) -> dict[str, Observation]:
    """Return what is seen of a film, from one look and with doubt."""
    pixel = float(truth["pixel_mm"])
    frame = Frame(to_detector(truth["image"]), (pixel, pixel), "stated")
    prediction = model.predict(frame)
    names = [one.name for one in model.classes]
    return {
        way: Observation(
            *(frame.pixels, prediction.masks, agreed_labels(prediction, others, names)),
            *(FOUND_EDGE_PX, frame.spacing_mm, frame.spacing_origin, others),
        )
        for way, others in (("one look", ()), ("with doubt", tuple(looks(model, frame))))
    }


def report_of(model: Predictor, seen: Observation) -> KneeReport | None:
    """Return a film's measurements; None where it cannot be measured, its view being unknown."""
    source = Source([FILM], [one.name for one in model.classes], lambda _: seen, {})
    try:
        return measure_film(source, FILM, Overrides(), KneeSettings()).report
    except InputError:
        return None


def errors(report: KneeReport | None, truth: Mapping[str, Any]) -> Iterator[tuple[float, float]]:
    """Yield (error, error over its stated one) of each angle reported; degrees."""
    right = truths(truth)
    for one in report.measurements if report else ():
        if one.unit == "deg" and one.value is not None:
            stated = max(one.uncertainty or 0.0, SMALL_DEG)
            off = abs(one.value - right.get(one.name, np.inf))
            yield off, off / stated


def summary(found: list[tuple[float, float]]) -> dict[str, Any]:
    """Return how many angles were reported, and the share of them within 1, 2 and 3 errors."""
    off, ratio = np.array(found or np.zeros((0, 2))).T
    return {
        "angles": len(found),
        **{f"within {n}": float((ratio <= n).mean()) if found else None for n in (1, 2, 3)},
        "beyond 3": int((ratio > 3).sum()),
        "of another view or kind": int(np.isinf(off).sum()),
        "greatest error": float(off[np.isfinite(off)].max()) if np.isfinite(off).any() else None,
    }


def table(result: Mapping[str, Any], ways: list[str]) -> Table:
    """Return a column a way."""
    shown = Table("", *ways)
    for name in result[ways[0]]:
        values = (result[way][name] for way in ways)
        shown.add_row(name, *(f"{v:.3g}" if isinstance(v, float) else str(v) for v in values))
    return shown


if __name__ == "__main__":
    main()
