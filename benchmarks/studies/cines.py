"""Does the curve of the frame before help to find the wire in a cine?

    python -m benchmarks.studies.cines RUN/export --out benchmarks/results/cines.json

Simulated sequences: a wire advances, a patient breathes, and every frame has noise of its own; half
of the sequences have little light, in which wires fall to pieces. Each is predicted frame by frame,
with the curve of the frame before as a prior (`Predictor.predict` with `before`) and without.

- cldice and tip_mm: as everywhere (`fluorojax.metrics.case`); a missed wire's tip error is the
  frame's diagonal. tip_mm_median: of a sequence's frames.
- flicker_mm: mean over consecutive frames, both with the wire in view, of |change of the predicted
  length - change of the true length|.
- flips: share of those pairs in which the wire is found in one of the two frames alone.

Each is a sequence's mean, and differences are paired over sequences, with 95 % intervals by
bootstrap. The settings are chosen on sequences of another seed than those scored: of those that
lose there neither clDice nor tip error, in the mean, the ones of least flicker.
"""

import argparse
import dataclasses
import itertools
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table

from fluorojax.core import environment
from fluorojax.core.errors import InputError
from fluorojax.core.outputs import written_aside
from fluorojax.core.progress import console, progress
from fluorojax.datasets.gallery import simulate_sequence
from fluorojax.inference.curve import CurveRules
from fluorojax.inference.export import load
from fluorojax.inference.follow import FollowRules
from fluorojax.inference.predictor import Prediction, Predictor
from fluorojax.metrics import statistics
from fluorojax.metrics.case import paired_score, score_case
from fluorojax.schema.limits import Range
from fluorojax.simulation.fluoroscopy.ercp import CLASSES
from fluorojax.simulation.spec import ERCP, Spec
from tfds_builders.ercp_synthetic.ercp_synthetic_dataset_builder import INTERVAL_S
from tfds_builders.simulated import to_detector

WIRE = CLASSES.index("guidewire")
GRID = tuple(itertools.product((2.0, 4.0, 6.0), (1.5, 3.0), (4.0, 8.0)))
"""Gains, shifts (mm) and advances (mm) that are tried."""
LIGHT: dict[str, Range] = {"usual light": ERCP.quanta, "little light": (80.0, 200.0)}
"""Quanta a pixel."""
FRAMES_A_SECOND = 7.5
CHOSEN = ("gain", "shift_mm", "advance_mm")
MEASURES = ("tip_mm", "tip_mm_median", "cldice", "flicker_mm", "flips")
Row = dict[str, float]


class Shot(NamedTuple):
    """A frame, what the network says of it alone, and what is true.

    Attributes:
        probabilities: [H, W, 2].
        mask: [H, W, 2] bool.
        attached: as `score_case` takes it.
        length_mm: of the wire in view.
        pixel_mm: size of a pixel.
    """

    probabilities: np.ndarray
    mask: np.ndarray
    attached: int
    length_mm: float
    pixel_mm: float


def spec_of(size: tuple[int, int], quanta: Range, interval_s: float) -> Spec:
    """Return what is simulated, on a grid, so that the frames of a sequence are `interval_s` apart.

    The simulator's are INTERVAL_S apart: all that moves is made slower instead.
    """
    slower = INTERVAL_S / interval_s
    breathing, advance = ERCP.breathing_s, ERCP.wire_advance_mm_s
    return dataclasses.replace(
        ERCP,
        height=size[0],
        width=size[1],
        quanta=quanta,
        breathing_s=(breathing[0] * slower, breathing[1] * slower),
        wire_advance_mm_s=(advance[0] / slower, advance[1] / slower),
    )


def sequences_of(
    model: Predictor, seed: int, count: int, frames: int
) -> dict[str, list[list[Shot]]]:
    """Return as many sequences of each light, no patient twice, with the probabilities."""
    made: dict[str, list[list[Shot]]] = {light: [] for light in LIGHT}
    with progress("simulate", count * len(LIGHT)) as update:
        for place, (light, quanta) in enumerate(LIGHT.items()):
            spec = spec_of(model.image_size, quanta, 1 / FRAMES_A_SECOND)
            for number in range(place * count, (place + 1) * count):
                made[light].append(sequence_of(model, spec, seed, number, frames))
                update(sum(map(len, made.values())))
    return made


