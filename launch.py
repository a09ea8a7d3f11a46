"""One run, from a configuration to a trained, scored and exported network.

    python launch.py --config=configs/joint.py            on a GPU
    python launch.py --config=configs/joint.py:quick      on 2 CPU cores, in at most 10 minutes
    python launch.py --config=configs/joint.py --workdir=runs/joint-1 --config.seed=1

`fluorojax train joint:quick` does the same wherever the package is installed. The same command
again goes on where the run was stopped. SIGTERM, SIGUSR1 and Ctrl-C save and leave with status 75;
an error that the user can mend leaves with status 2.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from fluorojax.config_file import command_line, read_config
from fluorojax.launch import launch
from fluorojax.training import signals


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line asks for; `fluorojax.launch` has the steps of it."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--config", required=True, metavar="FILE[:VARIANT]")
    parser.add_argument("--workdir", type=Path, metavar="DIR", help="default: runs/METHOD-...")
    # Fields of the configuration, such as --config.seed=1, are no options of this parser.
    options, overrides = parser.parse_known_args(arguments)
    with signals.leaving(), signals.Stop() as stop:
        config = read_config(options.config, overrides)
        launch(config, options.workdir, stop, command_line(options.config, overrides))


if __name__ == "__main__":
    main()
