"""Endoscope U-Net, then a guidewire U-Net that sees its output; no gradient between them.

python launch.py --config=configs/cascade.py          one GPU; not timed or scored yet
python launch.py --config=configs/cascade.py:quick    2 CPU cores: endoscope Dice 0.90,
                                                      guidewire clDice 0.80 (5 seeds)
"""

from ml_collections import ConfigDict

from fluorojax.configs import base


def get_config(variant: str = "") -> ConfigDict:
    """Return the configuration at the size `variant`: '' or 'quick'."""
    config = base.get_config(variant)
    config.method = "cascade"
    config.model.stages = "parent_then_child"
    config.model.link = "stop_gradient"
    config.evaluation.presence = "validation"
    return config
