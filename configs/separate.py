"""Independent U-Nets, one for each class.

python launch.py --config=configs/separate.py          one GPU; not timed or scored yet
python launch.py --config=configs/separate.py:quick    2 CPU cores: endoscope Dice 0.90,
                                                       guidewire clDice 0.79 (5 seeds)
"""

from ml_collections import ConfigDict

from fluorojax.configs import base


def get_config(variant: str = "") -> ConfigDict:
    """Return the configuration at the size `variant`: '' or 'quick'."""
    config = base.get_config(variant)
    config.method = "separate"
    config.model.stages = "per_class"
    config.evaluation.presence = "validation"
    return config
