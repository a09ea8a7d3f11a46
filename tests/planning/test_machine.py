import subprocess

import pytest

from fluorojax.planning import machine


def test_this_machine_has_cores_and_memory():
    here = machine.this_machine()
    assert here.cores >= 1
    assert 0.1 < here.memory_gib < 100_000


def test_memory_is_what_the_process_is_limited_to(tmp_path, monkeypatch):
    limit = tmp_path / "memory.max"
    limit.write_text(f"{2**28}\n")
    monkeypatch.setattr(machine, "_LIMITS", (str(tmp_path / "none"), str(limit)))
    assert machine.this_machine().memory_gib == 0.25
    limit.write_text("max\n")
    assert machine.this_machine().memory_gib > 0.25


@pytest.mark.parametrize(("told", "expected"), [("24576\n81920\n", 24.0), ("", 0.0)])
def test_the_smallest_gpu_counts(monkeypatch, told, expected):
    monkeypatch.setattr(machine, "_jax_knows_gpus", lambda: True)
    monkeypatch.setattr(machine.shutil, "which", lambda name: name)
    done = subprocess.CompletedProcess([], 0, told)
    monkeypatch.setattr(machine.subprocess, "run", lambda *_, **__: done)
    found = machine.this_machine()
    assert found.gpu_gib == expected
    assert ("a GPU of 24 GiB" in found.in_words) == bool(expected)


def test_a_gpu_that_jax_cannot_use_is_none(monkeypatch):
    monkeypatch.setattr(machine, "_jax_knows_gpus", lambda: False)
    monkeypatch.setattr(machine, "_gpu_gib", lambda: 24.0)
    assert machine.this_machine().gpu_gib == 0
