"""A whole run in a process of its own; run as a script by test_processes.py.

python -m tests.integration.process PLACE NAME DEVICES [STEP]

With STEP, the process gets SIGTERM while that step is under way.
"""

import os
import signal
import sys
from pathlib import Path

from ml_collections import ConfigDict

from fluorojax.launch import launch
from fluorojax.training.signals import EXIT_CODE, Stop, Stopped


def process_config(place: Path, devices: int) -> ConfigDict:
    """Return a run whose batch 8 virtual devices can share."""
    from tests.integration.runs import small_config

    fields = {"training.cpu_devices": devices, "training.batch_size": 8}
    return small_config("single", place / "frames", place / "built", **fields)


def signal_at(step: int) -> None:
    """Send this process SIGTERM while the given step is under way."""
    from fluorojax.training.record import Interval

    add = Interval.add

    def add_and_signal(interval, now, metrics, told):
        add(interval, now, metrics, told)
        if now == step:
            os.kill(os.getpid(), signal.SIGTERM)

    Interval.add = add_and_signal


def main(place: Path, name: str, devices: str, step: str = "0") -> None:
    """Run it, and leave with the status that launch.py would."""
    quick = "--xla_backend_optimization_level=1"  # to compile
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices} {quick}"
    signal_at(int(step))
    try:
        with Stop() as stop:
            launch(process_config(place, int(devices)), place / name, stop)
    except Stopped:
        sys.exit(EXIT_CODE)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
