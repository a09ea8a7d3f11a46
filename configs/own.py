"""One's own frames: `fluorojax check FOLDER` says with which of these, and which sizes, to start.

python launch.py --config=configs/own.py:VARIANT --config.data.dir=FOLDER

VARIANT is one of `regions` (nothing thin), `curves` (thin things, with or without regions) and
`relation` (a thin thing that comes out of a region), for one GPU; with `-quick` behind it for 2 CPU
cores. `quick` alone is `regions-quick`, and nothing is `regions`. Not timed or scored on a GPU yet;
`check` measures how long it takes on the machine at hand.
"""

from ml_collections import ConfigDict

from fluorojax.configs import base, joint

KINDS = ("regions", "curves", "relation")


def get_config(variant: str = "") -> ConfigDict:
    """Return the configuration of a variant, such as 'relation-quick'."""
    kind, _, size = ("regions-quick" if variant == "quick" else variant or "regions").partition("-")
    if kind not in KINDS or variant.endswith("-") or size not in ("", "quick"):
        named = ", ".join(f":{name}, :{name}-quick" for name in KINDS)
        raise ValueError(f"unknown variant {variant!r}: write one of {named}, or :quick")
    config = (joint if kind == "relation" else base).get_config(size)
    config.method = "own"
    config.data.builder = "xray_folder"
    config.data.dir = "FOLDER"  # to be given; without, the error names this word
    # Frames of one place are taken alike: white on black stays white on black.
    config.augment.inversion_rate = 0.0
    if kind == "curves":
        config.loss.skeleton_recall = 0.5  # between wires (1) and vessels (0.25)
    if size == "quick":
        shrink(config, kind)
    return config


def shrink(config: ConfigDict, kind: str) -> None:
    """Change what the base's quick size leaves too small for few frames of one's own."""
    config.training.batch_size = 4
    config.training.warmup_steps = 100
    config.training.ema_decay = 0.995
    if kind != "relation":
        config.model.width = 16.0  # one network, and not two
