"""From a raw frame to probabilities on the frame's own grid."""

import functools
from collections.abc import Sequence

import jax
import numpy as np

from fluorojax.data import grid
from fluorojax.data.info import ClassInfo
from fluorojax.data.intensity import intensity_range, normalise
from fluorojax.models.cascade import Cascade, Parameters, forward
from fluorojax.models.spec import NetworkSpec, build


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
    ):
        """Take a network; `thresholds`: from which probability on a pixel belongs, one a class."""
        self.spec, self.image_size, self.classes = spec, image_size, classes
        self.thresholds = tuple(thresholds or (0.5,) * len(classes))
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
        if frame.ndim != 2:
            raise ValueError(
                f"a frame has two axes, rows and columns; this one has shape {frame.shape}"
            )
        low, high = map(np.float32, intensity_range(frame))
        place = grid.place(frame.shape, self.image_size)
        image = grid.image_to_grid(frame, place)
        found = probabilities(self._network, self.parameters, image, low, high)
        return grid.to_native(np.asarray(found), place)

    def segment(self, frame: np.ndarray) -> np.ndarray:
        """Return the mask of each class, [H, W, C] bool: its probability from its threshold on."""
        return self(frame) >= np.array(self.thresholds, np.float32)


@functools.partial(jax.jit, static_argnames="network")
def probabilities(
    network: Cascade, parameters: Parameters, image: jax.Array, low: jax.Array, high: jax.Array
) -> jax.Array:
    """Return [H, W, C] for one `image: [H, W]` on the network's grid, grey values low..high."""
    output = forward(network, parameters, normalise(image, low, high)[None])
    return jax.nn.sigmoid(output.logits[0])
