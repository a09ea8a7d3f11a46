"""The page of a comparison: differences, plots, patients, cases on which methods disagree."""

import base64
import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from fluorojax.compare import presence
from fluorojax.compare.answer import answer
from fluorojax.compare.plots import DPI
from fluorojax.compare.rows import ComparisonRow, cells, head, notes, primary_rows
from fluorojax.compare.runs import (
    Primary,
    Run,
    circumstances,
    methods_of,
    primary_scores,
    seeds_of,
    warning,
)
from fluorojax.metrics.case import METRICS, PAIRED_EMPTY_POLICY
from fluorojax.report import page
from fluorojax.report.cases import in_words, layers, map_path
from fluorojax.report.page import Cell, Table, css_colour, exact, table
from fluorojax.report.pictures import Picture, Viewer, viewer
from fluorojax.report.scores import Definitions, Evaluation, definitions

TEMPLATES = Path(__file__).parent / "templates"

MOST_CASES = 12
"""Cases shown as pictures, each once a method: those on which the methods differ most."""

SHOWN_DPI = 92
"""Pixels of CSS an inch of a plot: its text of 10 pt is shown at 13 px."""

TITLES = {
    "differences": "Difference to the baseline with its 95 % interval; a filled dot: beyond chance",
    "paired": "Each patient by method",
    "cases": "Each case by method",
    "thresholds": "By threshold (a case in which rightly nothing is found is in no mean here)",
}

Evaluations = Mapping[str, Evaluation]


def write_page(
    rows: Sequence[ComparisonRow],
    runs: Sequence[Run],
    baseline: str,
    plots: Sequence[Path],
    path: Path,
) -> Path:
    """Write the page in one move and return its path.

    Args:
        rows: of `fluorojax.compare.rows.compare`.
        runs: as compared.
        baseline: the method that the others are held against.
        plots: PNG files; the first stands beside the answer, the others below in this order.
        path: of the page.
    """
    return page.write(render(rows, runs, baseline, plots), path)


def render(
    rows: Sequence[ComparisonRow], runs: Sequence[Run], baseline: str, plots: Sequence[Path]
) -> str:
    """Return the page as text."""
    primaries, primary = primary_scores(runs), primary_rows(rows, runs)
    pictured = _pictured(runs, baseline)
    return page.render(
        "comparison.html.j2",
        TEMPLATES,
        notice=_notice(runs),
        methods=methods_of(runs),
        dataset=runs[0].dataset.get("name", "the data set"),
        facts=_facts(runs, baseline),
        answer=answer(primary, rows, runs[0].summary["patients"]),
        first=_rows_table(primary),
        every=_rows_table(rows),
        explained=notes(rows),
        presence=_presence(runs),
        presence_explained=presence.DEFINITIONS,
        plots=[_plot(path) for path in plots[1:]],
        differences=_plot(plots[0]),
        patients=[_patients(primary, baseline, pictured) for primary in primaries],
        cases=[_cases(primary, baseline, pictured) for primary in primaries],
        gallery=_gallery(pictured, methods_of(runs), primaries),
        definitions=_definitions(pictured[baseline]),
        runs=_runs(runs),
        circumstances=circumstances(runs),
    )


def _notice(runs: Sequence[Run]) -> page.Notice:
    """Return the first line: in what the runs differ beyond their methods, and how they split."""
    of_split, first = page.notice(runs[0].dataset.get("split_unit")), warning(runs)
    return of_split._replace(words=f"{first} {of_split.words}", warning=True) if first else of_split


def _definitions(evaluation: Evaluation) -> Definitions | None:
    """Return what the scores mean, with the policy for empty masks of comparisons."""
    found = definitions([evaluation])
    return found and dataclasses.replace(found, policy=PAIRED_EMPTY_POLICY)


def _facts(runs: Sequence[Run], baseline: str) -> list[str]:
    counts = runs[0].summary
    return [
        f"{runs[0].split} split of {runs[0].dataset.get('name', 'the data set')}",
        f"{counts['cases']} cases of {counts['patients']} patients",
        f"seeds {', '.join(map(str, seeds_of(runs)))}",
        f"baseline {baseline}",
        f"compared {datetime.now(UTC).date().isoformat()}",
    ]


def _rows_table(rows: Sequence[ComparisonRow]) -> Table:
    columns = ("class", "metric", "method", "mean ± seeds", "difference [95 %]", "p")
    return table(columns, [(*head(row), *cells(row)) for row in rows], words=3)


def _presence(runs: Sequence[Run]) -> Table | None:
    """Return how well each method tells whether a class is there; None where all always are."""
    rows = presence.presence_rows(runs)
    return table(presence.HEAD, [row.cells for row in rows], words=2) if rows else None


class Plot(NamedTuple):
    """A picture with its title, as a data URI, and how wide it is shown (px of CSS)."""

    title: str
    source: str
    width: int


def _plot(path: Path) -> Plot:
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    with Image.open(path) as picture:
        # However many panels there are, their text is as large as that of the page.
        width = picture.width * SHOWN_DPI // DPI
    return Plot(TITLES[path.stem], f"data:image/png;base64,{data}", width)


def _pictured(runs: Sequence[Run], baseline: str) -> dict[str, Evaluation]:
    """Return the first seed of each method that has the baseline's classes: one legend for all."""
    first = {m: next(run for run in runs if run.method == m) for m in methods_of(runs)}
    evaluations = {method: Evaluation(run.scored) for method, run in first.items()}
    legend = evaluations[baseline].classes
    return {method: one for method, one in evaluations.items() if one.classes == legend}


