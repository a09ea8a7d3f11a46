import hashlib
import os

import pytest

from fluorojax.core.environment import CPU_DEVICES_FLAG
from fluorojax.core.errors import InputError
from fluorojax.datasets import build as build_module
from fluorojax.datasets import source
from fluorojax.datasets.build import processes
from fluorojax.datasets.source import open_folder
from tests.folders import write_folder
from tfds_builders import shards, simulated
from tfds_builders.ercp_synthetic import ercp_synthetic_dataset_builder as ercp


@pytest.fixture
def toy(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "FRAMES_A_SHARD", 2)
    return write_folder(tmp_path / "toy", size=32)


def digests(path):
    files = sorted(p for p in path.rglob("*") if p.is_file())
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_a_build_that_was_stopped_goes_on_to_the_same_bytes(toy, tmp_path, monkeypatch, capsys):
    whole = open_folder(toy, "cases.csv", tmp_path / "whole")
    calls, record = [], source.xray_folder.common.record

    def killed(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return record(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(source.xray_folder.common, "record", killed)
        with pytest.raises(KeyboardInterrupt):
            open_folder(toy, "cases.csv", tmp_path / "built")
    begun = whole.path.relative_to(tmp_path / "whole")
    folder = (tmp_path / "built" / begun).with_name(f"{begun.name}.building")
    assert len(list(folder.glob("*-of-00003"))) == 1
    monkeypatch.setattr(
        source.xray_folder.common, "record", lambda *a: calls.append(a) or record(*a)
    )
    calls.clear()
    again = open_folder(toy, "cases.csv", tmp_path / "built")
    assert len(calls) == 8  # of ten
    assert "(10 frames, 2 of them built before)" in capsys.readouterr().out
    assert not folder.exists()
    assert digests(again.path) == digests(whole.path)
    assert [example["case"] for example in again.split("train")][-1] == "c7"


def test_several_processes_build_the_same_bytes(toy, tmp_path, monkeypatch):
    here = open_folder(toy, "cases.csv", tmp_path / "here")
    monkeypatch.setattr(build_module, "WORTH_PROCESSES", 1)
    monkeypatch.setenv(build_module.PROCESSES, "2")
    monkeypatch.setattr(shards, "write_shard", None)  # it is for others to do
    there = open_folder(toy, "cases.csv", tmp_path / "there")
    assert digests(there.path) == digests(here.path)


def test_as_many_processes_as_cores_or_as_said(monkeypatch):
    monkeypatch.delenv(build_module.PROCESSES, raising=False)
    cores = len(os.sched_getaffinity(0))
    assert processes(100) == min(cores, 4)
    assert processes(1) == 1
    monkeypatch.setenv(build_module.PROCESSES, "7")
    assert (processes(100), processes(3)) == (7, 3)
    monkeypatch.setenv(build_module.PROCESSES, "many")
    with pytest.raises(InputError, match="FLUOROJAX_PROCESSES=many: write a whole number"):
        processes(1)


def test_who_comes_second_takes_what_the_first_has_built(toy, tmp_path):
    dataset = open_folder(toy, "cases.csv", tmp_path / "built")
    before = digests(dataset.path)
    build_module.build(None, {}, dataset.path)  # it builds nothing
    assert digests(dataset.path) == before
    assert not list((tmp_path / "built").rglob("*.building"))


@pytest.mark.slow  # compiles a simulation
def test_simulated_frames_have_the_same_bits_on_any_number_of_cores(tmp_path, monkeypatch):
    # At 192 px and more the bits differ between one thread and several; at 128 they do not.
    small = simulated.Size(192, {"train": (9, 1, 1), "validation": (1, 1, 1), "test": (1, 1, 1)})
    monkeypatch.setitem(ercp.SIZES, "small", small)
    monkeypatch.setattr(shards, "FRAMES_A_SHARD", 8)
    found = []
    cores = os.sched_getaffinity(0)
    for processes_, threads, flags in (("1", "1", ""), ("2", "4", "=2"), ("3", "2", "=4")):
        monkeypatch.setenv(build_module.PROCESSES, processes_)
        monkeypatch.setenv("NPROC", threads)
        monkeypatch.setenv("XLA_FLAGS", CPU_DEVICES_FLAG + flags if flags else "")
        os.sched_setaffinity(0, {min(cores)} if threads == "1" else cores)
        dataset = source.open_simulated(ercp.Builder, "small", tmp_path / threads)
        found.append((dataset.fingerprint, digests(dataset.path)))
    os.sched_setaffinity(0, cores)
    assert found[0] == found[1] == found[2]
    assert len(found[0][0]) == 64
