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
from fluorojax.inference.postprocess import Relink, without_specks
from fluorojax.inference.tta import Views, mean_over_views
from fluorojax.models.cascade import POINTS, Cascade, Parameters, forward
from fluorojax.models.intensity import normalise
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.schema.info import AttributeInfo, ClassInfo, Relation

Spacing = tuple[float, float]
UNKNOWN: Spacing = (math.nan, math.nan)


class Point(NamedTuple):
    """A place in a frame, in its own pixels, and its probability."""

    row: int
    column: int
    probability: float


class Choice(NamedTuple):
    """The most probable value of an attribute, and what each of its values is given."""

    value: str
    probability: float
    probabilities: dict[str, float]  # of each value; their sum is 1


@dataclasses.dataclass(frozen=True)
class Found:
    """All that is found in a frame.

    Attributes:
        probabilities: [H, W, C] float32 in [0, 1]; or masks, bool, from tools that give only those.
        points: 'exit' and 'tip', where they are learned.
        attributes: the choice of each, by name, where they are learned.
    """

    probabilities: np.ndarray
    points: Mapping[str, Point] = dataclasses.field(default_factory=dict)
    attributes: Mapping[str, Choice] = dataclasses.field(default_factory=dict)


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
        relink: Relink | None = None,
        relation: Relation | None = None,
        attributes: tuple[AttributeInfo, ...] = (),
        least_px: Sequence[float] | None = None,
        views: Views | None = None,
    ):
        """Take a network, and what makes masks of its probabilities.

        Args:
            spec, parameters: the network.
            image_size: rows and columns of its grid.
            classes: what it finds, in order.
            thresholds: probability from which a pixel belongs, one a class; None: 0.5 each.
            relink: what is done to the relation's child afterwards; None: nothing.
            relation: whose child that is; None: nothing is done.
            attributes: of whole frames, those it tells, in order.
            least_px: area (px of the network's grid) below which a piece is dropped, one a class;
                None: all are kept.
            views: whose mean the probabilities are; None: the frame as it is. Attributes are always
                told of the frame as it is: mirrored, a right knee is a left one.
        """
        self.spec, self.image_size, self.classes = spec, image_size, classes
        self.thresholds = tuple(thresholds or (0.5,) * len(classes))
        self.relink, self.relation = relink or Relink(), relation
        self.attributes = attributes
        self.least_px = tuple(least_px or (0.0,) * len(classes))
        self.views = views or Views()
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

    def points(self, frame: np.ndarray) -> Mapping[str, Point]:
        """Return where the child leaves its parent, 'exit', and where it ends, 'tip'.

        Empty where the network has not learned them (`model.points`). Each is the place of the
        highest probability, which says how far it can be trusted.
        """
        return self.find(frame).points

    def find(self, frame: np.ndarray) -> Found:
        """Return all that the network tells of a frame, the mean over its `views`.

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
        return Found(
            maps[..., :classes],
            {name: peak(maps[..., classes + k]) for k, name in enumerate(self._points)},
            {
                attribute.name: choose(attribute, np.asarray(of))
                for attribute, of in zip(self.attributes, values, strict=True)
            },
        )

    def _network_on(
        self, image: np.ndarray, low: np.float32, high: np.float32
    ) -> tuple[np.ndarray, Sequence[jax.Array]]:
        """Return the mean maps of all views of `image: [H, W]`, and the attributes as it is."""
        told: list[Sequence[jax.Array]] = []

        def maps_of(shown: np.ndarray) -> np.ndarray:
            maps, values = probabilities(self._network, self.parameters, shown, low, high)
            told.append(values)
            return np.asarray(maps)

        return mean_over_views(maps_of, image, self.views), told[0]

    @property
    def _points(self) -> tuple[str, ...]:
        return POINTS if self.spec.points else ()

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
        for k, least in enumerate(self.least_px):
            if least:
                found[..., k] = without_specks(found[..., k], least / scale**2)
        if self.relation is None:
            return found
        names = [c.name for c in self.classes]
        child, parent = names.index(self.relation.child), names.index(self.relation.parent)
        return self.relink(found, probabilities, child=child, parent=parent, spacing=spacing)


def peak(probabilities: np.ndarray) -> Point:
    """Return the place of the highest of `probabilities: [H, W]`."""
    row, column = np.unravel_index(np.argmax(probabilities), probabilities.shape)
    return Point(int(row), int(column), float(probabilities[row, column]))


def choose(attribute: AttributeInfo, probabilities: np.ndarray) -> Choice:
    """Return an attribute's most probable value, of `probabilities: [n]`; the first of equals."""
    of = dict(zip(attribute.values, map(float, probabilities), strict=True))
    value = max(of, key=lambda value: of[value])
    return Choice(value, of[value], of)


@functools.partial(jax.jit, static_argnames="network")
def probabilities(
    network: Cascade, parameters: Parameters, image: jax.Array, low: jax.Array, high: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Return what a network tells of one `image: [H, W]` on its grid, grey values low..high.

    Returns:
        [H, W, C + N], behind the C classes the N points, 0 or 2; and [n] of each attribute.
    """
    output = forward(network, parameters, normalise(image, low, high)[None])
    logits = [output.logits] if output.points is None else [output.logits, output.points]
    maps = jax.nn.sigmoid(jnp.concatenate(logits, -1)[0])
    return maps, tuple(jax.nn.softmax(values[0]) for values in output.attributes)
