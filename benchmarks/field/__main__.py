"""Train this project and its peers on a folder of frames for the same time, and score them alike.

    pip install -c constraints.txt -e '.[field]'
    python -m benchmarks.field real/coronary_xa --config vessels:quick --minutes 52 --seeds 0,1,2 \\
        --out runs/field --json benchmarks/results/field_coronary_xa.json

Every training is a process of its own on one core, with as many steps as fit into `--minutes`
there: each method first times some, on its own. What it really took, in seconds of processor time,
is written beside its scores. All learn from the folder's train split, may choose by its validation
split, and are scored on its test split by `fluorojax evaluate`, as masks. Differences are ours less
theirs, by patient, with a bootstrap interval over seeds and patients and a permutation test.

With `--tiny` each takes two steps: it only says whether all of it runs.
"""

import argparse
import csv
import json
import math
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table

from benchmarks.timing import machine
from fluorojax.core.outputs import written_aside
from fluorojax.core.progress import console
from fluorojax.metrics import statistics

METRICS = ("dice", "cldice", "betti0_error", "attachment")
METHODS: dict[str, tuple[str, ...]] = {
    "fluorojax": ("benchmarks.field.ours",),
    "nnunet": ("benchmarks.field.nnunet",),
    "nnunet_resenc": ("benchmarks.field.nnunet", "--residual"),
    "dynunet": ("benchmarks.field.dynunet",),
}
"""The module that trains each, and writes masks/ and method.json into its folder."""


class Trained(NamedTuple):
    """One training, scored."""

    method: str
    seed: int
    processor_s: float  # of all of its processes
    about: dict[str, Any]  # its method.json
    rows: list[dict[str, str]]  # of cases.csv: a case and class each


def main() -> None:
    """Train, score, compare, print and write; what is finished is not made again."""
    options = parse()
    found = [trained(options, method, seed) for seed in options.seeds for method in options.methods]
    result = {
        "command": "python -m benchmarks.field",
        "folder": options.folder.name,
        "config": options.config,
        "minutes": options.minutes,
        "tiny": options.tiny,
        "machine": machine(),
        "trainings": [
            {"method": one.method, "seed": one.seed, "processor_s": one.processor_s} | one.about
            for one in found
        ],
        "scores": compared(found),
    }
    if options.json:
        with written_aside(options.json) as draft:
            draft.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    console.print(table(result["scores"]))


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder with dataset.json and cases.csv")
    parser.add_argument("--config", required=True, help="ours, as `fluorojax train` takes it")
    parser.add_argument("--minutes", type=float, default=52.0, help="of one core, each training")
    parser.add_argument("--seeds", type=_numbers, default=[0])
    parser.add_argument("--methods", type=_methods, default=list(METHODS), help="joined by commas")
    parser.add_argument("--out", type=Path, required=True, help="for trainings; it can be gone on")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    parser.add_argument("--tiny", action="store_true", help="two steps each")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _methods(text: str) -> list[str]:
    if unknown := [name for name in text.split(",") if name not in METHODS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]}: write some of {', '.join(METHODS)}")
    return text.split(",")


def trained(options: argparse.Namespace, method: str, seed: int) -> Trained:
    """Train a method in a process of its own and score it; or read what is there of it."""
    place = options.out / f"{options.folder.name}-{method}-seed{seed}"
    done = place / "done.json"
    terms = {name: getattr(options, name) for name in ("config", "minutes", "tiny")}
    if not done.is_file():
        # What a stopped training has left would be timed as nothing.
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        console.print(f"{place.name}: training, log in {place / 'log.txt'}")
        seconds = run(training(options, method, seed, place), place / "log.txt")
        scored = ("-m", "fluorojax", "evaluate", place / "masks", options.folder)
        there = ("--out", place / "scores", "--built-dir", options.out / "built")
        run((*scored, *there), place / "log.txt")
        with written_aside(done) as draft:
            draft.write_text(json.dumps(terms | {"processor_s": round(seconds, 1)}), "utf-8")
    found = json.loads(done.read_text("utf-8"))
    # Or two steps of a trial would be scored as the training of an hour.
    if other := [name for name, value in terms.items() if found[name] != value]:
        raise SystemExit(
            f"{place} was trained with {other[0]}={found[other[0]]}, not {terms[other[0]]}; give "
            "another --out"
        )
    about = json.loads((place / "method.json").read_text("utf-8"))
    with (place / "scores/cases.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return Trained(method, seed, found["processor_s"], about, rows)


def training(
    options: argparse.Namespace, method: str, seed: int, place: Path
) -> tuple[str | Path, ...]:
    """Return the arguments of Python that train a method."""
    module, *more = METHODS[method]
    return (
        *("-m", module, options.folder, *more, "--config", options.config),
        *("--minutes", str(options.minutes), "--seed", str(seed), "--out", place),
        *(("--tiny",) if options.tiny else ()),
    )


def run(arguments: Sequence[str | Path], log: Path) -> float:
    """Run Python on one core, and return the processor time (s) that it and its children took.

    Raises:
        SystemExit: it failed; names the log.
    """
    one_core = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "FLUOROJAX_PROCESSES"), "1")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, *map(str, arguments)]
    with log.open("a", encoding="utf-8") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=os.environ | one_core)
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
        if process.wait():
            raise SystemExit(f"{' '.join(command)} failed; {log} says why")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compared(found: Sequence[Trained]) -> dict[str, Any]:
    """Return mean and spread of each class and metric by method, and ours less each other."""
    names = list(dict.fromkeys(one.method for one in found))
    classes = list(dict.fromkeys(row["class"] for one in found for row in one.rows))
    result: dict[str, Any] = {}
    for name in classes:
        for metric in METRICS:
            of = {method: scores(found, method, name, metric) for method in names}
            if any(np.isnan(values).all() for values in of.values()):
                continue
            result[f"{name} {metric}"] = {
                method: about(values, of.get("fluorojax")) for method, values in of.items()
            }
    return result


def scores(found: Sequence[Trained], method: str, name: str, metric: str) -> np.ndarray:
    """Return [seeds, patients] of a metric."""
    rows = [[r for r in one.rows if r["class"] == name] for one in found if one.method == method]
    values = np.array([[float(row.get(metric) or math.nan) for row in seed] for seed in rows])
    return statistics.patient_means(values, [row["patient"] for row in rows[0]])


def about(values: np.ndarray, ours: np.ndarray | None) -> dict[str, float | list[float]]:
    """Return what is written of a method's scores [seeds, patients], beside ours."""
    found: dict[str, float | list[float]] = {
        "mean": round(statistics.mean(values), 4),
        "spread": round(statistics.seed_spread(values), 4) if len(values) > 1 else 0.0,
    }
    if ours is None or ours is values:
        return found
    interval = statistics.bootstrap_interval(ours, values)
    return found | {
        "ours_less_this": round(statistics.difference(ours, values), 4),
        "interval": [round(interval.low, 4), round(interval.high, 4)],
        "p": round(statistics.permutation_p(ours, values), 4),
    }


def table(found: dict[str, Any]) -> Table:
    """Return a row a class, metric and method."""
    shown = Table("score", "method", "mean", "over seeds", "ours less this [95 %]", "p")
    for score, methods in found.items():
        for method, of in methods.items():
            apart = ("", "")
            if "p" in of:
                low, high = of["interval"]
                apart = (f"{of['ours_less_this']:+.3f} [{low:+.3f}, {high:+.3f}]", f"{of['p']:.3f}")
            shown.add_row(score, method, f"{of['mean']:.3f}", f"{of['spread']:.3f}", *apart)
    return shown


if __name__ == "__main__":
    main()
