"""Do the tests notice when a line says something else? Mutants of the numeric packages, tried.

    nice python -m benchmarks.studies.mutation --count 120 --out benchmarks/results/mutation.json

COUNT mutants (see mutants.py) are drawn by a fixed seed, as many of each package. Each is tried in
a copy of the tree by the tests that have its module's name (tests/X/test_Y.py; without such a file
by all of tests/X) and by no others. The more of them survive, the less the tests check. What no
test can tell from the original stands in EQUIVALENT with its reason. The file is written after
each; a second run tries again what survived, if its tests have changed, and what was drawn of a
module that has.

Why none of the ready-made ones: mutmut 3 changes what stands in functions only, tries all mutants
there are, and forks a process in which jax may already run threads; cosmic-ray has one test command
for all modules, and starts Python anew for each mutant, which takes longer than most of these
tests. Here one process imports the libraries, and its forks, one a mutant, the copy of the tree.
"""

import argparse
import hashlib
import importlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.studies.mutants import Mutant, mutants_of
from benchmarks.timing import machine

PACKAGES = "losses", "metrics", "geometry", "inference", "knee/measure"
LIBRARIES = (
    "pytest",
    "hypothesis",
    "scipy.optimize",
    "skimage.measure",
    "flax",
)
COPIED = "fluorojax", "tests", "configs", "tfds_builders", "benchmarks"
FILES = "pyproject.toml", "launch.py"
LOG = "pytest.log"
KILLED, TIMEOUT, SURVIVED, EQUAL = "killed", "timeout", "survived", "equivalent"
TIMES_LONGER, LEAST_S, MOST_S = 6.0, 60.0, 1800.0  # how long tests may take, beside the unchanged

EQUIVALENT: dict[tuple[str, str, str], str] = {
    (
        "fluorojax/inference/tta.py",
        'return np.pad(shown, ((self.down, 0), (self.right, 0)), "edge")[:height, :width]',
        'return np.pad(shown, ((self.down, 1), (self.right, 0)), "edge")[:height, :width]',
    ): "what is padded below is cut off again",
    (
        "fluorojax/metrics/calibration.py",
        "def calibration_error(table: np.ndarray, least: float = 0.0) -> float | None:",
        "def calibration_error(table: np.ndarray, least: float = -1.0) -> float | None:",
    ): "no bin begins below 0",
    (
        "fluorojax/losses/overlap.py",
        "far = distance(y, reach) * (1.0 - y) + distance(1.0 - y, reach) * y",
        "far = distance(y, reach) * (1.0 + y) + distance(1.0 - y, reach) * y",
    ): "within the object the distance to the object is 0",
    (
        "fluorojax/inference/postprocess.py",
        "total, _ = finder.find_costs(starts, ends, find_all_ends=False)",
        "total, _ = finder.find_costs(starts, ends)",
    ): "the first end that is found is the cheapest of all; looking on takes time alone",
    (
        "fluorojax/knee/measure/axes.py",
        "share = np.where(a != b, (HALF - a) / np.where(a != b, b - a, 1), 0.5)",
        "share = np.where(a != b, (HALF - a) / np.where(a != b, b - a, 2), 0.5)",
    ): "the divisor keeps numpy from dividing by 0, and the quotient is not taken there",
    (
        "fluorojax/knee/measure/fits.py",
        "on_circle = points[np.abs(rough.residuals(points)) <= 1.5 * step]",
        "on_circle = points[np.abs(rough.residuals(points)) < 1.5 * step]",
    ): "no point of a sampled contour lies on the bound to the last bit",
    (
        "fluorojax/knee/measure/joint.py",
        "tray = (from_under @ down <= plane.step) & (contour.normals @ outward >= "
        "math.cos(math.pi / 4))",
        "tray = (from_under @ down <= plane.step) & (contour.normals @ outward > "
        "math.cos(math.pi / 4))",
    ): "no normal of a sampled contour lies on the bound to the last bit",
    (
        "fluorojax/inference/predictor.py",
        "maps = jax.nn.sigmoid(jnp.concatenate(logits, -1)[0])",
        "maps = jax.nn.sigmoid(jnp.concatenate(logits, -1)[1])",
    ): "jax takes the last place for one beyond it, and of a batch of one the last is the first",
    (
        "fluorojax/inference/predictor.py",
        "return maps, tuple(jax.nn.softmax(values[0]) for values in output.image_labels)",
        "return maps, tuple(jax.nn.softmax(values[-1]) for values in output.image_labels)",
    ): "of a batch of one, the first is the last",
}
"""Of (file, lines before, lines after): why no test can tell the two apart."""

