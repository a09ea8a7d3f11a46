"""From a frame to probabilities and masks on the frame's own grid."""

import copy
import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.data import grid
from fluorojax.data.frames import FrameLike, as_frame
from fluorojax.data.intensity import intensity_range
from fluorojax.data.tiles import mean_over_tiles
from fluorojax.inference import follow
from fluorojax.inference.curve import Curve
from fluorojax.inference.follow import FollowRules
from fluorojax.inference.mask_rules import Finding, MaskRules
from fluorojax.inference.tta import mean_over_views, steadiest
from fluorojax.models.cascade import LANDMARKS, Cascade, Parameters, forward
from fluorojax.models.intensity import normalise
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.models.unet import stride
from fluorojax.schema.frame import UNKNOWN_SPACING, Frame, Spacing
from fluorojax.schema.info import ClassInfo, ImageLabelInfo


class Point(NamedTuple):
    """A place in a frame, in its own pixels, and its probability."""

    row: int
    column: int
    probability: float


class Choice(NamedTuple):
    """The most probable value of an image label, and what each of its values is given."""

    value: str
    probability: float
    probabilities: dict[str, float]  # of each value; their sum is 1


class Agreement(NamedTuple):
    """How far the members of an ensemble agree on a frame (see `fluorojax.inference.ensemble`).

    Attributes:
        spread: [H, W, C] float32 in [0, 0.5], standard deviation of the members' probabilities.
        disagreement: [C] in [0, 1], of the pixels that any member finds the share that not all do;
            0 where none finds any.
    """

    spread: np.ndarray
    disagreement: np.ndarray


class Maps(NamedTuple):
    """What a network, or several, say of a frame, on the frame's own grid.

    Attributes:
        maps: [H, W, C + N] float32, behind the C classes the N landmarks.
        values: of each image label the probabilities of its values, [n].
        agreement: of an ensemble.
        size: how large the frame was shown, 1 as usual (see `TtaSpec.scales`).
    """

    maps: np.ndarray
    values: Sequence[jax.Array | np.ndarray]
    agreement: Agreement | None = None
    size: float = 1.0


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """All that is predicted of a frame, on the frame's own grid.

    Attributes:
        masks: [H, W, C] bool, made with the frame's spacing.
        probabilities: [H, W, C] float32 in [0, 1]; None from tools that give masks alone.
        landmarks: 'exit' and 'tip', where they are learned.
        image_labels: the choice of each, by name, where they are learned.
        presence: class -> score of its being in the frame, where there is one; any finite number
            or -inf, greater where it is more surely there; not always a probability.
        curves: by class, those that were looked for as curves.
        agreement: of the members, where an ensemble predicts.
        size: how large the frame was shown, 1 as usual; less where several sizes were tried.
    """

    masks: np.ndarray
    probabilities: np.ndarray | None = None
    landmarks: Mapping[str, Point] = dataclasses.field(default_factory=dict)
    image_labels: Mapping[str, Choice] = dataclasses.field(default_factory=dict)
    presence: Mapping[str, float] = dataclasses.field(default_factory=dict)
    curves: Mapping[str, tuple[Curve, ...]] = dataclasses.field(default_factory=dict)
    agreement: Agreement | None = None
    size: float = 1.0


@dataclasses.dataclass(frozen=True)
class Fitting:
    """How a frame larger than the network's grid comes onto it.

    Attributes:
        fit: 'shrink' onto the grid, or 'native': tiles of the grid's size, averaged.
        resampling: the filter that shrinks.
    """

    fit: grid.Fit = "shrink"
    resampling: grid.Resampling = grid.RESAMPLING


USUAL = FollowRules()


