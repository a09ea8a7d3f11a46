"""Score finished runs again with another post-processing: what the relation adds after training.

    fluorojax benchmark --seeds 0,1,2,3,4 --workdir runs/ercp
    python -m benchmarks.studies.gap_closing runs/ercp --out runs/ablations

Nothing is trained. `joint` is scored without each part of its post-processing, and without all of
it; every other method that has the relation's classes is scored with all of it. Each comes as a
folder VARIANT-seedN with a configuration and scores, as a run would have left them; those that
stand there already are not made again.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.studies.stress import OURS, settings_of
from fluorojax.cli.main import network_of
from fluorojax.compare.runs import runs_in
from fluorojax.config import simulation_spec
from fluorojax.core import environment
from fluorojax.core.errors import InputError
from fluorojax.core.progress import console
from fluorojax.evaluation.evaluate import Scoring, by_network, draw_nothing, write_evaluation
from fluorojax.inference import export
from fluorojax.inference.postprocess import GapClosing
from fluorojax.training.reproduce import config_of, read_record

WHOLE = GapClosing(bridge_mm=10.0, bridge_px=10.0, drop_detached=True, certainty=0.95)
"""What `joint` did to its masks before it followed curves."""
OF_JOINT = {
    "no_bridging": dataclasses.replace(WHOLE, bridge_mm=0.0, bridge_px=0.0),
    "no_dropping": dataclasses.replace(WHOLE, drop_detached=False),
    "no_postprocessing": GapClosing(),
}


def main() -> None:
    """Score every variant of every finished run."""
    options = parse()
    environment.quiet_libraries()
    try:
        for run in runs_in(options.grid):
            score_variants(run, options.out)
    except InputError as error:
        sys.exit(f"error: {error}")


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("grid", type=Path, help="folder of the runs, as of `fluorojax benchmark`")
    parser.add_argument("--out", type=Path, required=True, help="where VARIANT-seedN are written")
    return parser.parse_args()


def variants_of(method: str, has_relation: bool) -> Iterator[tuple[str, GapClosing]]:
    """Yield name and post-processing of what a method is scored with besides its own."""
    if method == OURS:
        yield from OF_JOINT.items()
    elif has_relation:
        yield f"{method}_relinked", WHOLE


def score_variants(run: Path, out: Path) -> None:
    """Score a run's export with each of its variants, where that is not done yet."""
    if not (run / "export" / export.MANIFEST).is_file():
        console.print(f"{run.name}: not finished, left out")
        return
    record = read_record(run)
    relation = export.read_manifest(run / "export")["masks"]["relation"]
    for name, gap_closing in variants_of(record["config"]["method"], relation is not None):
        folder = out / f"{name}-seed{record['config']['seed']}"
        if (folder / "config.json").is_file():
            console.print(f"{folder.name}: scored before")
            continue
        console.print(folder.name)
        score(run, folder, gap_closing)
        folder.mkdir(parents=True, exist_ok=True)
        # Last, so that a folder that has it is whole.
        text = json.dumps(renamed(record, name, gap_closing), indent=1) + "\n"
        (folder / "config.json").write_text(text, "utf-8")


def renamed(record: dict[str, Any], name: str, gap_closing: GapClosing) -> dict[str, Any]:
    """Return the record of a run as that of a variant: its name and its post-processing."""
    evaluation = record["config"]["evaluation"] | vars(gap_closing)
    return record | {"config": record["config"] | {"method": name, "evaluation": evaluation}}


def score(run: Path, folder: Path, gap_closing: GapClosing) -> None:
    """Score a run's export on its own split, with another post-processing, without pictures."""
    # jax comes with it.
    from fluorojax.datasets.source import open_dataset

    config = config_of(read_record(run))
    dataset = open_dataset(config.data, simulation_spec(config.simulation))
    model, info = network_of(run / "export", dataset)
    model = model.with_rules(gap_closing=gap_closing)
    split = config.evaluation.split
    write_evaluation(
        by_network(model),
        dataset.split(split, folds=config.data.folds, fold=config.data.fold),
        folder / "evaluation" / split,
        Scoring(info, len(dataset.info.classes), settings_of(run)),
        draw=draw_nothing,
        thresholds=model.rules.thresholds,
    )


if __name__ == "__main__":
    main()
