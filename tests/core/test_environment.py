import os
import subprocess
import sys

import jax
import pytest

from fluorojax.core import environment


@pytest.mark.parametrize("wanted", [(True, 1), (False, 2)])
def test_flags_are_refused_once_jax_is_there(wanted, monkeypatch):
    assert jax
    monkeypatch.setenv("XLA_FLAGS", "")
    with pytest.raises(RuntimeError, match="before jax"):
        environment.set_flags(*wanted)


def test_flags_are_added_to_what_stands_there(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_x")
    monkeypatch.delitem(sys.modules, "jax")
    environment.set_flags(deterministic=True, cpu_devices=2)
    flags = os.environ["XLA_FLAGS"].split()
    assert flags[0] == "--xla_x"
    assert "--xla_gpu_deterministic_ops=true" in flags
    assert "--xla_force_host_platform_device_count=2" in flags


def test_a_given_number_of_devices_is_kept(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=4")
    environment.set_flags(deterministic=False, cpu_devices=2)
    assert os.environ["XLA_FLAGS"] == "--xla_force_host_platform_device_count=4"


def test_keeping_memory_does_no_harm():
    environment.keep_freed_memory()


def test_without_determinism_the_flags_stay_as_they_are(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_x")
    environment.set_flags(deterministic=False, cpu_devices=1)
    assert os.environ["XLA_FLAGS"] == "--xla_x"


def test_versions_name_what_a_result_depends_on():
    assert {"python", "fluorojax", "jax", "flax"} <= environment.versions().keys()


def test_the_machine_is_described_by_what_bits_depend_on(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_x")
    machine = environment.machine()
    assert machine["xla_flags"] == "--xla_x"
    assert machine["cores"] >= 1
    assert machine["processor"]


def test_the_revision_is_the_checkouts_and_no_other_repositorys(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    author = ("-c", "user.name=x", "-c", "user.email=x")
    commit = ["git", "-C", tmp_path, *author, "commit", "-q", "--allow-empty", "-m", "x"]
    subprocess.run(commit, check=True)
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    assert len(environment.git_revision()) == 40
    (tmp_path / "site-packages").mkdir()
    monkeypatch.setattr(environment, "ROOT", tmp_path / "site-packages")
    assert environment.git_revision() is None


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return a user's cache folder, before jax is there and without a choice of the user's."""
    monkeypatch.setenv(environment.CACHE, "restored at the end")
    monkeypatch.delenv(environment.CACHE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delitem(sys.modules, "jax")
    return tmp_path


def test_compiled_programs_are_kept_for_this_user_and_processor(home, monkeypatch):
    environment.keep_compiled()
    folder = environment.cache_folder()
    assert folder.parent == home / "fluorojax"
    assert os.environ[environment.CACHE] == str(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(environment, "_processor", lambda: "another")
    assert environment.cache_folder().parent == folder.parent
    assert environment.cache_folder() != folder


def test_what_was_not_used_for_longest_goes_first(home, monkeypatch):
    folder = environment.cache_folder()
    folder.mkdir(parents=True)
    for age, name in enumerate("abcd"):
        (folder / name).write_bytes(b"x" * 100)
        os.utime(folder / name, (1000.0 - age, 1000.0 - age))
    os.utime(folder / "d", (2000.0, 1.0))  # written first, but read last
    monkeypatch.setattr(environment, "MOST_KEPT", 250)
    environment.keep_compiled()
    assert {path.name for path in folder.iterdir()} == {"a", "d"}


@pytest.mark.parametrize("why", ["chosen", "late", "no place"])
def test_nothing_is_changed_where_it_cannot_be_or_was_chosen(home, monkeypatch, why):
    if why == "chosen":
        monkeypatch.setenv(environment.CACHE, "mine")
    elif why == "late":
        monkeypatch.setitem(sys.modules, "jax", jax)
    else:
        (home / "fluorojax").write_text("a file")
    environment.keep_compiled()
    assert os.environ.get(environment.CACHE) == ("mine" if why == "chosen" else None)
    assert not (home / "fluorojax").is_dir()
