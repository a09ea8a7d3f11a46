"""One U-Net, all instruments as one label.

python launch.py --config=configs/single.py          one GPU; not timed or scored yet
python launch.py --config=configs/single.py:quick    2 CPU cores: both as one: Dice 0.91 (5 seeds)
"""

import math

from ml_collections import ConfigDict

from fluorojax.configs import base


def get_config(variant: str = "") -> ConfigDict:
    """Return the configuration at the size `variant`: '' or 'quick'."""
    config = base.get_config(variant)
    config.method = "single"
    config.model.labels = "one"
    config.model.width *= math.sqrt(2)  # the parameters of two networks, as the others have
    config.evaluation.presence = "validation"
    return config
