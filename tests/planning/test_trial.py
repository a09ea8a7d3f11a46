import pytest

from fluorojax.planning import trial
from tests.folders import write_folder


@pytest.mark.slow
@pytest.mark.parametrize("config", ["own:curves-quick", "own:relation-quick"])
def test_a_trial_measures_a_step(tmp_path, config):
    folder = write_folder(tmp_path / "toy")
    small = [
        *("--config.data.image_size=64,64", "--config.training.crop_size=64,64"),
        *("--config.training.batch_size=2", "--config.model.width=4.0"),
        f"--config.data.dir={folder}",
    ]
    found = trial.measure(trial.Trial(config, small, str(folder), "cases.csv", "c0"))
    assert found.step_s > 0
    assert found.compile_s > found.step_s
    assert 100 < found.memory_mb < 100_000
    assert found.platform in ("cpu", "gpu")
