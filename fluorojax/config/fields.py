"""Every field of a run's configuration: usual value, limits, and one comment each.

`configs/base.py` makes a configuration of them, and `fluorojax.config` checks one against them. The
fields of the section `simulation` are those of what is simulated (`fluorojax.simulation.spec`), and
the weights of most terms of the loss stand beside the terms (`fluorojax.losses.terms`).
"""

import dataclasses
from typing import Any

from fluorojax.config.procedures import BUILDERS
from fluorojax.losses.terms import loss_fields, weight
from fluorojax.schema.limits import (
    Range,
    by_class,
    choice,
    flag,
    number,
    rate,
    sizes,
    text,
    uniform,
    whole,
)

# ruff: noqa: RUF009, the fields below are made by functions on purpose
Size = tuple[int, int]
MOST_STEPS = 100_000_000


@dataclasses.dataclass(frozen=True)
class General:
    """The fields that are in no section."""

    method: str = text("base")  # name of the method, as tables and the default workdir show it
    hardware: str = choice("gpu", ("gpu", "cpu"))  # what this size is meant for
    seed: int = whole(0, 0, 2**31 - 1)  # of parameters, data order and augmentation
    deterministic: bool = flag(False)  # True: bitwise repeatable on a GPU too, but slower there
    # export whose parameters the run starts from: its folder; FOLDER:stage_1 takes one stage of it
    init_from: str | None = text(None)


@dataclasses.dataclass(frozen=True)
class Data:
    """The data set and its way to the device."""

    # 'NAME_synthetic': simulated once and stored; 'NAME_simulated': training frames are ever-new,
    # simulated while training; 'xray_folder': one's own frames
    builder: str = choice("ercp_synthetic", (*BUILDERS, "xray_folder"))
    dir: str = text("")  # xray_folder: the folder with dataset.json and cases.csv
    cases: str = text("cases.csv")  # xray_folder: the table of cases inside the folder
    size: str = choice("512", ("quick", "128", "256", "512", "1024"))  # simulated frames: which set
    built_dir: str = text("datasets")  # where built data sets are kept
    implants: str = text("")  # simulated knees: a folder of models (STL), whose designs they have
    # rows, columns (px) of the grid the network works on
    image_size: Size = sizes(512, 512, 8, 8192)
    # a larger frame is 'shrink': shrunk onto that grid; 'native': learned in windows of that size
    # and predicted in overlapping tiles, at its own resolution
    fit: str = choice("shrink", ("shrink", "native"))
    # 0: splits as stored; n >= 2: validation is one of n folds of train+validation
    folds: int = whole(0, 0, 1000)
    fold: int = whole(0, 0, 999)  # which fold validates, 0 .. folds - 1
    # share of the training patients (or split units) trained on
    train_share: float = number(1.0, 0.0, 1.0, above=True)
    threads: int = whole(8, 1, 1024)  # host threads that read examples
    memory_mb: int = whole(4096, 0, 100_000_000)  # prepared examples kept in memory at most (MB)


@dataclasses.dataclass(frozen=True)
class Augment:
    """The ranges of the random changes made to each training example."""

    affine_rate: float = rate(0.8)  # probability of a rotation, scale and shear
    rotation_degrees: Range = uniform(-20.0, 20.0, -180.0, 180.0)  # uniform, clockwise
    scale: Range = uniform(0.85, 1.2, 0.2, 5.0)  # magnification, uniform in its logarithm
    shear: Range = uniform(-0.05, 0.05, -1.0, 1.0)  # tangent of the angle, uniform
    elastic_rate: float = rate(0.3)  # probability of a smooth deformation
    # largest displacement of a node of the coarse grid (px); at most a third of a cell
    elastic_px: float = number(6.0, 0.0, 512.0)
    elastic_cells: int = whole(5, 1, 64)  # cells a side of that grid, which has 3 more nodes
    flip_horizontal_rate: float = rate(0.5)  # probability of left for right
    flip_vertical_rate: float = rate(0.0)  # probability of top for bottom
    gamma: Range = uniform(0.7, 1.4, 0.1, 10.0)  # exponent of the greys, uniform in its logarithm
    contrast: Range = uniform(0.75, 1.3, 0.05, 20.0)  # factor about the grey value 0.5, uniform
    # offset of the grey values (frame's range = 1), uniform
    brightness: Range = uniform(-0.1, 0.1, -1.0, 1.0)
    inversion_rate: float = rate(0.1)  # probability of the opposite polarity
    noise_rate: float = rate(0.5)  # probability of added noise
    # its standard deviation (frame's range = 1), uniform
    noise_std: Range = uniform(0.0, 0.04, 0.0, 1.0)
    blur_rate: float = rate(0.3)  # probability of a blur, after the noise
    # its standard deviation (px), uniform; the kernel is cut at 3 px
    blur_px: Range = uniform(0.3, 1.0, 0.0, 1.5)
    # probability that the crop is made to contain a thin class
    foreground_oversampling: float = rate(0.7)


