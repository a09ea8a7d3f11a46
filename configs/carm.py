"""The joint cascade for frames it has never seen: trained on simulated C-arm frames alone.

python launch.py --config=configs/carm.py          one GPU; not timed or scored yet
python launch.py --config=configs/carm.py:quick    2 CPU cores, 69 minutes beside other work; on
                                                   real frames, never trained on, centreline recall
                                                   0.72, precision 0.55 at 1 mm (one seed)

Every training frame is new, and its ranges are wider than those of any one procedure, so that a
real one lies within them. The export can be run on real frames of a metal tool and a pin:
`python -m benchmarks.studies.transfer RUN/export FOLDER --out DIR`.
"""

from ml_collections import ConfigDict

from fluorojax.configs import base, joint
from fluorojax.simulation.spec import CARM


def get_config(variant: str = "") -> ConfigDict:
    """Return the configuration at the size `variant`: '' or 'quick'."""
    config = joint.get_config(variant)
    config.method = "carm"
    config.data.builder = "ercp_simulated"
    config.simulation = base.simulation(CARM)
    widen(config.simulation)
    config.augment.rotation_degrees = (-180.0, 180.0)
    config.augment.flip_vertical_rate = 0.5
    if variant == "quick":
        config.training.steps = 4000
        config.training.warmup_steps = 100
        config.training.batch_size = 4
        # A pin is three to four pixels wide, as a guidewire is.
        config.data.image_size = (256, 256)
        config.training.crop_size = (192, 192)
        config.training.ema_decay = 0.995
        config.training.eval_every = 2000
        config.training.checkpoint_every = 1000
    return config


def widen(simulation: ConfigDict) -> None:
    """Let the frames vary more than one hospital's do."""
    simulation.energy_kev = (48.0, 68.0)
    # A real frame is shrunk to this grid, so its noise is averaged: more quanta a pixel.
    simulation.quanta = (500.0, 8000.0)
    simulation.linear_rate = 0.3
    simulation.brightness = (0.3, 0.6)
    simulation.window = (0.15, 0.35)
    simulation.gamma = (0.7, 1.4)
    simulation.blur_px = (0.4, 0.8)
    simulation.limb_rate = 0.85
    simulation.tool_rate = 0.85
    simulation.pin_rate = 0.85
    simulation.wire_diameter_mm = (1.2, 3.2)
