"""Knee radiographs after (and before) arthroplasty: ten overlapping classes, one U-Net.

python launch.py --config=configs/knee.py          one GPU; not timed or scored yet
python launch.py --config=configs/knee.py:quick    2 CPU cores
"""

from ml_collections import ConfigDict

from configs import base
from fluorojax.simulation.knee_spec import KNEE


def get_config(variant: str = "") -> ConfigDict:
    """Return the configuration at the size `variant`: '' or 'quick'."""
    config = base.get_config(variant)
    config.method = "knee"
    config.data.builder = "knee_synthetic"
    config.simulation = base.simulation(KNEE)
    # A film is upright, and a mirrored one is another knee: right for left.
    config.augment.flip_horizontal_rate = 0.0
    config.augment.rotation_degrees = (-10.0, 10.0)
    config.augment.inversion_rate = 0.2
    if variant == "quick":
        config.data.image_size = (256, 256)
        config.training.crop_size = (256, 256)
        config.training.batch_size = 2
        config.training.steps = 2000
        config.training.eval_every = 1000
        config.training.checkpoint_every = 1000
    return config