def sequence_of(model: Predictor, spec: Spec, seed: int, number: int, frames: int) -> list[Shot]:
    """Return the frames of a sequence, the network's probabilities with them."""
    made = simulate_sequence(spec, seed, number, frames)
    shots = []
    for k in range(frames):
        pixel = float(made["pixel_mm"][k])
        shots.append(
            Shot(
                model(to_detector(made["image"][k])),
                made["mask"][k].astype(bool),
                int(made["attached"][k]),
                pixel * length_in_view(made["centreline"][k], made["labelled"][k]),
                pixel,
            )
        )
    return shots


def length_in_view(centreline: np.ndarray, labelled: np.ndarray) -> float:
    """Return the length (px) of the labelled part of a line of points [N, 2]."""
    steps = np.hypot(*np.diff(centreline, axis=0).T)
    return float(steps[labelled[1:] & labelled[:-1]].sum())


def predicted(model: Predictor, shots: Sequence[Shot], rules: FollowRules | None) -> list[Row]:
    """Return the scores of each frame of a sequence; `rules` None: without the frame before."""
    rows: list[Row] = []
    before = None
    for shot in shots:
        spacing = shot.pixel_mm, shot.pixel_mm
        if rules is None:
            found = model.find(shot.probabilities, spacing)
        else:
            found = model.find(shot.probabilities, spacing, before=before, following=rules)
        before = Prediction(found.masks, shot.probabilities, curves=found.curves)
        rows.append(scores(model, shot, before))
    return rows


def scores(model: Predictor, shot: Shot, prediction: Prediction) -> Row:
    """Return what is measured of one frame; NaN where there is nothing to measure."""
    spacing = shot.pixel_mm, shot.pixel_mm
    row = score_case(
        prediction.masks,
        shot.mask,
        classes=model.classes,
        spacing=spacing,
        relation=model.rules.relation,
        attached=shot.attached,
    )[WIRE]
    curves = prediction.curves[model.rules.names[WIRE]]
    tip, cldice = (paired_score(row, name) for name in ("tip_error", "cldice"))
    return {
        "tip_mm": np.nan if tip is None else tip,
        "cldice": np.nan if cldice is None else cldice,
        "found": float(bool(curves)),
        "there": float(shot.mask[..., WIRE].any()),
        "length_mm": sum(curve.length(spacing) for curve in curves),
        "true_mm": shot.length_mm,
    }


def measured(rows: Sequence[Row]) -> Row:
    """Return the measures of one sequence; NaN where it has none."""
    of = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    both = (of["there"][1:] > 0) & (of["there"][:-1] > 0)
    apart = np.abs(np.diff(of["length_mm"]) - np.diff(of["true_mm"]))[both]
    flips = np.abs(np.diff(of["found"]))[both]
    return {
        "tip_mm": mean_of(of["tip_mm"]),
        "tip_mm_median": mean_of(of["tip_mm"], np.nanmedian),
        "cldice": mean_of(of["cldice"]),
        "flicker_mm": mean_of(apart),
        "flips": mean_of(flips),
    }


def mean_of(values: np.ndarray, mean: Callable[[np.ndarray], Any] = np.nanmean) -> float:
    """Return the mean of what is there; NaN of nothing."""
    return float(mean(values)) if np.isfinite(values).any() else float("nan")


def all_measured(
    model: Predictor, sequences: Sequence[Sequence[Shot]], rules: FollowRules | None
) -> dict[str, np.ndarray]:
    """Return each measure, [1, sequences]."""
    each = [measured(predicted(model, shots, rules)) for shots in sequences]
    return {name: np.array([[one[name] for one in each]]) for name in MEASURES}


