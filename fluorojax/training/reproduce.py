"""Runs a run again, and says whether the same parameters come out; if not, what differs."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from fluorojax.config import (
    difference,
    flatten,
    known_fields,
    simulation_spec,
    unflatten,
    validate,
    with_new_fields,
)
from fluorojax.configs import base
from fluorojax.core import environment
from fluorojax.core.errors import InputError
from fluorojax.training.signals import Stop

Arrays = dict[str, np.ndarray]
# What may differ between two runs with one result; the configuration says the rest.
CIRCUMSTANCES = ("config", "dataset", "versions", "git_revision", "devices", "machine")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of running again.

    Attributes:
        arrays: number of arrays compared.
        different: a line for each array that differs, by how much.
        circumstances: a line for each recorded circumstance that differs.
    """

    arrays: int
    different: tuple[str, ...]
    circumstances: tuple[str, ...]


def reproduce(run_dir: Path, out: Path, stop: Stop | None = None) -> Outcome:
    """Train a run again in the folder `out` and compare the whole last state and the best.

    The same call again goes on where it was stopped.

    Raises:
        InputError: the run is not there, not finished or damaged, or its data are gone.
        Stopped: `stop` received a signal.
    """
    record = read_record(run_dir)
    config = config_of(record)
    validate(config, base.get_config())
    environment.prepare(config.deterministic, config.training.cpu_devices)

    # jax comes with these, and reads XLA_FLAGS when it comes.
    from fluorojax.core import parallel
    from fluorojax.datasets.source import open_dataset
    from fluorojax.training import loop, setup, workdir

    validate(config, base.get_config(), devices=parallel.device_count())
    expected = arrays_of(run_dir, config.training.steps)
    dataset = open_dataset(config.data, simulation_spec(config.simulation))
    with workdir.lock(out):
        workdir.validate_run_directory(out, config, dataset)
        loop.train(setup.set_up(config, dataset), out, stop)
    found = arrays_of(out, config.training.steps)
    return Outcome(
        arrays=len(expected | found),
        different=tuple(differing(expected, found)),
        circumstances=tuple(circumstances(record, read_record(out))),
    )


def read_record(run_dir: Path) -> dict[str, Any]:
    """Return the `config.json` of a run.

    Raises:
        InputError: there is none.
    """
    path = run_dir / "config.json"
    if not path.is_file():
        raise InputError(f"{path} does not exist; give the folder of a run, such as runs/joint")
    return json.loads(path.read_text("utf-8"))


def config_of(record: Mapping[str, Any]) -> ConfigDict:
    """Return the configuration of a record; fields that came later have their usual values."""
    given = with_new_fields(flatten(record["config"]))
    usual = known_fields(ConfigDict(unflatten(given)), base.get_config())
    return ConfigDict(unflatten(usual | given))


def arrays_of(run_dir: Path, steps: int) -> Arrays:
    """Return the arrays of the last state and of the best parameters of a finished run.

    Raises:
        InputError: the run is not finished, or a file of it is damaged.
    """
    from fluorojax.training.checkpoint import Checkpoints

    with Checkpoints(run_dir) as checkpoints:
        if checkpoints.last_step != steps:
            raise InputError(
                f"{run_dir} stands at step {checkpoints.last_step or 0} of {steps}; finish it with "
                "the command it was begun with"
            )
        kinds = {kind: checkpoints.arrays(kind) for kind in ("last", "best")}
    return {f"{kind}|{name}": a for kind, arrays in kinds.items() for name, a in arrays.items()}


def differing(there: Arrays, here: Arrays) -> list[str]:
    """Return a line for each array that is not the same to the last bit, the worst first."""
    found = []
    for name in sorted(there.keys() | here.keys()):
        a, b = there.get(name), here.get(name)
        if a is None or b is None:
            found.append((np.inf, f"{name}: {'absent there' if a is None else 'absent here'}"))
        elif a.tobytes() != b.tobytes() or a.shape != b.shape:
            largest, scale = _gap(a, b)
            found.append(
                (largest, f"{name}: by up to {largest:.3g}, where values reach {scale:.3g}")
            )
    return [line for _, line in sorted(found, key=lambda pair: -pair[0])]


def _gap(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Return the largest difference (infinite where there is none to take), and value."""
    if a.shape != b.shape:
        return np.inf, np.inf
    gap = np.abs(a.astype(np.float64) - b.astype(np.float64)).max(initial=0.0)
    return float(np.nan_to_num(gap, nan=np.inf)), float(np.abs(a).max(initial=0))


def circumstances(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Return a line for each recorded circumstance in which two runs differ."""
    parts = [{name: x.get(name) for name in CIRCUMSTANCES} for x in (here, there)]
    return difference(parts[0], parts[1])
