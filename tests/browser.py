"""A page in a real browser, without a window: what a script finds there, and no error meanwhile."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")

HINT = "Canvas2D: Multiple readback"  # advice on speed, when a test counts pixels

# Errors are caught by the page too: what is thrown in a promise reaches no console.
SCRIPT = """
<script>addEventListener("load", async () => {
  const found = {};
  try { %s } catch (error) { found.error = String(error); }
  document.documentElement.dataset.found = JSON.stringify(found);
});</script></body>"""


def in_a_browser(page: Path, actions: str) -> dict[str, Any]:
    """Run a script in a page and return the fields that it sets of `found`; skip without browser.

    The script runs in an async function after the page is loaded.
    """
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if not browser:
        pytest.skip(f"needs a browser: {', '.join(NAMES)}")
    acted = page.with_name("acted.html")
    acted.write_text(page.read_text("utf-8").replace("</body>", SCRIPT % actions), "utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    options += [f"--user-data-dir={page.parent / 'profile'}", "--virtual-time-budget=60000"]
    done = subprocess.run(
        [browser, *options, "--dump-dom", acted.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line and HINT not in line]
    assert not said, said
    assert 'data-ready="yes"' in done.stdout
    found = json.loads(unescape(re.search(r'data-found="([^"]*)"', done.stdout)[1]))
    assert "error" not in found, found["error"]
    return found
