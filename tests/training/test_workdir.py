import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from fluorojax.data.info import ClassInfo, DatasetInfo
from fluorojax.errors import InputError
from fluorojax.training import workdir
from tests.integration.runs import small_config

DATASET = SimpleNamespace(
    info=DatasetInfo("toy", (ClassInfo("a", "region"),)), fingerprint="f" * 64
)


def config(**fields):
    return small_config("joint", Path("frames"), Path("built"), **fields)


def test_the_record_says_what_a_result_depends_on(tmp_path):
    workdir.claim(tmp_path / "run", config(), DATASET)
    record = json.loads((tmp_path / "run/config.json").read_text())
    assert record["config"]["training"]["steps"] == config().training.steps
    assert record["dataset"]["fingerprint"] == DATASET.fingerprint
    assert record["dataset"]["split_unit"] == "patient"
    assert {"versions", "git_revision", "devices"} <= record.keys()


def test_the_same_run_may_go_on_and_some_fields_may_change(tmp_path):
    workdir.claim(tmp_path, config(), DATASET)
    workdir.claim(tmp_path, config(**{"data.threads": 7, "training.log_every": 1}), DATASET)


def test_another_run_is_refused_with_the_fields_that_differ(tmp_path):
    workdir.claim(tmp_path, config(), DATASET)
    other = SimpleNamespace(info=DATASET.info, fingerprint="0" * 64)
    with pytest.raises(InputError, match=r"(?s)seed: 0 there, 3 here.*content: ffff"):
        workdir.claim(tmp_path, config(seed=3), other)


def test_the_default_folder_tells_method_data_and_seed_apart():
    assert workdir.default(config(seed=2)) == Path("runs/joint-frames-seed2")
    simulated = config(**{"data.builder": "ercp_synthetic"})
    assert workdir.default(simulated) == Path("runs/joint-quick-seed0")
