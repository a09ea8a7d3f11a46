"""Finished runs as they are compared: read, and refused where they cannot be.

Read are `config.json` and `evaluation/<split>/{cases.csv,summary.json}` of each run.
"""

import functools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fluorojax.compare.configurations import differing, fields_of
from fluorojax.core.errors import InputError
from fluorojax.core.outputs import check_whole
from fluorojax.evaluation.evaluate import ONE_LABEL_CASES
from fluorojax.evaluation.probabilities import THRESHOLDS, read_thresholds
from fluorojax.metrics import statistics
from fluorojax.metrics.case import PRIMARY, paired_score
from fluorojax.metrics.saved import read_summary
from fluorojax.metrics.summary import Row, read_cases_csv
from fluorojax.schema.info import Kind
from fluorojax.training.reproduce import read_record

EVALUATION = "evaluation"
WORDS = ("case", "patient", "stratum", "class", "kind")  # columns that are read as text


class Run(NamedTuple):
    """One training and its scores on a split.

    Attributes:
        folder, split: where the scores are.
        method, seed: what was trained.
        train_share: on which share of the training patients.
        fields: the configuration, of `configurations.fields_of`.
        circumstances: versions, revision and machine, flat.
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
    fields: dict[str, Any]
    circumstances: dict[str, str]
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
        return self.summary["settings"] or {}

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


class Scores(NamedTuple):
    """The scores of a class by a metric, all methods and seeds on the same cases.

    Attributes:
        cases: rows of one run, in the order of `by_case`.
        by_case: method -> [seeds, cases]; NaN: the case is compared for no method.
        patients: names, in the order of `by_patient`.
        by_patient: method -> [seeds, patients], means of the patient's cases; NaN: has none.
        left_out: cases that have a score of some runs, and none of others.
    """

    cases: list[Row]
    by_case: dict[str, np.ndarray]
    patients: list[str]
    by_patient: dict[str, np.ndarray]
    left_out: int

    @property
    def compared(self) -> int:
        """The number of cases compared."""
        return int((~np.isnan(next(iter(self.by_case.values()))[0])).sum())


def shared_scores(runs: Sequence[Run], class_name: str, metric: str, stratum: str = "") -> Scores:
    """Return the scores of all methods that have a class; of a stratum alone where one is named.

    A case with both masks empty has the score of `case.PAIRED_EMPTY_POLICY`. One that a single run
    has no score of is left out of all of them.
    """
    of = {m: _of_method(runs, m, class_name, stratum) for m in methods_of(runs, class_name)}
    cases = next(iter(of.values()))[0]
    found = {
        method: np.array([[_value(row, metric) for row in rows] for rows in of_method])
        for method, of_method in of.items()
    }
    lacking = np.isnan(np.concatenate(list(found.values())))
    by_case = {m: np.where(lacking.any(0), math.nan, scores) for m, scores in found.items()}
    names = [row["patient"] for row in cases]
    return Scores(
        cases=cases,
        by_case=by_case,
        patients=list(dict.fromkeys(names)),
        by_patient={m: statistics.patient_means(of, names) for m, of in by_case.items()},
        left_out=int((lacking.any(0) & ~lacking.all(0)).sum()),
    )


def _of_method(runs: Sequence[Run], method: str, class_name: str, stratum: str) -> list[list[Row]]:
    """Return the rows of a method's runs, by seed."""
    trained = sorted((run for run in runs if run.method == method), key=lambda run: run.seed)
    return [
        [r for r in run.rows if r["class"] == class_name and stratum in ("", r["stratum"])]
        for run in trained
    ]


def _value(row: Row, metric: str) -> float:
    score = paired_score(row, metric)
    return math.nan if score is None else score


def scores_of(
    runs: Sequence[Run], method: str, class_name: str, metric: str, stratum: str = ""
) -> np.ndarray:
    """Return a method's scores [seeds, patients] of `shared_scores`; NaN: does not apply."""
    return shared_scores(runs, class_name, metric, stratum).by_patient[method]


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
    found = []
    for name, kind in kinds_of(runs).items():
        of = shared_scores(runs, name, PRIMARY[kind])
        found.append(Primary(name, PRIMARY[kind], of.patients, of.by_patient, of.cases, of.by_case))
    return found


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


