"""Finished runs as they are compared: read, and refused where they cannot be.

Read are `config.json` and `evaluation/<split>/{cases.csv,summary.json}` of each run.
"""

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.core.files import read_json, reading
from fluorojax.evaluation.evaluate import ONE_LABEL_CASES
from fluorojax.evaluation.probabilities import THRESHOLDS, read_thresholds
from fluorojax.metrics import statistics
from fluorojax.metrics.case import METRICS, PRIMARY
from fluorojax.metrics.summary import Row, read_cases_csv
from fluorojax.schema.info import Kind
from fluorojax.schema.limits import Number
from fluorojax.schema.nested import ByName, Finite, Record, first_of, problems
from fluorojax.schema.renamed import KEYS, with_new_names
from fluorojax.training.reproduce import read_record

EVALUATION = "evaluation"
WORDS = ("case", "patient", "stratum", "class", "kind")  # columns that are read as text


class Run(NamedTuple):
    """One training and its scores on a split.

    Attributes:
        folder, split: where the scores are.
        method, seed: what was trained.
        train_share: on which share of the training patients.
        dataset: its description.
        summary: as written.
        rows: scores of each case and class.
        sweep: scores by threshold; empty where there are masks alone.
        as_one: scores of all classes as one label; empty where there is one class.
    """

    folder: Path
    split: str
    method: str
    seed: int
    train_share: float
    dataset: dict[str, Any]
    summary: dict[str, Any]
    rows: list[Row]
    sweep: list[Row]
    as_one: list[Row]

    @property
    def classes(self) -> set[str]:
        """The names of the classes scored."""
        return {row["class"] for row in self.rows}

    @property
    def scored(self) -> Path:
        """The folder of the split's evaluation."""
        return self.folder / EVALUATION / self.split

    @property
    def settings(self) -> dict[str, Any]:
        """What the cases were scored with."""
        return self.summary["settings"]

    @property
    def fingerprint(self) -> str:
        """Of the content of the data set."""
        return self.dataset["fingerprint"]


def methods_of(runs: Sequence[Run], class_name: str | None = None) -> list[str]:
    """Return the methods in the order of the runs; `class_name`: only those that have it."""
    return list(dict.fromkeys(run.method for run in runs if class_name in (None, *run.classes)))


def kinds_of(runs: Sequence[Run]) -> dict[str, Kind]:
    """Return the kind of every class that two methods or more share."""
    kinds = {row["class"]: row["kind"] for run in runs for row in run.rows}
    return {name: kind for name, kind in kinds.items() if len(methods_of(runs, name)) > 1}


def scores_of(
    runs: Sequence[Run], method: str, class_name: str, metric: str, stratum: str = ""
) -> np.ndarray:
    """Return a method's scores [seeds, patients] of a class by a metric; NaN: does not apply."""
    rows, scores = case_scores(runs, method, class_name, metric, stratum)
    return statistics.patient_means(scores, [row["patient"] for row in rows])


def case_scores(
    runs: Sequence[Run], method: str, class_name: str, metric: str, stratum: str = ""
) -> tuple[list[Row], np.ndarray]:
    """Return the cases, as rows of the first seed, and a method's scores [seeds, cases] of them."""
    trained = sorted((run for run in runs if run.method == method), key=lambda run: run.seed)
    rows = [
        [row for row in run.rows if row["class"] == class_name and stratum in ("", row["stratum"])]
        for run in trained
    ]
    values = [[row[metric] for row in of_run] for of_run in rows]
    return rows[0], np.array([[math.nan if v is None else v for v in of_run] for of_run in values])


class Primary(NamedTuple):
    """The scores of a class by its kind's first metric.

    Attributes:
        class_name, metric: names.
        patients: names, in the order of `by_patient`.
        by_patient: method -> [seeds, patients]; NaN: not scored.
        cases: rows of one run, in the order of `by_case`.
        by_case: method -> [seeds, cases].
    """

    class_name: str
    metric: str
    patients: list[str]
    by_patient: dict[str, np.ndarray]
    cases: list[Row]
    by_case: dict[str, np.ndarray]


def primary_scores(runs: Sequence[Run]) -> list[Primary]:
    """Return the primary scores of each class."""
    scores = []
    for name, kind in kinds_of(runs).items():
        metric, methods = PRIMARY[kind], methods_of(runs, name)
        cases = case_scores(runs, methods[0], name, metric)[0]
        scores.append(
            Primary(
                class_name=name,
                metric=metric,
                patients=list(dict.fromkeys(row["patient"] for row in cases)),
                by_patient={m: scores_of(runs, m, name, metric) for m in methods},
                cases=cases,
                by_case={m: case_scores(runs, m, name, metric)[1] for m in methods},
            )
        )
    return scores


