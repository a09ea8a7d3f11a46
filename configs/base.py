"""Every field of a run, one comment each; the other configs are this plus their differences.

Not run by itself: the five methods `single`, `multi`, `separate`, `cascade` and `joint` are, each
as `configs/NAME.py` (one GPU) and `configs/NAME.py:quick` (2 CPU cores).
"""

import dataclasses

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder

from fluorojax.simulation.knee.spec import KneeSpec
from fluorojax.simulation.spec import ERCP, Spec


def get_config(variant: str = "") -> ConfigDict:
    """Return the base of all methods, at the size `variant`: '' (one GPU) or 'quick' (2 cores)."""
    config = full()
    if variant not in ("", "quick"):
        raise ValueError(f"unknown variant {variant!r}: write ':quick', or nothing for one GPU")
    if variant == "quick":
        shrink(config)
    return config


def full() -> ConfigDict:
    """Return the size for one GPU."""
    config = ConfigDict()
    config.method = "base"  # name of the method, as tables and the default workdir show it
    config.hardware = "gpu"  # what this size is meant for: 'gpu' or 'cpu'
    config.seed = 0  # of parameters, data order and augmentation; an integer >= 0
    config.deterministic = False  # True: bitwise repeatable on a GPU too, but slower there
    # export whose parameters the run starts from: its folder; FOLDER:stage_1 takes one stage of it
    config.init_from = placeholder(str)
    config.data = data()
    config.simulation = simulation()
    config.augment = augment()
    config.model = model()
    config.loss = loss()
    config.training = training()
    config.evaluation = evaluation()
    return config


def data() -> ConfigDict:
    """Return the fields of the data set and its way to the device."""
    data = ConfigDict()
    # 'ercp_synthetic', 'knee_synthetic': simulated once and stored; 'ercp_simulated',
    # 'knee_simulated': training frames are ever-new, simulated while training; 'xray_folder': one's
    # own frames
    data.builder = "ercp_synthetic"
    data.dir = ""  # xray_folder: the folder with dataset.json and cases.csv
    data.cases = "cases.csv"  # xray_folder: the table of cases inside the folder
    data.size = "512"  # simulated frames: which set, such as 'quick' or '512'
    data.built_dir = "datasets"  # where built data sets are kept
    data.image_size = (512, 512)  # rows, columns (px) of the grid the network works on
    data.folds = 0  # 0: splits as stored; n >= 2: validation is one of n folds of train+validation
    data.fold = 0  # which fold validates, 0 .. folds - 1
    data.train_share = 1.0  # share of the training patients (or split units) trained on, in (0, 1]
    data.threads = 8  # host threads that read examples
    data.memory_mb = 4096  # prepared examples kept in memory at most (MB)
    return data


def simulation(spec: Spec | KneeSpec = ERCP) -> ConfigDict:
    """Return what is simulated; `fluorojax/simulation/spec.py` has a comment for each field.

    `knee_spec.py` beside it has those of knees.

    Size in pixels is no part of it: `data.size` says it for stored frames, `data.image_size` for
    those simulated while training.
    """
    fields = dataclasses.asdict(spec)
    return ConfigDict({k: v for k, v in fields.items() if k not in ("height", "width")})


def augment() -> ConfigDict:
    """Return the ranges of the random changes made to each training example."""
    augment = ConfigDict()
    augment.affine_rate = 0.8  # probability of a rotation, scale and shear
    augment.rotation_degrees = (-20.0, 20.0)  # uniform, clockwise
    augment.scale = (0.85, 1.2)  # magnification, uniform in its logarithm
    augment.shear = (-0.05, 0.05)  # tangent of the angle, uniform
    augment.elastic_rate = 0.3  # probability of a smooth deformation
    augment.elastic_px = 6.0  # largest displacement of a node of the coarse grid (px)
    augment.elastic_cells = 5  # nodes a side of that grid
    augment.flip_horizontal_rate = 0.5  # probability of left for right
    augment.flip_vertical_rate = 0.0  # probability of top for bottom
    augment.gamma = (0.7, 1.4)  # exponent of the grey values, uniform in its logarithm
    augment.contrast = (0.75, 1.3)  # factor about the grey value 0.5, uniform
    augment.brightness = (-0.1, 0.1)  # offset of the grey values (frame's range = 1), uniform
    augment.inversion_rate = 0.1  # probability of the opposite polarity
    augment.noise_rate = 0.5  # probability of added noise
    augment.noise_std = (0.0, 0.04)  # its standard deviation (frame's range = 1), uniform
    augment.blur_rate = 0.3  # probability of a blur, after the noise
    augment.blur_px = (0.3, 1.0)  # its standard deviation (px), uniform; at most 1.5
    # probability that the crop is made to contain a thin class
    augment.foreground_oversampling = 0.7
    return augment


def model() -> ConfigDict:
    """Return the fields of the network."""
    model = ConfigDict()
    model.labels = "classes"  # 'classes': as in the data set; 'one': all classes as one label
    # 'together': one U-Net for all; 'per_class': one each; 'parent_then_child': a cascade
    model.stages = "together"
    model.link = "none"  # what later stages see: 'none', 'stop_gradient' or 'gradient'
    # share of the gradient that flows back along link 'gradient', 0 .. 1
    model.gradient_scale = 1.0
    # what they are shown besides: where a child of this parent is to be expected. 'none',
    # 'around' (all around the parent) or 'in_front' (in front of its tip)
    model.spatial_prior = "none"
    # share of the training examples whose later stages are shown blots in place of what the earlier
    # ones found, 0 .. 1
    model.context_corruption = 0.0
    model.landmarks = False  # learn, too, where the child leaves the parent and where it ends
    # channels of the first level, doubled at each level below, to the nearest multiple of 4
    model.width = 32.0
    model.depth = 5  # number of times the grid is halved
    # side (px) of what is one pixel to the network, its own pixels as channels: 2 leaves out the
    # finest level
    model.patch = 1
    model.norm = "group"  # 'group', 'instance' or 'none'
    model.residual = False  # a skip around each pair of convolutions
    model.deep_supervision = False  # logits and loss at coarser levels too
    model.remat = False  # recompute activations in the backward pass: less memory, more time
    model.dtype = "float32"  # compute type, 'float32' or 'bfloat16'; parameters stay float32
    return model


