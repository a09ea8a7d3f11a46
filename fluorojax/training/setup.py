"""From a configuration and a data set to the parts of a run; the only room that unpacks both."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict

from fluorojax.config import fields_of
from fluorojax.config.fields import every_field
from fluorojax.core.errors import InputError
from fluorojax.core.progress import console
from fluorojax.datasets.source import Dataset, Frames
from fluorojax.evaluation.evaluate import Scoring
from fluorojax.evaluation.real import RealFrames, real_frames
from fluorojax.inference.curve import CurveRules
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.postprocess import GapClosing
from fluorojax.inference.predictor import Fitting, Predictor
from fluorojax.inference.tta import TtaSpec
from fluorojax.losses.joint import LossSpec
from fluorojax.losses.terms import TERMS, parameters
from fluorojax.metrics.case import METRICS, MetricSettings
from fluorojax.models.cascade import LANDMARKS, Cascade, Parameters
from fluorojax.models.convolution import conv3x3
from fluorojax.models.spec import STAGES, NetworkSpec, build
from fluorojax.schema.info import DatasetInfo, ImageLabelInfo
from fluorojax.schema.labels import LABELS
from fluorojax.schema.limits import ByClass, limits_of
from fluorojax.training import optimizer as optimizers
from fluorojax.training.augment import AugmentSpec
from fluorojax.training.pretrained import classes_of, from_export
from fluorojax.training.state import TrainState, initial_parameters, initial_state
from fluorojax.training.steps import StepSpec


@dataclasses.dataclass(frozen=True)
class Run:
    """Everything a run is made of, before its first step."""

    config: ConfigDict
    dataset: Dataset
    info: DatasetInfo  # classes as learned
    spec: NetworkSpec
    network: Cascade
    optimizer: optax.GradientTransformation
    learning_rate: optax.Schedule
    step: StepSpec
    metrics: MetricSettings
    real: RealFrames | None = None  # on which the best parameters are chosen, where there are any

    def first_state(self) -> TrainState:
        """Return the state before the first update, from an export where `init_from` names one."""
        drawn = initial_parameters(self.network, self.config.seed, self.step.crop_size)
        if self.config.init_from:
            classes = classes_of(self.spec, self.info.class_names)
            drawn = from_export(self.config.init_from, drawn, classes)
        return initial_state(drawn, self.optimizer)

    def blank_state(self) -> TrainState:
        """Return zeros in the shapes of a state, to read a checkpoint into; nothing is drawn."""
        shapes = jax.eval_shape(self.first_state)
        return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)

    def frames(self, split: str) -> Frames:
        """Return the stored frames of a split, or of a fold or share where the config asks."""
        data = self.config.data
        return self.dataset.split(
            split, folds=data.folds, fold=data.fold, train_share=data.train_share
        )

    def predictor(self, parameters: Parameters) -> Predictor:
        """Return a network with the given parameters that takes raw frames."""
        return Predictor(
            self.spec,
            parameters,
            tuple(self.config.data.image_size),
            mask_rules(self.config, self.info),
            image_labels_learned(self.config, self.info),
            fitting=Fitting(self.config.data.fit),
        )

    @property
    def scoring(self) -> Scoring:
        """What validation and evaluation score the frames as."""
        return Scoring(self.info, len(self.dataset.info.classes), self.metrics)


def set_up(config: ConfigDict, dataset: Dataset) -> Run:
    """Put a run together.

    Raises:
        InputError: the configuration does not fit the data set.
    """
    check_splits(dataset)
    info = LABELS[config.model.labels](dataset.info)
    check_best_metric(config.training.best_metric, info)
    check_flips(config, info)
    check_fit(config, info)
    mask_rules(config, info)  # said before the training, not after it
    real_dir = config.evaluation.real_dir
    spec = network_spec(config, info)
    schedule = optimizers.OptimizerSpec(
        steps=config.training.steps,
        learning_rate=config.training.learning_rate,
        warmup_steps=config.training.warmup_steps,
        weight_decay=config.training.weight_decay,
        clip_norm=config.training.clip_norm,
    )
    return Run(
        config=config,
        dataset=dataset,
        info=info,
        spec=spec,
        network=build(spec),
        optimizer=optimizers.SCHEDULES[config.training.schedule](schedule, len(spec.stages)),
        learning_rate=optimizers.RATES[config.training.schedule](schedule, len(spec.stages)),
        step=StepSpec(
            seed=config.seed,
            stored_classes=len(dataset.info.classes),
            learned_classes=len(info.classes),
            landmarks=len(LANDMARKS) if spec.landmarks else 0,
            curves=info.curves,
            crop_size=tuple(config.training.crop_size),
            augment=augment_spec(config),
            loss=loss_spec(config, info),
            context_corruption=config.model.context_corruption,
            relation_ramp=relation_ramp(config),
            ema_decay=config.training.ema_decay,
        ),
        metrics=MetricSettings(
            tolerance_mm=config.evaluation.tolerance_mm,
            tolerance_px=config.evaluation.tolerance_px,
        ),
        real=real_frames(real_dir, info.class_names) if real_dir else None,
    )


def check_splits(dataset: Dataset) -> None:
    """Check that a data set is not for evaluation alone.

    Raises:
        InputError: all its frames are of the split test.
    """
    if dataset.index and all(row.split == "test" for row in dataset.index):
        raise InputError(
            f"{dataset.info.name}: all {len(dataset.index)} frames are of the split test, so there "
            "is nothing to train on; write train and validation into the column split of some, or "
            "run fluorojax evaluate on them"
        )


def check_best_metric(name: str, info: DatasetInfo) -> None:
    """Check that the metric `name` can choose the best parameters: higher must be better.

    Raises:
        InputError: lists the names there are.
    """
    kinds = {c.kind for c in info.classes}
    upward = {m: set(metric.kinds) for m, metric in METRICS.items() if metric.better == "higher"}
    known = [f"{c.name}/{m}" for c in info.classes for m in upward if c.kind in upward[m]]
    known += [f"mean/{m}" for m in upward if kinds <= upward[m]]
    if name not in known:
        raise InputError(f"training.best_metric is {name!r}; write one of: {', '.join(known)}")


def image_labels_learned(config: ConfigDict, info: DatasetInfo) -> tuple[ImageLabelInfo, ...]:
    """Return the image labels that a configuration's network learns: all of them, or none."""
    return info.image_labels if config.loss.image_labels else ()