class Predictor:
    """A trained network that takes frames as the machine wrote them.

    Frames go through one at a time, so that a frame's result does not depend on its neighbours, and
    masks are made with the frame's own spacing: training's validation, `fluorojax evaluate`,
    `fluorojax predict` and a loaded export give the same bits.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        parameters: Parameters,
        image_size: tuple[int, int],
        rules: MaskRules,
        image_labels: tuple[ImageLabelInfo, ...] = (),
        source: str = "",
        fitting: Fitting = Fitting(),
    ):
        """Take a network, and what makes masks of its probabilities.

        Args:
            spec, parameters: the network.
            image_size: rows and columns of its grid.
            rules: the classes that it finds, and how masks come of their probabilities.
            image_labels: of whole frames, those it predicts, in order. Always of the frame as it
                is, and no mean over views: mirrored, a right knee is a left one.
            source: where it comes from, in words.
            fitting: how frames come onto the network's grid: as when it learned.

        Raises:
            InputError: the classes, landmarks, image labels or grid are not the network's.
        """
        if wrong := next(misfits(spec, image_size, rules, image_labels, fitting), ""):
            raise InputError(f"{source or 'the network'}: {wrong}")
        self.spec, self.image_size, self.rules = spec, image_size, rules
        self.image_labels, self.source, self.fitting = image_labels, source, fitting
        self.parameters = jax.device_put(jax.tree.map(np.asarray, jax.device_get(parameters)))
        self._network = build(spec)

    @property
    def classes(self) -> tuple[ClassInfo, ...]:
        """What is found, in order."""
        return self.rules.classes

    def with_rules(self, **fields: Any) -> "Predictor":
        """Return the same network with some fields of its `MaskRules` changed."""
        other = copy.copy(self)
        other.rules = dataclasses.replace(self.rules, **fields)
        return other

    def __repr__(self) -> str:
        labels = ", ".join(a.name for a in self.image_labels)
        parts = (
            str(self.rules),
            f"image labels {labels}" if labels else "",
            "{} x {} px".format(*self.image_size)
            + (" tiles" if self.fitting.fit == "native" else ""),
            f"from {self.source}" if self.source else "",
        )
        return f"Predictor({'; '.join(filter(None, parts))})"

    def __call__(self, frame: FrameLike) -> np.ndarray:
        """Return the probability of each class for each pixel.

        Args:
            frame: anything that shows one, of any size (see `fluorojax.data.frames.as_frame`).

        Returns:
            [H, W, C] float32 in [0, 1], in the order of `classes`.

        Raises:
            InputError: it is no frame, or cannot be read.
        """
        return self.maps(as_frame(frame)).maps[..., : len(self.classes)]

    def predict(
        self,
        frame: FrameLike,
        spacing_mm: Spacing | float | None = None,
        *,
        before: Prediction | None = None,
        following: FollowRules = USUAL,
    ) -> Prediction:
        """Return all that the network predicts of a frame, probabilities as the mean over `tta`.

        Args:
            frame: anything that shows one, of any size (see `fluorojax.data.frames.as_frame`).
            spacing_mm: (rows, columns), or one number for both; None: what the frame itself says.
            before: what was predicted of the frame before, in a cine (see `find`).
            following: how far a curve may move between the two.

        Raises:
            InputError: it is no frame, cannot be read, or is of another size than the one before.
        """
        frame = as_frame(frame, spacing_mm)
        maps, values, agreement, size = self.maps(frame)
        probabilities = maps[..., : len(self.classes)]
        points = np.moveaxis(maps[..., len(self.classes) :], -1, 0)
        names = LANDMARKS if self.spec.landmarks else ()
        found = self.find(probabilities, frame.spacing_mm, before=before, following=following)
        return Prediction(
            found.masks,
            probabilities,
            {name: peak(point) for name, point in zip(names, points, strict=True)},
            {
                image_label.name: choose(image_label, np.asarray(of))
                for image_label, of in zip(self.image_labels, values, strict=True)
            },
            found.presence,
            found.curves,
            agreement,
            size,
        )

    def segment(self, frame: FrameLike, spacing_mm: Spacing | float | None = None) -> np.ndarray:
        """Return the masks alone of `predict`, [H, W, C] bool."""
        return self.predict(frame, spacing_mm).masks

    def landmarks(self, frame: FrameLike) -> Mapping[str, Point]:
        """Return where the child leaves its parent, 'exit', and where it ends, 'tip'.

        Empty where the network has not learned them (`model.landmarks`). Each is the place of the
        highest probability, which says how far it can be trusted.
        """
        return self.predict(frame).landmarks

    def masks(self, probabilities: np.ndarray, spacing: Spacing = UNKNOWN_SPACING) -> np.ndarray:
        """Return the masks alone of `find`, [H, W, C] bool."""
        return self.find(probabilities, spacing).masks

    def find(
        self,
        probabilities: np.ndarray,
        spacing: Spacing = UNKNOWN_SPACING,
        *,
        before: Prediction | None = None,
        following: FollowRules = USUAL,
    ) -> Finding:
        """Return masks, curves and presence, of probabilities on the frame's own grid.

        Args:
            probabilities: [H, W, C] in [0, 1].
            spacing: (row_mm, col_mm); NaN where unknown: gaps are then measured in pixels.
            before: what was predicted of the frame before: its curves are a prior for those of this
                one (see `fluorojax.inference.follow`). None: there is no such frame.
            following: how far a curve may move between the two.

        Raises:
            InputError: the frame before is of another size.
        """
        if before is not None:
            probabilities = self._led(probabilities, spacing, before, following)
        # Areas are on the network's grid; the frame's own may be finer.
        scale = self.placement(probabilities.shape[:2]).scale
        return self.rules.find(probabilities, spacing, scale)

    def _led(
        self, probabilities: np.ndarray, spacing: Spacing, before: Prediction, rules: FollowRules
    ) -> np.ndarray:
        """Return probabilities [H, W, C], raised along the curves of the frame before."""
        shape = probabilities.shape[0], probabilities.shape[1]
        if before.masks.shape[:2] != shape:
            raise InputError(
                "the frame before has {} x {} pixels and this one {} x {}; give `before` of a "
                "frame of the same cine".format(*before.masks.shape[:2], *shape)
            )
        led = probabilities
        for k, name in enumerate(self.rules.names):
            curves = before.curves.get(name, ()) if name in self.rules.followed else ()
            if curves and before.probabilities is not None:
                clip = self.rules.curve.clip
                curves = tuple(follow.leading(curves, before.probabilities[..., k], clip))
            if curves:
                led = led.copy()
                odds = follow.prior(curves, shape, rules, spacing)
                led[..., k] = follow.raised(led[..., k], odds)
        return led

    def placement(self, shape: tuple[int, int]) -> grid.Placement:
        """Return where a frame of `shape` lies on the grid that the network's tiles are cut of."""
        return grid.place(shape, self.image_size, self.fitting.fit)

    def maps(self, frame: Frame) -> Maps:
        """Return the mean maps of all views, and the image labels' probabilities.

        Of several sizes (`tta.scales`) those of the one at which they are steadiest.
        """
        shown = [self._maps(frame, size) for size in self.rules.tta.sizes]
        return shown[steadiest([one.maps[..., : len(self.classes)] for one in shown])]

    def _maps(self, frame: Frame, size: float) -> Maps:
        """Return what `maps` does of a frame that is shown `size` times as large as usual.

        Pixels are float32 before they reach the device, which scales them as such: one compilation
        serves every type. Image labels are of the first view, which shows the frame as it is.
        """
        low, high = map(np.float32, intensity_range(frame.pixels))
        place = grid.place(frame.shape, self.image_size, self.fitting.fit, size)
        shown = grid.image_to_grid(frame.pixels, place, self.fitting.resampling)
        values: list[Sequence[jax.Array]] = []

        def maps_of_tile(tile: np.ndarray) -> np.ndarray:
            maps, of_image = probabilities(self._network, self.parameters, tile, low, high)
            values.append(of_image)
            return np.asarray(maps)

        def maps_of(view: np.ndarray) -> np.ndarray:
            return mean_over_tiles(maps_of_tile, view, self.image_size)

        maps = mean_over_views(maps_of, shown.astype(np.float32), self.rules.tta)
        return Maps(grid.to_native(maps, place), values[0], size=size)


