"""What to put into a report of a fault: `fluorojax report-bug`."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fluorojax.core import environment
from fluorojax.core.progress import console

HIDDEN = "(left out)"
NEEDED = ("system", "processor", "xla_flags")
"""Left out of pages for others, but what a fault may depend on."""


def report_bug(options: argparse.Namespace) -> None:
    """Print what to put into a report of a fault: versions, devices, a run's configuration.

    No frame, name of a case, patient, user or host, and no path: fields that can hold one are left
    out. Read what is printed before you send it.
    """
    for line in lines(options.run):
        console.print(line)


def lines(run: Path | None = None) -> Iterator[str]:
    """Yield the lines of a report, of a run where its folder is given.

    Raises:
        InputError: no run is there, or its record is damaged.
    """
    from fluorojax.training.reproduce import read_record

    record = None if run is None else read_record(run)  # refused before anything is printed
    here = {
        "versions": environment.versions(),
        "git_revision": environment.git_revision(),
        "machine": environment.machine(),
        "devices": _devices(),
    }
    yield "this machine"
    yield from _circumstances(here)
    if record is not None:
        yield "the run"
        yield from _circumstances(record)
        yield from _settings(record["config"])


def _devices() -> list[str]:
    """Return what jax computes on, or why it does not: that may be the fault."""
    try:
        from fluorojax.core.parallel import describe_devices

        return describe_devices()
    except Exception as error:  # whatever a driver or a broken installation raises
        return [f"none: {type(error).__name__}"]


def _circumstances(of: Mapping[str, Any]) -> Iterator[str]:
    for name, version in of.get("versions", {}).items():
        yield f"  {name} {version}"
    yield f"  revision {of.get('git_revision')}"
    for name, value in of.get("machine", {}).items():
        yield f"  {name} {_public(name, value)}"
    yield f"  devices {', '.join(of.get('devices', ()))}"


def _settings(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fields of a configuration that are not the usual ones."""
    from fluorojax.config import flatten
    from fluorojax.configs import base

    usual = flatten(base.get_config().to_dict())
    for name, value in flatten(config).items():
        plain = tuple(value) if isinstance(value, list) else value  # JSON has no tuples
        if plain != usual.get(name):
            yield f"  {name} = {_public(name, value)}"


def _public(name: str, value: Any) -> str:
    """Return a value as text, or that it is left out: a method's name may be anybody's."""
    from fluorojax.config_file import names
    from fluorojax.report.anonymous import is_private

    text = str(value)
    if name == "method":
        return text if text in names() else HIDDEN
    is_path = "/" in text or "\\" in text
    return HIDDEN if is_path or (name not in NEEDED and is_private(name, text)) else text
