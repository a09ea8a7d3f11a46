"""The tables of docs/benchmark.md, each a function of kept results; see `benchmarks.pages.page`."""

import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pages.kept import (
    MAKE_ABLATIONS,
    MAKE_GRID,
    MAKE_SHARES,
    MAKE_STRESS,
    ORDER,
    OURS,
    SHARES,
    NotKeptError,
    Results,
    complete,
    read,
    seeds_of_method,
    variants_in,
)
from benchmarks.studies import stress
from fluorojax.compare.rows import ComparisonRow, cells
from fluorojax.compare.runs import Run, kinds_of, methods_of, scores_of, seeds_of
from fluorojax.metrics.case import METRICS, PRIMARY
from fluorojax.simulation.fluoroscopy.ercp import CLASSES, STRATA
from fluorojax.training.reproduce import config_of, read_record

SCOPE, WIRE = CLASSES
Measure = tuple[str, str]  # class, metric

WIRE_SCORE = (WIRE, "cldice")
MAIN: tuple[Measure, ...] = (
    *((SCOPE, "dice"), WIRE_SCORE, (WIRE, "betti0_error")),
    *((WIRE, "attachment"), (WIRE, "tip_error")),
)
ABLATED: tuple[Measure, ...] = (
    *(WIRE_SCORE, (WIRE, "betti0_error"), (WIRE, "attachment"), (SCOPE, "dice")),
)
PLOT = Path("images/benchmark_little_data.png")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown; numbers are what stands right of the first column."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def heading(measure: Measure, runs: Sequence[Run]) -> str:
    """Return class, metric, unit and which end is good."""
    of, name = measure
    units = {row["unit"] for run in runs for row in run.rows if row["class"] == of}
    unit = f", {'/'.join(sorted(units))}" if METRICS[name].is_distance else ""
    return f"{of} {METRICS[name].label}{unit} {'↑' if METRICS[name].better == 'higher' else '↓'}"


def numbers(values: Iterable[Any]) -> str:
    """Return values as a list in words."""
    return ", ".join(map(str, values))


def runs_text(results: Results) -> str:
    """Return what was run, out of the kept configurations."""
    runs = results.runs
    config = config_of(read_record(next(run for run in runs if run.method == OURS).folder))
    cases = {row["case"] for row in runs[0].rows}
    patients = {row["patient"] for row in runs[0].rows}
    rows, columns = config.data.image_size
    high, wide = config.training.crop_size
    said = [
        f"- Methods: {numbers(methods_of(runs))}. Seeds: {numbers(seeds_of(runs))}.",
        f"- Data: `{config.data.builder}`, `data.size='{config.data.size}'`, frames of "
        f"{rows} x {columns}; tested on {len(cases)} frames of {len(patients)} patients.",
        f"- Training: {config.training.steps} steps of {config.training.batch_size} crops of "
        f"{high} x {wide}; `{OURS}` has U-Nets of width {config.model.width:g}.",
        f"- Machine: {'; '.join(sorted({machine(run) for run in runs}))}.",
    ]
    everything = read(results.grid, "test")
    more = {
        method: sorted(seeds_of_method(everything, method) - set(seeds_of(runs)))
        for method in methods_of(everything)
    }
    left_out = [f"{method} {numbers(seeds)}" for method, seeds in more.items() if seeds]
    if left_out:
        said.append(f"- Seeds left out, which not all methods have: {'; '.join(left_out)}.")
    return "\n".join(said)


def machine(run: Run) -> str:
    """Return what a run was trained on, and by which versions."""
    record = read_record(run.folder)
    cores = f"{record['machine']['cores']} core(s) of {record['machine']['processor']}"
    devices = numbers(record["devices"])
    return f"{cores}, {devices}, jax {record['versions']['jax']}"


def main_table(results: Results) -> str:
    """Return the scores of each method, and joint minus each other."""
    runs, lines = results.runs, results.lines
    union = [(of, PRIMARY[kind]) for of, kind in kinds_of(runs).items() if of not in CLASSES]
    measures = [m for m in (*MAIN, *union) if any(line_key(line)[:2] == m for line in lines)]
    known = {line_key(line): line for line in lines}
    alarms = false_alarms(runs)
    rows = [
        [
            method,
            *(mean_cell(known.get((*measure, "", method))) for measure in measures),
            alarms.get(method, ""),
        ]
        for method in methods_of(runs)
    ]
    head = ["method", *(heading(m, runs) for m in measures), f"{WIRE} false alarms ↓"]
    apart = [
        [heading(measure, runs), *difference_cells(line)]
        for measure in measures
        for line in compared(lines, measure, "")
    ]
    return (
        f"{table(head, rows)}\n\n{table(DIFFERENCE_HEAD, apart)}\n\n"
        f"False alarms: share of the frames without a {WIRE} ({frames_without(runs)}) in which any "
        f"pixel is found. p: Holm-corrected over all {tests_of(lines)} comparisons of these runs, "
        "of which the table shows some."
    )