def read_runs(folders: Sequence[Path], split: str, *, allow_different: bool = False) -> list[Run]:
    """Read runs and check that they can be compared.

    Where one method has one label and others have several, these are scored as one label too.

    Args:
        folders: of the runs.
        split: whose scores are read.
        allow_different: they may differ in more than method and seed; `differences` says in what.

    Raises:
        InputError: a file that is missing or damaged, or runs that cannot be compared (`check`);
            the run, and the case or field, are named.
    """
    runs = with_shared_classes([read_run(Path(folder), split) for folder in folders])
    check(runs, allow_different=allow_different)
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
    check_whole(scored)
    config = read_record(folder)
    as_one = scored / ONE_LABEL_CASES
    return Run(
        folder=folder,
        split=split,
        method=config["config"]["method"],
        seed=config["config"]["seed"],
        # Runs from before there was this field were trained on all patients.
        train_share=config["config"].get("data", {}).get("train_share", 1.0),
        fields=_fields(folder, config["config"]),
        circumstances=circumstances_of(config),
        dataset=config["dataset"],
        summary=read_summary(scored / "summary.json"),
        rows=read_rows(scored / "cases.csv"),
        as_one=read_rows(as_one) if as_one.is_file() else [],
        sweep=read_thresholds(scored),
    )


