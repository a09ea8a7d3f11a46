"""A run whose training frames are simulated while it trains: it repeats, and it goes on."""

import json

import pytest

from fluorojax.simulation.fluoroscopy.ercp import STRATA
from tests.integration.runs import assert_same, run, small_config, stopped
from tfds_builders.ercp_synthetic import ercp_synthetic_dataset_builder as builder
from tfds_builders.simulated import Size

# The frames alone, and that they go on, are tested in tests/datasets/test_online.py.
pytestmark = pytest.mark.slow

SMALL = Size(64, {"train": (1, 1, 1), "validation": (2, 1, 1), "test": (3, 1, 2)})


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(builder.SIZES, "quick", SMALL)
        yield tmp_path_factory.mktemp("online")


def config(place, **fields):
    fields = {"data.builder": "ercp_simulated", "data.dir": "", **fields}
    return small_config("carm", place, place / "built", **fields)


@pytest.fixture(scope="module")
def first(place):
    return run(config(place), place / "first")


def parameters(workdir):
    return (workdir / "export" / "params.safetensors").read_bytes()


def test_it_is_scored_on_stored_frames_and_by_level(first):
    summary = json.loads((first / "evaluation/test/summary.json").read_text())
    assert summary["cases"] == 6
    assert set(summary["strata"]) <= set(STRATA)
    counted = [stratum["guidewire"]["cases"] for stratum in summary["strata"].values()]
    assert 0 < sum(counted) <= 6


def test_one_seed_gives_the_same_bits_and_another_does_not(place, first):
    assert parameters(run(config(place), place / "again")) == parameters(first)
    assert parameters(run(config(place, seed=1), place / "other")) != parameters(first)


def test_a_run_that_was_stopped_goes_on_with_the_same_frames(place, first):
    workdir = run(config(place), stopped(first, 3, place / "resumed"))
    assert_same(workdir, first)
