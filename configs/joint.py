"""The cascade trained end to end, with one joint loss and the spatial relation.

python launch.py --config=configs/joint.py          one GPU; not timed or scored yet
python launch.py --config=configs/joint.py:quick    2 CPU cores, 7 to 12 minutes: endoscope Dice
                                                    0.96, guidewire clDice 0.89 (one seed)
"""

from ml_collections import ConfigDict

from fluorojax.configs import base


def get_config(variant: str = "") -> ConfigDict:
    """Return the configuration at the size `variant`: '' or 'quick'."""
    config = base.get_config(variant)
    config.method = "joint"
    config.model.stages = "parent_then_child"
    config.model.link = "gradient"
    config.model.gradient_scale = 0.1
    config.model.spatial_prior = "in_front"
    config.model.context_corruption = 0.25
    config.loss.attachment = 0.1
    config.evaluation.curve = "attached"
    config.evaluation.certainty = 0.95
    config.evaluation.presence = "validation"
    return config
