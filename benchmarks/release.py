"""Make a release: source distribution, wheel, pinned versions, and the documentation as a site.

    pip install -c constraints.txt -e '.[release]'
    python -m benchmarks.release --out dist

Everything lands in a new folder. Outside of the checkout, in an empty environment:

    pip install -c dist/constraints.txt dist/fluorojax-*.whl
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import fluorojax
from fluorojax.core.errors import InputError
from fluorojax.training import signals

ROOT = Path(__file__).parents[1]


def check(root: Path, version: str) -> None:
    """Refuse a version that nobody described.

    Raises:
        InputError: CHANGELOG.md or CITATION.cff do not name it.
    """
    if f"## {version}" not in (root / "CHANGELOG.md").read_text("utf-8"):
        raise InputError(f"CHANGELOG.md has no section '## {version}'; write what is new in it")
    if f"version: {version}\n" not in (root / "CITATION.cff").read_text("utf-8"):
        raise InputError(f"CITATION.cff names another version than {version}; correct it")


def make(out: Path, version: str) -> list[Path]:
    """Build all parts into a new folder and return them.

    Raises:
        InputError: the folder is there, or the version is described nowhere.
        CalledProcessError: a build failed; it has said why.
    """
    if out.exists():
        raise InputError(f"--out {out} is there already; name a new folder")
    check(ROOT, version)
    with tempfile.TemporaryDirectory() as draft:
        run("-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", f"{draft}/site")
        run("-m", "build", "--outdir", out)
        shutil.make_archive(str(out / f"fluorojax-{version}-docs"), "zip", f"{draft}/site")
    shutil.copy(ROOT / "constraints.txt", out)
    return sorted(out.iterdir())


def run(*arguments: object) -> None:
    """Run a module of Python in the project's folder."""
    subprocess.run([sys.executable, *map(str, arguments)], cwd=ROOT, check=True)


def main() -> None:
    """Build, and print what was made."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("dist"), help="a new folder")
    for path in make(parser.parse_args().out.resolve(), fluorojax.__version__):
        print(path)


if __name__ == "__main__":
    with signals.leaving():
        main()
