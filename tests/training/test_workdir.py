import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from fluorojax.core.errors import InputError
from fluorojax.schema.info import ClassInfo, DatasetInfo
from fluorojax.training import workdir
from tests.integration.runs import small_config

ROOT = Path(__file__).parents[2]
DATASET = SimpleNamespace(
    info=DatasetInfo("toy", (ClassInfo("a", "region"),)), fingerprint="f" * 64
)


def config(**fields):
    return small_config("joint", Path("frames"), Path("built"), **fields)


def test_the_record_says_what_a_result_depends_on(tmp_path):
    workdir.validate_run_directory(tmp_path / "run", config(), DATASET)
    record = json.loads((tmp_path / "run/config.json").read_text())
    assert record["config"]["training"]["steps"] == config().training.steps
    assert record["dataset"]["fingerprint"] == DATASET.fingerprint
    assert record["dataset"]["split_unit"] == "patient"
    assert {"versions", "git_revision", "devices"} <= record.keys()


def test_the_same_run_may_go_on_and_some_fields_may_change(tmp_path):
    workdir.validate_run_directory(tmp_path, config(), DATASET)
    workdir.validate_run_directory(
        tmp_path, config(**{"data.threads": 7, "training.log_every": 1}), DATASET
    )


def test_another_run_is_refused_with_the_fields_that_differ(tmp_path):
    workdir.validate_run_directory(tmp_path, config(), DATASET)
    other = SimpleNamespace(info=DATASET.info, fingerprint="0" * 64)
    with pytest.raises(InputError, match=r"(?s)seed: 0 there, 3 here.*content: ffff"):
        workdir.validate_run_directory(tmp_path, config(seed=3), other)


def test_the_default_folder_tells_method_data_and_seed_apart():
    assert workdir.default(config(seed=2)) == Path("runs/joint-frames-seed2")
    simulated = config(**{"data.builder": "ercp_synthetic"})
    assert workdir.default(simulated) == Path("runs/joint-quick-seed0")


HOLD = """
import sys
from pathlib import Path
from fluorojax.training.workdir import lock
with lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_is_gone_however_it_went(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as first:
        assert first.stdout.readline() == b"held\n"
        with (
            pytest.raises(InputError, match=f"process {first.pid} works in"),
            workdir.lock(tmp_path),
        ):
            pass
        first.kill()
    with workdir.lock(tmp_path):
        assert str(os.getpid()) in (tmp_path / "lock").read_text()


@pytest.mark.parametrize("place", ["/sys/fluorojax", "/dev/null/run"])
def test_a_folder_that_cannot_be_written_is_refused(place):
    with pytest.raises(InputError, match="cannot be written"), workdir.lock(Path(place)):
        pass


def test_the_record_of_another_run_is_left_as_it_was(tmp_path):
    workdir.validate_run_directory(tmp_path, config(), DATASET)
    before = (tmp_path / "config.json").read_bytes()
    with pytest.raises(InputError):
        workdir.validate_run_directory(tmp_path, config(seed=3), DATASET)
    assert (tmp_path / "config.json").read_bytes() == before


def test_a_run_goes_on_under_other_conditions_after_a_warning(tmp_path, monkeypatch, capsys):
    workdir.validate_run_directory(tmp_path, config(), DATASET)
    workdir.validate_run_directory(tmp_path, config(), DATASET)
    assert "warning" not in capsys.readouterr().out
    monkeypatch.setattr(workdir.parallel, "describe_devices", lambda: ["gpu:0", "gpu:1"])
    workdir.validate_run_directory(tmp_path, config(**{"training.cpu_devices": 2}), DATASET)
    assert "devices: ['cpu:0 cpu'] there, ['gpu:0', 'gpu:1'] here" in capsys.readouterr().out
