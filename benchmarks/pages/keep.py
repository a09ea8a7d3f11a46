"""Keep of a grid of runs what makes its tables again without training: scores, no pictures.

    fluorojax benchmark --seeds 0,1,2,3,4 --workdir runs/grid
    python -m benchmarks.pages.keep runs/grid --out benchmarks/results/ercp
    fluorojax compare benchmarks/results/ercp/* --baseline multi --out comparison

Of each run: its configuration, and of each split scored the cases, means and scores by threshold.
Paths in the configuration are cut to their last part: they are those of a machine.
"""

import argparse
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fluorojax.compare.runs import runs_in
from fluorojax.core.errors import InputError
from fluorojax.core.progress import console
from fluorojax.evaluation.evaluate import ONE_LABEL_CASES
from fluorojax.evaluation.probabilities import THRESHOLDS
from fluorojax.metrics import presence
from fluorojax.training.reproduce import read_record

NEEDED = ("summary.json", "cases.csv")  # what every split that is compared has
MORE = (ONE_LABEL_CASES, THRESHOLDS, presence.FILE)
IN_A_FLAG = re.compile(r"=/\S*/")  # as in --xla_dump_to=/home/someone/dump


def main() -> None:
    """Keep a grid, and say how much it is."""
    options = parse()
    try:
        runs = keep(options.grid, options.out)
    except InputError as error:
        sys.exit(f"error: {error}")
    size = sum(path.stat().st_size for path in options.out.rglob("*") if path.is_file())
    console.print(f"{runs} runs are kept in {options.out}, {size / 1e6:.1f} MB")


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("grid", type=Path, help="folder of the runs, as of `fluorojax benchmark`")
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    return parser.parse_args()


def keep(grid: Path, out: Path) -> int:
    """Copy every run of a grid into `out`, which must be new or empty; return their number.

    Raises:
        InputError: there is something in `out`, or a run has no scores; nothing is copied then.
    """
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out} is not empty; give a new folder, nothing in it was changed")
    chosen = {run: list(files_of(run)) for run in runs_in(grid)}
    for run, files in chosen.items():
        record = without_paths(read_record(run))
        for path in files:
            target = out / run.name / path.relative_to(run)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        (out / run.name / "config.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    return len(chosen)


def files_of(run: Path) -> Iterator[Path]:
    """Yield the files of scores that are kept, of all splits that can be compared.

    Raises:
        InputError: there are none.
    """
    splits = [
        folder
        for folder in sorted((run / "evaluation").glob("*"))
        if all((folder / name).is_file() for name in NEEDED)
    ]
    if not splits:
        raise InputError(
            f"{run} has no evaluation/SPLIT/ with {' and '.join(NEEDED)}; finish it by the command "
            "that began the grid, or move its folder away"
        )
    for folder in splits:
        yield from (p for p in (folder / name for name in NEEDED + MORE) if p.is_file())


def without_paths(record: Any) -> Any:
    """Return what JSON holds with absolute paths cut to their last part, in flags too."""
    if isinstance(record, dict):
        return {name: without_paths(value) for name, value in record.items()}
    if isinstance(record, list):
        return [without_paths(value) for value in record]
    if not isinstance(record, str):
        return record
    return Path(record).name if Path(record).is_absolute() else IN_A_FLAG.sub("=", record)


if __name__ == "__main__":
    main()