@dataclasses.dataclass(frozen=True)
class Model:
    """The network."""

    # 'classes': as in the data set; 'one': all classes as one label
    labels: str = choice("classes", ("classes", "one"))
    # 'together': one U-Net for all; 'per_class': one each; 'parent_then_child': a cascade
    stages: str = choice("together", ("together", "per_class", "parent_then_child"))
    link: str = choice("none", ("none", "stop_gradient", "gradient"))  # what later stages see
    gradient_scale: float = rate(1.0)  # share of the gradient that flows back along link 'gradient'
    # what they are shown besides: where a child of this parent is to be expected, all around the
    # parent, or in front of its tip
    spatial_prior: str = choice("none", ("none", "around", "in_front"))
    # share of the training examples whose later stages are shown blots in place of what the earlier
    # ones found
    context_corruption: float = rate(0.0)
    landmarks: bool = flag(False)  # learn, too, where the child leaves the parent and where it ends
    # channels of the first level, doubled at each level below, to the nearest multiple of 4
    width: float = number(32.0, 1.0, 1024.0)
    depth: int = whole(5, 1, 8)  # number of times the grid is halved
    # side (px) of what is one pixel to the network, its own pixels as channels: 2 leaves out the
    # finest level
    patch: int = whole(1, 1, 16)
    # what the network sees: 0: grey values; n: how they differ from what lies within n, and within
    # 3 n, px of its grid (local contrast normalisation)
    local_contrast: int = whole(0, 0, 500)
    norm: str = choice("group", ("group", "instance", "none"))  # what normalises the channels
    residual: bool = flag(False)  # a skip around each pair of convolutions
    # logits and loss at coarser levels too: there a thin thing is not as rare, and is learned in a
    # third of the steps
    deep_supervision: bool = flag(True)
    remat: bool = flag(False)  # recompute activations in the backward pass: less memory, more time
    dtype: str = choice("float32", ("float32", "bfloat16"))  # of the computation, not of parameters


@dataclasses.dataclass(frozen=True)
class Loss:
    """What the joint loss needs besides the weights and parameters in its table of terms."""

    # share of its weight where a class is not in the example: at 1.0 a class that most examples do
    # not show is best never predicted, until it is known well; at 0.0 cross entropy alone speaks
    dice_absent: float = rate(1.0)
    # that share for single classes, as in 'cement=0,tibia=0.5'
    dice_absent_classes: str = by_class("", 0.0, 1.0)
    # share of the steps after which the relation's weights begin to rise from 0, and are whole: a
    # wire that is not found yet would only be pushed down
    attachment_ramp: Range = uniform(0.3, 0.6, 0.0, 1.0)
    landmarks: float = weight(0.1)  # weight of exit and tip (model.landmarks)
    # weight of the image labels that the data set names, together; 0: they are not learned
    image_labels: float = weight(1.0)
    parent: float = weight(1.0)  # weight of every class but the relation's child
    child: float = weight(1.0)  # weight of the relation's child
    # further weights of single classes, as in 'cement=2,tibia=0.5': what is small needs more
    classes: str = by_class("", 0.0, 1000.0)
    # weight of the coarser levels (model.deep_supervision), halved at each
    auxiliary: float = weight(0.3)