def false_alarms(runs: Sequence[Run]) -> dict[str, str]:
    """Return each method's share of the frames without a wire in which one is found, as text."""
    wires = [run for run in runs if WIRE in run.classes]
    scores = {m: stress.measured(wires, m, stress.false_alarm) for m in methods_of(wires)}
    return {method: stress.mean_and_spread(of) for method, of in scores.items()}


def frames_without(runs: Sequence[Run]) -> int:
    """Return the number of frames without a wire."""
    rows = next(run.rows for run in runs if WIRE in run.classes)
    return sum(row["class"] == WIRE and stress.false_alarm(row) is not None for row in rows)


DIFFERENCE_HEAD = ("measure", "of", "difference [95 %]", "p")


def line_key(line: ComparisonRow) -> tuple[str, str, str, str]:
    """Return what a line is of."""
    return line.class_name, line.metric, line.stratum, line.method


def compared(lines: Sequence[ComparisonRow], measure: Measure, stratum: str) -> list[ComparisonRow]:
    """Return the lines of a measure in which joint is held against another method."""
    return [
        line
        for line in lines
        if (line.class_name, line.metric, line.stratum) == (*measure, stratum)
        and not np.isnan(line.difference)
    ]


def tests_of(lines: Sequence[ComparisonRow]) -> int:
    """Return the number of p values that were corrected together."""
    return int((~np.isnan([line.p for line in lines])).sum())


def mean_cell(line: ComparisonRow | None) -> str:
    """Return mean ± spread as text; empty where the method has no such score."""
    return cells(line)[0] if line else ""


def difference_cells(line: ComparisonRow) -> list[str]:
    """Return *joint - other*, with interval and p, of a line that holds *other - joint*."""
    turned = line._replace(difference=-line.difference, low=-line.high, high=-line.low)
    _, apart, p = cells(turned)
    return [f"{OURS} − {line.method}", apart, p]


def strata_table(results: Results) -> str:
    """Return the wire's score by stratum, and joint minus each other."""
    lines = [line for line in results.lines if line_key(line)[:2] == WIRE_SCORE and line.stratum]
    lines = [line for line in lines if not np.isnan(line.mean)]
    patients = {line.stratum: line.patients for line in lines}
    if not patients:
        return "The frames have one stratum alone."
    ordered = sorted(
        patients, key=lambda name: STRATA.index(name) if name in STRATA else len(STRATA)
    )
    known = {line_key(line): line for line in lines}
    methods = methods_of(results.runs, WIRE)
    rows = [
        [method, *(mean_cell(known.get((*WIRE_SCORE, stratum, method))) for stratum in ordered)]
        for method in methods
    ]
    head = ["method", *(f"{stratum} ({patients[stratum]} patients)" for stratum in ordered)]
    apart = [
        [stratum, *difference_cells(line)]
        for stratum in ordered
        for line in compared(lines, WIRE_SCORE, stratum)
    ]
    what = heading(WIRE_SCORE, results.runs)
    return f"{what}:\n\n{table(head, rows)}\n\n{table(('stratum', *DIFFERENCE_HEAD[1:]), apart)}"


def stress_table(name: str, results: Results) -> str:
    """Return the scores on one of the stress sets, and joint minus each other method."""
    scored = [run for run in read(results.grid, name) if WIRE in run.classes]
    runs = complete(scored, MAKE_STRESS)
    methods = methods_of(runs)
    measures = next(stress_set.measures for stress_set in stress.SETS if stress_set.name == name)
    found = {
        measure: {method: stress.measured(runs, method, of) for method in methods}
        for measure, of in measures.items()
    }
    found = {measure: scores for measure, scores in found.items() if stress.frames_in(scores)}
    head = [f"{measure} ({stress.frames_in(scores)} frames)" for measure, scores in found.items()]
    rows = [[m, *(stress.mean_and_spread(scores[m]) for scores in found.values())] for m in methods]
    others = [method for method in methods if method != OURS]
    apart = [
        [measure, *(apart_cell(scores[OURS], scores[other]) for other in others)]
        for measure, scores in found.items()
    ]
    apart_head = ["measure", *(f"{OURS} − {other}" for other in others)]
    seeds = f"Seeds {numbers(seeds_of(runs))}."
    return f"{table(['method', *head], rows)}\n\n{table(apart_head, apart)}\n\n{seeds}"


