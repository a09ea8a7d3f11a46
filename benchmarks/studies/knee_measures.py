"""How well knees are measured from masks: simulated films, whose hidden truth is known.

    python -m benchmarks.studies.knee_measures --out benchmarks/results/knee_measures.json
    python -m benchmarks.studies.knee_measures --ragged \\
        --out benchmarks/results/knee_measures_ragged.json
    python -m benchmarks.studies.knee_measures --films 150 --size 512 \\
        --out benchmarks/results/knee_measures_512.json
    python -m benchmarks.studies.knee_measures --export runs/knee/export \\
        --out benchmarks/results/knee_measures_predicted.json

Films are simulated from a seed of their own, in no split of a data set; their *true* masks are
measured and compared with what was drawn. With `--export` a network finds the masks (view, side,
type and scale are told, as a user can), with `--plain` from one view of each film; with `--ragged`
the true masks are disturbed as a network's are: their edges wander by some tenths of a pixel, there
are small false islands and holes.

A line of the table is a quantity: films that have it, how many were read, bias, mean absolute error
(MAE), 95th percentile of the absolute error, and the share of errors within one and within two
of the stated standard errors (68 and 95 % if those are honest). A lucent zone counts as seen where
its mean width is 1 mm or more (`LUCENT_MM`), in truth and on the film alike. Truth holds lines that
metal hides, too: those that no pixel of the masks shows are counted apart.
"""

import argparse
import collections
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table
from scipy import ndimage

from benchmarks.timing import machine
from fluorojax.core import environment
from fluorojax.core.errors import InputError
from fluorojax.core.progress import console
from fluorojax.knee.films import IMPLANTS
from fluorojax.knee.measure import CLASSES, KneeFilm, KneeReport, measure_knee
from fluorojax.knee.measure.film import FOUND_EDGE_PX
from tfds_builders.simulated import to_detector

Truth = Mapping[str, Any]  # of one film, as `fluorojax.simulation.knee.knee.simulate` returns it

LUCENT_MM = 1.0
WIDTHS_MM = (0.0, 1.0, 1.5, 2.0, 3.5)  # bins of true widths; the first begins above 0
SEED = 1989  # of the films; splits of the data set draw from other streams
CHUNK = 8  # films simulated at once


class Row(NamedTuple):
    """One quantity of one film."""

    case: int
    kind: str  # of `fluorojax.simulation.knee.knee.TYPES`
    view: str
    quantity: str
    truth: float
    value: float | None
    uncertainty: float | None
    refused: str  # empty where read
    shown: bool = True  # lucencies: a pixel of the zone's line is in the masks


def main() -> None:
    """Simulate, measure, print the tables and write the numbers."""
    options = parse()
    environment.set_flags(deterministic=False, cpu_devices=1)
    rows = [row for found in measured(options) for row in found]
    result = {
        "command": "python -m benchmarks.studies.knee_measures",
        "options": {name: _plain(value) for name, value in vars(options).items()},
        "machine": machine(),
        "versions": environment.versions(),
        **summary(rows),
    }
    show(result)
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


def _plain(option: Any) -> Any:
    """Return an option as JSON has it; of a path its last part, the others are a machine's."""
    return option.name if isinstance(option, Path) else option


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--films", type=int, default=400, help="default: %(default)s")
    parser.add_argument("--size", type=int, default=256, help="rows and columns; %(default)s px")
    parser.add_argument("--seed", type=int, default=SEED, help="default: %(default)s")
    masks = parser.add_mutually_exclusive_group()
    masks.add_argument("--ragged", action="store_true", help="disturb the masks first")
    masks.add_argument("--export", type=Path, metavar="EXPORT", help="let its network find them")
    parser.add_argument(
        "--edge-px",
        type=float,
        help="s.d. of an edge's place in the masks (px); default: as `fluorojax measure` takes it, "
        f"{FOUND_EDGE_PX:g} of found or disturbed ones",
    )
    parser.add_argument(
        "--plain", action="store_true", help="show an export's network each film once, as it is"
    )
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    return parser.parse_args()


