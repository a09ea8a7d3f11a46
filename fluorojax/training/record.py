"""What a run writes down while it trains: means of log intervals, and steps that were skipped."""

import math
import time
from pathlib import Path

import jax
import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.core.progress import console
from fluorojax.training.log import MetricsLog, SkippedSteps
from fluorojax.training.setup import Run

Arrays = dict[str, jax.Array]
Rows = list[dict[str, float]]  # metrics by name, a row a step


def case_names(run: Run, index: np.ndarray) -> list[str]:
    """Return the names of the cases of a batch, from its `index: [B]`."""
    if run.dataset.online is not None:
        return [f"simulated frame {i} of seed {run.config.seed}" for i in index]
    rows = run.frames("train").rows
    return [rows[i].case for i in index]


class Interval:
    """Collects a log interval's metrics on the device; one transfer brings them home.

    Attributes:
        rows: of the steps of this interval that are home.
        stop: whether any process was asked to stop before a step that is home.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = list(rows)
        self.stop = False
        self._away: list[tuple[int, Arrays, Arrays]] = []
        self.restart_clock()

    def restart_clock(self) -> None:
        """Forget the time and the steps so far: other work was done in it."""
        self._began, self._timed = time.monotonic(), 0

    def add(self, step: int, metrics: Arrays, gathered: Arrays) -> None:
        """Take one step's metrics, and what all devices know of it (`steps.gathered_metadata`)."""
        self._away.append((step, metrics, gathered))
        self._timed += 1

    def fetch(self) -> list[tuple[int, dict[str, float], np.ndarray]]:
        """Bring the metrics home; return step, metrics and index of those not applied."""
        home = jax.device_get(self._away)
        self._away.clear()
        steps = [(step, {k: float(v) for k, v in row.items()}, meta) for step, row, meta in home]
        self.rows += [row for _, row, _ in steps]
        self.stop |= any(meta["stop"].any() for _, _, meta in steps)
        return [(step, row, meta["index"]) for step, row, meta in steps if not row["applied"]]

    def flush(self) -> dict[str, float]:
        """Return the means over the applied steps, the number of others, and the steps a second."""
        applied = [row for row in self.rows if row["applied"]]
        names = [name for name in self.rows[0] if name != "applied"]
        means = {
            name: float(np.mean([row[name] for row in applied])) if applied else math.nan
            for name in names
        }
        means["skipped"] = len(self.rows) - len(applied)
        means["steps_per_second"] = self._timed / max(time.monotonic() - self._began, 1e-9)
        self.rows = []
        self.restart_clock()
        return means


class Record:
    """What a run writes down while it trains; use it as a context manager."""

    def __init__(self, run: Run, workdir: Path, start: int, unlogged: Rows):
        self.workdir = workdir
        self.log = MetricsLog(workdir, start)
        self.interval = Interval(unlogged)
        self._run = run
        self._skipped = SkippedSteps(workdir, start)

    def __enter__(self) -> "Record":
        return self

    def __exit__(self, *_: object) -> None:
        self.log.close()
        self._skipped.close()

    def add(self, step: int, metrics: Arrays, gathered: Arrays) -> None:
        """Take one step's metrics, still on the device."""
        self.interval.add(step, metrics, gathered)

    def write_train(self, step: int) -> float:
        """Log the means of the interval; return the loss."""
        self._fetch()
        means = self.interval.flush()
        # That of the last update made: the schedule counts them from 0, and a skipped step is none.
        update = max(step - self._skipped.count - 1, 0)
        rate = float(self._run.learning_rate(update))
        self.log.write(step, "train", means | {"learning_rate": rate})
        return means["loss"]

    def settle(self) -> Rows:
        """Bring all that is known to the disk; return the metrics that are not logged yet."""
        self._fetch()
        self.log.flush()
        return list(self.interval.rows)  # a thread writes them while new ones come

    def _fetch(self) -> None:
        """Bring metrics home, and stop the run where too many steps were not applied.

        Raises:
            InputError: there were more than `training.most_skipped` of them.
        """
        skipped = self.interval.fetch()
        for step, metrics, index in skipped:
            cases = case_names(self._run, index)
            self._skipped.write(step, cases, metrics)
            console.print(f"warning: step {step} was not applied: {lost(metrics)}")
        most, path = self._run.config.training.most_skipped, self._skipped.path
        if skipped and self._skipped.count > most:
            step, metrics, index = skipped[-1]
            raise InputError(
                f"{self._skipped.count} steps had a loss or gradient that is not finite, the last "
                f"of them step {step} ({lost(metrics)}) with the cases "
                f"{', '.join(case_names(self._run, index))}. {path} lists them all: look at the "
                "cases they share, lower training.learning_rate, or let more pass with "
                f"--config.training.most_skipped={2 * self._skipped.count}"
            )


def lost(metrics: dict[str, float]) -> str:
    """Return 'loss nan, gradient inf' or the like."""
    return f"loss {metrics['loss']:.3g}, norm of the gradient {metrics['gradient_norm']:.3g}"