# Tables of scores by method


class Block(NamedTuple):
    """A table with its heading; `colour`: that of the class in the pictures, None without one."""

    heading: str
    colour: str | None
    table: Table


def _block(primary: Primary, pictured: Evaluations, after: str, scores: Table) -> Block:
    legend = next(iter(pictured.values())).classes
    colour = css_colour(legend.index(primary.class_name)) if primary.class_name in legend else None
    return Block(f"{primary.class_name}: {METRICS[primary.metric].label}{after}", colour, scores)


@dataclasses.dataclass(frozen=True)
class _Means:
    """Means over seeds of one class, method -> [patients or cases].

    `baseline` is the first method where the class is not one of the baseline's.
    """

    of: dict[str, np.ndarray]
    baseline: str

    @property
    def others(self) -> list[str]:
        return [method for method in self.of if method != self.baseline]

    @property
    def columns(self) -> list[str]:
        return [*self.of, *(f"{method} − {self.baseline}" for method in self.others)]

    def apart(self, method: str) -> np.ndarray:
        """Return a method's difference to the baseline."""
        return self.of[method] - self.of[self.baseline]

    def cells(self, n: int) -> list[Cell]:
        """Return each method's score of one patient or case, and the differences."""
        differences = (self.apart(method)[n] for method in self.others)
        return [
            *(_cell(values[n], "{:.3f}") for values in self.of.values()),
            *(_cell(value, "{:+.3f}") for value in differences),
        ]


def _means(scores: Mapping[str, np.ndarray], baseline: str) -> _Means:
    means = {method: np.mean(of_method, 0) for method, of_method in scores.items()}
    return _Means(means, baseline if baseline in means else next(iter(means)))


def _cell(value: float, form: str) -> Cell:
    """Return what is shown and what is sorted by; nothing where there is no score."""
    return exact(float(value), "–" if np.isnan(value) else form.format(value))


def _patients(primary: Primary, baseline: str, pictured: Evaluations) -> Block:
    """Return each patient's score by method, the patients that lose most first."""
    means = _means(primary.by_patient, baseline)
    order = np.argsort(means.apart(means.others[-1]), kind="stable")
    rows = [[primary.patients[n], *means.cells(n)] for n in order]
    scores = table(("patient", *means.columns), rows, words=1)
    return _block(primary, pictured, " by patient, mean over seeds", scores)


def disagreement(primary: Primary) -> np.ndarray:
    """Return, by case, the largest distance between two methods' means over seeds, [cases]."""
    means = np.stack([np.mean(scores, 0) for scores in primary.by_case.values()])
    return np.nan_to_num(means.max(0) - means.min(0))


def _cases(primary: Primary, baseline: str, pictured: Evaluations) -> Block:
    """Return each case's score by method, those first on which the methods differ most."""
    means = _means(primary.by_case, baseline)
    fields = [f for f in ("patient", "stratum") if any(row.get(f) for row in primary.cases)]
    rows = [
        [primary.cases[n]["case"], *(primary.cases[n][f] for f in fields), *means.cells(n)]
        for n in np.argsort(-disagreement(primary), kind="stable")
    ]
    scores = table(("case", *fields, *means.columns), rows, words=1 + len(fields))
    return _block(primary, pictured, "", scores)


# Pictures


class Gallery(NamedTuple):
    """The same cases by every method, a row a case."""

    methods: Sequence[str]
    left_out: Sequence[str]
    viewer: Viewer


def _gallery(
    pictured: Evaluations, methods: Sequence[str], primaries: Sequence[Primary]
) -> Gallery | None:
    """Return the cases on which the methods differ most; None where maps are missing."""
    chosen = _chosen(pictured, primaries)
    if not chosen:
        return None
    pictures = [
        _picture(f"picture-{n}-{k}", case, method, pictured[method])
        for n, case in enumerate(chosen)
        for k, method in enumerate(pictured)
    ]
    shown = viewer(
        pictures,
        layers(next(iter(pictured.values()))),
        adjustable=all("thresholds" in one.summary for one in pictured.values()),
        columns=len(pictured),
    )
    return Gallery(list(pictured), [m for m in methods if m not in pictured], shown)


def _chosen(pictured: Evaluations, primaries: Sequence[Primary]) -> list[str]:
    """Return the cases with a map by every method, those first on which the methods differ most."""
    apart: dict[str, float] = {}  # by name: a class may have other cases than another
    for primary in primaries:
        for row, distance in zip(primary.cases, disagreement(primary), strict=True):
            apart[row["case"]] = apart.get(row["case"], 0.0) + float(distance)
    folders = [one.folder for one in pictured.values()]
    return [
        case
        for case in sorted(apart, key=lambda case: -apart[case])
        if all(map_path(folder, case).is_file() for folder in folders)
    ][:MOST_CASES]


def _picture(name: str, case: str, method: str, evaluation: Evaluation) -> Picture:
    return Picture(
        id=name,
        path=map_path(evaluation.folder, case),
        label=f"Case {case} by {method}, with prediction and reference",
        title=f"{method}, {case}",
        scores=in_words(evaluation, case),
        thresholds=tuple(layer.threshold for layer in layers(evaluation)),
    )


def _runs(runs: Sequence[Run]) -> Table:
    rows = [(run.method, str(run.seed), str(run.folder), run.fingerprint[:12]) for run in runs]
    return table(("method", "seed", "folder", "data set's content"), rows, words=4)
