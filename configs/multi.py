"""One U-Net, one label for each class.

python launch.py --config=configs/multi.py          one GPU; not timed or scored yet
python launch.py --config=configs/multi.py:quick    2 CPU cores: endoscope Dice 0.89,
                                                    guidewire clDice 0.79 (5 seeds)
"""

import math

from ml_collections import ConfigDict

from fluorojax.configs import base


def get_config(variant: str = "") -> ConfigDict:
    """Return the configuration at the size `variant`: '' or 'quick'."""
    config = base.get_config(variant)
    config.method = "multi"
    config.model.width *= math.sqrt(2)  # the parameters of two networks, as the others have
    config.evaluation.presence = "validation"
    return config
