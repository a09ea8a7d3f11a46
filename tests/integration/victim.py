"""A short training that sends itself a signal; run as a script by test_resume.py.

python -m tests.integration.victim PLACE NAME [SIGNAL SECONDS]

Leaves in PLACE/NAME/seconds how long the steps took, if it came to its end.
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path

from ml_collections import ConfigDict

from fluorojax.training.record import Record
from fluorojax.training.signals import EXIT_CODE, Stop, Stopped
from tests.integration.runs import small_config, train


def victim_config(place: Path) -> ConfigDict:
    """Return a run whose intervals of logs, evaluations and checkpoints cut one another."""
    every = {"training.log_every": 3, "training.eval_every": 4, "training.checkpoint_every": 2}
    fields = {"training.steps": 20, "training.best_metric": "instruments/dice", **every}
    return small_config("single", place / "frames", place / "built", **fields)


def after_first_step(action) -> None:
    """Call `action` when the first step was made: what comes before is compilation."""
    add = Record.add

    def add_and_begin(record, step, metrics, told):
        Record.add = add
        add(record, step, metrics, told)
        action()

    Record.add = add_and_begin


def main(place: Path, name: str, number: str = "", seconds: str = "0") -> None:
    """Train in PLACE/NAME, and send the signal so many seconds after the first step."""
    began = []
    after_first_step(lambda: began.append(time.monotonic()))
    if number:
        kill = (os.getpid(), signal.Signals[number])
        after_first_step(threading.Timer(float(seconds), os.kill, kill).start)
    try:
        with Stop() as stop:
            train(victim_config(place), place / name, stop)
    except Stopped:
        os._exit(EXIT_CODE)  # a timer that is still to come is not waited for
    if began:
        (place / name / "seconds").write_text(str(time.monotonic() - began[0]))
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