def check_flips(config: ConfigDict, info: DatasetInfo) -> None:
    """Check that no frame is mirrored where its mirror image would have another image_label.

    Raises:
        InputError: names the image label and the fields.
    """
    fields = ("flip_horizontal_rate", "flip_vertical_rate")
    mirrored = [f"augment.{name}" for name in fields if config.augment[name]]
    for image_label in image_labels_learned(config, info):
        if image_label.chiral and mirrored:
            raise InputError(
                f"image label {image_label.name!r} of {info.name!r} is chiral: a mirrored frame "
                f"has another value; write {', '.join(f'--config.{n}=0.0' for n in mirrored)}, or "
                "--config.loss.image_labels=0.0 to learn no image labels"
            )


def check_fit(config: ConfigDict, info: DatasetInfo) -> None:
    """Check that no image label of whole frames is to be learned from windows of them.

    Raises:
        InputError: names the image label and the fields.
    """
    if config.data.fit == "native" and (learned := image_labels_learned(config, info)):
        raise InputError(
            f"image label {learned[0].name!r} of {info.name!r} belongs to a whole frame, and with "
            "data.fit='native' the network sees windows of it; write "
            "--config.loss.image_labels=0.0 to learn no image labels, or data.fit='shrink'"
        )


def usable_dtype(name: str) -> str:
    """Return the compute type asked for, or 'float32' where a trial convolution in it fails.

    Convolutions in bfloat16 have failed in the autotuners of some drivers; better at once and in
    plain words than in the middle of a compilation.
    """
    x, kernel = jnp.ones((1, 8, 8, 8), name), jnp.ones((3, 3, 8, 8), name)
    try:
        jax.block_until_ready(jax.jit(conv3x3)(x, kernel))
    except jax.errors.JaxRuntimeError as error:
        console.print(f"warning: no convolution in {name} here ({error}); float32 is used instead")
        return "float32"
    return name