def apart_cell(ours: np.ndarray, theirs: np.ndarray) -> str:
    """Return ours - theirs with its interval as text."""
    return stress.difference({stress.OURS: ours, stress.THEIRS: theirs})


def ablations_table(results: Results) -> str:
    """Return the scores of joint with one thing left out each, and how far they are from joint."""
    whole = [run for run in read(results.grid, "test") if run.method == OURS]
    if not whole:
        raise NotKeptError(f"no runs of {OURS} are kept", MAKE_GRID)
    variants = variants_in(results.grid.parent / "ablations", whole)
    if not variants:
        raise NotKeptError(f"no ablation is kept that shares a seed with {OURS}", MAKE_ABLATIONS)
    rows = [ablation_row(OURS, whole)]
    apart = []
    for name, runs in variants.items():
        rows.append(ablation_row(name, runs))
        both = [scores_of_both(runs, name, measure) for measure in ABLATED]
        apart.append([f"{name} − {OURS}", *(apart_cell(*pair) for pair in both)])
    head = [heading(measure, whole) for measure in ABLATED]
    return (
        f"{table(['variant', 'seeds', *head], rows)}\n\n{table(['difference', *head], apart)}\n\n"
        "Each difference is over the seeds of the variant."
    )


def ablation_row(method: str, runs: Sequence[Run]) -> list[str]:
    """Return name, seeds and means of a variant."""
    scores = [scores_of(runs, method, *measure) for measure in ABLATED]
    seeds = numbers(sorted(seeds_of_method(runs, method)))
    return [method, seeds, *map(stress.mean_and_spread, scores)]


def scores_of_both(
    runs: Sequence[Run], variant: str, measure: Measure
) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores [seeds, patients] of a variant and of joint."""
    return scores_of(runs, variant, *measure), scores_of(runs, OURS, *measure)


def shares_table(results: Results) -> str:
    """Return the wire's score by share of the training patients."""
    shares = results.shares
    if not any(share < 1 for share in shares):
        raise NotKeptError("no grid on a share of the training patients is kept", MAKE_SHARES)
    scores = {share: wire_scores(runs) for share, runs in shares.items()}
    methods = list(dict.fromkeys(method for of in scores.values() for method in of))
    methods.sort(key=[*ORDER, *methods].index)
    head = [f"{share:.0%}".replace("%", " %") for share in scores]
    rows = [
        [m, *(stress.mean_and_spread(of[m]) if m in of else "" for of in scores.values())]
        for m in methods
    ]
    apart = [
        [
            f"{OURS} − {other}",
            *(apart_cell(of[OURS], of[other]) if other in of else "" for of in scores.values()),
        ]
        for other in methods
        if other != OURS
    ]
    seeds = "; ".join(
        f"{name}: {numbers(seeds_of(runs))}"
        for name, runs in zip(head, shares.values(), strict=True)
    )
    what = heading(WIRE_SCORE, next(iter(shares.values())))
    lacking = [name for share, name in SHARES.items() if share not in shares]
    if lacking:
        seeds += f". Not there yet, or not of all methods: {numbers(lacking)}"
    return (
        f"{what} by share of the training patients:\n\n{table(['method', *head], rows)}\n\n"
        f"{table(['difference', *head], apart)}\n\nSeeds: {seeds}.\n\n"
        f"![{what} by share of the training patients]({PLOT.as_posix()})"
    )


def wire_scores(runs: Sequence[Run]) -> dict[str, np.ndarray]:
    """Return method -> [seeds, patients] of the wire's score."""
    return {method: scores_of(runs, method, *WIRE_SCORE) for method in methods_of(runs, WIRE)}


TABLES: dict[str, Callable[[Results], str]] = {
    "runs": runs_text,
    "main": main_table,
    "strata": strata_table,
    "counter": functools.partial(stress_table, "counter"),
    "hard": functools.partial(stress_table, "hard"),
    "ablations": ablations_table,
    "little_data": shares_table,
}