def _fields(folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return fields_of(config)
    except InputError as error:
        raise InputError(f"{folder / 'config.json'}: {error}; train again") from error


def circumstances_of(record: Mapping[str, Any]) -> dict[str, str]:
    """Return what a run was made with, flat: versions, revision, devices and cores."""
    versions, machine = (record.get(name) or {} for name in ("versions", "machine"))
    found = {f"versions.{name}": value for name, value in sorted(versions.items())}
    found |= {name: record[name] for name in ("git_revision", "devices") if record.get(name)}
    found |= {f"machine.{n}": machine[n] for n in ("processor", "cores") if machine.get(n)}
    return {name: _in_words(value) for name, value in found.items()}


def _in_words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a table of cases, by class and case.

    Raises:
        InputError: the table is damaged: see `read_cases_csv`; or it has no rows.
    """
    rows = read_cases_csv(path)
    if not rows:
        raise InputError(f"{path} has no row; evaluate again")
    return sorted(rows, key=lambda row: (row["class"], row["case"]))


def check(runs: Sequence[Run], *, allow_different: bool = False) -> None:
    """Check that runs can be compared, and that every method has every seed.

    They must have been trained alike but for method and seed (`configurations.METHOD_FIELDS`),
    runs of one method alike but for the seed; on one content of the data set; and been scored
    alike, on the same cases. A class need not be in all of them, but two methods at least must
    share one.

    Args:
        runs: of `read_runs`.
        allow_different: those that were trained otherwise are not refused; those that were scored
            otherwise always are.

    Raises:
        InputError: names the first run that differs, and in what, field by field.
    """
    if len(methods_of(runs)) < 2:
        there = f"only runs of {methods_of(runs)[0]}" if runs else "no runs"
        raise InputError(f"{there}; give runs of two methods or more")
    first = runs[0]
    for run in runs[1:]:
        for other in (_akin(run, runs), first):
            if not allow_different:
                _check_trained_alike(other, run)
            _check_same(other, run)
    _check_seeds(runs)


def _check_seeds(runs: Sequence[Run]) -> None:
    """Refuse a run that stands there twice, or a method that lacks a seed."""
    seen: dict[tuple[str, int], Path] = {}
    for run in runs:
        if (run.method, run.seed) in seen:
            other = seen[run.method, run.seed]
            raise InputError(
                f"{other} and {run.folder} are both {run.method} with seed {run.seed}; "
                "leave one out"
            )
        seen[run.method, run.seed] = run.folder
    for method in methods_of(runs):
        missing = [seed for seed in seeds_of(runs) if (method, seed) not in seen]
        if missing:
            raise InputError(
                f"{method} has no run with seed {missing[0]}, others have; train it, or leave that "
                "seed out everywhere"
            )


def _akin(run: Run, runs: Sequence[Run]) -> Run:
    """Return the first run of a run's method."""
    return next(other for other in runs if other.method == run.method)


ALLOW = "--allow-different"
CONTENT = "content of the data set"


def _check_trained_alike(first: Run, run: Run) -> None:
    """Refuse a run that was trained otherwise than another, beside method and seed."""
    odd = [f"{name} is {ours}, not {theirs}" for name, ours, theirs in _differing(run, first)]
    if odd:
        more = "seed" if run.method == first.method else "method and seed"
        raise InputError(
            f"{run.folder} differs from {first.folder} in more than {more}: {'; '.join(odd)}. "
            f"Train both alike, or compare them all the same with {ALLOW}"
        )


def _differing(ours: Run, theirs: Run) -> list[tuple[str, Any, Any]]:
    """Return the fields in which two runs must not differ and do, with both values."""
    found = differing(ours.fields, theirs.fields, ours.method == theirs.method)
    prints = (ours.fingerprint[:12], theirs.fingerprint[:12])
    if ours.fingerprint != theirs.fingerprint:
        found.append((CONTENT, *prints))
    return found


def warning(runs: Sequence[Run]) -> str:
    """Return what the first line of all that is written says of `differences`; '' without any."""
    found = differences(runs)
    start = "These runs differ in more than method and seed, which may be all that the numbers tell"
    return f"{start}: {'; '.join(found)}." if found else ""


def differences(runs: Sequence[Run]) -> list[str]:
    """Return a line for each field in which runs differ beyond method and seed, with its values.

    Those are there only where `check` was told to allow them.
    """
    pairs = [(run, other) for run in runs for other in (_akin(run, runs), runs[0])]
    names = dict.fromkeys(name for pair in pairs for name, _, _ in _differing(*pair))
    return [_by_value(name, runs, functools.partial(_trained_with, name)) for name in names]


def _trained_with(name: str, run: Run) -> str:
    return run.fingerprint[:12] if name == CONTENT else str(run.fields.get(name, "not set"))


def circumstances(runs: Sequence[Run]) -> list[str]:
    """Return a line for each version or part of a machine in which runs differ."""
    names = dict.fromkeys(name for run in runs for name in run.circumstances)
    lines = (_by_value(name, runs, functools.partial(_made_with, name)) for name in names)
    return [line for line in lines if line]


def _made_with(name: str, run: Run) -> str:
    return run.circumstances.get(name, "not known")


def _by_value(name: str, runs: Sequence[Run], value: Callable[[Run], str]) -> str:
    """Return 'FIELD: VALUE (RUNS), VALUE (RUNS)'; nothing where all have one value."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(value(run), []).append(run)
    if len(groups) < 2:
        return ""
    parts = (f"{of} ({_named(group, runs)})" for of, group in groups.items())
    return f"{name}: {', '.join(parts)}"


def _named(group: Sequence[Run], runs: Sequence[Run]) -> str:
    """Return methods, with the seeds where it is not all of them."""
    words = []
    for method in methods_of(group):
        seeds = sorted(run.seed for run in group if run.method == method)
        whole = len(seeds) == sum(run.method == method for run in runs)
        words.append(method if whole else f"{method} seed {', '.join(map(str, seeds))}")
    return "; ".join(words)


def _check_cases(first: Run, run: Run, shared: set[str]) -> None:
    """Refuse a run of whose cases a patient, stratum, kind, unit or reference is another's."""
    ours = {(r["class"], r["case"]): r for r in run.rows}
    for row in (r for r in first.rows if r["class"] in shared):
        other = ours[row["class"], row["case"]]
        for name, of in SAME.items():
            if of(row) != of(other):
                raise InputError(
                    f"{run.folder}: case {row['case']}, class {row['class']}: {name} is "
                    f"{of(other) or 'none'}, in {first.folder} {of(row) or 'none'}; evaluate both "
                    "on the same cases"
                )


def _reference(row: Row) -> str:
    return "in the reference" if row["status"] in ("scored", "missed") else "not in the reference"


SAME: dict[str, Callable[[Row], str]] = {
    **{name: operator.itemgetter(name) for name in ("patient", "stratum", "kind", "unit")},
    "what is annotated": _reference,
}
"""What belongs to a case and class, whoever is scored on it."""


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
    _check_cases(first, run, shared)
    swept = {r["class"] for r in run.sweep} & {r["class"] for r in first.sweep}
    if _swept(run, swept) != _swept(first, swept):
        raise InputError(
            f"{run.scored / THRESHOLDS} has other thresholds than {first.scored / THRESHOLDS}; "
            "evaluate both with one version of FluoroJAX"
        )


def _swept(run: Run, classes: set[str]) -> list[tuple[Any, ...]]:
    """Return what the scores by threshold are of, in these classes."""
    return [(r["class"], r["metric"], r["threshold"]) for r in run.sweep if r["class"] in classes]
