"""Score the runs of a grid on frames that its test split has few of: counter examples, hard ones.

    fluorojax benchmark --seeds 0,1,2,3,4 --workdir runs/grid
    python -m benchmarks.studies.stress runs/grid --frames 60
    fluorojax compare runs/grid/* --split counter --baseline separate --out runs/grid/counter

`counter`: the wire is left behind, lies free, or is not there. `hard`: it lies in a filled duct.
Both are simulated like the frames of the grid, each frame a patient of its own that no training
saw, and stand in GRID/stress. Scores go to RUN/evaluation/{counter,hard}, without pictures; those
that stand there already, of the same frames and parameters, are not made again.
"""

import argparse
import dataclasses
import json
import math
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ml_collections import ConfigDict
from rich.table import Table

from fluorojax.cli.main import network_of
from fluorojax.compare.runs import Run, methods_of, read_run, runs_in
from fluorojax.config import simulation_spec
from fluorojax.config.procedures import BUILDERS
from fluorojax.core import environment
from fluorojax.core.errors import InputError
from fluorojax.core.progress import console
from fluorojax.datasets.gallery import simulate_sequence, write_gallery
from fluorojax.datasets.source import Dataset, open_folder
from fluorojax.evaluation.evaluate import Scoring, by_network, draw_nothing, write_evaluation
from fluorojax.inference.export import read_manifest
from fluorojax.metrics import statistics
from fluorojax.metrics.case import MetricSettings
from fluorojax.metrics.summary import Row
from fluorojax.simulation.fluoroscopy.ercp import CLASSES, STRATA, stratum_name
from fluorojax.simulation.spec import Spec
from fluorojax.training.reproduce import config_of, read_record
from tfds_builders.ercp_synthetic.ercp_synthetic_dataset_builder import SIZES

SEED = 77  # the gallery's random stream has a name of its own, so no training frame is among these
FILLED = ("train", "validation")  # a folder must have them; a frame each, which nobody is asked of
MOST_TRIED = 20  # sequences simulated for each frame that is kept
IN_THE_DUCT = STRATA[2]
WIRE = CLASSES[1]
OURS, THEIRS = "joint", "separate"

Measure = Callable[[Row], float | None]


class StressSet(NamedTuple):
    """Frames of one kind.

    Attributes:
        name: of their folder, and of the scores'.
        rates: fields of the simulation that make them.
        stratum: the only one that is kept; empty: all are.
        measures: what is told of the wire, by name; None where a frame has nothing to measure.
    """

    name: str
    rates: Mapping[str, Any]
    stratum: str
    measures: Mapping[str, Measure]


def of_metric(name: str) -> Measure:
    """Return the measure that is a column of the cases."""
    return lambda row: row[name]


def false_alarm(row: Row) -> float | None:
    """Return whether any pixel is found in a frame without a wire; None where there is one."""
    return {"both_empty": 0.0, "false_alarm": 1.0}.get(row["status"])


def false_length(row: Row) -> float | None:
    """Return the length of what is found in a frame without a wire; None where there is one."""
    return None if false_alarm(row) is None else row["length_error"] or 0.0


DETECTION = {"detected": of_metric("detection")}
SETS = (
    StressSet(
        "counter",
        {"counter_example_rate": 1.0},
        "",
        DETECTION
        | {"false alarms": false_alarm, "false length (mm)": false_length}
        | {"falsely attached": of_metric("false_attachment")},
    ),
    StressSet(
        "hard",
        {"duct_fill_rate": 1.0, "counter_example_rate": 0.0},
        IN_THE_DUCT,
        DETECTION | {"clDice": of_metric("cldice")},
    ),
)
DEFINITIONS = (
    "detected: share of the frames that hold a wire in which its centreline recall reaches 0.5. "
    "false alarms: share of the frames without a wire in which any pixel is found; false length: "
    "how long the centreline is that is found in them. falsely attached: share of the wires left "
    "behind or free of which the largest piece found touches the endoscope found. Mean over seeds, "
    "then over frames; ±: standard deviation over seeds; 95 % intervals by "
    f"bootstrap over seeds and frames. Methods without the class {WIRE} are not listed."
)