def misfits(
    spec: NetworkSpec,
    image_size: tuple[int, int],
    rules: MaskRules,
    image_labels: tuple[ImageLabelInfo, ...],
    fitting: Fitting = Fitting(),
) -> Iterator[str]:
    """Yield where a network and what is made of it do not fit each other."""
    learned, classes = sorted(k for stage in spec.stages for k in stage), len(rules.classes)
    if learned != list(range(classes)):
        yield f"the stages learn the classes {learned}, and there are {classes}"
    pair = (spec.parent_class, spec.child_class)
    if any(k is not None and k >= classes for k in pair):
        yield f"parent_class and child_class are {pair}, and there are {classes} classes"
    elif spec.landmarks and (None in pair or pair[0] == pair[1]):
        yield f"landmarks need a parent_class and another child_class, and these are {pair}"
    elif rules.relation and None not in pair:
        ours = tuple(rules.names[k] for k in pair if k is not None)
        if ours != (rules.relation.parent, rules.relation.child):
            yield f"the network learned {ours[1]} out of {ours[0]}, and {rules} is another relation"
    needed = stride(spec.depth, spec.patch)
    if any(n < 1 or n % needed for n in image_size):
        yield f"image_size is {image_size}, and a network of this depth needs multiples of {needed}"
    counts = tuple(len(image_label.values) for image_label in image_labels)
    if spec.image_labels != counts:
        yield f"the network has image labels of {spec.image_labels} values, and given are {counts}"
    if fitting.fit == "native" and image_labels:
        yield f"the image label {image_labels[0].name!r} of a whole frame cannot be told from tiles"
    if fitting.fit == "native" and rules.tta.scales > 1:
        yield "tiles have the frame's own size, and tta.scales asks for smaller ones; write 1"


def peak(probabilities: np.ndarray) -> Point:
    """Return the place of the highest of `probabilities: [H, W]`."""
    row, column = np.unravel_index(np.argmax(probabilities), probabilities.shape)
    return Point(int(row), int(column), float(probabilities[row, column]))


def choose(image_label: ImageLabelInfo, probabilities: np.ndarray) -> Choice:
    """Return an image label's most probable value, of `probabilities: [n]`; the first of equals."""
    of = dict(zip(image_label.values, map(float, probabilities), strict=True))
    value = max(of, key=lambda value: of[value])
    return Choice(value, of[value], of)


@functools.partial(jax.jit, static_argnames="network")
def probabilities(
    network: Cascade, parameters: Parameters, image: jax.Array, low: jax.Array, high: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Return what a network predicts of one `image: [H, W]` on its grid, grey values low..high.

    Returns:
        [H, W, C + N], behind the C classes the N landmarks, 0 or 2; and [n] of each image label.
    """
    output = forward(network, parameters, normalise(image, low, high)[None])
    logits = [output.logits] if output.landmarks is None else [output.logits, output.landmarks]
    maps = jax.nn.sigmoid(jnp.concatenate(logits, -1)[0])
    return maps, tuple(jax.nn.softmax(values[0]) for values in output.image_labels)
