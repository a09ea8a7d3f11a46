"""The record of a run: `metrics.jsonl`, one object a line, and the same scalars for TensorBoard."""

import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog

from fluorojax.core.errors import InputError, writing


class MetricsLog:
    """Append numbers to a run's record; use it as a context manager.

    Lines after `resume_step` are dropped at the start: those steps are about to be made again. So
    is the evaluation after `resume_step` itself where the record has no line of it.
    """

    def __init__(self, workdir: Path, resume_step: int = 0):
        with writing(workdir):
            workdir.mkdir(parents=True, exist_ok=True)
            self._lines = Lines(workdir / "metrics.jsonl", resume_step)
            scored = is_logged(workdir, resume_step, "validation")
            last = resume_step if scored else resume_step - 1
            self._board = Board(workdir / "tensorboard", resume_step, last)
            # The board forgot the lines of a step that is not scored, too.
            for line in [] if scored else _lines_of(workdir, resume_step):
                scalars = {k: v for k, v in line.items() if k not in ("step", "split", "time")}
                self._show(resume_step, line.get("split", ""), scalars)

    def __enter__(self) -> "MetricsLog":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        self._lines.close()
        self._board.close()

    def write(self, step: int, split: str, scalars: Mapping[str, float]) -> None:
        """Append one line: {"step", "split", "time" (s since 1970), and the scalars}.

        A number that is not finite is written as null, which strict JSON readers accept.
        """
        finite = {k: float(v) if math.isfinite(v) else None for k, v in scalars.items()}
        # The line comes last: a run that was killed before it shows all of this again.
        self._show(step, split, scalars)
        self._lines.append({"step": step, "split": split, "time": round(time.time(), 3), **finite})

    def _show(self, step: int, split: str, scalars: Mapping[str, float | None]) -> None:
        for name, value in scalars.items():
            if isinstance(value, str | list):
                continue  # of a file that somebody changed
            self._board.scalar(step, f"{split}/{name}", math.nan if value is None else float(value))
        self._board.flush()

    def image(self, step: int, name: str, rgb: np.ndarray) -> None:
        """Show `rgb: [H, W, 3] uint8` in TensorBoard; those of an evaluation before its line."""
        self._board.image(step, name, rgb)

    def flush(self) -> None:
        """Bring everything to the disk: a checkpoint of this step must not outlive its lines."""
        self._lines.synchronise()
        self._board.flush()


def is_logged(workdir: Path, step: int, split: str) -> bool:
    """Return whether the record of a run has a line of this step and split."""
    return any(line.get("split") == split for line in _lines_of(workdir, step))


def _lines_of(workdir: Path, step: int) -> list[dict[str, Any]]:
    """Return the lines of a step in the record of a run."""
    lines = map(json.loads, _up_to(workdir / "metrics.jsonl", step))
    return [line for line in lines if line["step"] == step]


class SkippedSteps:
    """The steps that were not applied, in `skipped.jsonl`, with the cases of their batches.

    The file comes with the first of them.
    """

    def __init__(self, workdir: Path, resume_step: int = 0):
        self.path = workdir / "skipped.jsonl"
        self._resume_step = resume_step
        self._lines = Lines(self.path, resume_step) if self.path.exists() else None

    @property
    def count(self) -> int:
        """Number of steps in the file."""
        return self._lines.count if self._lines else 0

    def write(self, step: int, cases: Sequence[str], metrics: Mapping[str, float]) -> None:
        """Append one line: {"step", "cases", "loss", "gradient_norm"}, the numbers as text."""
        self._lines = self._lines or Lines(self.path, self._resume_step)
        numbers = {name: str(metrics[name]) for name in ("loss", "gradient_norm")}
        self._lines.append({"step": step, "cases": list(cases), **numbers})

    def close(self) -> None:
        """Close the file."""
        if self._lines:
            self._lines.close()


class Lines:
    """A file of JSON objects, one a line, each with its `step`; those after a step are dropped.

    Attributes:
        count: number of lines.
    """

    def __init__(self, path: Path, resume_step: int):
        self._path = path
        kept = _up_to(path, resume_step)
        self.count = len(kept)
        # A new file in the old one's place: a kill in between leaves one of them whole.
        draft = path.with_suffix(".part")
        with writing(path):
            draft.write_text("".join(kept), "utf-8")
            draft.replace(path)
            self._file = path.open("a", encoding="utf-8")

    def append(self, line: Mapping[str, Any]) -> None:
        """Write one line and hand it to the system."""
        with writing(self._path):
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        self.count += 1

    def synchronise(self) -> None:
        """Return when the lines are on the disk."""
        with writing(self._path):
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _up_to(path: Path, step: int) -> list[str]:
    """Return the lines up to a step. What stands behind the last whole line, a kill has cut short.

    Raises:
        InputError: a line before another is damaged; no kill does that.
    """
    try:
        lines = path.read_text("utf-8").splitlines(keepends=True) if path.exists() else []
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: no text at byte {error.start}; bring the file back from a copy, or remove it"
        ) from error
    steps = [_step(line) for line in lines]
    while steps and steps[-1] is None:
        steps.pop()
    if None in steps:
        raise InputError(
            f"{path}: line {steps.index(None) + 1} is damaged; delete that line, or bring the file "
            "back from a copy"
        )
    kept = zip(lines, steps, strict=False)
    # A kill may have come between a line and its end; the next one must not stand behind it.
    return [line.rstrip("\n") + "\n" for line, at in kept if at is not None and at <= step]


def _step(text: str) -> int | None:
    """Return the step of a line, None where the line is not as it was written."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(line, dict) or type(line.get("step")) is not int:
        return None
    return line["step"] if all(map(_is_plain, line.values())) else None


def _is_plain(value: Any) -> bool:
    """Say whether a value is a number, null or text, or a list of texts."""
    if isinstance(value, list):
        return all(isinstance(one, str) for one in value)
    return value is None or (isinstance(value, int | float | str) and not isinstance(value, bool))


class Board:
    """One event file of TensorBoard.

    Events go straight into the file. The usual writer keeps them in a queue of its own, and what is
    in it when a run is killed is missing from the curves of the run that goes on.
    """

    def __init__(self, folder: Path, resume_step: int, last_step: int):
        """Open the file of a run that goes on after `resume_step`.

        Of earlier files only the steps up to `last_step` stay.
        """
        folder.mkdir(parents=True, exist_ok=True)
        # File names have whole seconds; of two with the same name, the older is made again.
        self._writer = EventsWriter(str(folder / "events"), f".{resume_step}")
        # TensorBoard leaves out this step and all later ones of earlier files.
        self._write(step=last_step + 1, session_log=SessionLog(status=SessionLog.START))

    def _write(self, **fields: Any) -> None:
        self._writer.write_event(Event(wall_time=time.time(), **fields))

    def scalar(self, step: int, name: str, value: float) -> None:
        """Add a point of a curve."""
        self._write(step=step, summary=summary.scalar(name, value))

    def image(self, step: int, name: str, rgb: np.ndarray) -> None:
        """Add a picture `[H, W, 3] uint8`."""
        self._write(step=step, summary=summary.image(name, rgb, dataformats="HWC"))

    def flush(self) -> None:
        """Hand everything to the system."""
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()