@dataclasses.dataclass(frozen=True)
class Training:
    """The optimisation and what is kept of it."""

    steps: int = whole(20_000, 1, MOST_STEPS)  # updates
    batch_size: int = whole(8, 1, 65_536)  # examples an update, over all devices
    # without a GPU: virtual devices that share the batch, one core each
    cpu_devices: int = whole(1, 1, 1024)
    crop_size: Size = sizes(512, 512, 8, 2048)  # rows, columns (px) that an example is cropped to
    # 'together', or 'stage_by_stage': each stage gets an equal share of the steps
    schedule: str = choice("together", ("together", "stage_by_stage"))
    learning_rate: float = number(1e-3, 0.0, 10.0, above=True)  # peak of AdamW's rate
    # linear rise to the peak; then a cosine to 1 % of it
    warmup_steps: int = whole(500, 0, MOST_STEPS)
    weight_decay: float = number(1e-4, 0.0, 10.0)  # of AdamW
    clip_norm: float = number(1.0, 0.0, 1_000_000, above=True)  # largest norm of the gradient
    ema_decay: float = rate(0.999)  # of the averaged parameters that are evaluated and exported
    log_every: int = whole(50, 1, MOST_STEPS)  # steps
    # steps between evaluations of the validation split
    eval_every: int = whole(1000, 1, MOST_STEPS)
    checkpoint_every: int = whole(1000, 1, MOST_STEPS)  # steps
    best_metric: str = text("mean/dice")  # of the validation split: 'CLASS/METRIC' or 'mean/METRIC'
    # updates left out, for a loss or gradient that is not finite, before the run stops
    most_skipped: int = whole(10, 0, MOST_STEPS)
    images: int = whole(4, 0, 10_000)  # validation cases drawn at each evaluation


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The scores."""

    split: str = choice("test", ("train", "validation", "test"))  # split scored after training
    threshold: float = rate(0.5)  # probability from which a pixel belongs to a class
    # what is exported and scored: 'fixed', the threshold above; 'validation', each class's best one
    # on the validation split
    operating_point: str = choice("fixed", ("fixed", "validation"))
    # n: probabilities are the mean over n x n shifts of the frame by a pixel of the network's grid;
    # with model.patch = n each pixel stands once at every place of a patch. n^2 times the work
    tta_shifts: int = whole(1, 1, 16)
    tta_mirror: bool = flag(False)  # ... and over the same left for right: twice the work again
    # n sizes at which a frame is tried, each smaller by the square root of 2; the steadiest counts
    # (see `fluorojax.inference.tta`). n times the work
    tta_scales: int = whole(1, 1, 5)
    # area (px of the network's grid) below which a piece is dropped, of single classes, as in
    # 'radiolucency=15': what is smaller is as often false as true
    min_component_px: str = by_class("", 0.0, 1_000_000)
    # longest gap that is bridged between the parent and a piece more than a quarter as large as all
    # that is attached; 0: none is
    bridge_mm: float = number(0.0, 0.0, 1000.0)
    bridge_px: float = number(0.0, 0.0, 8192.0)  # the same where the spacing is not known
    # drop pieces of the child that are detached and smaller than that, if more is attached than not
    drop_detached: bool = flag(False)
    # mean probability of the parent's pixels below which neither is done: there may be no parent;
    # a curve takes 0.95 where this is 0
    certainty: float = rate(0.0)
    # how the relation's child (without a relation, every thin class) is found: 'none': by its
    # pixels; 'free': as the curve of most evidence; 'attached': as the one that starts at the
    # parent's tip, where there is one. A curve closes its gaps itself
    curve: str = choice("none", ("none", "free", "attached"))
    # longest gap that a curve passes
    curve_reach_mm: float = number(15.0, 0.0, 1000.0)
    curve_reach_px: float = number(20.0, 0.0, 1000.0)  # the same where the spacing is not known
    # whether a class is in a frame at all: 'fixed': if anything of it is found; 'validation': if as
    # much speaks for it as tells frames with it from others on the validation split; where that has
    # not both, or is itself what is scored, as 'fixed'
    presence: str = choice("fixed", ("fixed", "validation"))
    # a dataset folder of real frames: the parameters kept and exported are those with the highest
    # mean Dice on its validation split (or on all of it), instead of training.best_metric
    real_dir: str = text("")
    # of NSD, centreline and attachment, where the spacing is known
    tolerance_mm: float = number(1.0, 0.0, 100.0, above=True)
    tolerance_px: float = number(2.0, 0.0, 1000.0, above=True)  # the same where it is not


SECTIONS = {
    "": General,
    "data.": Data,
    "augment.": Augment,
    "model.": Model,
    "loss.": Loss,
    "training.": Training,
    "evaluation.": Evaluation,
}
"""What the fields' names begin with, and where they are listed."""


def every_field() -> dict[str, dataclasses.Field[Any]]:
    """Return all fields but those of the section `simulation`, by name, as 'data.image_size'."""
    listed = {
        prefix + field.name: field
        for prefix, section in SECTIONS.items()
        for field in dataclasses.fields(section)
    }
    return listed | {f"loss.{name}": field for name, field in loss_fields().items()}
