"""A training step: the plain U-Net beside PyTorch's, and the whole step of a configuration."""

import argparse
from typing import Any

from benchmarks import steps
from benchmarks.suites import unets
from benchmarks.timing import OURS, compared


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Time the plain U-Net's step, loss and AdamW in it, and the whole step of steps.QUICK."""
    size = unets.TINY if asked.tiny else unets.USUAL
    peers, begun, missing = unets.peers_of(size, asked.cores)
    first = {name: of.step_s for name, of in begun.items()}
    jobs = {name: peer.train_step for name, peer in peers.items()}
    plain = unets.result_of(peers, missing, compared(jobs, asked.rounds, first))
    return {unets.described(size): plain, f"whole step of {steps.QUICK}": whole(asked)}


def whole(asked: argparse.Namespace) -> dict[str, Any]:
    """Time the whole training step of a configuration, augmentation and relation in it."""
    config = steps.config_of(steps.QUICK)
    if asked.tiny:
        config.update_from_flattened_dict(steps.SMALL)
    run = steps.run_of(config)
    job = steps.repeated(steps.train_step_of(run), steps.drawn_state(run), steps.drawn_batch(run))
    return compared({OURS: job}, asked.rounds)
