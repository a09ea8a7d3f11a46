"""What the methods of the field share: their options, the frames, and the masks that they write."""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fluorojax.data.folder import Case, Folder
from fluorojax.data.handed_on import write_png
from fluorojax.schema import bitmask

SHARE = 0.9
"""Of the minutes, for steps; the rest is for reading, validation and prediction."""
WARM, TIMED = 3, 10  # steps before the clock starts, and those that it sees
TINY_STEPS = 2


def parse(description: str | None, residual: bool = False) -> argparse.Namespace:
    """Return the options of one training."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--config", help="of ours; the others have their own")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tiny", action="store_true")
    if residual:
        parser.add_argument("--residual", action="store_true", help="the plans ResEnc M")
    return parser.parse_args()


def steps_that_fit(step: Callable[[], Any], minutes: float, tiny: bool) -> int:
    """Time a training step, and return how many fit into SHARE of the minutes."""
    if tiny:
        return TINY_STEPS
    for _ in range(WARM):
        step()
    start = time.process_time()
    for _ in range(TIMED):
        step()
    return max(TINY_STEPS, int(SHARE * 60 * minutes * TIMED / (time.process_time() - start)))


def cases_of(folder: Folder, split: str) -> list[Case]:
    """Return the labelled cases of a split, in the table's order."""
    return [case for case in folder.cases if case.labelled and case.split == split]


def write_masks(out: Path, case: Case, masks: np.ndarray) -> None:
    """Write the masks `[H, W, C]` of a case where `fluorojax evaluate` looks for them."""
    write_png(out / "masks" / f"{case.case}.png", bitmask.pack(masks.astype(np.uint8)))


def write_about(out: Path, **about: Any) -> None:
    """Write method.json: what was trained, in numbers."""
    (out / "method.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")