Record = dict[str, Any]
_FORK = multiprocessing.get_context("fork")


class Place(NamedTuple):
    """Where a worker tries its mutants: the repository, its own copy, and seconds by tests."""

    root: Path
    tree: Path
    limits: dict[tuple[str, ...], float]


def main(arguments: Sequence[str] | None = None) -> None:
    """Try the mutants, write each outcome at once, and print the table."""
    options = parse(arguments)
    root = options.root.resolve()
    share = -(-options.count // len(options.only))
    mutants = [m for package in options.only for m in drawn(root, package, share, options.seed)]
    known = json.loads(options.out.read_text())["mutants"] if options.out.is_file() else []
    records: list[Record] = []
    with tempfile.TemporaryDirectory() as scratch:
        prepare(options.libraries, Path(scratch))
        for record in outcomes(root, mutants, known, Path(scratch), options.jobs):
            records.append(record)
            write(options.out, options.seed, records)
            print(f"{len(records)}/{len(mutants)} {record['outcome']} {record['file']}", flush=True)
    show(records)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=120, help="of mutants; default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of the draw; default: %(default)s")
    parser.add_argument("--only", nargs="+", default=PACKAGES, metavar="PACKAGE", help="of these")
    parser.add_argument("--jobs", type=int, default=1, help="mutants tried at once")
    parser.add_argument("--out", type=Path, default=Path("mutation.json"), help="is gone on with")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="repository; default: here")
    parser.add_argument("--libraries", nargs="*", default=LIBRARIES, help="imported once for all")
    return parser.parse_args(arguments)


def drawn(root: Path, package: str, count: int, seed: int) -> list[Mutant]:
    """Return `count` mutants of a package, each of another place; the first of any larger draw."""
    files = sorted((root / "fluorojax" / package).glob("*.py"))
    names = [file.relative_to(root).as_posix() for file in files if file.name != "__init__.py"]
    places = [place for name in names for place in mutants_of(name, (root / name).read_bytes())]
    rng = random.Random(f"{seed}/{package}")
    rng.shuffle(places)
    return [rng.choice(place) for place in places[:count]]


def tests_of(root: Path, file: str) -> tuple[str, ...]:
    """Return the test file of a module's name, or all of its package where there is none."""
    path = Path(file)
    folder = Path("tests", *path.parts[1:-1])
    if (root / folder / f"test_{path.name}").is_file():
        return (f"{folder.as_posix()}/test_{path.name}",)
    return tuple(sorted(p.relative_to(root).as_posix() for p in (root / folder).glob("test_*.py")))