def seeds_of(runs: Sequence[Run]) -> list[int]:
    """Return the seeds, in the order of the first axis of all scores."""
    return sorted({run.seed for run in runs})


def runs_in(grid: Path) -> list[Path]:
    """Return the folders of runs in the folder of a grid, by name.

    Raises:
        InputError: there are none.
    """
    found = sorted(path.parent for path in grid.glob("*/config.json"))
    if not found:
        raise InputError(f"{grid} holds no run (a folder with config.json); name a grid's folder")
    return found


def without_others(paths: Sequence[Path]) -> list[Path]:
    """Return the paths but for what a grid's folder holds beside its runs: `GRID/*` names all.

    Those are files, and folders with neither a configuration nor scores. A path that does not
    exist stays, to be refused by name.
    """
    return [
        path
        for path in paths
        if not path.exists() or any((path / name).exists() for name in ("config.json", EVALUATION))
    ]


def read_runs(folders: Sequence[Path], split: str) -> list[Run]:
    """Read runs and check that they can be compared.

    Where one method has one label and others have several, these are scored as one label too.

    Raises:
        InputError: a file that is missing or damaged, or runs that cannot be compared (`check`);
            the run, and the case or field, are named.
    """
    runs = with_shared_classes([read_run(Path(folder), split) for folder in folders])
    check(runs)
    return runs


def with_shared_classes(runs: Sequence[Run]) -> list[Run]:
    """Return the runs; those of several classes get the one label that another run has alone."""
    alone = {run.rows[0]["class"] for run in runs if len(run.classes) == 1}
    return [
        run._replace(rows=[*run.as_one, *run.rows])
        if run.as_one and {run.as_one[0]["class"]} & alone
        else run
        for run in runs
    ]


def read_run(folder: Path, split: str) -> Run:
    """Read one run.

    Raises:
        InputError: it has no scores of the split, or a number in them is none.
    """
    scored = folder / EVALUATION / split
    for path in (folder / "config.json", scored / "cases.csv", scored / "summary.json"):
        if not path.is_file():
            there = ", ".join(sorted(p.parent.name for p in scored.parent.glob("*/cases.csv")))
            raise InputError(
                f"{path} does not exist; finish the run, or name another --split"
                + (f": it has scores of {there}" if there else "")
            )
    config = read_record(folder)
    as_one = scored / ONE_LABEL_CASES
    return Run(
        folder=folder,
        split=split,
        method=config["config"]["method"],
        seed=config["config"]["seed"],
        # Runs from before there was this field were trained on all patients.
        train_share=config["config"].get("data", {}).get("train_share", 1.0),
        dataset=config["dataset"],
        summary=read_summary(scored / "summary.json"),
        rows=read_rows(scored / "cases.csv"),
        as_one=read_rows(as_one) if as_one.is_file() else [],
        sweep=read_thresholds(scored),
    )


SUMMARY = Record(
    {
        "settings": ByName(Finite()),
        "cases": Number(0, 10**9, whole=True),
        "patients": Number(0, 10**9, whole=True),
    },
    open=True,
)
"""What is read of a split's `summary.json`; the report reads more, and says what it lacks."""


