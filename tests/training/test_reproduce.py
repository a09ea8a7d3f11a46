import json

import numpy as np
import pytest

from fluorojax.cli import main as cli
from fluorojax.configs import knee
from fluorojax.core.errors import InputError
from fluorojax.datasets.source import open_dataset
from fluorojax.training import reproduce, workdir
from tests.folders import write_folder
from tests.integration.runs import small_config, train

ARRAYS = {"a": np.float32([1, 2]), "b": np.float32([[3.0]])}


def test_equal_arrays_differ_in_nothing():
    assert reproduce.differing(ARRAYS, {k: v.copy() for k, v in ARRAYS.items()}) == []


def test_arrays_that_differ_are_named_with_the_size_of_it_the_worst_first():
    changed = {"a": np.float32([1, 2.5]), "b": np.float32([[3.0]]), "c": np.zeros(1)}
    assert reproduce.differing(ARRAYS, changed) == [
        "c: absent there",
        "a: by up to 0.5, where values reach 2",
    ]


def test_a_last_bit_and_a_number_that_is_none_are_differences_too():
    for other in (np.float32([1, np.nextafter(np.float32(2), np.float32(3))]), [1, np.nan]):
        assert len(reproduce.differing(ARRAYS, ARRAYS | {"a": np.float32(other)})) == 1


def test_circumstances_are_compared_one_by_one():
    there = {"versions": {"jax": "1", "numpy": "2"}, "git_revision": "abc", "devices": ["cpu:0"]}
    here = there | {"versions": {"jax": "1", "numpy": "3"}, "git_revision": "abc-dirty"}
    assert reproduce.circumstances(there, here) == [
        "git_revision: 'abc' there, 'abc-dirty' here",
        "versions.numpy: '2' there, '3' here",
    ]


def test_a_field_that_came_later_has_the_value_of_the_base(tmp_path):
    config = small_config("single", tmp_path, tmp_path).to_dict()
    del config["training"]["most_skipped"]
    assert reproduce.config_of({"config": config}).training.most_skipped == 10


def test_a_run_of_knees_keeps_its_own_ranges():
    config = knee.get_config("quick").to_dict()
    del config["simulation"]["cement_rate"]
    again = reproduce.config_of({"config": config})
    assert again.simulation == knee.get_config("quick").simulation


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"config.json does not exist"):
        reproduce.reproduce(tmp_path, tmp_path / "again")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("reproduce")
    write_folder(root / "frames")
    config = small_config("single", root / "frames", root / "built")
    workdir.validate_run_directory(root / "run", config, open_dataset(config.data))
    return train(config, root / "run")


@pytest.mark.slow
def test_a_run_made_again_is_equal_and_a_tampered_record_is_found_out(run, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["reproduce", str(run)])
    assert left.value.code == 0
    assert "are equal: " in capsys.readouterr().out
    path = run / "config.json"
    record = json.loads(path.read_text())
    record["config"]["seed"], record["versions"]["jax"] = 1, "0.0.1"
    path.write_text(json.dumps(record))
    with pytest.raises(SystemExit) as left:
        cli.main(["reproduce", str(run), "--out", str(run.parent / "other")])
    assert left.value.code == 1
    printed = capsys.readouterr().out
    assert "differ: " in printed
    assert "versions.jax: '0.0.1' there" in printed
    assert "last|parameters|stage_0|" in printed or "last|average|stage_0" in printed


@pytest.mark.slow
def test_a_run_that_is_not_finished_is_refused(run, tmp_path):
    with pytest.raises(InputError, match="stands at step 6 of 7; finish it"):
        reproduce.arrays_of(run, 7)


@pytest.mark.slow
def test_the_run_itself_is_no_place_to_make_it_again(run):
    with pytest.raises(SystemExit) as left:
        cli.main(["reproduce", str(run), "--out", str(run)])
    assert left.value.code == 2
