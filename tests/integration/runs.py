"""Whole runs at a size of seconds, for the tests of this folder."""

import importlib
import json
import math
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict
from tensorboardX.proto.event_pb2 import Event

from fluorojax.datasets.source import open_dataset
from fluorojax.launch import launch
from fluorojax.training import loop, setup
from fluorojax.training.checkpoint import Checkpoints
from fluorojax.training.signals import Stop


def small_config(method: str, folder: Path, built: Path, **fields) -> ConfigDict:
    """Return a method's quick configuration, shrunk to a toy folder of 64 px frames."""
    config = importlib.import_module(f"fluorojax.configs.{method}").get_config("quick")
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
    launch(config, workdir)
    return workdir


def train(config: ConfigDict, workdir: Path, stop: Stop | None = None) -> Path:
    """Train only, without what follows, and return the folder."""
    workdir.mkdir(exist_ok=True)
    loop.train(setup.set_up(config, open_dataset(config.data)), workdir, stop)
    return workdir


def stopped(workdir: Path, step: int, copy: Path) -> Path:
    """Copy a run that saved a state at `step`, as a kill after that step would have left it."""
    shutil.copytree(workdir, copy)
    for path in (copy / "checkpoints").glob("*/*"):
        if path.relative_to(copy / "checkpoints").as_posix() != f"last/{step}":
            shutil.rmtree(path)
    return copy


def assert_same(found: Path, expected: Path) -> None:
    """Check that two runs ended alike to the last bit, and have the same record."""
    arrays, wanted = saved_arrays(found), saved_arrays(expected)
    assert arrays.keys() == wanted.keys()
    for name, array in wanted.items():
        np.testing.assert_array_equal(arrays[name], array, err_msg=name)
    assert record_of(found) == record_of(expected)
    assert curves(found) == curves(expected)
    for pattern in ("validation/*/*.png", "export/params.safetensors"):
        assert contents(found, pattern) == contents(expected, pattern)


def contents(workdir: Path, pattern: str) -> dict[str, bytes]:
    """Return what the files of a pattern hold, by their names in the folder."""
    return {str(p.relative_to(workdir)): p.read_bytes() for p in workdir.glob(pattern)}


def saved_arrays(workdir: Path) -> dict[str, np.ndarray]:
    """Return the arrays of the newest state and of the best parameters, by kind, step and name."""
    arrays = {}
    with Checkpoints(workdir) as checkpoints:
        for kind, step in (("last", checkpoints.last_step), ("best", checkpoints.best_step)):
            stored = checkpoints.arrays(kind)
            arrays |= {f"{kind}/{step}/{name}": array for name, array in stored.items()}
    return arrays


def record_of(workdir: Path) -> list[dict[str, Any]]:
    """Return the lines of metrics.jsonl but for what a clock says."""
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in x.items() if k not in ("time", "steps_per_second")} for x in lines]


def curves(workdir: Path) -> dict[str, dict[int, Any]]:
    """Return what TensorBoard shows: {name: {step: value, or height and width of a picture}}.

    A file that begins a session at a step takes back what earlier ones say of it and later ones.
    """
    shown: dict[str, dict[int, Any]] = {}
    for path in sorted((workdir / "tensorboard").iterdir()):
        for event in _events(path):
            if event.HasField("session_log"):
                shown = {
                    name: {k: v for k, v in points.items() if k < event.step}
                    for name, points in shown.items()
                }
            for value in event.summary.value:
                points = shown.setdefault(value.tag, {})
                assert event.step not in points, f"{value.tag} twice at step {event.step}"
                size = (value.image.height, value.image.width)
                number = None if math.isnan(value.simple_value) else value.simple_value
                points[event.step] = size if value.HasField("image") else number
    return {k: v for k, v in shown.items() if v and not k.endswith("steps_per_second")}


def _events(path: Path) -> Iterator[Event]:
    # A record: length (8 bytes), its checksum (4), the event, its checksum (4).
    data, at = path.read_bytes(), 0
    while at + 12 <= len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        if at + 16 + length > len(data):
            return  # cut short by a kill
        yield Event.FromString(data[at + 12 : at + 12 + length])
        at += 16 + length
