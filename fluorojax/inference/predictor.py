"""From a raw frame to probabilities on the frame's own grid."""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fluorojax.data import grid
from fluorojax.data.intensity import intensity_range
from fluorojax.inference.postprocess import GapClosing, without_small_components
from fluorojax.inference.tta import TtaSpec, mean_over_views
from fluorojax.models.cascade import LANDMARKS, Cascade, Parameters, forward
from fluorojax.models.intensity import normalise
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.schema.info import ClassInfo, ImageLabelInfo, Relation

Spacing = tuple[float, float]
UNKNOWN: Spacing = (math.nan, math.nan)


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


@dataclasses.dataclass(frozen=True)
class Prediction:
    """All that is found in a frame.

    Attributes:
        probabilities: [H, W, C] float32 in [0, 1]; or masks, bool, from tools that give only those.
        landmarks: 'exit' and 'tip', where they are learned.
        image_labels: the choice of each, by name, where they are learned.
    """

    probabilities: np.ndarray
    landmarks: Mapping[str, Point] = dataclasses.field(default_factory=dict)
    image_labels: Mapping[str, Choice] = dataclasses.field(default_factory=dict)


class Predictor:
    """A trained network that takes frames as the machine wrote them.

    Frames go through one at a time, so that a frame's result does not depend on its neighbours:
    evaluation, `fluorojax predict` and a loaded export give the same bits.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        parameters: Parameters,
        image_size: tuple[int, int],
        classes: tuple[ClassInfo, ...],
        thresholds: Sequence[float] | None = None,
        gap_closing: GapClosing | None = None,
        relation: Relation | None = None,
        image_labels: tuple[ImageLabelInfo, ...] = (),
        min_component_px: Sequence[float] | None = None,
        tta: TtaSpec | None = None,
    ):
        """Take a network, and what makes masks of its probabilities.

        Args:
            spec, parameters: the network.
            image_size: rows and columns of its grid.
            classes: what it finds, in order.
            thresholds: probability from which a pixel belongs, one a class; None: 0.5 each.
            gap_closing: what is done to the relation's child afterwards; None: nothing.
            relation: whose child that is; None: nothing is done.
            image_labels: of whole frames, those it tells, in order.
            min_component_px: area (px of the network's grid) below which a piece is dropped, one a
                class;
                None: all are kept.
            tta: whose mean the probabilities are; None: the frame as it is. Attributes are always
                told of the frame as it is: mirrored, a right knee is a left one.
        """
        self.spec, self.image_size, self.classes = spec, image_size, classes
        self.thresholds = tuple(thresholds or (0.5,) * len(classes))
        self.gap_closing, self.relation = gap_closing or GapClosing(), relation
        self.image_labels = image_labels
        self.min_component_px = tuple(min_component_px or (0.0,) * len(classes))
        self.tta = tta or TtaSpec()
        self.parameters = jax.device_put(jax.tree.map(np.asarray, jax.device_get(parameters)))
        self._network = build(spec)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Return the probability of each class for each pixel.

        Args:
            frame: [H, W] grey values, any size, unsigned integers or floats.

        Returns:
            [H, W, C] float32 in [0, 1], in the order of `classes`.

        Raises:
            ValueError: `frame` does not have two axes.
        """
        return self.find(frame).probabilities

    def landmarks(self, frame: np.ndarray) -> Mapping[str, Point]:
        """Return where the child leaves its parent, 'exit', and where it ends, 'tip'.

        Empty where the network has not learned them (`model.landmarks`). Each is the place of the
        highest probability, which says how far it can be trusted.
        """
        return self.find(frame).landmarks

    def find(self, frame: np.ndarray) -> Prediction:
        """Return all that the network tells of a frame, the mean over its `tta` views.

        Args:
            frame: [H, W] grey values, any size, unsigned integers or floats.

        Raises:
            ValueError: `frame` does not have two axes.
        """
        if frame.ndim != 2:
            raise ValueError(
                f"a frame has two axes, rows and columns; this one has shape {frame.shape}"
            )
        low, high = map(np.float32, intensity_range(frame))
        place = grid.place(frame.shape, self.image_size)
        image = grid.image_to_grid(frame, place)
        found, values = self._network_on(image, low, high)
        maps = grid.to_native(found, place)
        classes = len(self.classes)
        return Prediction(
            maps[..., :classes],
            {name: peak(maps[..., classes + k]) for k, name in enumerate(self._landmarks)},
            {
                image_label.name: choose(image_label, np.asarray(of))
                for image_label, of in zip(self.image_labels, values, strict=True)
            },
        )

    def _network_on(
        self, image: np.ndarray, low: np.float32, high: np.float32
    ) -> tuple[np.ndarray, Sequence[jax.Array]]:
        """Return the mean maps of all views of `image: [H, W]`, and the image labels as it is."""
        told: list[Sequence[jax.Array]] = []

        def maps_of(shown: np.ndarray) -> np.ndarray:
            maps, values = probabilities(self._network, self.parameters, shown, low, high)
            told.append(values)
            return np.asarray(maps)

        return mean_over_views(maps_of, image, self.tta), told[0]

    @property
    def _landmarks(self) -> tuple[str, ...]:
        return LANDMARKS if self.spec.landmarks else ()

    def segment(self, frame: np.ndarray, spacing: Spacing = UNKNOWN) -> np.ndarray:
        """Return the mask of each class of a frame, [H, W, C] bool; see `masks`."""
        return self.masks(self(frame), spacing)

    def masks(self, probabilities: np.ndarray, spacing: Spacing = UNKNOWN) -> np.ndarray:
        """Return [H, W, C] bool: probabilities from their thresholds on, less specks, relinked.

        Args:
            probabilities: [H, W, C] in [0, 1], on the frame's own grid.
            spacing: (row_mm, col_mm); NaN where unknown: gaps are then measured in pixels.
        """
        found = probabilities >= np.array(self.thresholds, np.float32)
        # Areas on the network's grid; the frame's own may be finer.
        scale = grid.place(found.shape[:2], self.image_size).scale
        for k, least in enumerate(self.min_component_px):
            if least:
                found[..., k] = without_small_components(found[..., k], least / scale**2)
        if self.relation is None:
            return found
        names = [c.name for c in self.classes]
        child, parent = names.index(self.relation.child), names.index(self.relation.parent)
        return self.gap_closing(found, probabilities, child=child, parent=parent, spacing=spacing)


def peak(probabilities: np.ndarray) -> Point:
    """Return the place of the highest of `probabilities: [H, W]`."""
    row, column = np.unravel_index(np.argmax(probabilities), probabilities.shape)
    return Point(int(row), int(column), float(probabilities[row, column]))


def choose(image_label: ImageLabelInfo, probabilities: np.ndarray) -> Choice:
    """Return an image_label's most probable value, of `probabilities: [n]`; the first of equals."""
    of = dict(zip(image_label.values, map(float, probabilities), strict=True))
    value = max(of, key=lambda value: of[value])
    return Choice(value, of[value], of)


@functools.partial(jax.jit, static_argnames="network")
def probabilities(
    network: Cascade, parameters: Parameters, image: jax.Array, low: jax.Array, high: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Return what a network tells of one `image: [H, W]` on its grid, grey values low..high.

    Returns:
        [H, W, C + N], behind the C classes the N landmarks, 0 or 2; and [n] of each image_label.
    """
    output = forward(network, parameters, normalise(image, low, high)[None])
    logits = [output.logits] if output.landmarks is None else [output.logits, output.landmarks]
    maps = jax.nn.sigmoid(jnp.concatenate(logits, -1)[0])
    return maps, tuple(jax.nn.softmax(values[0]) for values in output.image_labels)
