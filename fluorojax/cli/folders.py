"""The commands that look at a folder of frames: `init`, `check` and `prepare`."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from fluorojax.core.progress import console, progress


def init(options: argparse.Namespace) -> None:
    """Write a first dataset.json and cases.csv for a folder, with a reason for each guess.

    Run again, it adds frames that are new, and changes nothing that is there.
    """
    from fluorojax.planning.first import init_folder
    from fluorojax.planning.show import show_proposal

    show_proposal(init_folder(options.dir, options.cases, options.patient_pattern), options.dir)


def check(options: argparse.Namespace) -> None:
    """Read a folder of frames as training would: what is in it, what is wrong, how to start.

    Its status says whether it can be used: 2 where something is wrong, with the remedy.
    """
    from fluorojax.planning import advice, page, show

    found = advice.advise(options.dir, options.cases, trial=options.trial)
    show_folder(found.summary)
    show.show_advice(found)
    if options.page:
        console.print(f"page  {page.write_page(found, options.page)}")


def prepare(options: argparse.Namespace) -> None:
    """Check a folder of frames and build its data set, or write it in another tool's form."""
    if options.to_nnunet or options.to_coco:
        hand_on(options)
        return
    from fluorojax.datasets.source import open_folder

    dataset = open_folder(options.dir, options.cases, options.built_dir)
    console.print(f"{dataset.info.name} is built, content {dataset.fingerprint[:12]}")


def hand_on(options: argparse.Namespace) -> None:
    """Write a folder of frames for other tools."""
    from fluorojax.data.folder import read_folder
    from fluorojax.data.write_coco import write_coco
    from fluorojax.data.write_nnunet import write_nnunet

    folder = read_folder(options.dir, options.cases)
    for out, write in ((options.to_nnunet, write_nnunet), (options.to_coco, write_coco)):
        if out:
            with progress("write", len(folder.cases)) as on_case:
                lines = write(folder, out, on_case)
            for line in lines:
                console.print(line, markup=False)


def show_folder(summary: Mapping[str, Any]) -> None:
    """Print what `check_folder` found."""
    # As `Text`: what the user wrote, such as [a] or [/], is no markup.
    table = Table("", "", title=Text(str(summary.get("name", ""))), show_header=False)
    for name, value in summary.items():
        told = json.dumps(value) if isinstance(value, dict | list) else str(value)
        table.add_row(Text(name), Text(told))
    console.print(table)
