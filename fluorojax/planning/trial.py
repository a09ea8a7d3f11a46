"""A trial of a configuration on this machine: how long a step takes, and how much memory.

    python -m fluorojax.planning.trial    reads a `Trial` as JSON, and prints a `Measured` as JSON

It is a process of its own: jax takes its flags when it is imported, and a trial that needs more
memory than there is ends alone.
"""

import contextlib
import dataclasses
import functools
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fluorojax.config_file import read_config
from fluorojax.core import environment
from fluorojax.core.errors import InputError

STEPS = 3
"""Steps that are timed, after one that compiles."""
LONGEST_S = 1800


@dataclasses.dataclass(frozen=True)
class Trial:
    """What is tried: a configuration as on the command line, and a case whose frame is taken."""

    config: str
    overrides: Sequence[str]
    directory: str
    cases_file: str
    case: str


@dataclasses.dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        compile_s: of the first step, s.
        step_s: of a step after it, the fastest of three, s.
        memory_mb: most memory that the process held, MB.
        platform: where it ran, such as 'cpu'.
    """

    compile_s: float
    step_s: float
    memory_mb: float
    platform: str


def measure(trial: Trial) -> Measured:
    """Run a trial in a process of its own.

    Raises:
        InputError: it failed; its last line is told.
    """
    command = [sys.executable, "-m", "fluorojax.planning.trial"]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(dataclasses.asdict(trial)),
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"a trial step of the recommended configuration took more than {LONGEST_S // 60} "
            "minutes; use a faster machine, or say --no-trial"
        ) from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise InputError(
            f"a trial step of the recommended configuration failed ({reason[:300]}); free memory, "
            "or say --no-trial"
        )
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def run(trial: Trial) -> Measured:
    """Run a trial in this process, which must not have imported jax."""
    config = read_config(trial.config, trial.overrides)
    environment.prepare(config.deterministic, config.training.cpu_devices)
    import jax

    from fluorojax.core import parallel
    from fluorojax.training import loop, setup

    folder, batch = _batch(config, trial)
    run = setup.set_up(config, _dataset(folder.info))
    step = parallel.data_parallel(
        functools.partial(
            loop.one_step, network=run.network, optimizer=run.optimizer, spec=run.step
        )
    )
    state = run.first_state()
    seconds = []
    for _ in range(1 + STEPS):
        began = time.monotonic()
        state, _told = jax.block_until_ready(step(state, batch))
        seconds.append(time.monotonic() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Measured(
        compile_s=seconds[0] - min(seconds[1:]),
        step_s=min(seconds[1:]),
        memory_mb=peak / (2**20 if sys.platform == "darwin" else 2**10),
        platform=jax.default_backend(),
    )


def _batch(config: Any, trial: Trial) -> tuple[Any, dict[str, Any]]:
    """Return the folder, and a batch of one frame again and again, as training makes them."""
    import numpy as np

    from fluorojax.data.folder import read_folder
    from fluorojax.datasets.pipeline import to_working_grid, window
    from tfds_builders import common
    from tfds_builders.xray_folder.xray_folder_dataset_builder import stored_case

    folder = read_folder(trial.directory, trial.cases_file)
    (case,) = (c for c in folder.cases if c.case == trial.case)
    stored = stored_case(folder, case)
    record = common.record(stored, folder.info, stored.image.dtype.name)
    example: Any = {"image_labels": np.zeros(0, np.int8), **record}
    size, fit = tuple(config.data.image_size), config.data.fit
    one = to_working_grid(example, size, folder.info, fit)
    if fit == "native":
        one = window(one, size, folder.info, 1.0, np.random.default_rng(0))
    count = config.training.batch_size
    batch = {name: np.stack([value] * count) for name, value in one.items()}
    places = np.arange(count, dtype=np.int32)
    return folder, batch | {"index": places, "position": places, "stop": places < 0}


def _dataset(info: Any) -> Any:
    from fluorojax.datasets.source import Dataset

    return Dataset(info=info, fingerprint="", path=Path(), index=(), records={})


def main() -> None:
    """Run the trial that comes in, and print what was measured."""
    given = Trial(**json.load(sys.stdin))
    with contextlib.redirect_stdout(sys.stderr):
        measured = run(given)
    print(json.dumps(dataclasses.asdict(measured)))


if __name__ == "__main__":
    main()
