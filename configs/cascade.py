"""Endoscope U-Net, then a guidewire U-Net that sees its output; trained one after the other.

python launch.py --config=configs/cascade.py          one GPU; not timed or scored yet
python launch.py --config=configs/cascade.py:quick    2 CPU cores; not timed or scored yet
"""

from ml_collections import ConfigDict

from configs import base


def get_config(variant: str = "") -> ConfigDict:
    """Return the configuration at the size `variant`: '' or 'quick'."""
    config = base.get_config(variant)
    config.method = "cascade"
    config.model.stages = "parent_then_child"
    config.model.link = "stop_gradient"
    config.training.schedule = "stage_by_stage"
    return config
