"""Plots of a comparison: differences, paired patients, the spread of cases, scores by threshold."""

import functools
import io
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fluorojax.compare.rows import ComparisonRow, is_beyond_chance, primary_rows
from fluorojax.compare.runs import Primary, Run, methods_of, primary_scores, seeds_of
from fluorojax.metrics import statistics
from fluorojax.metrics.case import METRICS

# Okabe and Ito (2008), dark enough for lines on white; the baseline is the first.
COLOURS = ("#555555", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")

DPI = 150
"""Of the PNG files."""

Draw = Callable[[Any, Primary, dict[str, str]], None]  # axis, scores, colour of each method


def draw_plots(rows: Sequence[ComparisonRow], runs: Sequence[Run], out: Path) -> list[Path]:
    """Write differences, paired, cases and thresholds, each as PNG and PDF; return the PNG files.

    Threshold curves are left out where a run has none (masks of another tool).

    Args:
        rows: of `fluorojax.compare.rows.compare`.
        runs: as compared.
        out: the folder.
    """
    whole = [row for row in primary_rows(rows, runs) if not row.stratum]
    drawn = [
        _draw(runs, out / "differences", functools.partial(differences, whole), flat=True),
        _draw(runs, out / "paired", paired),
        _draw(runs, out / "cases", spread),
    ]
    if all(run.sweep for run in runs):
        path = out / "thresholds"
        drawn.append(_draw(runs, path, functools.partial(by_threshold, runs)))
    return drawn


def _draw(runs: Sequence[Run], path: Path, draw: Draw, *, flat: bool = False) -> Path:
    """Draw a panel for each class; return the PNG. `flat`: a row a method, no column."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    panels = primary_scores(runs)
    colours = dict(zip(methods_of(runs), itertools.cycle(COLOURS), strict=False))
    methods = len(methods_of(runs))
    size = (
        (0.5 + 3.6 * len(panels), 1.3 + 0.32 * methods)
        if flat
        else (1.0 + len(panels) * max(3.2, 0.6 + 0.62 * methods), 3.8)
    )
    figure, axes = plt.subplots(1, len(panels), figsize=size, squeeze=False, layout="constrained")
    for axis, primary in zip(axes[0], panels, strict=True):
        draw(axis, primary, colours)
        axis.set_title(primary.class_name)
        axis.spines[["top", "right"]].set_visible(False)
    _save(figure, path.with_suffix(".png"), dpi=DPI)
    # Without the date, the same runs give the same file.
    _save(figure, path.with_suffix(".pdf"), metadata={"CreationDate": None})
    plt.close(figure)
    return path.with_suffix(".png")


def _save(figure: Any, path: Path, **options: Any) -> None:
    """Write a figure from memory: on a full disk the PDF writer fails by an error of its own."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format=path.suffix[1:], **options)
    path.write_bytes(drawn.getvalue())


def differences(
    rows: Sequence[ComparisonRow], axis: Any, primary: Primary, colours: dict[str, str]
) -> None:
    """Draw each method's difference to the baseline with its interval.

    A dot is filled where the corrected test finds a difference.
    """
    baseline, *others = (row for row in rows if row.class_name == primary.class_name)
    axis.axvline(0, color="0.3", lw=1)
    for k, row in enumerate(others):
        colour = colours[row.method]
        axis.plot([row.low, row.high], [k, k], color=colour, lw=1.8)
        fill = colour if is_beyond_chance(row) else "white"
        axis.plot(row.difference, k, "o", color=colour, mfc=fill, ms=6.5)
    axis.set_yticks(range(len(others)), [row.method for row in others])
    axis.set_ylim(len(others) - 0.5, -0.5)
    label = METRICS[primary.metric].label
    axis.set_xlabel(f"difference to {baseline.method} in {label} (of 1)")
    axis.set_ylabel("method")


def paired(axis: Any, primary: Primary, colours: dict[str, str]) -> None:
    """Draw each patient's score by method, joined by lines; a bar is the mean."""
    methods = list(primary.by_patient)
    means = np.stack([np.mean(scores, 0) for scores in primary.by_patient.values()])
    axis.plot(range(len(methods)), means, "-", color="0.75", lw=0.7, zorder=1)
    for k, of in enumerate(means):
        axis.plot([k] * len(of), of, "o", color=colours[methods[k]], ms=4, alpha=0.7)
    level = [statistics.mean(scores) for scores in primary.by_patient.values()]
    places = np.arange(len(methods))
    axis.hlines(level, places - 0.2, places + 0.2, color="black", lw=2, zorder=3)
    _label(axis, methods, f"{METRICS[primary.metric].label} (0 to 1),\na patient's mean over seeds")


def spread(axis: Any, primary: Primary, colours: dict[str, str]) -> None:
    """Draw a box (quartiles, whiskers to 1.5 times their distance) and a dot for every case."""
    methods = list(primary.by_case)
    rng = np.random.default_rng(0)  # of the dots' places beside each other
    means = [np.mean(scores, 0) for scores in primary.by_case.values()]
    means = [of[~np.isnan(of)] for of in means]
    for k, of in enumerate(means):
        beside = k + rng.uniform(-0.16, 0.16, len(of))
        axis.plot(beside, of, "o", color=colours[methods[k]], ms=2.5, alpha=0.45, mew=0)
    axis.boxplot(
        means,
        positions=range(len(methods)),
        widths=0.5,
        showfliers=False,
        medianprops={"color": "black", "lw": 1.6},
    )
    _label(axis, methods, f"{METRICS[primary.metric].label} (0 to 1),\na case's mean over seeds")


def by_threshold(runs: Sequence[Run], axis: Any, primary: Primary, colours: dict[str, str]) -> None:
    """Draw the mean over patients by threshold: mean over seeds, and their range as a band."""
    for method in primary.by_patient:
        curves = []
        for run in (r for r in runs if r.method == method):
            wanted = (primary.class_name, primary.metric)
            rows = [r for r in run.sweep if (r["class"], r["metric"]) == wanted]
            curves.append([row["patient_mean"] for row in rows])
            x = [row["threshold"] for row in rows]
        if not any(curves):
            continue  # all classes as one label: scored, but not by threshold
        values = np.array(curves, float)  # None, where nothing could be scored, becomes NaN
        axis.plot(x, values.mean(0), color=colours[method], label=method)
        if len(curves) > 1:
            axis.fill_between(
                x, values.min(0), values.max(0), color=colours[method], alpha=0.18, lw=0
            )
    axis.set_xlabel("threshold of the probability (0 to 1)")
    axis.set_ylabel(f"{METRICS[primary.metric].label} (0 to 1),\nmean over patients")
    bands = "; bands: range over seeds" if len(seeds_of(runs)) > 1 else ""
    axis.legend(frameon=False, fontsize=8, title=f"mean over seeds{bands}", title_fontsize=7)


def _label(axis: Any, methods: Sequence[str], y: str) -> None:
    axis.set_xticks(range(len(methods)), methods, fontsize=9)
    axis.set_xlim(-0.5, len(methods) - 0.5)
    axis.set_xlabel("method")
    axis.set_ylabel(y)
