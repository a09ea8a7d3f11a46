"""Pages from templates: every value is escaped, and a page is one file that fetches nothing.

Python prepares plain data (numbers, strings, and records of them); `templates/*.html.j2` make the
HTML. `page.css` and `page.js` stand in each page.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

from fluorojax.core import templates
from fluorojax.core.outputs import written_aside
from fluorojax.drawing.overlay import colour
from fluorojax.schema.info import caution

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STYLE = Markup((HERE / "page.css").read_text("utf-8"))
SCRIPT = Markup((HERE / "page.js").read_text("utf-8"))


def environment(*folders: Path) -> jinja2.Environment:
    """Return the templates of `folders` and those of the report.

    All that they show is escaped, whatever a template is called; a name that a template uses and
    that was not given is an error, not an empty place.
    """
    made = templates.environment([*folders, TEMPLATES], escaped=True)
    made.globals.update(style=STYLE, script=SCRIPT)
    return made


def render(template: str, *folders: Path, **fields: Any) -> str:
    """Return a page as text.

    Args:
        template: its name, in one of `folders` or in the report's own.
        folders: searched first.
        fields: plain data, under the names that the template uses.
    """
    return environment(*folders).get_template(template).render(fields)


def write(page: str, path: Path) -> Path:
    """Write a page in one move, so that no reader finds half of one, and return its path."""
    with written_aside(path) as draft:
        draft.write_text(page, "utf-8")
    return path


def css_colour(k: int) -> str:
    """Return the colour of class k as CSS has it, `rgb(86,180,233)`."""
    red, green, blue = colour(k)
    return f"rgb({red},{green},{blue})"


class Notice(NamedTuple):
    """The first line of a page, and whether it is a warning."""

    words: str
    warning: bool


def notice(split_unit: str | None) -> Notice:
    """Return the first line of a page: are patients shared between the splits, drawn by a unit?"""
    if split_unit == "patient":
        return Notice("Split by patient: no patient is in two splits.", warning=False)
    unknown = "How the splits were drawn is not known: patients may be shared between them."
    return Notice(caution(split_unit) if split_unit else unknown, warning=True)


class Cell(NamedTuple):
    """What a table shows, and what it is sorted by (None: by what it shows)."""

    shown: str
    sort: str | None = None


def exact(value: float, shown: str) -> Cell:
    """Return a cell that sorts by its full precision; NaN stays below all others."""
    return Cell(shown, "" if math.isnan(value) else repr(value))


@dataclass(frozen=True)
class Table:
    """A table of plain cells; its first `words` columns are text, the others numbers."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    words: int


def table(columns: Sequence[str], rows: Sequence[Sequence[str | Cell]], *, words: int) -> Table:
    """Return a table whose cells may be given as text alone."""
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    return Table(columns, cells, words)
