"""From a raw frame to probabilities on the frame's own grid."""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fluorojax.data import grid
from fluorojax.data.info import ClassInfo, Relation
from fluorojax.data.intensity import intensity_range, normalise
from fluorojax.models.cascade import POINTS, Cascade, Parameters, forward
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.postprocess import Relink

Spacing = tuple[float, float]
UNKNOWN: Spacing = (math.nan, math.nan)


class Point(NamedTuple):
    """A place in a frame, in its own pixels, and its probability."""

    row: int
    column: int
    probability: float


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
    ):
        """Take a network, and what makes masks of its probabilities.

        Args:
            spec, parameters: the network.
            image_size: rows and columns of its grid.
            classes: what it finds, in order.
            thresholds: probability from which a pixel belongs, one a class; None: 0.5 each.
            relink: what is done to the relation's child afterwards; None: nothing.
            relation: whose child that is; None: nothing is done.
        """
        self.spec, self.image_size, self.classes = spec, image_size, classes
        self.thresholds = tuple(thresholds or (0.5,) * len(classes))
        self.relink, self.relation = relink or Relink(), relation
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
        return self._maps(frame)[..., : len(self.classes)]

    def points(self, frame: np.ndarray) -> dict[str, Point]:
        """Return where the child leaves its parent, 'exit', and where it ends, 'tip'.

        Empty where the network has not learned them (`model.points`). Each is the place of the
        highest probability, which says how far it can be trusted.
        """
        maps = self._maps(frame)[..., len(self.classes) :]
        found = {}
        for k in range(maps.shape[-1]):
            row, column = np.unravel_index(np.argmax(maps[..., k]), frame.shape)
            found[POINTS[k]] = Point(int(row), int(column), float(maps[row, column, k]))
        return found

    def _maps(self, frame: np.ndarray) -> np.ndarray:
        """Return [H, W, C + N] probabilities: of the classes, then of the points."""
        if frame.ndim != 2:
            raise ValueError(
                f"a frame has two axes, rows and columns; this one has shape {frame.shape}"
            )
        low, high = map(np.float32, intensity_range(frame))
        place = grid.place(frame.shape, self.image_size)
        image = grid.image_to_grid(frame, place)
        found = probabilities(self._network, self.parameters, image, low, high)
        return grid.to_native(np.asarray(found), place)

    def segment(self, frame: np.ndarray, spacing: Spacing = UNKNOWN) -> np.ndarray:
        """Return the mask of each class of a frame, [H, W, C] bool; see `masks`."""
        return self.masks(self(frame), spacing)

    def masks(self, probabilities: np.ndarray, spacing: Spacing = UNKNOWN) -> np.ndarray:
        """Return [H, W, C] bool: probabilities from their thresholds on, then relinked.

        Args:
            probabilities: [H, W, C] in [0, 1], on the frame's own grid.
            spacing: (row_mm, col_mm); NaN where unknown: gaps are then measured in pixels.
        """
        found = probabilities >= np.array(self.thresholds, np.float32)
        if self.relation is None:
            return found
        names = [c.name for c in self.classes]
        child, parent = names.index(self.relation.child), names.index(self.relation.parent)
        return self.relink(found, probabilities, child=child, parent=parent, spacing=spacing)


@functools.partial(jax.jit, static_argnames="network")
def probabilities(
    network: Cascade, parameters: Parameters, image: jax.Array, low: jax.Array, high: jax.Array
) -> jax.Array:
    """Return [H, W, C + N] of one `image: [H, W]` on the network's grid, grey values low..high.

    Behind the C classes come the N points, 0 or 2.
    """
    output = forward(network, parameters, normalise(image, low, high)[None])
    logits = [output.logits] if output.points is None else [output.logits, output.points]
    return jax.nn.sigmoid(jnp.concatenate(logits, -1)[0])
