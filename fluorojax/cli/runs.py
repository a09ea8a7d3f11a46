"""The commands for one run: `train`, `reproduce` and `export`."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fluorojax.core.errors import InputError
from fluorojax.core.progress import console
from fluorojax.training import signals

if TYPE_CHECKING:
    from fluorojax.training.reproduce import Outcome


def train(options: argparse.Namespace) -> None:
    """Train, score and export one method, or go on where it was stopped."""
    from fluorojax.config_file import command_line, read_config
    from fluorojax.launch import launch

    with signals.Stop() as stop:
        config = read_config(options.config, options.overrides)
        launch(config, options.workdir, stop, command_line(options.config, options.overrides))


def reproduce(options: argparse.Namespace) -> None:
    """Run a run again in a new folder, and say whether the same parameters come out."""
    from fluorojax.training import reproduce as again
    from fluorojax.training.signals import Stop

    out = options.out or options.run.with_name(f"{options.run.resolve().name}-again")
    if out.resolve() == options.run.resolve():
        raise InputError(f"--out {out} is the run itself; give another folder")
    with Stop() as stop:
        outcome = again.reproduce(options.run, out, stop)
    show_outcome(outcome, options.run, out)
    sys.exit(1 if outcome.different else 0)


def show_outcome(outcome: "Outcome", run: Path, out: Path) -> None:
    """Print whether two runs are equal, and what differs, a few arrays and all circumstances."""
    same = outcome.arrays - len(outcome.different)
    verdict = "differ" if outcome.different else "are equal"
    console.print(f"{run} and {out} {verdict}: {same} of {outcome.arrays} arrays are the same bits")
    for line in outcome.different[:5]:
        console.print(f"- {line}")
    if len(outcome.different) > 5:
        console.print(f"- and {len(outcome.different) - 5} more, by less")
    if outcome.circumstances:
        console.print("what differed around them:")
        for line in outcome.circumstances:
            console.print(f"- {line}")
    elif outcome.different:
        console.print(
            "nothing that is recorded differed; on a GPU, --config.deterministic=true is needed "
            "for the same bits (docs/reproducibility.md)"
        )


def report(options: argparse.Namespace) -> None:
    """Write the page of a run again, or without what it says of persons."""
    from fluorojax.report import write_report

    path = write_report(options.run, options.out, anonymous=options.anonymous)
    console.print(f"report  {path}")


def export(options: argparse.Namespace) -> None:
    """Write the best parameters of a run as params.safetensors and manifest.json.

    With --format the network of such an export is written as one file for other runtimes.
    """
    if options.format:
        from fluorojax.runtimes.write import write_network

        if options.out is None:
            raise InputError(f"--format {options.format}: give --out FILE, a new file")
        for path in write_network(options.run, options.format, options.out):
            console.print(f"{options.format}  {path}")
        return
    from fluorojax.config import simulation_spec
    from fluorojax.datasets.source import open_dataset
    from fluorojax.training import finish, setup
    from fluorojax.training.reproduce import config_of, read_record

    config = config_of(read_record(options.run))
    run = setup.set_up(config, open_dataset(config.data, simulation_spec(config.simulation)))
    console.print(f"export  {finish.export_best(run, options.run, options.out)}")
