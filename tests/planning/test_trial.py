import numpy as np
import pytest

from fluorojax.config_file import read_config
from fluorojax.planning import trial
from tests.folders import write_folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "fit", "side"),
    [
        ("own:curves-quick", "shrink", 64),
        ("own:relation-quick", "shrink", 64),
        ("own:relation-quick", "native", 96),
    ],
)
def test_a_trial_measures_a_step(tmp_path, config, fit, side):
    folder = write_folder(tmp_path / "toy", size=side)
    small = [
        f"--config.data.fit={fit}",
        *("--config.data.image_size=64,64", "--config.training.crop_size=64,64"),
        *("--config.training.batch_size=2", "--config.model.width=4.0"),
        f"--config.data.dir={folder}",
    ]
    found = trial.measure(trial.Trial(config, small, str(folder), "cases.csv", "c0"))
    assert found.step_s > 0
    assert found.compile_s > found.step_s
    assert 100 < found.memory_mb < 100_000
    assert found.platform in ("cpu", "gpu")


@pytest.mark.parametrize(("fit", "curve"), [("native", 3), ("shrink", 2)])
def test_a_trial_s_batch_is_as_in_training(tmp_path, fit, curve):
    folder = write_folder(tmp_path / "toy", size=96)
    own = ["--config.data.image_size=64,48", "--config.training.crop_size=48,48"]
    own += [f"--config.data.fit={fit}", f"--config.data.dir={folder}"]
    given = trial.Trial("own:curves-quick", own, str(folder), "cases.csv", "c0")
    _, batch = trial._batch(read_config(given.config, own), given)
    assert batch["image"].shape == batch["mask"].shape == (4, 64, 48)
    wire = batch["mask"][0] & 2 > 0
    assert wire.any(), "a window shows the curve"
    assert np.median(wire.sum(0)[wire.any(0)]) == curve  # of 3 px; half of it where shrunk
