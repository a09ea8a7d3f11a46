"""The page of a comparison: differences, plots, patients, cases on which methods disagree."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np

from fluorojax.compare.rows import DEFINITIONS, ComparisonRow, cells, first_lines, head
from fluorojax.compare.runs import Primary, Run, methods_of, primary_scores, seeds_of
from fluorojax.metrics.case import METRICS
from fluorojax.report.page import DIALOG, Cell, element, page, sortable, table, text
from fluorojax.report.pictures import Picture, swatch, viewer
from fluorojax.report.run import definitions, notice
from fluorojax.report.scores import Evaluation, map_of

MOST_CASES = 12
"""Cases shown as pictures, each once a method: those on which the methods differ most."""

TITLES = {
    "paired": "Each patient by method",
    "cases": "Each case by method",
    "thresholds": "By threshold",
}


def write_page(
    lines: Sequence[ComparisonRow],
    runs: Sequence[Run],
    baseline: str,
    plots: Sequence[Path],
    path: Path,
) -> Path:
    """Write the page in one move and return its path.

    Args:
        lines: of `fluorojax.compare.rows.compare`.
        runs: as compared.
        baseline: the method that the others are held against.
        plots: PNG files, shown in this order.
        path: of the page.
    """
    draft = path.with_name(path.name + ".part")
    draft.write_text(render(lines, runs, baseline, plots), "utf-8")
    draft.replace(path)
    return path


def render(
    lines: Sequence[ComparisonRow], runs: Sequence[Run], baseline: str, plots: Sequence[Path]
) -> str:
    """Return the page as text."""
    found = primary_scores(runs)
    pictured = _pictured(runs, baseline)
    sections = [
        _header(runs, baseline),
        _differences(lines, runs),
        _plots(plots),
        text("h2", "Patients"),
        *(_patients(of, baseline, pictured) for of in found),
        text("h2", "Cases on which the methods differ most"),
        *(_cases(of, baseline, pictured) for of in found),
        _pictures(pictured, methods_of(runs), found),
        definitions([pictured[baseline]]),
        _runs(runs),
    ]
    body = notice(runs[0].dataset.get("split_unit"))
    body += element("main", "\n".join(filter(None, sections)))
    footer = text("footer", "Written by FluoroJAX. Everything is in this file.")
    return page(f"{', '.join(methods_of(runs))}: FluoroJAX comparison", body + footer + DIALOG)


def _header(runs: Sequence[Run], baseline: str) -> str:
    seeds = ", ".join(map(str, seeds_of(runs)))
    counts = runs[0].summary
    facts = (
        f"baseline {baseline}",
        f"seeds {seeds}",
        f"{counts['cases']} cases of {counts['patients']} patients",
        f"{runs[0].split} split of {runs[0].dataset.get('name', 'the data set')}",
    )
    title = text("h1", " · ".join(methods_of(runs)))
    return element("header", title + text("p", " · ".join(facts), class_="lead"))


def _differences(lines: Sequence[ComparisonRow], runs: Sequence[Run]) -> str:
    """Return the table of the first scores, and behind a fold that of all."""
    return (
        text("h2", "Differences")
        + _lines_table(first_lines(lines, runs))
        + "<br>"
        + element("details", text("summary", "All metrics") + _lines_table(lines) + "<br>")
        + text("p", DEFINITIONS, class_="soft")
    )


def _lines_table(lines: Sequence[ComparisonRow]) -> str:
    columns = ("class", "metric", "method", "mean ± seeds", "difference [95 %]", "p")
    return table(columns, [(*head(line), *cells(line)) for line in lines], words=3)


def _plots(plots: Sequence[Path]) -> str:
    figures = ""
    for path in plots:
        data = base64.b64encode(path.read_bytes()).decode("ascii")
        title = TITLES[path.stem]
        picture = f'<img alt="{escape(title)}" src="data:image/png;base64,{data}">'
        figures += element("figure", text("figcaption", title) + picture)
    return text("h2", "Plots") + element("div", figures, class_="plots")


def _pictured(runs: Sequence[Run], baseline: str) -> dict[str, Evaluation]:
    """Return the first seed of each method that has the baseline's classes: one legend for all."""
    first = {m: next(run for run in runs if run.method == m) for m in methods_of(runs)}
    evaluations = {method: Evaluation(run.scored) for method, run in first.items()}
    legend = evaluations[baseline].classes
    return {method: of for method, of in evaluations.items() if of.classes == legend}


def _title(found: Primary, pictured: Mapping[str, Evaluation], after: str) -> str:
    """Return a heading with the colour that the class has in the pictures."""
    legend = next(iter(pictured.values())).classes
    patch = swatch(legend.index(found.of)) + " " if found.of in legend else ""
    return element("h3", patch + escape(f"{found.of}: {METRICS[found.metric].label}{after}"))


