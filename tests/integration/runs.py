"""Whole runs at a size of seconds, for the tests of this folder."""

import importlib
from pathlib import Path

from ml_collections import ConfigDict

import launch


def small_config(method: str, folder: Path, built: Path, **fields) -> ConfigDict:
    """Return a method's quick configuration, shrunk to a toy folder of 64 px frames."""
    config = importlib.import_module(f"configs.{method}").get_config("quick")
    small = {
        "data.builder": "xray_folder",
        "data.dir": str(folder),
        "data.built_dir": str(built),
        "data.image_size": (64, 64),
        "model.width": 4,
        "model.depth": 2,
        "training.crop_size": (48, 48),
        "training.cpu_devices": 1,
        "training.steps": 6,
        "training.batch_size": 2,
        "training.warmup_steps": 1,
        "training.log_every": 2,
        "training.eval_every": 6,
        "training.checkpoint_every": 3,
        "training.images": 1,
    }
    config.update_from_flattened_dict(small | fields)
    return config


def run(config: ConfigDict, workdir: Path) -> Path:
    """Make the whole run, as launch.py does, and return its folder."""
    launch.launch(config, workdir)
    return workdir


def cut_back(workdir: Path, step: int) -> None:
    """Remove every checkpoint but that of `step`, as if the run had been stopped after it."""
    for path in sorted((workdir / "checkpoints").rglob("*"), reverse=True):
        if f"last/{step}" not in str(path) and path.name not in ("last", "best"):
            path.unlink() if path.is_file() else path.rmdir()
