"""The folder of a run: what it was asked for, and on what it ran."""

import json
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from fluorojax import environment, parallel
from fluorojax.config import difference
from fluorojax.data.source import Dataset
from fluorojax.errors import InputError

# These change nothing in the parameters that a run ends with, so a resumed run may change them.
FREE = ("data.threads", "data.memory_mb", "data.built_dir", "training.log_every", "training.images")


def claim(workdir: Path, config: ConfigDict, dataset: Dataset) -> None:
    """Make the folder of a run, or check that the run that stands there is the same one.

    Raises:
        InputError: another configuration or data set stands there; names the fields that differ.
    """
    record = describe(config, dataset)
    path = workdir / "config.json"
    if path.exists():
        _compare(path, json.loads(path.read_text("utf-8")), record)
        return
    workdir.mkdir(parents=True, exist_ok=True)
    draft = workdir / "config.json.part"
    draft.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    draft.replace(path)


def describe(config: ConfigDict, dataset: Dataset) -> dict[str, Any]:
    """Return what `config.json` holds, as JSON."""
    return {
        "config": config.to_dict(),
        "dataset": {**dataset.info.to_json(), "fingerprint": dataset.fingerprint},
        "versions": environment.versions(),
        "git_revision": environment.git_revision(),
        "devices": parallel.describe_devices(),
    }


def _compare(path: Path, there: dict[str, Any], here: dict[str, Any]) -> None:
    lines = difference(here["config"], there["config"])
    lines = [line for line in lines if not line.startswith(tuple(f"{name}:" for name in FREE))]
    ours, theirs = here["dataset"]["fingerprint"], there["dataset"]["fingerprint"]
    if ours != theirs:
        lines.append(f"the data set's content: {theirs[:12]} there, {ours[:12]} here")
    if lines:
        raise InputError(
            f"{path.parent} holds another run; give a new --workdir, or repeat its settings:\n"
            + "\n".join(f"- {line}" for line in lines)
        )


def default(config: ConfigDict) -> Path:
    """Return `runs/METHOD-DATA-SIZE-seedN`: other data or another seed is another run."""
    data = config.data
    source = Path(data.dir).resolve().name if data.builder == "xray_folder" else data.size
    return Path("runs") / f"{config.method}-{source}-seed{config.seed}"
