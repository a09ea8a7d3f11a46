"""The commands that look at a folder of frames: `check` and `prepare`."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from fluorojax.core.progress import console


def check(options: argparse.Namespace) -> None:
    """Read a folder of frames as training would, and say what is in it or what is wrong."""
    from fluorojax.data.folder import check_folder

    show_folder(check_folder(options.dir, options.cases))


def prepare(options: argparse.Namespace) -> None:
    """Check a folder of frames and build its data set, so that training can start at once."""
    from fluorojax.datasets.source import open_folder

    dataset = open_folder(options.dir, options.cases, options.built_dir)
    console.print(f"{dataset.info.name} is built, content {dataset.fingerprint[:12]}")


def show_folder(summary: Mapping[str, Any]) -> None:
    """Print what `check_folder` found."""
    # As `Text`: what the user wrote, such as [a] or [/], is no markup.
    table = Table("", "", title=Text(str(summary.get("name", ""))), show_header=False)
    for name, value in summary.items():
        told = json.dumps(value) if isinstance(value, dict | list) else str(value)
        table.add_row(Text(name), Text(told))
    console.print(table)
