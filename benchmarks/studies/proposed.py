"""Are tables that `fluorojax init` proposes as good to train from as those made by hand?

    python -m benchmarks.studies.proposed real --out runs/proposed

For each folder of real frames: its tables are left out of a copy, `init` writes others, and `check`
recommends a configuration; with it a network is trained twice, from the tables made by hand and
from those proposed, with equal steps. Each is scored on the test split of its own tables, and,
since these differ, on all frames that neither has learned from.

With `--steps 4` it only says whether everything starts. On 2 CPU cores all steps take about three
hours.
"""

import argparse
import csv
import json
import math
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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


def unseen(hand: Path, own: Path) -> set[str]:
    """Return the pictures that are in no training split of the two tables."""
    tables = [rows(folder / "cases.csv") for folder in (hand, own)]
    learned = {row["image"] for table in tables for row in table if row["split"] == "train"}
    return {row["image"] for row in tables[0]} - learned


def test_scores(workdir: Path) -> dict[str, float]:
    """Return mean scores of the test cases of a run, its own way to split them."""
    return means(rows(workdir / "evaluation/test/cases.csv"))


def scores(workdir: Path, folder: Path, pictures: set[str]) -> dict[str, float]:
    """Return mean scores of a run's export on pictures of a folder, whose names classes get."""
    import fluorojax
    from fluorojax.data.folder import load_case, read_folder
    from fluorojax.metrics.case import score_case

    model, data = fluorojax.load(workdir / "export"), read_folder(folder)
    found: list[dict[str, Any]] = []
    for case in data.cases:
        if case.labelled and case.image.relative_to(folder).as_posix() in pictures:
            frame, mask, ignore = load_case(data, case)
            masks = model.predict(frame).masks
            classes, spacing = data.info.classes, frame.spacing_mm
            found += score_case(masks, mask, ignore=ignore, classes=classes, spacing=spacing)
    return means(found)


def means(scored: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the mean of Dice and clDice by class, of rows of a case and class each."""
    found: dict[str, list[float]] = {}
    for row in scored:
        for metric in ("dice", "cldice"):
            if row.get(metric) not in (None, "") and not math.isnan(float(row[metric])):
                found.setdefault(f"{row['class']} {metric}", []).append(float(row[metric]))
    return {name: sum(values) / len(values) for name, values in found.items()}


def compare(folder: Path, out: Path, steps: int | None) -> dict[str, object]:
    """Train from both tables and return their scores."""
    own = copied(folder, out / "folders" / folder.name)
    arguments = proposed(own)
    result: dict[str, object] = {"command": arguments}
    runs = {"hand": of_hand(arguments, folder), "proposed": list(arguments)}
    both = unseen(folder, own)
    for name, given in runs.items():
        workdir = out / f"{folder.name}-{name}"
        subprocess.run(command(given, workdir, steps), check=True, env=os.environ)
        result[name] = {
            "test": test_scores(workdir),
            "frames neither learned from": scores(workdir, folder, both),
        }
    return result | {"frames neither learned from": len(both)}


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
