"""The record of a run: `metrics.jsonl`, one object a line, and the same scalars for TensorBoard."""

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tensorboardX import SummaryWriter


class MetricsLog:
    """Append numbers to a run's record; use it as a context manager.

    Lines after `resume_step` are dropped at the start: those steps are about to be made again.
    """

    def __init__(self, workdir: Path, resume_step: int = 0):
        self._path = workdir / "metrics.jsonl"
        _drop_after(self._path, resume_step)
        self._file = self._path.open("a", encoding="utf-8")
        self._board = SummaryWriter(
            str(workdir / "tensorboard"), purge_step=resume_step + 1 if resume_step else None
        )

    def __enter__(self) -> "MetricsLog":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._board.close()

    def write(self, step: int, split: str, scalars: Mapping[str, float]) -> None:
        """Append one line: {"step", "split", "time" (s since 1970), and the scalars}.

        A number that is not finite is written as null, which strict JSON readers accept.
        """
        finite = {k: float(v) if math.isfinite(v) else None for k, v in scalars.items()}
        line = {"step": step, "split": split, "time": round(time.time(), 3), **finite}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        for name, value in scalars.items():
            self._board.add_scalar(f"{split}/{name}", float(value), step)

    def image(self, step: int, name: str, rgb: np.ndarray) -> None:
        """Show `rgb: [H, W, 3] uint8` in TensorBoard."""
        self._board.add_image(name, rgb, step, dataformats="HWC")


def _drop_after(path: Path, step: int) -> None:
    if not path.exists():
        return
    kept = [line for line in path.read_text("utf-8").splitlines(True) if _step(line) <= step]
    path.write_text("".join(kept), "utf-8")


def _step(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except ValueError:
        return math.inf  # a line cut short by a kill
