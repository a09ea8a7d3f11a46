"""One frame shown in several ways, and the mean of what a network finds in them. Pure.

Known as test-time augmentation (Krizhevsky et al., NeurIPS 2012): the errors of single answers
differ, and their mean has less of them than each.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from fluorojax.schema.limits import flag, whole


class View(NamedTuple):
    """One way: mirrored, perhaps, and then shifted by some pixels."""

    down: int
    right: int
    mirrored: bool

    def of(self, image: np.ndarray) -> np.ndarray:
        """Return `image: [H, W]` as it is shown; what a shift leaves free repeats the border."""
        height, width = image.shape
        shown = image[:, ::-1] if self.mirrored else image
        return np.pad(shown, ((self.down, 0), (self.right, 0)), "edge")[:height, :width]

    def back(self, maps: np.ndarray) -> np.ndarray:
        """Lay maps `[H, W, N]` of the view back onto the image; 0 where it does not show it."""
        found = maps[self.down :, self.right :]
        found = np.pad(found, ((0, self.down), (0, self.right), (0, 0)))
        return found[:, ::-1] if self.mirrored else found


@dataclasses.dataclass(frozen=True)
class TtaSpec:
    """The ways in which a frame is shown.

    Attributes:
        shifts: n; down and to the right by 0 .. n - 1 pixels of the network's grid, n^2 ways. To a
            network of patches of n pixels each pixel then stands once at every place of a patch.
        mirror: all of them left for right as well.
        scales: n sizes, each smaller than the one before by the square root of 2, of which one is
            taken (see `steadiest`); the frame's edge is repeated around it.
    """

    shifts: int = whole(1, 1, 16)
    mirror: bool = flag(False)
    scales: int = whole(1, 1, 5)

    @property
    def sizes(self) -> tuple[float, ...]:
        """How large a frame is shown, 1 as usual, the largest first."""
        return tuple(2 ** (-k / 2) for k in range(self.scales))

    def __iter__(self) -> Iterator[View]:
        """Yield all ways; the first shows the frame as it is."""
        for mirrored in (False, True)[: 1 + self.mirror]:
            for down, right in np.ndindex(self.shifts, self.shifts):
                yield View(down, right, mirrored)


def mean_over_views(
    maps_of: Callable[[np.ndarray], np.ndarray], image: np.ndarray, views: TtaSpec
) -> np.ndarray:
    """Return the mean of the maps of all views, each laid back onto the image.

    At the border, which shifts take out of view, it is the mean of those that show it.

    Args:
        maps_of: gives maps [H, W, N] of an image [H, W]; first called with the image as it is.
        image: [H, W].
        views: in which ways.

    Returns:
        [H, W, N], of the type that `maps_of` gives.
    """
    total: np.ndarray | int = 0
    count: np.ndarray | int = 0
    for view in views:
        maps = maps_of(view.of(image))
        total = total + view.back(maps)
        count = count + view.back(np.ones_like(maps[..., :1]))
    return np.asarray(total / count)


def steadiest(maps: Sequence[np.ndarray]) -> int:
    """Return which of several sizes a frame is best read at: where the next smaller one agrees.

    A network that is shown a thing in a size it has learned finds the same in one that is a little
    smaller; in one far from all that it has learned it finds something else each time, and is as
    certain of it. Agreement is the mean over the classes found in either of the soft Dice
    2 sum(p q) / (sum(p^2) + sum(q^2)).

    Args:
        maps: probabilities [H, W, C] of each size, on one grid, the largest first.

    Returns:
        The larger size of the two neighbours that agree best, the first of equals; 0 of one size.
    """
    agreements = [agreement(*pair) for pair in itertools.pairwise(maps)]
    return int(np.argmax(agreements)) if agreements else 0


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Return how far two answers `[H, W, C]` agree, in [0, 1]; 0 where neither finds a class."""
    either = (np.maximum(one, other) >= 0.5).any((0, 1))
    both = 2 * (one * other).sum((0, 1), dtype=np.float64)
    each = (one**2 + other**2).sum((0, 1), dtype=np.float64)
    return float((both / np.maximum(each, 1e-12))[either].mean()) if either.any() else 0.0
