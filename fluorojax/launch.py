"""One run, from a configuration to a trained, scored and exported network."""

from pathlib import Path

from ml_collections import ConfigDict

from fluorojax.config import rename_fields, simulation_spec, validate
from fluorojax.configs import base
from fluorojax.core import environment
from fluorojax.core.progress import console
from fluorojax.schema.info import SPLITS
from fluorojax.training import signals


def launch(
    config: ConfigDict,
    workdir: Path | None,
    stop: signals.Stop | None = None,
    command: str | None = None,
) -> None:
    """Train, export, evaluate and report; `workdir` None: a folder named after the run.

    Args:
        config: of the run.
        workdir: of the run; it is made.
        stop: where signals are received that ask to stop.
        command: that was given, without a path (`config_file.command_line`); the export names it.

    Raises:
        InputError: something given cannot be used, or something cannot be written.
        Stopped: `stop` received a signal; the same call goes on.
    """
    rename_fields(config)
    validate(config, base.get_config())
    environment.prepare(config.deterministic, config.training.cpu_devices)
    environment.keep_compiled()

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
        if config.hardware == "gpu" and not parallel.has_accelerator() and parallel.is_first():
            console.print(no_gpu(config.method))
        workdir = workdir or folders.default(config)
        with parallel.first_process_first():
            dataset = open_dataset(config.data, simulation_spec(config.simulation))
        run = setup.set_up(config, dataset)
        if not parallel.is_first():
            loop.follow(run, stop or signals.Stop())
            parallel.part_processes()
            return
        with folders.lock(workdir):
            folders.validate_run_directory(workdir, config, dataset, command)
            folders.write_cases(workdir, {split: run.frames(split) for split in SPLITS})
            loop.train(run, workdir, stop)
            parallel.part_processes()
            export = finish.export_best(run, workdir)
            summary = finish.evaluate_export(run, export, workdir)
            report = write_report(workdir)
        finish.say_where(summary, run, export, report)


def no_gpu(method: str) -> str:
    """Return what is said where a size meant for a GPU runs without one, before anything starts."""
    small = f"configs/{method}.py:quick"
    if method == "own":
        small = "configs/own.py:VARIANT-quick, such as own:regions-quick"
    return (
        "warning: this size is meant for a GPU, and there is none: it may take days. Stop it with "
        f"Ctrl-C; the small size is --config={small}"
    )
