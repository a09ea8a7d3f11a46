"""Runs a run again, and says whether the same parameters come out; if not, what differs."""

import dataclasses
from collections.abc import Iterator, Mapping
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
from fluorojax.core.files import read_json, reading
from fluorojax.schema.limits import Number, Text, shown
from fluorojax.schema.nested import ByName, Finite, Many, Perhaps, Record, first_of, problems
from fluorojax.training.signals import Stop

Arrays = dict[str, np.ndarray]
# What may differ between two runs with one result; the configuration says the rest.
CIRCUMSTANCES = ("config", "dataset", "versions", "git_revision", "devices", "machine")


class Configuration:
    """A configuration as JSON: sections are objects of fields, and fields are none.

    A section in a field's place, or the other way round, would vanish when it is made flat.
    """

    NEEDED = Record({"method": Text(), "seed": Number(0, 2**31 - 1, whole=True)}, open=True)

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """Yield what is wrong with it, but for what single fields may hold."""
        yield from self.NEEDED.problems(value, path)
        if isinstance(value, Mapping):
            known = flatten(base.get_config())
            sections = {name.partition(".")[0] for name in known if "." in name}
            for name, one in value.items():
                yield from self._field(f"{path}.{name}", name, one, name in sections)

    def _field(self, path: str, name: str, value: Any, is_section: bool) -> Iterator[str]:
        if not name.isidentifier():
            yield f"{path[:200]} is no name of a field"
        elif is_section and isinstance(value, Mapping):
            for inner, one in value.items():
                yield from self._field(f"{path}.{inner}", inner, one, False)
        elif is_section or isinstance(value, Mapping):
            wanted = "an object of fields" if is_section else "a value"
            yield f"{path} is {shown(value)}; it must be {wanted}"
        else:
            yield from Finite().problems(value, path)


_WORDS = ByName(Finite())
RECORD = Record(
    {"config": Configuration(), "dataset": Record({"fingerprint": Text()}, open=True)},
    {
        "versions": _WORDS,
        "git_revision": Perhaps(Text()),
        "command": Text(),
        "devices": Many(Text(), 0, 100_000),
        "machine": _WORDS,
    },
    open=True,
)
"""What is read of a run's `config.json`; a newer version may write more."""


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
        workdir.validate_run_directory(out, config, dataset, record.get("command"))
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
        InputError: there is none, or a field of it is missing or no such field; it is named.
    """
    path = run_dir / "config.json"
    with reading(path):
        there = path.is_file()
    if not there:
        raise InputError(f"{path} does not exist; give the folder of a run, such as runs/joint")
    record = read_json(path)
    if wrong := first_of(problems(RECORD, record, "")):
        raise InputError(
            f"{path}: {wrong}; bring the file back from a copy, or train the run again"
        )
    return record


def config_of(record: Mapping[str, Any]) -> ConfigDict:
    """Return the configuration of a record; fields that came later have their usual values.

    What the fields hold is not looked at (`fluorojax.config.validate`).
    """
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