def _base(found: Primary, baseline: str) -> str:
    """Return the method that the others are held against in this class."""
    return baseline if baseline in found.by_case else next(iter(found.by_case))


def _patients(found: Primary, baseline: str, pictured: Mapping[str, Evaluation]) -> str:
    """Return each patient's score by method, sortable, the patients that lose most first."""
    baseline = _base(found, baseline)
    means = {method: np.mean(scores, 0) for method, scores in found.by_patient.items()}
    others = [method for method in means if method != baseline]
    order = np.argsort(means[others[-1]] - means[baseline], kind="stable")
    rows: list[list[Cell]] = [
        [
            found.patients[n],
            *(_exact(means[method][n]) for method in means),
            *(_exact(means[method][n] - means[baseline][n], sign=True) for method in others),
        ]
        for n in order
    ]
    columns = ("patient", *means, *(f"{method} − {baseline}" for method in others))
    title = _title(found, pictured, " by patient, mean over seeds")
    return title + sortable(columns, rows, words=1)


def _exact(value: float, sign: bool = False) -> tuple[str, float]:
    """Return what is shown and what is sorted by; nothing where there is no score."""
    if np.isnan(value):
        return "–", np.nan
    return (f"{value:+.3f}" if sign else f"{value:.3f}"), float(value)


def disagreement(found: Primary) -> np.ndarray:
    """Return, by case, the largest distance between two methods' means over seeds, [cases]."""
    means = np.stack([np.mean(scores, 0) for scores in found.by_case.values()])
    return np.nan_to_num(means.max(0) - means.min(0))


def _cases(found: Primary, baseline: str, pictured: Mapping[str, Evaluation]) -> str:
    """Return each case's score by method, those first on which the methods differ most."""
    order = np.argsort(-disagreement(found), kind="stable")
    fields = [f for f in ("patient", "stratum") if any(row.get(f) for row in found.cases)]
    baseline = _base(found, baseline)
    means = {method: np.mean(scores, 0) for method, scores in found.by_case.items()}
    others = [method for method in means if method != baseline]
    rows = [
        (
            found.cases[n]["case"],
            *(found.cases[n][f] for f in fields),
            *(_exact(of[n]) for of in means.values()),
            *(_exact(means[method][n] - means[baseline][n], sign=True) for method in others),
        )
        for n in order
    ]
    columns = ("case", *fields, *means, *(f"{method} − {baseline}" for method in others))
    return _title(found, pictured, "") + sortable(columns, rows, words=1 + len(fields))


def _pictures(
    pictured: Mapping[str, Evaluation], methods: Sequence[str], found: Sequence[Primary]
) -> str:
    """Return the same cases by every method, a row a case, or say that there are none."""
    apart: dict[str, float] = {}  # by name: a class may have other cases than another
    for of in found:
        for row, distance in zip(of.cases, disagreement(of), strict=True):
            apart[row["case"]] = apart.get(row["case"], 0.0) + float(distance)
    chosen = [
        case
        for case in sorted(apart, key=lambda case: -apart[case])
        if all(map_of(of.folder, case).is_file() for of in pictured.values())
    ][:MOST_CASES]
    if not chosen:
        words = "None are here: a run has no maps/ beside its scores, as where results were kept."
        return text("h3", "Pictures") + text("p", words, class_="soft")
    pictures = [
        Picture(
            id=f"picture-{n}-{k}",
            path=map_of(of.folder, case),
            label=f"Case {case} by {method}, with prediction and reference",
            caption=text("b", f"{method}, {case}") + "<br>" + escape(of.said_of(case)),
            thresholds=tuple(layer.threshold for layer in of.layers),
        )
        for n, case in enumerate(chosen)
        for k, (method, of) in enumerate(pictured.items())
    ]
    layers = next(iter(pictured.values())).layers
    adjustable = all("thresholds" in of.summary for of in pictured.values())
    note = f"Side by side, first seed: {', '.join(pictured)}."
    left_out = [method for method in methods if method not in pictured]
    if left_out:
        note += f" Not shown, because of other classes: {', '.join(left_out)}."
    shown = viewer(pictures, layers, adjustable=adjustable, columns=len(pictured))
    return text("h3", "Pictures") + text("p", note, class_="soft") + shown


def _runs(runs: Sequence[Run]) -> str:
    rows = [(run.method, str(run.seed), str(run.folder), run.fingerprint[:12]) for run in runs]
    listed = table(("method", "seed", "folder", "data set's content"), rows, words=4)
    return text("h2", "Runs") + listed
