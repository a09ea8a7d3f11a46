"""The documentation as a site: built without a warning, and loading nothing from elsewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="needs mkdocs: pip install -e '.[docs]'")
from benchmarks.pages import reference, site

ROOT = Path(__file__).parents[2]
LOADED = re.compile(
    r"""<(?:script|img|iframe|source)[^>]+src=["']?(?:https?:)?//"""
    r"""|<link[^>]+rel=["']?(?:stylesheet|preconnect|preload)[^>]+href=["']?(?:https?:)?//"""
    r"""|@import|url\(["']?https?:"""
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    run = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return out


def test_every_page_is_there_and_asks_nobody(built):
    pages = sorted(built.rglob("*.html"))
    names = {page.relative_to(built).as_posix() for page in pages}
    assert {
        path.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        for path in (ROOT / "docs").rglob("*.md")
    } <= names
    assert "project/index.html" in names  # README.md
    for page in pages:
        assert not LOADED.findall(page.read_text("utf-8")), page


def test_what_is_generated_is_in_it(built):
    fields = (built / "reference/configuration.html").read_text("utf-8")
    for name in ("training.learning_rate", "loss.skeleton_recall", "simulation.quanta"):
        assert f"<code>{name}</code>" in fields
    assert "report-bug" in (built / "reference/options.html").read_text("utf-8")
    assert "Predictor.predict" in (built / "reference/python.html").read_text("utf-8")
    assert "generated:" not in fields


def test_items_are_indented_by_four_and_set_apart_from_text():
    text = (
        "Text:\n1. one\n\n   ```bash\n   run\n   ```\n\n   - inner\n2. two\n   goes on\n\nAfter.\n"
    )
    expected = (
        "Text:\n\n1. one\n\n    ```bash\n    run\n    ```\n\n    - inner\n"
        "2. two\n    goes on\n\nAfter.\n"
    )
    assert site.four_spaces(text) == expected


def test_a_number_at_the_start_of_a_line_of_text_begins_no_list():
    text = "It took 2 of the\n3. at most.\n"
    assert site.four_spaces(text) == text


def test_links_that_leave_the_folder_lead_to_pages_that_show_the_file():
    source = ROOT / "docs/how-to/extend.md"
    text = "[a](../../configs/joint.py) [b](../../README.md#x) [c](../metrics.md) [d](none.md)\n"
    turned = site.linked(text, source, "how-to/extend.md")
    assert turned == (
        "[a](../project/configs/joint.py.md) [b](../project/README.md#x) [c](../metrics.md) "
        "[d](none.md)\n"
    )
    code = "```\n[a](../../configs/joint.py)\n```\n"
    assert site.linked(code, source, "how-to/extend.md") == code


def test_every_field_says_what_it_means():
    rows = [line for line in reference.fields_page().splitlines() if line.startswith("| `")]
    assert len(rows) > 150
    assert [row for row in rows if row.endswith("|  |")] == []
    beside = next(row for row in rows if row.startswith("| `loss.dice_smooth`"))
    assert "above 0 and at most 1000000 | pixels added to its areas" in beside
