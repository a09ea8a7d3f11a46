"""What a report of a fault holds, and what it never does."""

import getpass
import json
import platform
from pathlib import Path

import pytest

import fluorojax
from fluorojax.cli import main as cli
from fluorojax.cli.bugs import HIDDEN, lines
from fluorojax.configs import joint
from fluorojax.core import parallel
from fluorojax.core.errors import InputError


@pytest.fixture
def run(tmp_path):
    """Return the folder of a run on somebody's frames, with names wherever there can be any."""
    config = joint.get_config("quick")
    config.method = "mercy-hospital"
    config.data.builder = "xray_folder"
    config.data.dir = "/home/miller/ward-7"
    config.data.built_dir = "/home/miller/built"
    config.data.cases = "miller.csv"
    config.init_from = "/home/miller/export"
    config.training.steps = 77
    record = {
        "config": config.to_dict(),
        "dataset": {"name": "ward-7", "description": "Mr Miller", "fingerprint": "ab"},
        "versions": {"python": "3.11.7", "jax": "1.2"},
        "git_revision": None,
        "devices": ["cpu:0 cpu"],
        "machine": {"system": "Linux-6", "xla_flags": "--xla_dump_to=/home/miller/x"},
    }
    (tmp_path / "config.json").write_text(json.dumps(record))
    return tmp_path


def told(arguments, capsys):
    cli.main(["report-bug", *map(str, arguments)])
    return capsys.readouterr().out


def test_versions_and_devices_of_this_machine_are_told(capsys):
    text = told([], capsys)
    assert f"fluorojax {fluorojax.__version__}" in text
    assert f"python {platform.python_version()}" in text
    assert "devices cpu:0 cpu" in text
    assert "the run" not in text


def test_a_runs_settings_are_told_and_no_name_or_path(run, capsys):
    text = told([run], capsys)
    assert "  training.steps = 77" in text
    assert "  jax 1.2" in text
    assert "  model.link = gradient" in text
    assert "augment" not in text.replace("augment.elastic_px = 3.0", "")  # as usual
    assert f"  data.dir = {HIDDEN}" in text
    assert f"  method = {HIDDEN}" in text
    words = ("iller", "ward", "mercy", "home", platform.node(), getpass.getuser(), str(Path.home()))
    assert [word for word in words if word and word in text.replace("cpu", "")] == []


def test_devices_that_cannot_be_had_are_part_of_the_report(monkeypatch, capsys):
    def broken():
        raise RuntimeError("no driver in /home/miller")

    monkeypatch.setattr(parallel, "describe_devices", broken)
    text = told([], capsys)
    assert "devices none: RuntimeError" in text
    assert "miller" not in text


def test_what_is_no_run_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["report-bug", str(tmp_path)])
    assert left.value.code == 2
    with pytest.raises(InputError, match=r"config\.json"):
        list(lines(tmp_path))
