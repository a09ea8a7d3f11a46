import re
from html.parser import HTMLParser
from pathlib import Path

from fluorojax.viewer import page

PAGE = page.render(title="a <b> & c", token="t" * 32, nonce="n0nce")


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def tags():
    parser = Tags()
    parser.feed(PAGE)
    return parser.found


def test_nothing_in_the_page_is_fetched_from_anywhere():
    for tag, attributes in tags():
        assert tag not in ("link", "img", "iframe", "object", "embed", "base")
        assert not {"src", "href", "action", "data", "srcset", "style"} & attributes.keys()
    own = [(page.HERE / name).read_text("utf-8") for name in page.SCRIPTS[1:]]
    for text in [*own, (page.HERE / "viewer.css").read_text("utf-8")]:
        assert not re.search(r"https?:|//\w+\.\w|url\(|@import|import\(|importScripts", text)


def test_the_library_speaks_of_addresses_in_comments_and_messages_alone():
    library = (page.HERE / page.SCRIPTS[0]).read_text("utf-8")
    assert not re.search(r"fetch\(|XMLHttpRequest|importScripts|WebSocket|sendBeacon", library)
    assert "Permission is hereby granted" in (page.HERE / "vendor/konva.LICENSE.txt").read_text()


def test_style_and_scripts_bear_the_nonce():
    bearing = [attributes for tag, attributes in tags() if tag in ("script", "style")]
    assert len(bearing) == 1 + len(page.SCRIPTS)
    assert all(attributes == {"nonce": "n0nce"} for attributes in bearing)


def test_the_folders_name_is_escaped():
    assert "<title>a &lt;b&gt; &amp; c: frames</title>" in PAGE


def test_each_key_of_the_list_is_one_that_the_page_knows():
    script = (page.HERE / "viewer.js").read_text("utf-8")
    known = re.search(r"const KEYS = \{(.*?)\n\};", script, re.S)[1]
    shown = " ".join(key for _, rows in page.KEYS for key, _ in rows)
    for letter in re.findall(r"\b[A-Z]\b", shown.replace("Shift+X", "")):
        assert re.search(rf"\b{letter.lower()}: ", known), letter


def test_the_documents_list_the_same_keys():
    text = (Path(__file__).parents[2] / "docs/how-to/viewer.md").read_text("utf-8")
    rows = [f"| {key} | {what} |" for _, keys in page.KEYS for key, what in keys]
    assert "\n".join(rows) in text
