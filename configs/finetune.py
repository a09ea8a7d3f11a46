"""The cascade of configs/carm.py goes on with a few real frames, from what it learned on simulated.

python launch.py --config=configs/finetune.py:quick \\
  --config.init_from=EXPORT --config.data.dir=FOLDER

EXPORT is that of a run of configs/carm.py, at the same size; FOLDER one's own frames, with a
relation. Not timed or scored yet.
"""

from ml_collections import ConfigDict

from configs import carm


def get_config(variant: str = "") -> ConfigDict:
    """Return the configuration at the size `variant`: '' or 'quick'."""
    config = carm.get_config(variant)
    config.method = "finetune"
    # Both are to be given; without, the error names these words.
    config.init_from = "EXPORT"
    config.data.dir = "FOLDER"
    config.data.builder = "xray_folder"
    # What was learned is to be kept: fewer steps, at a lower rate.
    config.training.learning_rate *= 0.3
    config.training.steps = config.training.steps // 5
    config.training.eval_every = config.training.steps // 4
    config.training.checkpoint_every = config.training.steps // 4
    return config