def measured(options: argparse.Namespace) -> Iterator[list[Row]]:
    """Yield the rows of each film."""
    masks = masks_by(options)
    edge_px = options.edge_px
    if edge_px is None and (options.export or options.ragged):
        edge_px = FOUND_EDGE_PX
    for case, truth in enumerate(films(options.films, options.size, options.seed)):
        yield rows_of(case, masks(truth), truth, edge_px)


def masks_by(options: argparse.Namespace) -> Callable[[Truth], np.ndarray]:
    """Return what gives the masks [H, W, C] bool of a film that are measured."""
    if options.export:
        return found_by(options.export, options.plain)
    if options.ragged:
        rng = np.random.default_rng(options.seed)
        return lambda truth: ragged(truth["mask"], rng)
    return lambda truth: truth["mask"].astype(bool)


def found_by(export: Path, plain: bool = False) -> Callable[[Truth], np.ndarray]:
    """Return what finds the masks by a network, `plain` from a single view.

    Raises:
        InputError: the network finds other classes than a knee's.
    """
    from fluorojax.inference.export import load
    from fluorojax.inference.tta import TtaSpec

    model = load(export)
    if plain:
        model = model.with_rules(tta=TtaSpec())
    names = tuple(c.name for c in model.classes)
    if names != CLASSES:
        raise InputError(f"{export} finds {', '.join(names)}; needed are {', '.join(CLASSES)}")
    return lambda truth: model.segment(
        to_detector(truth["image"]), spacing_mm=float(truth["pixel_mm"])
    )


def films(count: int, size: int, seed: int, **changes: Any) -> Iterator[dict[str, np.ndarray]]:
    """Yield what `simulate` gives of each film, as arrays of NumPy; `changes` of the usual spec."""
    import jax

    from fluorojax.core.rng import stream
    from fluorojax.simulation.knee.knee import simulate_many
    from fluorojax.simulation.knee.spec import KneeSpec

    spec = KneeSpec(**changes | {"height": size, "width": size})
    make = jax.vmap(lambda example: stream(seed, "knee_measures", 0, example))
    for first in range(0, count, CHUNK):
        made = jax.device_get(simulate_many(make(np.arange(first, first + CHUNK)), spec))
        for k in range(min(CHUNK, count - first)):
            yield {name: values[k] for name, values in made.items()}


