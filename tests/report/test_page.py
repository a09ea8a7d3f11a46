import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest

from fluorojax.report import page

HOSTILE = "\"'><script>alert(1)</script>&"


def written(folder, source: str, **fields) -> str:
    """What a template in a folder makes of fields; its name ends in nothing that means HTML."""
    (folder / "made.j2").write_text(source)
    return page.render("made.j2", folder, **fields)


def test_all_that_a_template_shows_is_escaped(tmp_path):
    shown = written(tmp_path, '<b title="{{ x }}">{{ x }}</b>', x=HOSTILE)
    cells = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            cells.append((tag, attrs))

    reader = Reader()
    reader.feed(shown)
    assert cells == [("b", [("title", HOSTILE)])]
    assert "<script" not in shown


def test_a_name_that_was_not_given_is_an_error(tmp_path):
    with pytest.raises(jinja2.UndefinedError, match="forgotten"):
        written(tmp_path, "{{ forgotten }}")
    with pytest.raises(jinja2.UndefinedError, match="metric"):
        written(tmp_path, "{% if t.metric %}x{% endif %}", t=page.Notice("", warning=False))


def test_the_shell_is_one_document_that_fetches_nothing(tmp_path):
    tags = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            tags.append(tag)
            assert not {"src", "href"} & dict(attrs).keys()

    source = '{% extends "page.html.j2" %}{% block title %}{{ name }}{% endblock %}'
    shown = written(tmp_path, source, name="a < b", notice=page.notice("patient"))
    Reader().feed(shown)
    assert shown.startswith("<!doctype html>")
    assert "<title>a &lt; b</title>" in shown
    assert [tags.count(t) for t in ("html", "head", "body", "style", "script", "dialog")] == [1] * 6
    assert page.STYLE in shown
    assert page.SCRIPT in shown
    assert "@import" not in page.STYLE
    assert "url(" not in page.STYLE


def test_the_notice_warns_unless_patients_are_apart():
    assert not page.notice("patient").warning
    for unit in ("sequence", "frame", None):
        assert page.notice(unit).warning


def table_of(macro: str, table: page.Table) -> str:
    return getattr(page.environment().get_template("tables.html.j2").module, macro)(table)


def test_tables_mark_words_and_sort_by_what_is_exact():
    plain = table_of("table", page.table(("method", "mean"), [("a & b", "0.1")], words=1))
    assert '<th class="text">method</th><th>mean</th>' in plain
    assert '<td class="text">a &amp; b</td><td>0.1</td>' in plain
    rows = [("a", page.exact(0.1234, "0.12")), ("b", page.exact(float("nan"), "–"))]
    sortable = table_of("sortable", page.table(("method", "mean"), rows, words=1))
    assert "<th><button>mean</button></th>" in sortable
    assert '<td data-sort="0.1234">0.12</td>' in sortable
    assert '<td data-sort="">–</td>' in sortable


def test_a_page_is_written_in_one_move(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("older")
    assert page.write("newer", path) == path
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert path.read_text() == "newer"


def test_the_colour_of_a_class_is_the_one_it_is_drawn_with():
    assert page.css_colour(0) == "rgb(86,180,233)"
    assert page.css_colour(10) == page.css_colour(0)


PACKAGE = page.HERE.parent
TAG = re.compile(r"</?[a-z]+[ />]")


def words_of(path: Path) -> list[str]:
    """The strings of a module, without its docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    documented = [n.value for n in ast.walk(tree) if isinstance(n, ast.Expr)]
    constants = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and n not in documented]
    return [n.value for n in constants if isinstance(n.value, str)]


@pytest.mark.parametrize("room", ["report", "compare"])
def test_html_is_made_by_templates_alone_and_none_leaves_escaping(room):
    by_hand = [w for path in (PACKAGE / room).glob("*.py") for w in words_of(path) if TAG.search(w)]
    assert by_hand == []
    templates = sorted((PACKAGE / room / "templates").glob("*"))
    assert templates
    for path in templates:
        assert path.name.endswith(".html.j2")  # as the wheel's list of files has it
        assert not re.search(r"\|\s*safe|autoescape", path.read_text("utf-8")), path
