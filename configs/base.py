"""The base of all methods; the other configs are this plus their differences.

`fluorojax/config/fields.py` lists every field with its usual value, its limits and a comment. Not
run by itself: the five methods `single`, `multi`, `separate`, `cascade` and `joint` are, each as
`configs/NAME.py` (one GPU) and `configs/NAME.py:quick` (2 CPU cores).
"""

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder

from fluorojax.config import unflatten
from fluorojax.config.fields import every_field
from fluorojax.simulation.knee.spec import KneeSpec
from fluorojax.simulation.spec import ERCP, Spec, drawn


def get_config(variant: str = "") -> ConfigDict:
    """Return the base of all methods, at the size `variant`: '' (one GPU) or 'quick' (2 cores)."""
    config = full()
    if variant not in ("", "quick"):
        raise ValueError(f"unknown variant {variant!r}: write ':quick', or nothing for one GPU")
    if variant == "quick":
        shrink(config)
    return config


def full() -> ConfigDict:
    """Return the size for one GPU: the usual values."""
    usual = {name: field.default for name, field in every_field().items()}
    config = ConfigDict(unflatten(usual))
    config.init_from = placeholder(str)  # None until it is given, and text then
    config.simulation = simulation()
    return config


def simulation(spec: Spec | KneeSpec = ERCP) -> ConfigDict:
    """Return what is simulated; `fluorojax/simulation/spec.py` has a comment for each field.

    `knee/spec.py` beside it has those of knees.

    Size in pixels is no part of it: `data.size` says it for stored frames, `data.image_size` for
    those simulated while training.
    """
    return ConfigDict({field.name: getattr(spec, field.name) for field in drawn(spec)})


def shrink(config: ConfigDict) -> None:
    """Change the base to a size that ends in at most 10 minutes on 2 CPU cores."""
    config.hardware = "cpu"
    config.data.size = "quick"
    config.data.image_size = (192, 192)
    config.data.threads = 2
    config.data.memory_mb = 1024
    config.model.width = 8.0
    config.loss.attachment_px = 2
    config.model.depth = 4
    config.augment.elastic_px = 3.0
    config.training.steps = 1000
    config.training.batch_size = 2
    config.training.cpu_devices = 2
    config.training.crop_size = (192, 192)  # whole frames: what the wire comes out of is in view
    config.training.learning_rate = 2e-3
    config.training.warmup_steps = 50
    config.training.ema_decay = 0.99
    config.training.log_every = 25
    config.training.eval_every = 500
    config.training.checkpoint_every = 500
