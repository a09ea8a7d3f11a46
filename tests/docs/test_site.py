"""The documentation is a site that builds without a warning, and loads nothing from elsewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.pages import reference
from fluorojax.config.fields import every_field

ROOT = Path(__file__).parents[2]
# What a page would load when it is opened; links that a reader may follow are none of it.
LOADED = re.compile(r'<(?:script|img|iframe)[^>]*\ssrc="(https?:)?//|<link[^>]*href="(https?:)?//')


def test_every_field_of_a_configuration_is_in_the_reference():
    text = "".join(page() for page in reference.PAGES.values())
    assert [name for name in every_field() if name.rpartition(".")[2] not in text] == []


@pytest.mark.integration
def test_the_site_builds_strictly_and_loads_nothing(tmp_path):
    pytest.importorskip("mkdocs")
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 25
    for page in pages:
        found = LOADED.search(page.read_text("utf-8"))
        assert found is None, f"{page.name}: {found[0]}"
