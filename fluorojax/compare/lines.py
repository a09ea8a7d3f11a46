"""Runs of several methods and seeds as one table: mean, spread, difference, and what luck would do.

Read are `config.json` and `evaluation/<split>/{cases.csv,summary.json}` of each run.
"""

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fluorojax.errors import InputError
from fluorojax.metrics import statistics
from fluorojax.metrics.case import EMPTY_POLICY, METRICS, PRIMARY
from fluorojax.metrics.summary import Row, read_cases_csv

COLUMNS = (
    *("class", "metric", "level", "method", "seeds", "patients", "mean", "seed_std"),
    *("difference", "low", "high", "p", "p_holm"),
)
DEFINITIONS = (
    "Mean: over seeds, then over patients (each the mean of its cases). ±: standard deviation "
    "over seeds of the mean over patients. Difference: to the baseline, paired by patient; 95 % "
    "interval by bootstrap over seeds and patients. p: two-sided paired permutation test over "
    "patients of the means over seeds, Holm-corrected over all of this table."
)


class Run(NamedTuple):
    """One training and its scores on a split."""

    folder: Path
    method: str
    seed: int
    fingerprint: str
    settings: dict[str, Any]
    rows: list[Row]


class Line(NamedTuple):
    """One method's score of a class, by a metric, at a level ('' = all cases)."""

    of: str
    metric: str
    level: str
    method: str
    seeds: int
    patients: int
    mean: float
    seed_std: float
    difference: float
    low: float
    high: float
    p: float
    p_holm: float


def compare(runs: Sequence[Run], baseline: str) -> list[Line]:
    """Return a line for each class, metric, level and method; the baseline's come first.

    All metrics are compared over all cases, each class's primary one also level by level. p values
    are Holm-corrected over all that are returned.

    Args:
        runs: of two methods or more, as `check` wants them.
        baseline: the method that the others are held against.
    """
    lines = []
    for of, kind in {row["class"]: row["kind"] for row in runs[0].rows}.items():
        levels = sorted({row["level"] for row in runs[0].rows if row["level"]})
        metrics = [m for m in METRICS if any(r.get(m) is not None for r in _of_class(runs, of))]
        for metric in metrics:
            lines += _lines(runs, baseline, of, metric, "")
        for level in levels:
            lines += _lines(runs, baseline, of, PRIMARY[kind], level)
    corrected = statistics.holm([line.p for line in lines])
    return [line._replace(p_holm=p) for line, p in zip(lines, corrected, strict=True)]


def _of_class(runs: Sequence[Run], of: str) -> Iterable[Row]:
    return (row for run in runs for row in run.rows if row["class"] == of)


def _lines(runs: Sequence[Run], baseline: str, of: str, metric: str, level: str) -> list[Line]:
    """Return a line a method, without the correction of p."""
    scores = {method: scores_of(runs, method, of, metric, level) for method in methods_of(runs)}
    order = [baseline, *(method for method in scores if method != baseline)]
    lines = []
    for method in order:
        ours, theirs = scores[method], scores[baseline]
        found: dict[str, float] = dict.fromkeys(("difference", "low", "high", "p"), math.nan)
        if method != baseline and not np.isnan(statistics.difference(ours, theirs)):
            low, high = statistics.bootstrap_interval(ours, theirs)
            found = {
                "difference": statistics.difference(ours, theirs),
                "low": low,
                "high": high,
                "p": statistics.permutation_p(ours, theirs),
            }
        lines.append(
            Line(
                of=of,
                metric=metric,
                level=level,
                method=method,
                seeds=len(ours),
                patients=int((~np.isnan(ours)).any(0).sum()),
                mean=statistics.mean(ours),
                seed_std=statistics.seed_spread(ours),
                p_holm=math.nan,
                **found,
            )
        )
    return lines


def methods_of(runs: Sequence[Run]) -> list[str]:
    """Return the methods in the order of the runs."""
    return list(dict.fromkeys(run.method for run in runs))


def scores_of(
    runs: Sequence[Run], method: str, of: str, metric: str, level: str = ""
) -> np.ndarray:
    """Return a method's scores [seeds, patients] of a class by a metric; NaN: does not apply."""
    trained = sorted((run for run in runs if run.method == method), key=lambda run: run.seed)
    rows = [
        [row for row in run.rows if row["class"] == of and level in ("", row["level"])]
        for run in trained
    ]
    values = [[row[metric] for row in of_run] for of_run in rows]
    scores = np.array([[math.nan if v is None else v for v in of_run] for of_run in values])
    return statistics.patient_means(scores, [row["patient"] for row in rows[0]])


