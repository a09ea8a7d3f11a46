"""What is known of finished masks: small components go, gaps close, and what stays detached may go.

A guidewire comes out of its endoscope. A predicted component that is not joined to the predicted
endoscope is either a stretch beyond a gap, or something else. This is the knowledge of the
attachment loss, used after the network instead of in it; both can be switched alone.
"""

import dataclasses
import math
from typing import NamedTuple

import numpy as np
from scipy import ndimage
from skimage.graph import MCP_Geometric

from fluorojax.geometry.centreline import EIGHT_NEIGHBOURS
from fluorojax.geometry.skeleton import window
from fluorojax.geometry.surface import Scale, scale_and_unit
from fluorojax.metrics.relation import touching
from fluorojax.schema.limits import flag, number, rate

FAINT = 0.02
"""Cost of a step through certain wire; through certain background it is 1 more."""


@dataclasses.dataclass(frozen=True)
class GapClosing:
    """What is done to the mask of a relation's child; nothing by default.

    Attributes:
        bridge_mm, bridge_px: longest gap that is bridged between the parent and a large piece (see
            LARGE), in millimetres where the spacing is known and in pixels where it is not; 0: none
            is.
        drop_detached: remove pieces that are neither attached nor large, after the bridging, if
            more of the child is attached than is not.
        certainty: mean probability of the parent's pixels from which on any of it is done: what a
            network takes for a parent where there is none, it is less sure of.
    """

    bridge_mm: float = number(0.0, 0.0, 1000.0)
    bridge_px: float = number(0.0, 0.0, 8192.0)
    drop_detached: bool = flag(False)
    certainty: float = rate(0.0)

    def __call__(
        self,
        masks: np.ndarray,
        probabilities: np.ndarray,
        *,
        child: int,
        parent: int,
        spacing: tuple[float, float],
    ) -> np.ndarray:
        """Return the masks with the child's mended; without child or sure parent, as they are.

        Args:
            masks: [H, W, C] bool.
            probabilities: [H, W, C] in [0, 1]: a bridge goes where the child is most likely, and
                the parent's say how sure it is.
            child, parent: places on the last axis.
            spacing: (row_mm, col_mm), NaN where unknown.

        Returns:
            [H, W, C] bool; the given array is not changed.
        """
        of_child, of_parent = masks[..., child], masks[..., parent]
        if not (of_child.any() and of_parent.any()):
            return masks
        if probabilities[..., parent][of_parent].mean() < self.certainty:
            return masks
        scale, unit = scale_and_unit(spacing)
        longest = self.bridge_mm if unit == "mm" else self.bridge_px
        if longest > 0:
            of_child = bridged(of_child, of_parent, probabilities[..., child], scale, longest)
        if self.drop_detached:
            of_child = attached_only(of_child, of_parent, scale)
        result = masks.copy()
        result[..., child] = of_child
        return result


def without_small_components(mask: np.ndarray, least: float) -> np.ndarray:
    """Return the pieces of `mask: [H, W] bool` (8-connected) that have `least` pixels or more."""
    piece, count = ndimage.label(mask, EIGHT_NEIGHBOURS)
    kept = np.bincount(piece.ravel(), minlength=count + 1) >= least
    kept[0] = False  # the background
    return kept[piece]


SUREST = 1e-3
"""The least doubt that a pixel is given when log odds are summed."""


def log_odds(mask: np.ndarray, probability: np.ndarray) -> float:
    """Return how much speaks for the surest component (8-connected) of a mask.

    The sum of log(p / (1 - p)) over its pixels, p at most 1 - SUREST. Where the mask is empty,
    that of the surest pixel alone, which is below 0 where its probability is below one half.

    Args:
        mask: [H, W] bool.
        probability: [H, W] in [0, 1].
    """
    if not mask.any():
        most = float(np.clip(probability.max(), SUREST, 1 - SUREST))
        return math.log(most / (1 - most))
    inside = window(mask)
    p = np.clip(probability[inside], SUREST, 1 - SUREST)
    piece, count = ndimage.label(mask[inside], EIGHT_NEIGHBOURS)
    odds = np.log(p / (1 - p))
    return float(ndimage.sum_labels(odds, piece, np.arange(1, count + 1)).max())


LARGE = 0.25
"""Size, as a share of all that is attached, from which a detached piece may be the child itself."""


