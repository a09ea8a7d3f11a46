"""Time what the attachment term adds to a training step.

    python -m benchmarks.studies.attachment_cost --out benchmarks/results/attachment_cost.json

The whole step, augmentation, forward, loss, backward and update, with the configuration's
`loss.attachment` and with 0, on the same batch of simulated frames, in turns in one process: both
meet the same machine. The goal is at most 1.10 times the step without it.
"""

import sys

from ml_collections import ConfigDict

from benchmarks.steps import batch_of, step_of
from benchmarks.studies.step_times import Jobs, measure, parser

GOAL = 1.10
WITH, WITHOUT = "with attachment", "without"


def main() -> None:
    """Time, print and write."""
    result = measure(parser(__doc__, rounds=40).parse_args(), jobs)
    ratio = result["ratio_of_medians"]
    print(f"a step with the term takes {ratio:.2f} times one without (goal: at most {GOAL:.2f})")


def jobs(config: ConfigDict) -> Jobs:
    """Return a training step with the term and one without it, each with a state of its own."""
    if not config.loss.attachment:
        sys.exit(
            "error: loss.attachment is 0 in this configuration; write configs/joint.py[:quick]"
        )
    batch = batch_of(config)
    without = config.copy_and_resolve_references()
    without.loss.attachment = 0.0
    return {WITH: step_of(config, batch), WITHOUT: step_of(without, batch)}


if __name__ == "__main__":
    main()