def main() -> None:
    """Simulate, score what is not scored yet, and print a line a method."""
    options = parse()
    environment.quiet_libraries()
    try:
        runs = runs_in(options.grid)
        if not options.summary:
            score_grid(options.grid, runs, options.frames)
        for stress in SETS:
            show(stress, runs)
    except InputError as error:
        sys.exit(f"error: {error}")
    console.print(DEFINITIONS)


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("grid", type=Path, help="folder of the runs, as of `fluorojax benchmark`")
    parser.add_argument("--frames", type=int, default=60, help="of each set; default: %(default)s")
    parser.add_argument(
        "--summary", action="store_true", help="only print what the scores say, of kept runs too"
    )
    return parser.parse_args()


def score_grid(grid: Path, runs: Sequence[Path], frames: int) -> None:
    """Score every finished run of a grid on both sets.

    Raises:
        InputError: runs that were not trained on one simulation, or frames that cannot be made.
    """
    spec = spec_of(runs)
    datasets = {s.name: frames_of(s, spec, frames, grid / "stress") for s in SETS}
    for run in runs:
        if not (run / "export" / "manifest.json").is_file():
            console.print(f"{run.name}: not finished, left out")
            continue
        for name, dataset in datasets.items():
            score(run, dataset, run / "evaluation" / name)


def spec_of(runs: Sequence[Path]) -> Spec:
    """Return what the grid's test frames were simulated from, at their size.

    Raises:
        InputError: they were not simulated, or not all alike.
    """
    specs = {run: _spec(run, config_of(read_record(run))) for run in runs}
    first, spec = next(iter(specs.items()))
    odd = [run for run in runs if specs[run] != spec]
    if odd:
        raise InputError(f"{odd[0]} has another simulation or size than {first}; name one grid")
    return spec


def _spec(run: Path, config: ConfigDict) -> Spec:
    builder = BUILDERS.get(config.data.builder)
    if builder is None or builder.kind is not Spec:
        frames = config.data.dir or config.data.builder
        raise InputError(
            f"{run} was trained on frames of {frames}, and these sets are simulated; give a grid "
            "with data.builder='ercp_synthetic' or 'ercp_simulated'"
        )
    side = SIZES[config.data.size].side
    return dataclasses.replace(simulation_spec(config.simulation), height=side, width=side)


def frames_of(stress: StressSet, like: Spec, frames: int, root: Path) -> Dataset:
    """Return a set, simulated into `root` if it is not there.

    Raises:
        InputError: the set that is there has another number of frames, or was simulated otherwise.
    """
    folder = root / stress.name
    spec = dataclasses.replace(like, **stress.rates)
    asked = json.loads(json.dumps({"frames": frames, "spec": dataclasses.asdict(spec)}))
    if not folder.exists():
        # In one move, so that a folder with the right name is always whole.
        draft = root / f"{stress.name}.part"
        shutil.rmtree(draft, ignore_errors=True)
        numbers = sequences_of(stress, spec, len(FILLED) + frames)
        splits = (*FILLED, *("test",) * frames)
        write_gallery(spec, sequences=numbers, frames=1, seed=SEED, out=draft, splits=splits)
        (draft / "stress.json").write_text(json.dumps(asked, indent=1) + "\n", "utf-8")
        draft.rename(folder)
    there = json.loads((folder / "stress.json").read_text("utf-8"))
    if there != asked:
        words = f"has {there['frames']} frames" if there["spec"] == asked["spec"] else "is another"
        raise InputError(f"the set in {folder} {words}; ask for the same, or remove that folder")
    return open_folder(folder, "cases.csv", root / "built")


def sequences_of(stress: StressSet, spec: Spec, frames: int) -> list[int]:
    """Return the numbers of the first sequences that belong to the set.

    Raises:
        InputError: there are too few of them.
    """
    found: list[int] = []
    for number in range(MOST_TRIED * frames):
        if not stress.stratum or stratum_of(spec, number) == stress.stratum:
            found.append(number)
        if len(found) == frames:
            return found
    raise InputError(
        f"of {MOST_TRIED * frames} simulated frames only {len(found)} are '{stress.stratum}', and "
        f"{frames} are needed; the simulation of these runs shows them too rarely"
    )