class _Components(NamedTuple):
    """Connected components of a child (8-connected).

    Attributes:
        number: [H, W], the piece that a pixel belongs to; 0: none.
        attached: numbers of those on the parent or beside it.
        large: numbers of the detached ones that are larger than LARGE times all attached ones
            together, the largest first: the child itself, and not something that looks like it.
    """

    number: np.ndarray
    attached: list[int]
    large: list[int]


def _components(child: np.ndarray, parent: np.ndarray, scale: Scale) -> _Components:
    """Label the connected components of a child."""
    piece, count = ndimage.label(child, EIGHT_NEIGHBOURS)
    beside = float(np.hypot(*scale)) * 1.001  # one step, along a diagonal too
    attached = sorted(set(np.unique(piece[touching(child, parent, scale, beside)])) - {0})
    size = np.bincount(piece.ravel(), minlength=count + 1)
    rest = set(range(1, count + 1)) - set(attached)
    large = [k for k in rest if size[k] > LARGE * size[attached].sum()]
    return _Components(piece, attached, sorted(large, key=lambda k: -size[k]))


def bridged(
    child: np.ndarray, parent: np.ndarray, probability: np.ndarray, scale: Scale, longest: float
) -> np.ndarray:
    """Return the child with its large detached pieces joined to what is attached.

    A piece that is not large (see LARGE) is as likely something else, and is left alone. A step
    costs its length times (1 - p + FAINT); the path of least cost from a piece to the parent, or to
    an attached piece, is drawn as wide as the piece is, if it is not longer than `longest`. Pieces
    are tried again as long as one was joined: a piece may hang on another.

    Args:
        child, parent: [H, W] bool, neither empty.
        probability: [H, W] in [0, 1], of the child.
        scale: size of a pixel.
        longest: in the unit of `scale`.
    """
    cost = 1.0 - probability.astype(np.float64) + FAINT
    result = child.copy()
    piece, attached, loose = _components(child, parent, scale)
    held = parent | np.isin(piece, attached)
    joined = True
    while joined:
        joined = False
        for k in tuple(loose):
            path = _path(piece == k, held, cost, scale, longest)
            if path is None:
                continue
            drawn = _drawn(path, piece == k)
            result |= drawn
            held |= drawn | (piece == k)
            loose.remove(k)
            joined = True
    return result


def _path(
    piece: np.ndarray, held: np.ndarray, cost: np.ndarray, scale: Scale, longest: float
) -> np.ndarray | None:
    """Return the pixels [N, 2] of the cheapest path between two masks; None if it is too long."""
    window = _around(piece, scale, longest)
    starts, ends = np.argwhere(piece[window]), np.argwhere(held[window])
    if not len(ends):
        return None
    finder = MCP_Geometric(cost[window], sampling=scale)
    total, _ = finder.find_costs(starts, ends, find_all_ends=False)
    end = ends[np.argmin(total[tuple(ends.T)])]
    path = np.array(finder.traceback(end))
    length = np.hypot(*(np.diff(path, axis=0) * scale).T).sum()
    corner = np.array([window[0].start, window[1].start])
    return path + corner if length <= longest else None


def _around(piece: np.ndarray, scale: Scale, longest: float) -> tuple[slice, slice]:
    """Return the window in which anything within reach of a piece lies."""
    slices = []
    for axis in (0, 1):
        there = np.flatnonzero(piece.any(axis=1 - axis))
        reach = int(np.ceil(longest / scale[axis])) + 1
        slices.append(slice(max(there[0] - reach, 0), there[-1] + reach + 1))
    return slices[0], slices[1]


def _drawn(path: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """Return a path as a mask, as wide as a piece is at its thickest."""
    line = np.zeros_like(piece)
    line[tuple(path.T)] = True
    # The distance to the background is half the width of a bar, rounded up.
    half = int(np.ceil(ndimage.distance_transform_edt(np.pad(piece, 1)).max())) - 1
    return ndimage.binary_dilation(line, iterations=half) if half > 0 else line


def attached_only(child: np.ndarray, parent: np.ndarray, scale: Scale) -> np.ndarray:
    """Return the pieces of the child that are attached, and those that are large beside them.

    All of them where more is detached than attached: a wire whose endoscope is out of view, or
    which was left behind, must not be wiped out by a law that does not hold there, for a speck that
    happens to touch the endoscope.
    """
    piece, attached, large = _components(child, parent, scale)
    held = np.isin(piece, attached)
    if held.sum() < (child & ~held).sum():
        return child
    return held | np.isin(piece, large)
