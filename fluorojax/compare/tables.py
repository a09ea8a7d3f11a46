"""A comparison as files for papers and for further work: CSV, Markdown, LaTeX."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fluorojax.compare import presence
from fluorojax.compare.rows import ComparisonRow, cells, head, notes
from fluorojax.compare.runs import Run, primary_scores, seeds_of, warning
from fluorojax.metrics.case import PAIRED_EMPTY_POLICY

COLUMNS = (
    *("class", "metric", "stratum", "method", "seeds", "patients", "cases"),
    *("left_out", "mean", "seed_std"),
    *("difference", "low", "high", "p", "p_holm"),
)


def write_tables(rows: Sequence[ComparisonRow], runs: Sequence[Run], out: Path) -> None:
    """Write table.csv, table.md, table.tex and patients.csv into `out`, made if missing.

    Where a class is not in every frame, presence.csv too, whose rows also stand in the other two.
    Where the runs differ in more than method and seed, the first line of each says in what; in CSV
    behind a `#`.
    """
    out.mkdir(parents=True, exist_ok=True)
    first = warning(runs)
    with (out / "table.csv").open("w", newline="", encoding="utf-8") as file:
        file.write(comment("#", first))
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([_plain(value) for value in row] for row in rows)
    there = presence.presence_rows(runs)
    (out / "table.md").write_text(markdown(rows, first, there), "utf-8")
    (out / "table.tex").write_text(comment("%", first) + latex(rows, there), "utf-8")
    write_patients(runs, out / "patients.csv")
    if there:
        presence.write_presence(there, out / presence.FILE, comment("#", first))


def comment(mark: str, text: str) -> str:
    """Return a text as a line of comment, nothing without text."""
    return f"{mark} {' '.join(text.split())}\n" if text else ""


def _plain(value: Any) -> Any:
    """Return a cell; an empty one does not apply."""
    return "" if isinstance(value, float) and math.isnan(value) else value


def write_patients(runs: Sequence[Run], path: Path) -> None:
    """Write each patient's primary score by class, method and seed."""
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(comment("#", warning(runs)))
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("class", "metric", "patient", "method", "seed", "score"))
        for primary in primary_scores(runs):
            names = (primary.class_name, primary.metric)
            for method, scores in primary.by_patient.items():
                for seed, of_seed in zip(seeds_of(runs), scores, strict=True):
                    for patient, score in zip(primary.patients, of_seed, strict=True):
                        writer.writerow((*names, patient, method, seed, _plain(float(score))))


def markdown(
    rows: Sequence[ComparisonRow], first: str = "", there: Sequence[presence.PresenceRow] = ()
) -> str:
    """Return the table in Markdown, its definitions below; `first`: a warning above it.

    Below it stands the table of `there`, where there is any of it.
    """
    columns = ("class", "metric", "method", "mean ± seeds", "difference [95 %]", "p")
    table = _pipes(columns, [(*head(row), *cells(row)) for row in rows])
    parts = [f"**{first}**"] if first else []
    parts += [table, *notes(rows), PAIRED_EMPTY_POLICY]
    if there:
        parts += [_pipes(presence.HEAD, [row.cells for row in there]), presence.DEFINITIONS]
    return "\n\n".join(parts) + "\n"


def _pipes(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, without a line's end."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def latex(rows: Sequence[ComparisonRow], there: Sequence[presence.PresenceRow] = ()) -> str:
    """Return the table in LaTeX (booktabs), its definitions as comments above; then `there`'s."""
    above = "".join(comment("%", text) for text in (*notes(rows), PAIRED_EMPTY_POLICY))
    columns = r"class & metric & method & mean $\pm$ seeds & difference [95\,\%] & $p$ \\"
    body = [[*map(_escaped, head(row)), *cells(row)] for row in rows]
    found = above + _tabular("lllrrr", columns, body)
    if not there:
        return found
    columns = " & ".join(presence.HEAD) + r" \\"
    body = [[*map(_escaped, row.cells[:2]), *row.cells[2:]] for row in there]
    return found + comment("%", presence.DEFINITIONS) + _tabular("llrrrr", columns, body)


def _tabular(alignment: str, columns: str, rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells whose names are escaped already."""
    body = "".join(" & ".join(row) + " \\\\\n" for row in rows)
    for mark, written in (("±", r"$\pm$"), ("< 0.001", "$<$ 0.001"), ("–", "--")):
        body = body.replace(mark, written)
    rules = f"\\toprule\n{columns}\n\\midrule\n{body}\\bottomrule\n"
    return f"\\begin{{tabular}}{{{alignment}}}\n{rules}\\end{{tabular}}\n"


def _escaped(text: str) -> str:
    for mark in "&%_#":
        text = text.replace(mark, "\\" + mark)
    return text