def prepare(libraries: Sequence[str], scratch: Path) -> None:
    """Import what all tests need, nothing of the project: forks import that from their copy."""
    sys.dont_write_bytecode = True  # a file may change twice within a time stamp's second
    os.environ |= {
        "PYTHONDONTWRITEBYTECODE": "1",
        "JAX_COMPILATION_CACHE_DIR": str(scratch / "cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    }
    for name in libraries:
        importlib.import_module(name)


def outcomes(
    root: Path, mutants: Sequence[Mutant], known: Sequence[Record], scratch: Path, jobs: int
) -> Iterator[Record]:
    """Yield a record for each mutant, in their order."""
    arguments = root, scratch, {_key(record): record for record in known}
    with ProcessPoolExecutor(jobs, _FORK, _start, arguments) as pool:
        yield from pool.map(attempt, mutants)


_place: Place
_known: dict[tuple[Any, ...], Record]


def _start(root: Path, scratch: Path, known: dict[tuple[Any, ...], Record]) -> None:
    """Give a worker its copy of the tree."""
    global _place, _known
    tree = Path(tempfile.mkdtemp(dir=scratch))
    for name in COPIED:
        if (root / name).is_dir():
            shutil.copytree(root / name, tree / name)
    for name in FILES:
        if (root / name).is_file():
            shutil.copy2(root / name, tree / name)
    _place, _known = Place(root, tree, {}), known


def attempt(mutant: Mutant) -> Record:
    """Return what becomes of a mutant, tried where that is not known yet.

    Raises:
        SystemExit: its tests fail without it, too.
    """
    tests, path = tests_of(_place.root, mutant.file), _place.tree / mutant.file
    source = path.read_bytes()
    about = mutant.describe(source)
    about |= {"module": _digest([path]), "tests": _digest([_place.tree / test for test in tests])}
    known = recall(about, _known)
    if known is not None:
        return known
    limit = _limit(tests)
    try:
        path.write_bytes(mutant.apply(source))
        failed, seconds = run_tests(_place.tree, tests, limit)
    finally:
        path.write_bytes(source)
    outcome = {None: TIMEOUT, "": SURVIVED}.get(failed, KILLED)
    return about | {"outcome": outcome, "by": failed or "", "seconds": seconds}


def recall(about: Record, known: dict[tuple[Any, ...], Record]) -> Record | None:
    """Return what is known of a mutant; of one that survived other tests nothing is."""
    reason = EQUIVALENT.get((about["file"], about["before"], about["after"]))
    if reason:
        return about | {"outcome": EQUAL, "reason": reason}
    record = known.get(_key(about))
    if record is None or record["outcome"] == EQUAL:
        return None
    same = record["tests"] == about["tests"]
    return record if same or record["outcome"] in (KILLED, TIMEOUT) else None


def _key(record: Record) -> tuple[Any, ...]:
    return tuple(record[name] for name in ("file", "line", "before", "after", "module"))


def _digest(files: Sequence[Path]) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def _limit(tests: tuple[str, ...]) -> float:
    """Return how long tests may take; they must pass in the unchanged tree, which fills caches."""
    if tests not in _place.limits:
        failed, seconds = run_tests(_place.tree, tests, MOST_S)
        if failed != "":
            said = (_place.tree / LOG).read_text("utf-8", "replace")[-2000:]
            sys.exit(f"{said}\nerror: without a mutant, too, fails {failed or tests}")
        _place.limits[tests] = max(LEAST_S, TIMES_LONGER * seconds)
    return _place.limits[tests]


def run_tests(tree: Path, tests: Sequence[str], limit: float) -> tuple[str | None, float]:
    """Run tests of a tree in a fork, up to the first that fails.

    Returns:
        Its name, '' if all pass, None if they take longer than `limit`; and the seconds.
    """
    receiver, sender = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_in_a_fork, args=(tree, tests, sender))
    start = time.monotonic()
    process.start()
    sender.close()
    answered = receiver.poll(limit)
    try:
        failed = receiver.recv() if answered else None
    except EOFError:
        failed = "the process ended"
    if not answered and process.pid:
        os.killpg(process.pid, signal.SIGKILL)
    process.join()
    return failed, round(time.monotonic() - start, 1)


def _in_a_fork(tree: Path, tests: Sequence[str], sender: Connection) -> None:
    import pytest

    class FirstFailure:
        name = ""

        def pytest_runtest_logreport(self, report: Any) -> None:
            self.name = self.name or (report.nodeid if report.failed else "")

    os.setsid()  # so that it can be ended with all that it starts
    log = os.open(tree / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.chdir(tree)
    os.environ["PYTHONPATH"] = sys.path[0] = str(tree)
    for name in [name for name in sys.modules if name.split(".")[0] == "benchmarks"]:
        del sys.modules[name]
    first = FirstFailure()
    status = pytest.main(
        ["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", *tests], plugins=[first]
    )
    sender.send(first.name or ("" if status == 0 else "collection"))
    sender.close()
    os._exit(0)


def write(path: Path, seed: int, records: Sequence[Record]) -> None:
    """Write what is known by now."""
    whole = {"machine": machine(), "seed": seed, "table": table(records), "mutants": records}
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(whole, indent=1) + "\n", "utf-8")
    draft.replace(path)


def table(records: Sequence[Record]) -> dict[str, dict[str, int]]:
    """Count the outcomes by package and in all."""
    rows: dict[str, dict[str, int]] = {}
    for record in records:
        for name in ("/".join(Path(record["file"]).parts[1:-1]), "all"):
            row = rows.setdefault(name, dict.fromkeys((KILLED, TIMEOUT, SURVIVED, EQUAL), 0))
            row[record["outcome"]] += 1
    return {name: rows[name] for name in sorted(rows, key=lambda name: (name == "all", name))}


def show(records: Sequence[Record]) -> None:
    """Print the table, and what survived."""
    shown = Table("package", KILLED, TIMEOUT, SURVIVED, EQUAL, "survived of those that count")
    for name, row in table(records).items():
        counted = sum(row.values()) - row[EQUAL]
        share = f"{row[SURVIVED] / counted:.0%}" if counted else ""
        shown.add_row(name, *map(str, row.values()), share)
    Console().print(shown)
    for record in records:
        if record["outcome"] == SURVIVED:
            print(f"{record['file']}:{record['line']}")
            print(f"  - {record['before']}\n  + {record['after']}")


if __name__ == "__main__":
    main()
