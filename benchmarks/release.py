"""Make a release: source distribution, wheel, pinned versions, and the documentation as a site.

    pip install -c constraints.txt -e '.[release]'
    python -m benchmarks.release --out dist

    python -m benchmarks.release --pretrained joint runs/joint-quick-seed0/export

The second keeps an export as a ready-made model of the package. The first puts everything into a
new folder. Outside of the checkout, in an empty environment:

    pip install -c dist/constraints.txt dist/fluorojax-*.whl
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import fluorojax
from fluorojax.core.errors import InputError
from fluorojax.core.files import MIB, read_json
from fluorojax.core.outputs import replaced
from fluorojax.inference import export as exports
from fluorojax.inference import ready_made
from fluorojax.schema.limits import NAME
from fluorojax.training import signals

ROOT = Path(__file__).parents[1]
MOST = 4 * MIB  # bytes of a ready-made model; git keeps every version of it
A_PATH = re.compile(r"(?:^|[\s'\"=:(])(?:~?/[^\s/]|[A-Za-z]:[\\/]|\\\\|\.{1,2}/)")


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


def keep(name: str, export: Path, folder: Path = ready_made.FOLDER) -> Path:
    """Copy an export into the package as the ready-made model `name`, with a card; return it.

    Args:
        name: that commands will take.
        export: its folder.
        folder: of all ready-made models.

    Raises:
        InputError: no such name can be; the export cannot be loaded, has no scores or more than
            `MOST` bytes, or names a path of the machine.
    """
    if wrong := NAME.problem(name):
        raise InputError(f"--pretrained {name}: the name {wrong}")
    exports.load(export)
    manifest = exports.read_manifest(export)
    files = [export / file for file in (exports.PARAMETERS, exports.MANIFEST)]
    if (size := sum(path.stat().st_size for path in files)) > MOST:
        raise InputError(f"{export} has {size / MIB:.1f} MiB; at most {MOST / MIB:g} are kept")
    if not manifest["scores"]:
        raise InputError(f"{export} has no scores; evaluate its run first")
    if found := A_PATH.search("\n".join(words_in(read_json(files[1])))):
        raise InputError(f"{files[1]} names a path: {found.group().strip()!r}; take it out")
    with replaced(folder / name) as draft:
        for path in files:
            shutil.copyfile(path, draft / path.name)
        exports.write_card(draft, manifest)
    return folder / name


def words_in(value: object) -> Iterator[str]:
    """Yield every text within JSON, names of fields too."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from (name, *words_in(one))
    elif isinstance(value, list):
        for one in value:
            yield from words_in(one)
    elif isinstance(value, str):
        yield value


def run(*arguments: object) -> None:
    """Run a module of Python in the project's folder."""
    subprocess.run([sys.executable, *map(str, arguments)], cwd=ROOT, check=True)


def main() -> None:
    """Build, or keep a model, and print what was made."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("dist"), help="a new folder")
    parser.add_argument(
        "--pretrained",
        nargs=2,
        metavar=("NAME", "EXPORT"),
        help="keep an export as a ready-made model of the package, and build nothing",
    )
    options = parser.parse_args()
    if options.pretrained:
        name, export = options.pretrained
        print(keep(name, Path(export)))
        return
    for path in make(options.out.resolve(), fluorojax.__version__):
        print(path)


if __name__ == "__main__":
    with signals.leaving():
        main()
