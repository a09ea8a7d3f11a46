"""Are tables that `fluorojax init` proposes as good to train from as those made by hand?

    python -m benchmarks.studies.proposed real --out runs/proposed

For each folder of real frames: its tables are left out of a copy, `init` writes others, and `check`
recommends a configuration; with it a network is trained twice, from the tables made by hand and
from those proposed, with equal steps. Each is scored on the test split of its own tables, and on
the frames that are of the test split in both, since the test frames differ.

With `--steps 4` it only says whether everything starts. On 2 CPU cores all steps take about three
hours.
"""

import argparse
import csv
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDERS = ("carm_wire", "coronary_xa", "jtml_knee")
PARTS = ("images", "masks", "labelme", "ignore")
"""What is copied of a folder; its tables are not."""
TABLES = ("dataset.json", "cases.csv")


def copied(folder: Path, out: Path) -> Path:
    """Copy a folder without its tables, and return the copy; one that is there is kept."""
    for part in PARTS:
        if (folder / part).is_dir() and not (out / part).exists():
            out.mkdir(parents=True, exist_ok=True)
            shutil.copytree(folder / part, out / part, copy_function=shutil.copy)
    return out


def proposed(folder: Path) -> list[str]:
    """Let `init` write tables, and return the arguments of `train` that `check` recommends."""
    from fluorojax.planning.advice import advise
    from fluorojax.planning.first import init_folder

    init_folder(folder)
    plan = advise(folder, trial=False).plans[0]
    return shlex.split(plan.command)[2:]


def of_hand(arguments: Sequence[str], folder: Path) -> list[str]:
    """Return the same arguments for the folder with the tables made by hand."""
    prefix = "--config.data.dir="
    return [f"{prefix}{folder}" if a.startswith(prefix) else a for a in arguments]


def command(arguments: Sequence[str], workdir: Path, steps: int | None) -> list[str]:
    """Return the command of a training; `steps` instead of those recommended."""
    fewer = [
        f"--config.training.steps={steps}",
        f"--config.training.warmup_steps={min(100, steps // 2)}",
        f"--config.training.eval_every={steps}",
        f"--config.training.checkpoint_every={steps}",
    ] if steps else []  # fmt: skip
    start = [sys.executable, "-m", "fluorojax", "train"]
    return [*start, *arguments, *fewer, f"--workdir={workdir}"]


def rows(table: Path) -> list[dict[str, str]]:
    """Return the rows of a table."""
    with table.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def common_test(hand: Path, own: Path) -> set[str]:
    """Return the pictures that are of the test split in both tables."""
    return set.intersection(
        *({r["image"] for r in rows(f / "cases.csv") if r["split"] == "test"} for f in (hand, own))
    )


def scores(workdir: Path, folder: Path, pictures: set[str] | None = None) -> dict[str, float]:
    """Return mean scores of a run's test cases, all of them or those of some pictures."""
    images = {r["case"]: r["image"] for r in rows(folder / "cases.csv")}
    found: dict[str, list[float]] = {}
    for row in rows(workdir / "evaluation/test/cases.csv"):
        if pictures is None or images[row["case"]] in pictures:
            for metric in ("dice", "cldice"):
                if row.get(metric):
                    found.setdefault(f"{row['class']} {metric}", []).append(float(row[metric]))
    return {name: sum(values) / len(values) for name, values in found.items()}


def compare(folder: Path, out: Path, steps: int | None) -> dict[str, object]:
    """Train from both tables and return their scores."""
    own = copied(folder, out / "folders" / folder.name)
    arguments = proposed(own)
    result: dict[str, object] = {"command": arguments}
    runs = {"hand": (of_hand(arguments, folder), folder), "proposed": (arguments, own)}
    shared = common_test(folder, own)
    for name, (given, root) in runs.items():
        workdir = out / f"{folder.name}-{name}"
        subprocess.run(command(given, workdir, steps), check=True, env=os.environ)
        result[name] = {
            "test": scores(workdir, root),
            "test frames of both": scores(workdir, root, shared),
        }
    return result | {"test frames of both": len(shared)}


def main() -> None:
    """Compare the folders and print both scores."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="where the folders are")
    parser.add_argument("--folders", nargs="*", default=FOLDERS)
    parser.add_argument("--steps", type=int, help="default: those recommended")
    parser.add_argument("--out", type=Path, required=True, help="for copies, runs and scores.json")
    options = parser.parse_args()
    found = {}
    for name in options.folders:
        found[name] = compare(options.data / name, options.out, options.steps)
        (options.out / "scores.json").write_text(json.dumps(found, indent=1) + "\n")
    for name, result in found.items():
        for tables in ("hand", "proposed"):
            print(f"{name:12} {tables:9} {json.dumps(result[tables])}")


if __name__ == "__main__":
    main()
