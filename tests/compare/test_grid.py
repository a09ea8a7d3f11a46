import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from fluorojax.cli import main as cli
from fluorojax.compare import grid as benchmark
from fluorojax.core.errors import InputError
from fluorojax.training.signals import EXIT_CODE, Stopped
from tests.folders import write_folder


def test_a_grid_is_seed_by_seed(tmp_path):
    cells = benchmark.grid(["multi", "joint:quick"], [0, 3], tmp_path)
    assert [(c.config, c.seed, c.workdir.name) for c in cells] == [
        ("multi", 0, "multi-seed0"),
        ("joint:quick", 0, "joint-quick-seed0"),
        ("multi", 3, "multi-seed3"),
        ("joint:quick", 3, "joint-quick-seed3"),
    ]
    assert cells[1].log.name == "joint-quick-seed0.log"


@pytest.mark.parametrize(
    ("configs", "seeds", "message"),
    [
        (["multi", "jiont"], [0], "no configuration 'jiont'; did you mean 'joint'"),
        (["multi", "multi"], [0], "multi twice"),
        (["multi:quick", "configs/multi.py:quick"], [0], "multi-quick twice"),
        (["multi"], [1, 2, 1], "1 twice"),
    ],
)
def test_what_is_no_grid_is_refused(tmp_path, configs, seeds, message):
    with pytest.raises(InputError, match=message):
        benchmark.grid(configs, seeds, tmp_path)


def test_a_run_is_started_as_the_package_is_wherever_it_lies(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (cell,) = benchmark.grid(["joint:quick"], [2], Path("grid"))
    assert benchmark.command(cell, ["training.steps=4"]) == [
        *(sys.executable, "-m", "fluorojax", "train", "joint:quick"),
        f"--workdir={tmp_path / 'grid/joint-quick-seed2'}",
        *("--config.seed=2", "--config.training.steps=4"),
    ]


def test_other_settings_in_the_same_folder_are_refused(tmp_path):
    benchmark.validate_grid_directory(tmp_path / "grid", ["training.steps=4"])
    benchmark.validate_grid_directory(tmp_path / "grid", ["training.steps=4"])
    with pytest.raises(
        InputError, match=r"holds runs with --set training.steps=4, not --set \(nothing\)"
    ):
        benchmark.validate_grid_directory(tmp_path / "grid", [])


def test_a_failure_keeps_no_other_run_from_being_made(tmp_path, monkeypatch, capsys):
    made = []

    def process(_, arguments, log):
        made.append(log.name)
        return 3 if "multi" in log.name else 0

    monkeypatch.setattr(benchmark.Processes, "run", process)
    cells = benchmark.grid(["multi", "joint"], [0, 1], tmp_path)
    cells[3].workdir.mkdir()
    (cells[3].workdir / "report.html").touch()
    with pytest.raises(InputError, match=r"multi-seed0: status 3.*\n- multi-seed1: status 3"):
        benchmark.run_grid(cells, [])
    assert made == ["multi-seed0.log", "joint-seed0.log", "multi-seed1.log"]
    assert "joint-seed1: finished before" in capsys.readouterr().out


def test_a_run_that_was_asked_to_stop_stops_the_grid(tmp_path, monkeypatch):
    made = []

    def process(_, arguments, log):
        made.append(log.name)
        return EXIT_CODE

    monkeypatch.setattr(benchmark.Processes, "run", process)
    with pytest.raises(Stopped):
        benchmark.run_grid(benchmark.grid(["multi", "joint"], [0], tmp_path), [])
    assert made == ["multi-seed0.log"]


def test_a_process_has_its_output_kept_and_its_status_returned(tmp_path):
    script = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(5)"
    for _ in range(2):
        processes = benchmark.Processes(1)
        assert processes.run([sys.executable, "-c", script], tmp_path / "log") == 5
    assert sorted((tmp_path / "log").read_text().split()) == ["err", "err", "out", "out"]


WAITS = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
print("ready", *sorted(os.sched_getaffinity(0)), flush=True)
time.sleep(30)
"""


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no shares of cores here")
def test_two_run_at_once_on_cores_of_their_own_and_a_signal_goes_on_to_both(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "command", lambda *_: [sys.executable, "-c", WAITS])
    cells = benchmark.grid(["multi", "joint", "single"], [0], tmp_path)
    logs = [cell.log for cell in cells[:2]]

    def tell():
        while not all(log.exists() and "ready" in log.read_text() for log in logs):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    threading.Thread(target=tell, daemon=True).start()
    with pytest.raises(Stopped):
        benchmark.run_grid(cells, [], jobs=2)
    assert signal.getsignal(signal.SIGTERM) is before
    assert not cells[2].log.exists()


def test_cores_are_shared_out():
    assert [benchmark.share_of_cores({3, 1, 5, 7}, place, 2) for place in (0, 1)] == [
        {1, 5},
        {3, 7},
    ]
    assert benchmark.share_of_cores({1}, 1, 2) == {1}


def small_settings(place):
    """Return options of trainings of two steps on a folder of frames, which is written."""
    small = {
        "data.builder": "xray_folder",
        "data.dir": write_folder(place / "frames"),
        "data.built_dir": place / "built",
        "data.image_size": "64,64",
        "model.width": "4",
        "model.depth": 2,
        "training.crop_size": "48,48",
        "training.cpu_devices": 1,
        "training.steps": 2,
        "training.batch_size": 2,
        "training.warmup_steps": 1,
    }
    return [f"--set={name}={value}" for name, value in small.items()]


@pytest.mark.slow  # two trainings in processes of their own
def test_a_grid_is_made_compared_and_not_made_again(tmp_path, capsys):
    sets = small_settings(tmp_path)
    root = tmp_path / "grid"
    given = ["benchmark", "--configs=single:quick,multi:quick", "--seeds=0", f"--workdir={root}"]
    cli.main([*given, *sets])
    assert "instruments" in capsys.readouterr().out
    report = root / "comparison" / "report.html"
    assert "single · multi" in report.read_text("utf-8")
    config = json.loads((root / "multi-quick-seed0" / "config.json").read_text())["config"]
    assert (config["training"]["steps"], config["seed"]) == (2, 0)
    trained = root / "multi-quick-seed0" / "export" / "params.safetensors"
    before = trained.stat().st_mtime_ns
    cli.main([*given, *sets])
    assert trained.stat().st_mtime_ns == before
    assert capsys.readouterr().out.count("finished before") == 2