def read_summary(path: Path) -> dict[str, Any]:
    """Return the summary of a split.

    Raises:
        InputError: it is no JSON, or a field that is needed is missing or no such field.
    """
    fields = read_json(path)
    if wrong := first_of(problems(SUMMARY, fields, "")):
        raise InputError(f"{path} is damaged: {wrong}; evaluate again")
    return with_new_names(fields, KEYS)


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a table of cases, by class and case.

    Raises:
        InputError: no row, a column or cell that is missing, a case that stands there twice, a cell
            that is no number, or not a finite one.
    """
    try:
        with reading(path):
            rows = read_cases_csv(path)
    except (ValueError, TypeError, csv.Error) as error:
        raise InputError(f"{path} is damaged ({error}); evaluate again") from error
    if fault := next(_wrong_rows(rows), ""):
        raise InputError(f"{path} is damaged: {fault}; evaluate again")
    for row in rows:
        wrong = [m for m in METRICS if row.get(m) is not None and not math.isfinite(row[m])]
        if wrong:
            raise InputError(
                f"{path}: case {row['case']}, class {row['class']}: {wrong[0]} is "
                f"{row[wrong[0]]}; evaluate again"
            )
    return sorted(rows, key=lambda row: (row["class"], row["case"]))


def _wrong_rows(rows: Sequence[Row]) -> Iterator[str]:
    """Yield what rows of a table lack, or have twice."""
    if not rows:
        yield "it has no row"
    seen: set[tuple[str, str]] = set()
    for number, row in enumerate(rows, 2):
        lacking = [name for name in WORDS if row.get(name) is None]
        if lacking or None in row:
            yield f"line {number} has {f'no {lacking[0]}' if lacking else 'too many cells'}"
        elif row["kind"] not in get_args(Kind):
            yield f"line {number}: kind is {row['kind']!r}, not {' or '.join(get_args(Kind))}"
        elif (key := (row["class"], row["case"])) in seen:
            yield f"line {number}: case {row['case']}, class {row['class']} stands there twice"
        else:
            seen.add(key)


def check(runs: Sequence[Run]) -> None:
    """Check that runs were scored alike, on the same cases, and that every method has every seed.

    Compared are the metrics' settings, the data set, its share trained on, and the cases. Other
    fields of their configurations (steps, rates, folds) are not compared.

    A class need not be in all of them, but two methods at least must share one.

    Raises:
        InputError: names the first run that differs, and in what.
    """
    if len(methods_of(runs)) < 2:
        there = f"only runs of {methods_of(runs)[0]}" if runs else "no runs"
        raise InputError(f"{there}; give runs of two methods or more")
    first = runs[0]
    for run in runs[1:]:
        _check_same(first, run)
        _check_same(next(other for other in runs if other.method == run.method), run)
    seen: dict[tuple[str, int], Path] = {}
    for run in runs:
        other = seen.setdefault((run.method, run.seed), run.folder)
        if other != run.folder:
            raise InputError(
                f"{other} and {run.folder} are both {run.method} with seed {run.seed}; "
                "leave one out"
            )
    seeds = seeds_of(runs)
    for method in methods_of(runs):
        missing = [seed for seed in seeds if (method, seed) not in seen]
        if missing:
            raise InputError(
                f"{method} has no run with seed {missing[0]}, others have; train it, or leave that "
                "seed out everywhere"
            )


def _check_same(first: Run, run: Run) -> None:
    """Refuse a run that was scored otherwise than the first."""
    fields = first.settings.keys() | run.settings.keys()
    differing = [f for f in sorted(fields) if first.settings.get(f) != run.settings.get(f)]
    if differing:
        name = differing[0]
        raise InputError(
            f"{run.folder}: metric setting {name} is {run.settings.get(name)}, in {first.folder} "
            f"it is {first.settings.get(name)}; evaluate both alike"
        )
    shared = first.classes & run.classes
    if not shared or (run.method == first.method and run.classes != first.classes):
        raise InputError(
            f"{run.folder} has scores of {', '.join(sorted(run.classes))}, {first.folder} of "
            f"{', '.join(sorted(first.classes))}; compare runs with the same classes"
        )
    ours, theirs = (
        {(r["class"], r["case"]) for r in one.rows if r["class"] in shared} for one in (first, run)
    )
    for lacking, there, odd in ((run, first, ours - theirs), (first, run, theirs - ours)):
        if odd:
            of, case = min(odd)
            raise InputError(
                f"{lacking.folder} has no score of case {case}, class {of}, which {there.folder} "
                "has; compare runs with the same classes and test cases"
            )
    swept = {r["class"] for r in run.sweep} & {r["class"] for r in first.sweep}
    if _swept(run, swept) != _swept(first, swept):
        raise InputError(
            f"{run.scored / THRESHOLDS} has other thresholds than {first.scored / THRESHOLDS}; "
            "evaluate both with one version of FluoroJAX"
        )
    if run.train_share != first.train_share:
        raise InputError(
            f"{run.folder} was trained on a share of {run.train_share} of the training patients, "
            f"{first.folder} on {first.train_share}; compare runs of one data.train_share"
        )
    if run.fingerprint != first.fingerprint:
        raise InputError(
            f"{run.folder} was trained on another content of the data set "
            f"({run.fingerprint[:12]}) than {first.folder} ({first.fingerprint[:12]})"
        )


def _swept(run: Run, classes: set[str]) -> list[tuple[Any, ...]]:
    """Return what the scores by threshold are of, in these classes."""
    return [(r["class"], r["metric"], r["threshold"]) for r in run.sweep if r["class"] in classes]
