import math
import os
import resource
import shutil
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.training.checkpoint import Checkpoints


def state(value, dtype=np.float32):
    return {"step": np.int32(value), "layer": {"kernel": np.full((2, 3), value, dtype)}}


def test_the_newest_state_comes_back_bit_for_bit(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.last_step is None
        for step in (1, 2, 3):
            checkpoints.save_last(step, state(step))
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.last_step == 3
        found = checkpoints.restore_last(state(0))
    np.testing.assert_array_equal(found["layer"]["kernel"], np.full((2, 3), 3.0))
    assert found["layer"]["kernel"].dtype == np.float32
    assert int(found["step"]) == 3


def test_saving_the_same_step_again_is_no_error(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save_last(1, state(1))
        checkpoints.save_last(1, state(1))
        assert checkpoints.last_step == 1


def test_only_a_better_score_replaces_the_best_and_nan_never_does(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.best_step is None
        assert not checkpoints.save_best(1, state(1), math.nan)
        assert checkpoints.save_best(2, state(2), 0.5)
        assert not checkpoints.save_best(3, state(3), 0.4)
        assert not checkpoints.save_best(4, state(4), math.nan)
        assert checkpoints.save_best(5, state(5), 0.6)
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.best_step == 5
        assert checkpoints.best_score == 0.6
        assert int(checkpoints.restore_best(state(0))["step"]) == 5


@pytest.mark.parametrize(
    "other",
    [
        state(0, np.float16),
        {"step": np.int32(0), "layer": {"kernel": np.zeros((3, 2), np.float32)}},
    ],
)
def test_a_state_of_another_type_or_shape_is_refused(tmp_path, other):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save_last(1, state(1))
        with pytest.raises(ValueError, match="another configuration"):
            checkpoints.restore_last(other)


class Pair(NamedTuple):
    b: Any
    a: Any


def test_a_state_of_nested_containers_comes_back_as_it_was(tmp_path):
    nested = Pair(b=(np.float32([1]), Pair(np.int32(2), {})), a={"z": np.zeros((2, 2))})
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save_last(1, nested)
        found = checkpoints.restore_last(jax.tree.map(np.zeros_like, nested))
    assert jax.tree.structure(found) == jax.tree.structure(nested)
    jax.tree.map(np.testing.assert_array_equal, found, nested)


def test_device_arrays_are_taken(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save_last(1, {"kernel": jnp.arange(3.0)})
        np.testing.assert_array_equal(
            checkpoints.restore_last({"kernel": jnp.zeros(3)})["kernel"], [0, 1, 2]
        )


SPOIL = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "zeroed": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "deleted": lambda path: path.unlink(),
}


def two_checkpoints(workdir):
    """Save a best and a last state of the steps 1 and 2."""
    with Checkpoints(workdir) as checkpoints:
        for step in (1, 2):
            checkpoints.save_best(step, state(step), score=step / 10)
            checkpoints.save_last(step, state(step), {"unlogged": [step]})
    return workdir


def resumed(workdir):
    with Checkpoints(workdir) as checkpoints:
        found, note = checkpoints.resume(state(0))
        return int(found["step"]), note["unlogged"], checkpoints.best_step, checkpoints.last_step


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return two_checkpoints(tmp_path_factory.mktemp("whole"))


def files_of(folder):
    return sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())


def test_a_whole_run_goes_on_from_its_newest_state(whole):
    assert resumed(whole) == (2, [2], 2, 2)


@pytest.mark.parametrize("how", SPOIL)
def test_any_damaged_file_of_the_newest_sends_the_run_to_the_one_before(
    whole, tmp_path, how, capsys
):
    names = [name for name in files_of(whole) if "2" in name.parts]
    assert len(names) > 10
    assert {name.parts[1] for name in names} == {"best", "last"}
    for n, name in enumerate(names):
        copy = shutil.copytree(whole, tmp_path / str(n))
        if how != "deleted" and not (copy / name).stat().st_size:
            continue  # there is nothing to take away
        SPOIL[how](copy / name)
        assert resumed(copy) == (1, [1], 1, 1), name
        assert str(name) in capsys.readouterr().out.replace("\n", ""), name


def test_when_none_is_whole_the_error_names_the_files_and_nothing_is_deleted(whole, tmp_path):
    copy = shutil.copytree(whole, tmp_path / "copy")
    for step in (1, 2):
        (copy / f"checkpoints/last/{step}/manifest.json").write_text("{}")
    before = files_of(copy)
    with pytest.raises(InputError, match=r"(?s)last/2/manifest.json.*last/1/manifest.json"):
        resumed(copy)
    assert files_of(copy) == before


@pytest.mark.parametrize("kind", ["last", "best"])
def test_reading_a_damaged_one_for_an_export_is_an_error_that_names_the_file(whole, tmp_path, kind):
    copy = shutil.copytree(whole, tmp_path / "copy")
    (copy / f"checkpoints/{kind}/2/state/_METADATA").write_text("")
    with Checkpoints(copy) as checkpoints, pytest.raises(InputError, match=f"{kind}/2/.*_METADATA"):
        getattr(checkpoints, f"restore_{kind}")(state(0))


def test_a_manifest_changed_by_a_digit_is_not_believed(whole, tmp_path):
    copy = shutil.copytree(whole, tmp_path / "copy")
    path = copy / "checkpoints/best/2/manifest.json"
    path.write_text(path.read_text().replace("0.2", "0.9"))
    assert resumed(copy) == (1, [1], 1, 1)


def test_what_a_killed_run_left_unfinished_is_ignored_and_removed(whole, tmp_path):
    copy = shutil.copytree(whole, tmp_path / "copy")
    for name in ("last/3.part/state", "best/3.part", "last/1.deleted"):
        (copy / "checkpoints" / name).mkdir(parents=True)
    assert resumed(copy) == (2, [2], 2, 2)
    assert {p.name for p in (copy / "checkpoints").glob("*/*")} == {"1", "2"}


def test_a_best_newer_than_the_state_is_forgotten_for_it_will_be_made_again(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save_best(1, state(1), 0.1)
        checkpoints.save_last(2, state(2), {"unlogged": []})
        checkpoints.save_best(3, state(3), 0.3)  # then killed, before the state of step 4
        checkpoints.wait()
        assert checkpoints.best_step == 3
    assert resumed(tmp_path) == (2, [], 1, 2)


def test_a_best_before_the_first_state_is_forgotten_with_its_run(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save_best(1, state(1), 0.1)
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.resume(state(0)) is None
        assert checkpoints.best_step is None


def test_only_what_a_kept_state_needs_is_kept(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        for step in range(1, 9):
            checkpoints.save_best(step, state(step), step / 10)
            if step in (2, 4, 6):
                checkpoints.save_last(step, state(step))
    kept = {p.relative_to(tmp_path / "checkpoints").as_posix() for p in tmp_path.glob("*/*/*")}
    assert kept == {"last/4", "last/6", "best/4", "best/6", "best/8"}


# Orbax closes its event loop before the last of its writers has told it that it failed, too.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_disk_that_takes_no_more_leaves_the_old_state_and_says_where(tmp_path):
    two_checkpoints(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    large = state(3) | {"noise": np.random.default_rng(0).standard_normal(10**5)}
    # The system refuses to make any file larger than this, as it does on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with Checkpoints(tmp_path) as checkpoints:
            checkpoints.save_last(3, large)
            with pytest.raises(InputError, match=r"last/3 cannot be written .*Make room"):
                checkpoints.wait()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert resumed(tmp_path) == (2, [2], 2, 2)
    assert not list(tmp_path.rglob("*.part"))
    time.sleep(0.3)  # so that what a late writer says falls into this test


def test_of_two_equal_scores_the_first_stays_the_best(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.save_best(1, state(1), 0.5)
        assert not checkpoints.save_best(2, state(2), 0.5)
        assert checkpoints.best_step == 1


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no names of open files")
def test_what_is_said_to_be_saved_was_brought_to_the_disk_before_it_got_its_name(
    tmp_path, monkeypatch
):
    """No power can be cut here, so the calls are listened to; each is made all the same."""
    calls, flush, rename = [], os.fsync, Path.rename

    def listening_fsync(handle):
        calls.append(("fsync", Path(f"/proc/self/fd/{handle}").resolve()))
        flush(handle)

    def listening_rename(path, target):
        calls.append(("rename", path))
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", listening_fsync)
    monkeypatch.setattr(Path, "rename", listening_rename)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save_last(1, state(1))
    last = tmp_path.resolve() / "checkpoints/last"
    named = calls.index(("rename", last / "1.part"))
    for path in (last / "1.part/manifest.json", last / "1.part"):
        assert ("fsync", path) in calls[:named]
    assert ("fsync", last) in calls[named:]


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"3", b"null", b'"x"', b'{"sha256": 3}', b"[" * 100_000, b"\xff\xfe", b"\x00" * 9],
    ids=["empty", "list", "number", "null", "text", "checksum", "brackets", "bytes", "zeros"],
)
def test_another_file_in_place_of_a_manifest_is_damage(whole, tmp_path, content):
    copy = shutil.copytree(whole, tmp_path / "copy")
    (copy / "checkpoints/last/2/manifest.json").write_bytes(content)
    assert resumed(copy) == (1, [1], 1, 1)


def test_a_state_of_another_network_is_an_error_that_says_what_to_do(whole):
    with (
        Checkpoints(whole) as checkpoints,
        pytest.raises(InputError, match="belongs to another configuration: repeat the run's own"),
    ):
        checkpoints.restore_last({"x": np.zeros(3)})
