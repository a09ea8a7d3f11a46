"""Knee radiographs before and after arthroplasty: ten overlapping classes, type, view and side.

python launch.py --config=configs/knee.py          one GPU; not timed or scored yet
python launch.py --config=configs/knee.py:512      2 CPU cores, 82 minutes: Dice of bones 0.97 to
                                                   0.99, of metal 0.96 and 0.985, type right in
                                                   200 of 200 films; angles to 0.1 to 0.4 degrees
                                                   (one seed)
python launch.py --config=configs/knee.py:quick    2 CPU cores, 8 minutes: Dice of bones 0.94 to
                                                   0.98, of metal 0.93 and 0.96, type right in
                                                   119 of 120 films (one seed)
python launch.py --config=configs/knee.py:wide     one CPU core, 25 minutes: films as they come,
                                                   fluoroscopy among them; on real fluoroscopy,
                                                   never trained on, Dice of components 0.88 and
                                                   0.68 (docs/knee.md)
python launch.py --config=configs/knee.py:finetune goes on from an export of :wide with a few real
  --config.init_from=EXPORT --config.data.dir=FOLDER   films, whatever of its classes they have

One U-Net and one joint loss for all; no relation, no curves, no attachment.
"""

from ml_collections import ConfigDict

from fluorojax.configs import base
from fluorojax.simulation.knee.spec import KNEE, WIDE


def get_config(variant: str = "") -> ConfigDict:
    """Return the configuration of the variant: '', '512', 'quick', 'wide' or 'finetune'."""
    config = base.get_config("quick" if variant in ("512", "wide", "finetune") else variant)
    config.method = "knee"
    config.data.builder = "knee_synthetic"
    config.simulation = base.simulation(WIDE if variant == "wide" else KNEE)
    # Each film is normalised by itself, channel by channel: ten classes are learned in fewer steps.
    # The residual path lets grey values past that. A run without it, and with image labels of
    # weight 1, saw metal in native knees; which of the two mended it was not tested.
    config.model.norm = "instance"
    config.model.residual = True
    config.model.deep_supervision = False  # the scores above are of runs without it
    config.loss.image_labels = 3.0
    # A film is upright, and a mirrored one is another knee: right for left.
    config.augment.flip_horizontal_rate = 0.0
    config.augment.rotation_degrees = (-10.0, 10.0)
    config.augment.inversion_rate = 0.2
    # Masks do not mind a mirror, and the side is predicted from the film as it is.
    config.evaluation.tta_mirror = True
    if variant in ("quick", "512", "wide", "finetune"):
        shrink(config)
    if variant == "512":
        refine(config)
    if variant in ("wide", "finetune"):
        widen(config)
    if variant == "finetune":
        learn_on(config)
    return config


def shrink(config: ConfigDict) -> None:
    """Change what the base's quick size leaves too large, or too small, for knees."""
    config.data.image_size = (256, 256)
    config.training.crop_size = (256, 256)
    config.model.depth = 5  # one level more than for 192 px: a knee is seen whole
    config.training.steps = 2400
    config.training.learning_rate = 6e-3
    config.training.warmup_steps = 100
    config.training.eval_every = 1200
    config.training.checkpoint_every = 1200
    # Films are simulated in many ways, and few are seen twice: little has to be added.
    config.augment.affine_rate = 0.5
    config.augment.elastic_rate = 0.0
    config.augment.gamma = (0.85, 1.2)
    config.augment.contrast = (0.9, 1.1)
    config.augment.brightness = (-0.05, 0.05)
    config.augment.inversion_rate = 0.1
    config.augment.noise_rate = 0.2
    config.augment.blur_rate = 0.1


def widen(config: ConfigDict) -> None:
    """Change the quick size to films as they come, of which more have to be seen.

    On a grid of half as many rows and columns three times as many are seen in the same time: which
    shapes there are is learned from many films, and not from fine ones.
    """
    config.model.deep_supervision = True
    config.model.depth = 4
    config.data.size = "128"
    config.data.image_size = (128, 128)
    config.training.crop_size = (128, 128)
    config.training.batch_size = 6
    config.training.learning_rate = 8e-3
    config.training.cpu_devices = 1
    # What is bright or dark in a film as a whole is another matter in every hospital: seen by their
    # grey values real components were not found, by their local contrast they are (docs/knee.md).
    config.model.local_contrast = 8
    config.augment.gamma = (0.5, 2.0)
    config.augment.inversion_rate = 0.0  # the films have both polarities already
    config.augment.rotation_degrees = (-20.0, 20.0)
    config.training.steps = 2500
    config.training.eval_every = 500
    config.training.checkpoint_every = 500


def learn_on(config: ConfigDict) -> None:
    """Change the wide size to what goes on with a few real films, at twice its resolution."""
    # Both are to be given; without, the error names these words.
    config.init_from = "EXPORT"
    config.data.dir = "FOLDER"
    config.data.builder = "xray_folder"
    config.data.image_size = (256, 256)
    config.training.crop_size = (256, 256)
    config.model.local_contrast = 16  # as far in the film: with 8 it was 0.01 worse
    config.training.batch_size = 4
    config.training.learning_rate = 2e-3
    config.training.steps = 300
    config.training.eval_every = 75
    config.training.checkpoint_every = 75


def refine(config: ConfigDict) -> None:
    """Change the quick size to films of twice the resolution, and to hours."""
    config.data.size = "512"
    config.data.image_size = (512, 512)
    config.data.memory_mb = 3600
    config.training.crop_size = (512, 512)
    # Patches of 2 x 2: as many pixels to the network as in the quick size.
    config.model.patch = 2
    config.model.width = 16.0
    config.training.steps = 10_000
    config.training.eval_every = 5000
    config.training.checkpoint_every = 1000
    config.training.cpu_devices = 1  # one that uses both cores takes 0.44 s a step, two take 0.53 s
    # What is small and not in every film is never predicted otherwise, until it is known well.
    config.loss.dice_absent_classes = "radiolucency=0,osteophyte=0"
    config.loss.classes = (
        "femoral_component=1.5,tibial_component=2,femur=1.5,tibia=1.5,radiolucency=2,osteophyte=2"
    )
    config.evaluation.min_component_px = (
        "radiolucency=30,osteophyte=20,cement=20,femoral_component=60,tibial_component=60"
    )
    config.evaluation.tta_shifts = 2  # each pixel at every place of a patch
