from html.parser import HTMLParser

from fluorojax.report import page


def test_text_is_escaped_and_html_is_not():
    assert page.text("b", "<i> & co") == "<b>&lt;i&gt; &amp; co</b>"
    assert page.element("b", "<i>x</i>") == "<b><i>x</i></b>"


def test_attributes():
    written = page.text("td", 1, class_="a", data_sort='"', title=None, tabindex=0)
    assert written == '<td class="a" data-sort="&quot;" tabindex="0">1</td>'


def test_the_shell_is_one_document_that_fetches_nothing():
    tags = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            tags.append(tag)
            assert not {"src", "href"} & dict(attrs).keys()

    written = page.page("a < b", "<main>x</main>" + page.DIALOG)
    Reader().feed(written)
    assert written.startswith("<!doctype html>")
    assert "<title>a &lt; b</title>" in written
    assert [tags.count(t) for t in ("html", "head", "body", "style", "script", "dialog")] == [1] * 6
    assert "@import" not in page.STYLE
    assert "url(" not in page.STYLE


def test_tables_mark_words_and_sort_by_what_is_exact():
    plain = page.table(("method", "mean"), [("a & b", "0.1")], words=1)
    assert '<th class="text">method</th><th>mean</th>' in plain
    assert '<td class="text">a &amp; b</td><td>0.1</td>' in plain
    rows = [("a", ("0.12", 0.1234)), ("b", ("–", float("nan")))]
    sorted_ = page.sortable(("method", "mean"), rows, words=1)
    assert "<th><button>mean</button></th>" in sorted_
    assert '<td data-sort="0.1234">0.12</td>' in sorted_
    assert '<td data-sort="">–</td>' in sorted_