# Reading, and what is refused


def read_runs(folders: Sequence[Path], split: str) -> list[Run]:
    """Read runs and check that they can be compared.

    Raises:
        InputError: a file that is missing or damaged, or runs that differ in more than method and
            seed; the run, and the case or field, are named.
    """
    runs = [read_run(Path(folder), split) for folder in folders]
    check(runs)
    return runs


def read_run(folder: Path, split: str) -> Run:
    """Read one run.

    Raises:
        InputError: it has no scores of the split, or a number in them is none.
    """
    scored = folder / "evaluation" / split
    for path in (folder / "config.json", scored / "cases.csv", scored / "summary.json"):
        if not path.is_file():
            raise InputError(f"{path} does not exist; finish the run, or name another --split")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    try:
        rows = read_cases_csv(scored / "cases.csv")
    except ValueError as error:
        raise InputError(f"{scored / 'cases.csv'} is damaged ({error}); evaluate again") from error
    for row in rows:
        wrong = [m for m in METRICS if row.get(m) is not None and not math.isfinite(row[m])]
        if wrong:
            raise InputError(
                f"{scored / 'cases.csv'}: case {row['case']}, class {row['class']}: {wrong[0]} is "
                f"{row[wrong[0]]}; evaluate again"
            )
    return Run(
        folder=folder,
        method=config["config"]["method"],
        seed=config["config"]["seed"],
        fingerprint=config["dataset"]["fingerprint"],
        settings=json.loads((scored / "summary.json").read_text("utf-8"))["settings"],
        rows=sorted(rows, key=lambda row: (row["class"], row["case"])),
    )


def check(runs: Sequence[Run]) -> None:
    """Check that runs differ in nothing but method and seed, and that every method has every seed.

    Raises:
        InputError: names the first run that differs, and in what.
    """
    if len(methods_of(runs)) < 2:
        raise InputError(f"only {', '.join(methods_of(runs))}; give runs of two methods or more")
    first = runs[0]
    for run in runs[1:]:
        _check_same(first, run)
    seen: dict[tuple[str, int], Path] = {}
    for run in runs:
        other = seen.setdefault((run.method, run.seed), run.folder)
        if other != run.folder:
            raise InputError(
                f"{other} and {run.folder} are both {run.method} with seed {run.seed}; "
                "leave one out"
            )
    seeds = sorted({run.seed for run in runs})
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
    ours, theirs = ({(r["class"], r["case"]) for r in one.rows} for one in (first, run))
    for lacking, there, odd in ((run, first, ours - theirs), (first, run, theirs - ours)):
        if odd:
            of, case = min(odd)
            raise InputError(
                f"{lacking.folder} has no score of case {case}, class {of}, which {there.folder} "
                "has; compare runs with the same classes and test cases"
            )
    if run.fingerprint != first.fingerprint:
        raise InputError(
            f"{run.folder} was trained on another content of the data set "
            f"({run.fingerprint[:12]}) than {first.folder} ({first.fingerprint[:12]})"
        )


# Writing


def write_comparison(lines: Sequence[Line], runs: Sequence[Run], out: Path) -> None:
    """Write table.csv, table.md, table.tex, patients.csv and paired.png into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "table.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([_plain(value) for value in line] for line in lines)
    (out / "table.md").write_text(markdown(lines), "utf-8")
    (out / "table.tex").write_text(latex(lines), "utf-8")
    write_patients(runs, out / "patients.csv")
    draw_paired(runs, out / "paired.png")


def _plain(value: Any) -> Any:
    """Return a cell; an empty one does not apply."""
    return "" if isinstance(value, float) and math.isnan(value) else value


def write_patients(runs: Sequence[Run], path: Path) -> None:
    """Write each patient's primary score by class, method and seed."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("class", "metric", "patient", "method", "seed", "score"))
        for of, metric, patients, table in _primary_scores(runs):
            for (method, seed), scores in table.items():
                for patient, score in zip(patients, scores, strict=True):
                    writer.writerow((of, metric, patient, method, seed, _plain(float(score))))


