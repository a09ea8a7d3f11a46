"""Pictures of pages as they are first seen: in the light and the dark scheme, and printed.

    python -m benchmarks.pages.screens runs/joint-quick-seed0/report.html --out build/screens

Writes FOLDER-light.png, FOLDER-dark.png (1280 x 800) and FOLDER-print.png (the first A4 sheet or
so, as print lays it out) for each page, FOLDER being the name of the folder that the page is in.
Needs the browser that the tests of pages need.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

from tests.browser import NAMES
from tests.chromium import Browser, browser

SHEET = {"width": 794, "height": 1123, "deviceScaleFactor": 1, "mobile": False}
"""A4 at the 96 pixels an inch that CSS counts with."""


def photograph(seen: Browser, page: Path, out: Path) -> list[Path]:
    """Write the three pictures of a page into a folder and return their paths."""
    seen.open(page.resolve().as_uri())
    seen.until("document.documentElement.dataset.painted === 'yes'")
    light, dark, paper = (
        out / f"{page.resolve().parent.name}-{look}.png" for look in ("light", "dark", "print")
    )
    seen.screenshot(light)
    seen.screenshot(dark, dark=True)
    seen.call("Emulation.setDeviceMetricsOverride", **SHEET)
    seen.screenshot(paper, media="print")
    return [light, dark, paper]


def main() -> None:
    """Photograph the pages named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if not any(map(shutil.which, NAMES)):
        raise SystemExit(f"needs a browser: {', '.join(NAMES)}")
    options.out.mkdir(parents=True, exist_ok=True)
    for page in options.pages:
        with tempfile.TemporaryDirectory() as profile, browser(Path(profile)) as seen:
            for path in photograph(seen, page, options.out):
                print(path)


if __name__ == "__main__":
    main()
