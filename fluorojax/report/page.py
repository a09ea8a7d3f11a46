"""The shell of a self-contained page: its style and script stand in it, and nothing is fetched."""

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