def choose(model: Predictor, sequences: Sequence[Sequence[Shot]]) -> tuple[FollowRules, list[Any]]:
    """Return the settings that serve best on some sequences, and the differences of all tried.

    Raises:
        InputError: none of them does no harm there.
    """
    without = all_measured(model, sequences, None)
    tried = []
    with progress("choose", len(GRID)) as update:
        for done, (gain, shift, advance) in enumerate(GRID, 1):
            rules = FollowRules(gain=gain, shift_mm=shift, advance_mm=advance)
            led = all_measured(model, sequences, rules)
            apart = {name: statistics.difference(led[name], without[name]) for name in MEASURES}
            tried.append({"gain": gain, "shift_mm": shift, "advance_mm": advance, **apart})
            update(done)
    harmless = [one for one in tried if one["cldice"] >= 0 and one["tip_mm"] <= 0]
    if not harmless:
        raise InputError("no settings of the prior do no harm on the sequences to choose on")
    best = min(harmless, key=lambda one: one["flicker_mm"])
    return FollowRules(**{name: best[name] for name in CHOSEN}), tried


def compared(without: dict[str, np.ndarray], led: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return of each measure both means and the difference with its interval; None for NaN."""
    return {
        name: {
            "without": statistics.mean(without[name]),
            "with": statistics.mean(led[name]),
            "difference": statistics.difference(led[name], without[name]),
            "interval": list(statistics.bootstrap_interval(led[name], without[name])),
            "sequences": int(np.isfinite(without[name]).sum()),
        }
        for name in MEASURES
    }


def joined(parts: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the measures of several sets of sequences as those of one."""
    return {name: np.concatenate([part[name] for part in parts], 1) for name in MEASURES}


def study(options: argparse.Namespace) -> dict[str, Any]:
    """Choose the settings, score both ways, and return all as JSON."""
    model = load(options.export)
    if not model.rules.followed:
        model = model.with_rules(curve=CurveRules("attached"))
    chosen_on = sequences_of(model, options.choose_seed, options.choose_on, options.frames)
    rules, tried = choose(model, [shots for light in chosen_on.values() for shots in light])
    scored = sequences_of(model, options.seed, options.sequences, options.frames)
    without = {light: all_measured(model, shots, None) for light, shots in scored.items()}
    led = {light: all_measured(model, shots, rules) for light, shots in scored.items()}
    return {
        "frames_a_second": FRAMES_A_SECOND,
        "frames": options.frames,
        "quanta": LIGHT,
        "seed": options.seed,
        "choose_seed": options.choose_seed,
        "tried": tried,
        "chosen": {name: getattr(rules, name) for name in CHOSEN},
        "scores": {
            **{light: compared(without[light], led[light]) for light in LIGHT},
            "both": compared(joined(list(without.values())), joined(list(led.values()))),
        },
    }


def show(found: dict[str, Any]) -> None:
    """Print the scores."""
    console.print(", ".join(f"{name} {value:g}" for name, value in found["chosen"].items()))
    table = Table("sequences", "measure", "without", "with", "difference", "95 % interval")
    for light, scores in found["scores"].items():
        for name, one in scores.items():
            low, high = one["interval"]
            figures = (f"{one[key]:.3f}" for key in ("without", "with", "difference"))
            table.add_row(f"{one['sequences']} {light}", name, *figures, f"{low:.3f} to {high:.3f}")
    console.print(table)


def main() -> None:
    """Choose, score, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("export", type=Path, help="of a network that finds the guidewire")
    parser.add_argument("--sequences", type=int, default=20, help="scored, of each light")
    parser.add_argument("--choose-on", type=int, default=8, help="sequences of each light")
    parser.add_argument("--frames", type=int, default=8, help="of a sequence")
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--choose-seed", type=int, default=202)
    parser.add_argument("--out", type=Path, help="where the figures are written as JSON")
    options = parser.parse_args()
    environment.quiet_libraries()
    try:
        found = study(options)
    except InputError as error:
        sys.exit(f"error: {error}")
    show(found)
    if options.out:
        with written_aside(options.out) as draft:
            draft.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