def _primary_scores(
    runs: Sequence[Run],
) -> Iterable[tuple[str, str, list[str], Mapping[tuple[str, int], np.ndarray]]]:
    """Yield class, primary metric, patients, and the patients' scores by method and seed."""
    seeds = sorted({run.seed for run in runs})
    for of, kind in {row["class"]: row["kind"] for row in runs[0].rows}.items():
        rows = [row for row in runs[0].rows if row["class"] == of]
        table = {
            (method, seed): scores
            for method in methods_of(runs)
            for seed, scores in zip(seeds, scores_of(runs, method, of, PRIMARY[kind]), strict=True)
        }
        yield of, PRIMARY[kind], list(dict.fromkeys(r["patient"] for r in rows)), table


def cells(line: Line) -> tuple[str, str, str]:
    """Return mean ± spread, difference with interval, and corrected p, as text."""
    digits = 2 if METRICS[line.metric].is_distance else 3
    if math.isnan(line.mean):
        return "", "", ""
    mean = f"{line.mean:.{digits}f}"
    if not math.isnan(line.seed_std):
        mean += f" ± {line.seed_std:.{digits}f}"
    if math.isnan(line.difference):
        return mean, "", ""
    apart = f"{line.difference:+.{digits}f} [{line.low:+.{digits}f}, {line.high:+.{digits}f}]"
    return mean, apart, f"{line.p_holm:.3f}" if line.p_holm >= 0.001 else "< 0.001"


def head(line: Line) -> tuple[str, str, str]:
    """Return class, metric with its level, and method, as text."""
    level = f", {line.level}" if line.level else ""
    return line.of, METRICS[line.metric].label + level, line.method


def markdown(lines: Sequence[Line]) -> str:
    """Return the table in Markdown, its definitions below."""
    columns = ("class", "metric", "method", "mean ± seeds", "difference [95 %]", "p")
    rows = [columns, ("---",) * len(columns), *((*head(line), *cells(line)) for line in lines)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return f"{table}\n\n{DEFINITIONS}\n\n{EMPTY_POLICY}\n"


def latex(lines: Sequence[Line]) -> str:
    """Return the table in LaTeX (booktabs), its definitions as comments above."""
    notes = "".join(f"% {text}\n" for text in (DEFINITIONS, EMPTY_POLICY))
    columns = r"class & metric & method & mean $\pm$ seeds & difference [95\,\%] & $p$ \\"
    body = ""
    for line in lines:
        row = [*map(_escaped, head(line)), *(c.replace("±", r"$\pm$") for c in cells(line))]
        body += " & ".join(row).replace("< 0.001", "$<$ 0.001") + " \\\\\n"
    rules = f"\\toprule\n{columns}\n\\midrule\n{body}\\bottomrule\n"
    return f"{notes}\\begin{{tabular}}{{lllrrr}}\n{rules}\\end{{tabular}}\n"


def _escaped(text: str) -> str:
    for mark in "&%_#":
        text = text.replace(mark, "\\" + mark)
    return text


def draw_paired(runs: Sequence[Run], path: Path) -> None:
    """Draw each patient's primary score by method, joined by lines; a bar is the mean."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    panels, methods = list(_primary_scores(runs)), methods_of(runs)
    figure, axes = plt.subplots(
        1, len(panels), figsize=(1.5 + 2.6 * len(panels), 4.2), squeeze=False, layout="constrained"
    )
    for axis, (of, metric, _, table) in zip(axes[0], panels, strict=True):
        seeds = sorted({seed for _, seed in table})
        columns = [np.stack([table[method, seed] for seed in seeds]) for method in methods]
        means = np.stack([np.mean(column, 0) for column in columns])
        axis.plot(range(len(methods)), means, "o-", color="tab:blue", lw=0.6, ms=4, alpha=0.5)
        axis.hlines(
            [statistics.mean(column) for column in columns],
            np.arange(len(methods)) - 0.2,
            np.arange(len(methods)) + 0.2,
            color="black",
            lw=2,
        )
        axis.set_xticks(range(len(methods)), methods)
        axis.set_title(of)
        axis.set_ylabel(f"{METRICS[metric].label}, a patient's mean over seeds")
    figure.savefig(path, dpi=110)
    plt.close(figure)
