"""The command `latency`."""

import argparse
import math

from rich.table import Table

from fluorojax.core import environment
from fluorojax.core.errors import InputError
from fluorojax.core.progress import console


def latency(options: argparse.Namespace) -> None:
    """Time an export on this machine: from a frame to masks and to curves, one at a time.

    The frame is read once, and the network compiled, before the clock starts. The rate is that at
    which 99 of 100 frames are done before the next one comes.
    """
    environment.keep_compiled()
    from fluorojax.data.frames import as_frame
    from fluorojax.inference.export import load
    from fluorojax.inference.inputs import spacing_given
    from fluorojax.inference.latency import measure

    if options.rounds < 1:
        raise InputError(f"--rounds {options.rounds}: write a number from 1 up")
    model, frame = load(options.export), as_frame(options.frame, spacing_given(options.spacing_mm))
    table = Table("from a frame to", "p50 ms", "p95 ms", "p99 ms", "frames a second")
    for name, of in measure(model, frame, options.rounds).items():
        kept_up = math.floor(10 * of.rate) / 10
        table.add_row(name, *(f"{ms:.1f}" for ms in of), f"{kept_up:.1f}")
    console.print(table)
    console.print(
        "{} x {} px, on the network's grid {} x {}; {} rounds".format(
            *frame.shape, *model.image_size, options.rounds
        )
    )