def network_spec(config: ConfigDict, info: DatasetInfo) -> NetworkSpec:
    """Return the network of a configuration for the classes of a data set.

    Raises:
        InputError: landmarks are to be learned, and there is no relation.
    """
    model = config.model
    if model.landmarks and info.relation is None:
        raise InputError(
            f"model.landmarks needs a relation, and the labels learned of {info.name!r} have none; "
            "write model.landmarks=False, or add a relation to dataset.json"
        )
    return NetworkSpec(
        stages=STAGES[model.stages](info),
        link=model.link,
        parent_class=info.index(info.relation.parent) if info.relation else None,
        child_class=info.index(info.relation.child) if info.relation else None,
        spatial_prior=model.spatial_prior,
        landmarks=model.landmarks,
        gradient_scale=model.gradient_scale,
        width=model.width,
        depth=model.depth,
        norm=model.norm,
        residual=model.residual,
        deep_supervision=model.deep_supervision,
        remat=model.remat,
        dtype=usable_dtype(model.dtype),
        image_labels=tuple(len(a.values) for a in image_labels_learned(config, info)),
        patch=model.patch,
        local_contrast=model.local_contrast,
    )


def augment_spec(config: ConfigDict) -> AugmentSpec:
    """Return the ranges of the augmentation; the fields have the same names."""
    return AugmentSpec(**fields_of(config.augment))


def mask_rules(config: ConfigDict, info: DatasetInfo) -> MaskRules:
    """Return how masks come of the probabilities of the classes learned.

    Raises:
        InputError: a threshold or a least area that cannot be, or of a class that is not there.
    """
    evaluation = config.evaluation
    return MaskRules(
        info.classes,
        (evaluation.threshold,) * len(info.classes),
        min_component_px_of(config, info),
        info.relation,
        gap_closing_of(config),
        TtaSpec(evaluation.tta_shifts, evaluation.tta_mirror, evaluation.tta_scales),
        curve_rules(config),
    )


def curve_rules(config: ConfigDict) -> CurveRules:
    """Return how curves are found."""
    evaluation, usual = config.evaluation, CurveRules()
    return CurveRules(
        evaluation.curve,
        evaluation.curve_reach_mm,
        evaluation.curve_reach_px,
        certainty=evaluation.certainty or usual.certainty,
    )


def gap_closing_of(config: ConfigDict) -> GapClosing:
    """Return what is done to finished masks."""
    evaluation = fields_of(config.evaluation)
    return GapClosing(
        **{field.name: evaluation[field.name] for field in dataclasses.fields(GapClosing)}
    )


def min_component_px_of(config: ConfigDict, info: DatasetInfo) -> tuple[float, ...]:
    """Return the area (px of the working grid) below which a piece is dropped, one a class."""
    least = weights_of("evaluation.min_component_px", config.evaluation.min_component_px, info)
    return tuple(least.get(name, 0.0) for name in info.class_names)


def loss_spec(config: ConfigDict, info: DatasetInfo) -> LossSpec:
    """Return the weights of the joint loss for the classes of a data set."""
    loss, relation = config.loss, info.relation
    child = relation.child if relation else None
    further = weights_of("loss.classes", loss.classes, info)
    absent = weights_of("loss.dice_absent_classes", loss.dice_absent_classes, info)
    return LossSpec(
        class_names=info.class_names,
        curves=info.curves,
        class_weights=tuple(
            (loss.child if name == child else loss.parent) * further.get(name, 1.0)
            for name in info.class_names
        ),
        relation=(info.index(relation.child), info.index(relation.parent)) if relation else None,
        weights=tuple((name, loss[name]) for name in TERMS),
        parameters=tuple((name, loss[name]) for name in parameters()),
        dice_absent=tuple(absent.get(name, loss.dice_absent) for name in info.class_names),
        auxiliary=loss.auxiliary,
        landmarks=loss.landmarks,
        image_labels=loss.image_labels,
        image_label_names=tuple(a.name for a in info.image_labels),
    )


def weights_of(field: str, text: str, info: DatasetInfo) -> dict[str, float]:
    """Return the numbers in a field's list such as `cement=2,tibia=0.5`, by class.

    Raises:
        InputError: there is no such class, or its number is none, or out of the field's limits.
    """
    if problem := limits_of(every_field()[field]).problem(text):
        raise InputError(f"{field} {problem}")
    weights = {name: float(number) for name, number in ByClass.parts(text)}
    for name in weights.keys() - set(info.class_names):
        raise InputError(
            f"{field}: there is no class {name!r}; write {', '.join(info.class_names)}"
        )
    return weights


def relation_ramp(config: ConfigDict) -> tuple[float, float]:
    """Return the steps at which the relation's weights begin to rise, and are whole."""
    first, last = config.loss.attachment_ramp
    return first * config.training.steps, last * config.training.steps
