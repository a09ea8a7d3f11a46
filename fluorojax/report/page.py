"""The shell of a self-contained page: its style and script stand in it, and nothing is fetched."""

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
STYLE = (HERE / "page.css").read_text("utf-8")
SCRIPT = (HERE / "page.js").read_text("utf-8")

DIALOG = (
    '<dialog aria-label="Picture of a case"><canvas role="img"></canvas><div class="bar"><p></p>'
    '<button class="before" aria-label="previous">&larr;</button>'
    '<button class="after" aria-label="next">&rarr;</button>'
    '<button class="close">Close</button></div><div class="place"></div></dialog>'
)


def page(title: str, body: str) -> str:
    """Return a whole HTML document; `title` is plain text, `body` is HTML."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def element(tag: str, content: str, **attributes: object) -> str:
    """Return `<tag ...>content</tag>`; `content` is HTML, attributes are plain values.

    An underscore ends a name that Python keeps for itself (`class_`), and stands for a hyphen
    inside one (`data_sort`); an attribute that is None is left out.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{written}>{content}</{tag}>"


def text(tag: str, content: object, **attributes: object) -> str:
    """Return an element of plain text, escaped."""
    return element(tag, escape(str(content)), **attributes)


Cell = str | tuple[str, float]  # what is shown; and, if it is not the text, what is sorted by


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, words: int) -> str:
    """Return a table of plain cells; the first `words` columns are text, the others numbers."""
    head = "".join(text("th", name, class_=_css(k, words)) for k, name in enumerate(columns))
    return _table(head, rows, words, "scroll")


def sortable(columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, words: int) -> str:
    """Return a table whose heads sort it; a number that is NaN stays below all others."""
    head = "".join(
        element("th", text("button", name), class_=_css(k, words)) for k, name in enumerate(columns)
    )
    return _table(head, rows, words, "scroll tall")


def _table(head: str, rows: Sequence[Sequence[Cell]], words: int, css: str) -> str:
    body = ""
    for row in rows:
        cells = "".join(_cell(cell, _css(k, words)) for k, cell in enumerate(row))
        body += element("tr", cells)
    inside = element("thead", element("tr", head)) + element("tbody", body)
    return element("div", element("table", inside), class_=css, tabindex=0)


def _cell(cell: Cell, css: str | None) -> str:
    if isinstance(cell, str):
        return text("td", cell, class_=css)
    shown, exact = cell
    return text("td", shown, class_=css, data_sort="" if math.isnan(exact) else repr(exact))


def _css(k: int, words: int) -> str | None:
    return "text" if k < words else None
