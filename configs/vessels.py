"""One U-Net of the size of a cascade's stage, for frames with one thin class: vessels.

python launch.py --config=configs/vessels.py:quick --config.data.dir=FOLDER \\
  --config.init_from=EXPORT:stage_1

EXPORT is that of a run of configs/separate.py at the same size, whose second stage has learned
guidewires; without `init_from` the network starts from drawn parameters.
"""

from ml_collections import ConfigDict

from fluorojax.configs import base


def get_config(variant: str = "") -> ConfigDict:
    """Return the configuration at the size `variant`: '' or 'quick'."""
    config = base.get_config(variant)
    config.method = "vessels"
    config.data.builder = "xray_folder"
    config.data.dir = "FOLDER"
    config.augment.flip_vertical_rate = 0.5
    config.augment.inversion_rate = 0.0  # filled vessels are dark on every frame
    config.model.deep_supervision = False  # what it brings here has not been measured yet
    config.loss.skeleton_recall = 0.25  # they are wider than wires: the area says enough
    if variant == "quick":
        config.data.image_size = (304, 304)  # no frame is shrunk
        config.training.batch_size = 4
        config.training.steps = 600
        config.training.eval_every = 200
        config.training.checkpoint_every = 200
    return config
