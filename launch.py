"""One run, from a configuration to a trained, scored and exported network.

    python launch.py --config=configs/joint.py            on a GPU
    python launch.py --config=configs/joint.py:quick      on 2 CPU cores, in at most 10 minutes
    python launch.py --config=configs/joint.py --workdir=runs/joint-1 --config.seed=1

The same command again goes on where the run was stopped. SIGTERM, SIGUSR1 and Ctrl-C save and leave
with status 75; an error that the user can mend leaves with status 1.
"""

import sys
from pathlib import Path

from absl import app, flags
from ml_collections import ConfigDict, config_flags

from fluorojax.configs import base
from fluorojax.config import rename_fields, simulation_spec, validate, with_new_flags
from fluorojax.core import environment
from fluorojax.core.errors import InputError
from fluorojax.training import signals

CONFIG = config_flags.DEFINE_config_file("config", None, "Configuration, such as configs/joint.py.")
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run; default: runs/METHOD-...")


def main(_: list[str]) -> None:
    """Run what the flags ask for."""
    try:
        with signals.Stop() as stop:
            launch(CONFIG.value, Path(WORKDIR.value) if WORKDIR.value else None, stop)
    except InputError as error:
        sys.exit(f"error: {error}")
    except signals.Stopped as stopped:
        signals.leave(stopped)


def launch(config: ConfigDict, workdir: Path | None, stop: signals.Stop | None = None) -> None:
    """Train, export, evaluate and report; `workdir` None: a folder named after the run.

    Raises:
        InputError: something given cannot be used, or something cannot be written.
        Stopped: `stop` received a signal; the same call goes on.
    """
    rename_fields(config)
    validate(config, base.get_config())
    environment.prepare(config.deterministic, config.training.cpu_devices)

    # jax comes with these, and reads XLA_FLAGS when it comes.
    from fluorojax.core import parallel
    from fluorojax.datasets.source import open_dataset
    from fluorojax.report import write_report
    from fluorojax.training import finish, loop, setup
    from fluorojax.training import workdir as folders

    parallel.join_processes()
    with parallel.failing_together():
        validate(config, base.get_config(), devices=parallel.device_count())
        if config.deterministic and parallel.has_accelerator() and parallel.is_first():
            print(environment.DETERMINISM_COSTS)
        workdir = workdir or folders.default(config)
        with parallel.first_process_first():
            dataset = open_dataset(config.data, simulation_spec(config.simulation))
        run = setup.set_up(config, dataset)
        if not parallel.is_first():
            loop.follow(run, stop or signals.Stop())
            parallel.part_processes()
            return
        with folders.hold(workdir):
            folders.claim(workdir, config, dataset)
            loop.train(run, workdir, stop)
            parallel.part_processes()
            export = finish.export_best(run, workdir)
            summary = finish.evaluate_export(run, export, workdir)
            report = write_report(workdir)
        finish.say_where(summary, run, export, report)


if __name__ == "__main__":
    flags.mark_flag_as_required("config")
    app.run(main, argv=with_new_flags(sys.argv))