def ragged(masks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return masks [H, W, C] as a network draws them: edges wander, islands and holes come in.

    Each class's signed distance gets smooth noise of 0.5 px s.d., 2.5 px across; three islands
    and three holes of 3 px diameter a class lie anywhere. Classes without a pixel stay empty.
    """
    out = np.zeros(masks.shape, bool)
    for k in range(masks.shape[-1]):
        inside = masks[..., k].astype(bool)
        if not inside.any():
            continue
        signed = ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside)
        noise = ndimage.gaussian_filter(rng.normal(size=inside.shape), 1.25)
        # The distance between centres of pixels is half a pixel more than that to the edge.
        out[..., k] = signed - 0.5 * np.sign(signed) + 0.5 * noise / noise.std() > 0
        spots = np.zeros(inside.shape, bool)
        spots[tuple(rng.integers(0, n, 6) for n in inside.shape)] = True
        out[..., k] ^= ndimage.binary_dilation(spots)
    return out


def rows_of(case: int, masks: np.ndarray, truth: Truth, edge_px: float | None = None) -> list[Row]:
    """Measure one film and compare.

    Args:
        case: its number.
        masks: [H, W, C] bool or probabilities, in the order of `CLASSES`.
        truth: of the film; its own mask says which lucent lines can be seen.
        edge_px: s.d. of an edge's place in the masks; None: they are true.
    """
    film = film_of(masks, truth, edge_px)
    kind, report = _kind(truth), measure_knee(film)
    found = []
    for name, value in truths(truth).items():
        m = report[name]
        about = (case, kind, film.view, name, value)
        found.append(Row(*about, m.value, m.uncertainty, m.refused or ""))
    return found + _lucencies(case, report, truth)


def film_of(masks: np.ndarray, truth: Truth, edge_px: float | None = None) -> KneeFilm:
    """Return the film with what a user knows of it: view, side, type, spacing, magnification."""
    from fluorojax.simulation.knee.knee import SIDES, VIEWS

    magnification = float(truth["magnification"])
    spacing = float(truth["pixel_mm"]) * magnification
    return KneeFilm(
        masks,
        CLASSES,
        VIEWS[int(truth["view"])],
        (spacing, spacing),
        SIDES[int(truth["body_side"])],
        IMPLANTS[_kind(truth)],
        magnification,
        edge_error_px=edge_px,
    )


def truths(truth: Truth) -> dict[str, float]:
    """Return what is true of a film by the measurements' names; only what the film has."""
    native, half = _kind(truth) == "native", _kind(truth) == "uka"
    femoral, tibial = (float(angle) for angle in truth["angles"])
    if truth["view"] == 1:
        found = {"gamma": femoral} | ({"uka_tibial_slope": 90 - tibial} if half else {})
        return _known(found | ({} if half else {"sigma": tibial}))
    found = {"uka_tibial_varus": 90 - tibial} if half else {"alpha": femoral, "beta": tibial}
    space = "joint_space" if native else "polyethylene_thickness"
    carried = np.isfinite(truth["overhang_mm"])  # of half a knee: its own side only
    for k, side in enumerate(("medial", "lateral")):
        if native or carried[k]:
            found[f"{space}_{side}"] = float(truth["thickness_mm"][k])
            found[f"tibial_overhang_{side}"] = float(truth["overhang_mm"][k])
    return _known(found)


def _known(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _kind(truth: Truth) -> str:
    from fluorojax.simulation.knee.knee import TYPES

    return TYPES[int(truth["type"])]


def _lucencies(case: int, report: KneeReport, truth: Truth) -> list[Row]:
    """Return a row a zone with its mean width (0: none was found)."""
    zones = {("tibia", k): w for k, w in enumerate(truth["radiolucency_mm"], 1)}
    if truth["view"] == 1:
        zones = {("femur", k): w for (_, k), w in zones.items()}
        zones |= {("tibia", k): w for k, w in enumerate(truth["tibial_radiolucency_mm"], 1)}
    zones = {zone: float(width) for zone, width in zones.items() if math.isfinite(width)}
    line = truth["mask"][..., CLASSES.index("radiolucency")]
    found = []
    for (bone, number), width in zones.items():
        m = report[f"radiolucency_{bone}_zone_{number}_width_mean"]
        extent = report[f"radiolucency_{bone}_zone_{number}_extent"]
        name = f"lucency_{bone}_{report.film.view}_zone_{number}"
        # A line is shown where a pixel of it lies in the zone as measured, or anywhere if refused.
        shown = _meets(line, extent.figure.polygon)
        about = (case, _kind(truth), report.film.view, name, width)
        found.append(Row(*about, m.value, m.uncertainty, m.refused or "", shown))
    return found


def _meets(mask: np.ndarray, polygon: np.ndarray | None) -> bool:
    """Return whether a pixel of `mask: [H, W]` lies in a polygon; without one, whether any is."""
    if polygon is None:
        return bool(mask.any())
    from skimage.draw import polygon as fill

    return bool(mask[fill(*polygon.T, mask.shape)].any())


def summary(rows: Iterable[Row]) -> dict[str, Any]:
    """Return the numbers of all rows: quantities, the same by type, and lucencies."""
    rows = list(rows)
    values = [row for row in rows if not row.quantity.startswith("lucency")]
    zones = [row for row in rows if row.quantity.startswith("lucency")]
    return {
        "quantities": _each(values, lambda row: _name(row)),
        "by_type": _each(values, lambda row: f"{_name(row)} {row.kind}"),
        "lucency": lucency(zones),
        "lucency_by_zone": {
            name: lucency([row for row in zones if row.quantity == name])
            for name in sorted({row.quantity for row in zones})
        },
    }


def _name(row: Row) -> str:
    return re.sub("_(medial|lateral)$", "", row.quantity)


def _each(rows: Sequence[Row], key: Any) -> dict[str, dict[str, Any]]:
    groups = collections.defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return {name: errors(groups[name]) for name in sorted(groups)}


def errors(rows: Sequence[Row]) -> dict[str, Any]:
    """Return count, refusals by reason, and the errors of what was read."""
    read = [row for row in rows if row.value is not None]
    reasons = collections.Counter(reason(row.refused) for row in rows if row.refused)
    found = {"films": len(rows), "read": len(read), "refused": dict(reasons.most_common())}
    if not read:
        return found
    error = np.array([row.value - row.truth for row in read if row.value is not None])
    said = np.array([row.uncertainty for row in read])
    return found | {
        "bias": round(float(error.mean()), 3),
        "mae": round(float(np.abs(error).mean()), 3),
        "p95": round(float(np.percentile(np.abs(error), 95)), 3),
        "said": round(float(np.median(said)), 3),
        "within_1": round(float((np.abs(error) <= said).mean()), 3),
        "within_2": round(float((np.abs(error) <= 2 * said).mean()), 3),
    }


def reason(text: str) -> str:
    """Return a refusal without its numbers."""
    return re.split(r"[:;(]", re.sub(r"-?\d[\d.]*\s*", "", text))[0].strip()


def lucency(zones: Sequence[Row]) -> dict[str, Any]:
    """Return sensitivity, precision and errors of the width, of zones that can be read."""
    read = [z for z in zones if z.value is not None and (z.shown or z.truth == 0)]
    wide = [z for z in read if z.truth >= LUCENT_MM]
    seen = [z for z in read if z.value is not None and z.value >= LUCENT_MM]
    both = [z for z in wide if z in seen]
    error = [abs(z.value - z.truth) for z in both if z.value is not None]
    return {
        "zones": len(zones),
        "refused": sum(bool(z.refused) for z in zones),
        "refused_lucent": sum(bool(z.refused) for z in zones if z.truth >= LUCENT_MM),
        "hidden": sum(not z.shown for z in zones if z.truth > 0 and not z.refused),
        "lucent": len(wide),
        "seen": len(seen),
        "sensitivity": _share(len(both), len(wide)),
        "precision": _share(len(both), len(seen)),
        # Thin lines are labelled a pixel wide: what is seen of 1 mm may be less, but a line.
        "precision_any_line": _share(sum(z.truth > 0 for z in seen), len(seen)),
        "width_mae": round(float(np.mean(error)), 3) if error else None,
        "found_by_width": {
            f"{low:g} to {high:g} mm": _found(read, low, high)
            for low, high in zip(WIDTHS_MM, WIDTHS_MM[1:], strict=False)
        },
        "false_in_clear_zones": _share(
            sum(z.truth == 0 for z in seen), sum(z.truth == 0 for z in read)
        ),
    }


def _found(read: Sequence[Row], low: float, high: float) -> dict[str, Any]:
    """Return how many zones have a line of some width, and in what share any line was found."""
    there = [z for z in read if max(low, 1e-6) <= z.truth < high]
    return {
        "zones": len(there),
        "found": _share(sum((z.value or 0) > 0 for z in there), len(there)),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def show(result: Mapping[str, Any]) -> None:
    """Print one table for the quantities, their refusals, and one for the lucencies."""
    for title in ("quantities", "by_type"):
        columns = ("read", "bias", "MAE", "95 %", "said", "within 1", "within 2")
        table = Table(title, *columns, title=None)
        for name, of in result[title].items():
            table.add_row(name, f"{of['read']} of {of['films']}", *map(_text, _numbers(of)))
        console.print(table)
    for name, of in result["quantities"].items():
        for text, count in of["refused"].items():
            console.print(f"{name}: {count} refused, {text}")
    table = Table(
        "lucency >= 1 mm", "zones", "refused", "hidden", "lucent", "sens.", "prec.", "MAE"
    )
    for name, of in {"all": result["lucency"], **result["lucency_by_zone"]}.items():
        keys = ("zones", "refused", "hidden", "lucent", "sensitivity", "precision", "width_mae")
        table.add_row(name, *(_text(of[key]) for key in keys))
    console.print(table)
    for name, of in result["lucency"]["found_by_width"].items():
        console.print(f"lines of {name}: {of['zones']}, found {_text(of['found'])}")


def _numbers(of: Mapping[str, Any]) -> list[float | None]:
    return [of.get(key) for key in ("bias", "mae", "p95", "said", "within_1", "within_2")]


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


if __name__ == "__main__":
    main()