def stratum_of(spec: Spec, number: int) -> str:
    """Return the stratum of the one frame of a sequence."""
    frame = simulate_sequence(spec, SEED, number, 1)
    return stratum_name(frame["stratum"][0], frame["mask"][0])


def score(run: Path, dataset: Dataset, folder: Path) -> None:
    """Score a run's export on a set, unless these parameters have been on these frames."""
    manifest = read_manifest(run / "export")
    scored = {"frames": dataset.fingerprint, "parameters": manifest["sha256"]}
    if scored_in(folder) == scored:
        console.print(f"{run.name}, {folder.name}: scored before")
        return
    console.print(f"{run.name}, {folder.name}")
    model, info = network_of(run / "export", dataset)
    write_evaluation(
        by_network(model),
        dataset.split("test"),
        folder,
        Scoring(info, len(dataset.info.classes), settings_of(run)),
        draw=draw_nothing,
        points=manifest["origin"]["operating_points"],
        thresholds=model.rules.thresholds,
        notes={"scored": scored},
        owned=True,
    )


def scored_in(folder: Path) -> dict[str, str] | None:
    """Return which frames and parameters the scores in a folder are of; None: there are none."""
    path = folder / "summary.json"
    return json.loads(path.read_text("utf-8")).get("scored") if path.is_file() else None


def settings_of(run: Path) -> MetricSettings:
    """Return the tolerances that a run is scored with."""
    evaluation = config_of(read_record(run)).evaluation
    return MetricSettings(
        tolerance_mm=evaluation.tolerance_mm, tolerance_px=evaluation.tolerance_px
    )


def show(stress: StressSet, folders: Sequence[Path]) -> None:
    """Print a line a method that finds wires, and the paired difference of two of them."""
    there = [run for run in folders if (run / "evaluation" / stress.name).is_dir()]
    runs = [run for run in (read_run(f, stress.name) for f in there) if WIRE in run.classes]
    if not runs:
        console.print(f"{stress.name}: no scores yet")
        return
    found = {
        measure: {m: measured(runs, m, of) for m in methods_of(runs)}
        for measure, of in stress.measures.items()
    }
    heads = [f"{measure} ({frames_in(scores)} frames)" for measure, scores in found.items()]
    table = Table("method", "seeds", *heads, title=f"{stress.name}, {WIRE}")
    for method in methods_of(runs):
        of_method = [scores[method] for scores in found.values()]
        table.add_row(method, str(len(of_method[0])), *map(mean_and_spread, of_method))
    console.print(table)
    if {OURS, THEIRS} <= set(methods_of(runs)):
        for measure, scores in found.items():
            console.print(f"{measure}, {OURS} - {THEIRS}: {difference(scores)}")


Scores = Mapping[str, np.ndarray]  # method -> [seeds, frames] of a measure, NaN: none


def measured(runs: Sequence[Run], method: str, of: Measure) -> np.ndarray:
    """Return a measure of a method's wires, [seeds, frames]; NaN where there is none."""
    trained = sorted((run for run in runs if run.method == method), key=lambda run: run.seed)
    values = [[of(row) for row in run.rows if row["class"] == WIRE] for run in trained]
    return np.array([[math.nan if v is None else v for v in of_run] for of_run in values])


def frames_in(scores: Scores) -> int:
    """Return the number of frames that have something to measure, whatever was found in them."""
    return int((~np.isnan(next(iter(scores.values())))).any(0).sum())


def mean_and_spread(scores: np.ndarray) -> str:
    """Return mean ± standard deviation over seeds as text."""
    spread = statistics.seed_spread(scores)
    after = "" if math.isnan(spread) else f" ± {spread:.3f}"
    return f"{statistics.mean(scores):.3f}{after}"


def difference(scores: Scores) -> str:
    """Return the paired difference with its interval as text."""
    ours, theirs = scores[OURS], scores[THEIRS]
    low, high = statistics.bootstrap_interval(ours, theirs)
    return f"{statistics.difference(ours, theirs):+.3f} [{low:+.3f}, {high:+.3f}]"


if __name__ == "__main__":
    main()
