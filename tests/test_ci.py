"""What `.ci/run` does about a browser, with stubs in the place of every program that it calls."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REAL = ("bash", "dirname", "mktemp", "rm", "awk", "cat", "chmod")
SAID = "no browser, and none could be installed"
INSTALLS = """
[[ " $* " != *" install "* ]] || cat >"${0%/*}/chromium" </dev/null
[[ " $* " != *" install "* ]] || chmod +x "${0%/*}/chromium"
"""


@pytest.fixture
def programs(tmp_path):
    """A folder with all that the script finds: the README's commands do nothing, as root."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in REAL:
        (folder / name).symlink_to(shutil.which(name))
    for name in ("python3.11", "pip", "ruff", "mypy"):
        stub(folder, name)
    stub(folder, "id", "echo 0")
    stub(folder, "timeout", 'shift; exec "$@"')
    stub(folder, "pytest", "echo tested")
    return folder


def stub(folder, name, does=""):
    path = folder / name
    path.write_text(f"#!{shutil.which('bash')}\n{does}\n")
    path.chmod(0o755)


def run(programs):
    done = subprocess.run(
        [programs / "bash", ROOT / ".ci" / "run"],
        env={"PATH": str(programs), "TMPDIR": str(programs.parent)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.endswith("tested\n")
    assert done.stderr == ""
    return done.stdout


def test_a_browser_that_is_there_is_left_alone(programs):
    stub(programs, "google-chrome")
    stub(programs, "apt-get", "echo called >&2; exit 1")
    assert SAID not in run(programs)
    assert not (programs / "chromium").exists()


def test_one_is_installed_where_that_is_allowed(programs):
    stub(programs, "apt-get", f"echo much; echo more >&2\n{INSTALLS}")
    found = run(programs)
    assert SAID not in found
    assert "much" not in found
    assert os.access(programs / "chromium", os.X_OK)


@pytest.mark.parametrize("without", ["network", "root", "apt-get"])
def test_where_it_cannot_be_that_is_said_and_nothing_fails(programs, without):
    if without != "apt-get":
        stub(programs, "apt-get", "exit 100" if without == "network" else INSTALLS)
    if without == "root":
        stub(programs, "id", "echo 1000")
    assert SAID in run(programs)
