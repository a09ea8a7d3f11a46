"""A batch: the plain U-Net's training step and inference beside PyTorch's, and a whole step."""

import argparse
from typing import Any

from benchmarks import steps
from benchmarks.suites import unets
from benchmarks.timing import OURS, compared


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Time the plain U-Net's step, loss and AdamW in it, its inference, and a whole step."""
    size = unets.TINY if asked.tiny else unets.USUAL
    found = unets.on_a_batch(size, asked.rounds, asked.cores)
    return found | {f"whole step of {steps.QUICK}": whole(asked)}


def whole(asked: argparse.Namespace) -> dict[str, Any]:
    """Time the whole training step of a configuration, augmentation and relation in it."""
    config = steps.config_of(steps.QUICK)
    if asked.tiny:
        config.update_from_flattened_dict(steps.SMALL)
    run = steps.run_of(config)
    job = steps.repeated(steps.train_step_of(run), steps.drawn_state(run), steps.drawn_batch(run))
    return compared({OURS: job}, asked.rounds)
