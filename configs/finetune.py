"""The cascade of configs/carm.py goes on with a few real frames, from what it learned on simulated.

python launch.py --config=configs/finetune.py:quick \\
  --config.init_from=EXPORT --config.data.dir=FOLDER

EXPORT is that of a run of configs/carm.py, at the same size; FOLDER one's own frames, with a
relation. With :quick on the six training frames of `carm_wire`, 20 minutes on one CPU core beside
other work (docs/how-to/few-frames.md has the scores); without it not timed or scored yet.
"""

from ml_collections import ConfigDict

from fluorojax.configs import base, carm


def get_config(variant: str = "") -> ConfigDict:
    """Return the configuration at the size `variant`: '' or 'quick'."""
    config = carm.get_config(variant)
    config.method = "finetune"
    # Both are to be given; without, the error names these words.
    config.init_from = "EXPORT"
    config.data.dir = "FOLDER"
    config.data.builder = "xray_folder"
    # Frames of one procedure are taken alike: they vary less than the simulated ones did.
    usual = base.get_config(variant).augment
    config.augment.rotation_degrees = usual.rotation_degrees
    config.augment.flip_vertical_rate = usual.flip_vertical_rate
    config.augment.inversion_rate = 0.0
    config.augment.gamma = (0.5, 1.5)  # what lies behind metal shows at some exposures only
    config.loss.child = 2.0
    config.training.crop_size = config.data.image_size  # tools come in from the border
    config.training.steps = config.training.steps * 2 // 5
    config.training.eval_every = config.training.steps // 4
    config.training.checkpoint_every = config.training.steps // 4
    if variant == "quick":
        config.training.batch_size = 2
    return config