def loss() -> ConfigDict:
    """Return the weights of the joint loss's terms."""
    loss = ConfigDict()
    loss.cross_entropy = 1.0  # weight of cross entropy, all classes
    loss.dice = 1.0  # weight of soft Dice, all classes
    # pixels added to its areas; the more, the less a few false pixels of an absent class weigh
    loss.dice_smooth = 1.0
    # share of its weight where a class is not in the example: at 1.0 a class that most examples do
    # not show is best never predicted, until it is known well; at 0.0 cross entropy alone speaks
    loss.dice_absent = 1.0
    loss.dice_absent_classes = ""  # that share for single classes, as in 'cement=0,tibia=0.5'
    loss.skeleton_recall = 1.0  # weight of recall on the reference centreline, thin classes
    loss.cldice = 0.0  # weight of soft clDice, thin classes
    loss.cldice_iterations = 5  # of its skeletons: half the width of the thickest wire (px)
    # weight of the focal loss, all classes: of the same pull on what is small and not found yet
    loss.focal = 0.0
    loss.focal_gamma = 2.0  # its exponent: how little counts what is right already
    loss.tversky = 0.0  # weight of the Tversky loss, all classes
    loss.tversky_miss = 0.7  # a missed pixel's share of its cost; 0.5 is Dice
    loss.boundary = 0.0  # weight of the boundary loss, all classes
    loss.boundary_px = 8  # distance (px) from which on an error costs no more
    loss.attachment = 0.0  # weight of the share of the child that is not joined to its parent
    loss.disconnection = 0.0  # weight of the share of the reference child that no path joins to it
    loss.attachment_px = 4  # side of the blocks (px) it is looked at in: smaller gaps are not seen
    # share of the steps after which these weights begin to rise from 0, and are whole: a wire that
    # is not found yet would only be told to go
    loss.attachment_ramp = (0.3, 0.6)
    loss.landmarks = 0.1  # weight of exit and tip (model.landmarks)
    # weight of the image labels that the data set names, together; 0: they are not learned
    loss.image_labels = 1.0
    loss.parent = 1.0  # weight of every class but the relation's child
    loss.child = 1.0  # weight of the relation's child
    # further weights of single classes, as in 'cement=2,tibia=0.5': what is small needs more
    loss.classes = ""
    loss.auxiliary = 0.3  # weight of the coarser levels (deep_supervision), halved at each
    return loss


def training() -> ConfigDict:
    """Return the fields of the optimisation and of what is kept of it."""
    training = ConfigDict()
    training.steps = 20_000  # updates
    training.batch_size = 8  # examples an update, over all devices
    training.cpu_devices = 1  # without a GPU: virtual devices that share the batch, one core each
    training.crop_size = (512, 512)  # rows, columns (px) that an example is cropped to
    # 'together', or 'stage_by_stage': each stage gets an equal share of the steps
    training.schedule = "together"
    training.learning_rate = 1e-3  # peak of AdamW's rate
    training.warmup_steps = 500  # linear rise to the peak; then a cosine to 1 % of it
    training.weight_decay = 1e-4  # of AdamW
    training.clip_norm = 1.0  # largest norm of the gradient
    training.ema_decay = 0.999  # of the averaged parameters that are evaluated and exported
    training.log_every = 50  # steps
    training.eval_every = 1000  # steps between evaluations of the validation split
    training.checkpoint_every = 1000  # steps
    training.best_metric = "mean/dice"  # of the validation split: 'CLASS/METRIC' or 'mean/METRIC'
    # updates left out, for a loss or gradient that is not finite, before the run stops
    training.most_skipped = 10
    training.images = 4  # validation cases drawn at each evaluation
    return training


def evaluation() -> ConfigDict:
    """Return the fields of the scores."""
    evaluation = ConfigDict()
    evaluation.split = "test"  # split scored after training
    evaluation.threshold = 0.5  # probability from which a pixel belongs to a class
    # what is exported and scored: 'fixed', the threshold above; 'validation', each class's best one
    # on the validation split
    evaluation.operating_point = "fixed"
    # n: probabilities are the mean over n x n shifts of the frame by a pixel of the network's grid;
    # with model.patch = n each pixel stands once at every place of a patch. n^2 times the work
    evaluation.tta_shifts = 1
    evaluation.tta_mirror = False  # ... and over the same left for right: twice the work again
    # area (px of the network's grid) below which a piece is dropped, of single classes, as in
    # 'radiolucency=15': what is smaller is as often false as true
    evaluation.min_component_px = ""
    # longest gap that is bridged between the parent and a piece more than a quarter as large as all
    # that is attached; 0: none is
    evaluation.bridge_mm = 0.0
    evaluation.bridge_px = 0.0  # the same where the spacing is not known
    # drop pieces of the child that are detached and smaller than that, if more is attached than not
    evaluation.drop_detached = False
    # mean probability of the parent's pixels below which neither is done: there may be no parent
    evaluation.certainty = 0.0
    evaluation.tolerance_mm = 1.0  # of NSD, centreline and attachment, where the spacing is known
    evaluation.tolerance_px = 2.0  # the same where it is not
    return evaluation


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
