"""The scores of one case, beside MONAI's of those that it has too."""

import argparse
import importlib.util
from typing import Any

from benchmarks.timing import OURS, compared
from fluorojax.core.errors import InputError

NAMES = {"fluorojax/shared": OURS, "monai/shared": "MONAI", "fluorojax/all": "all our metrics"}


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Time the metrics that both have, and all of ours.

    Raises:
        InputError: the peers are not installed.
    """
    needed = ("torch", "monai", "surface_distance")
    if missing := [name for name in needed if importlib.util.find_spec(name) is None]:
        raise InputError(
            f"--suite metrics: {', '.join(missing)} not installed; pip install -c constraints.txt "
            "-e '.[peers]'"
        )
    from benchmarks.peers import metrics_vs_peers as peers

    prediction, reference, spacing = peers.one_case()
    if asked.tiny:
        prediction, reference = prediction[::8, ::8], reference[::8, ::8]
    peers.torch.set_num_threads(asked.cores)
    jobs = peers.jobs_of(prediction, reference, spacing)
    named = {NAMES[name]: job for name, job in jobs.items()}
    return {"one case, 512 x 512, two classes": compared(named, asked.rounds)}
