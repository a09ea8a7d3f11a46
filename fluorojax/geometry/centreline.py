"""Scores of thin things: is the wire there, unbroken, as long as it is, up to its tip?

A skeleton (`fluorojax.geometry.skeleton`) is a mask thinned to a line, one pixel wide and
8-connected. It ends about half a width before the mask does, in prediction and reference alike.
"""

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from fluorojax.geometry.skeleton import window
from fluorojax.geometry.surface import Distances, Scale, positions, within

EIGHT_NEIGHBOURS = np.ones((3, 3), bool)


def cldice(
    prediction: np.ndarray,
    reference: np.ndarray,
    predicted_skeleton: np.ndarray,
    reference_skeleton: np.ndarray,
) -> float:
    """Return the centreline Dice, the harmonic mean of two shares, in [0, 1].

    Topology precision |S_P ∩ R| / |S_P| and topology sensitivity |S_R ∩ P| / |S_R|, where S is the
    skeleton of a mask (Shit et al. 2021, arXiv:2003.07311). 0 where both shares are 0.

    Args:
        prediction, reference: [H, W] bool, neither empty.
        predicted_skeleton, reference_skeleton: [H, W] bool, `skeleton` of each.
    """
    topology_precision = reference[predicted_skeleton].mean()
    topology_sensitivity = prediction[reference_skeleton].mean()
    total = topology_precision + topology_sensitivity
    return float(2 * topology_precision * topology_sensitivity / total) if total else 0.0


def centreline_precision(between: Distances, tolerance: float) -> float:
    """Return the share of the predicted centreline within `tolerance` of the reference's."""
    return float(within(between.to_reference, tolerance).mean())


def centreline_recall(between: Distances, tolerance: float) -> float:
    """Return the share of the reference centreline within `tolerance` of the predicted one."""
    return float(within(between.to_prediction, tolerance).mean())


def _corners(a: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the four pixels of every 2 x 2 block: here, right, below and across."""
    return a[:-1, :-1], a[:-1, 1:], a[1:, :-1], a[1:, 1:]


def _links(skeleton: np.ndarray, scale: Scale) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pairs of neighbouring skeleton pixels (numbered in raster order) and their distance.

    A diagonal pair counts only where no shared side-neighbour already joins the two; otherwise each
    corner of a staircase would be counted twice.
    """
    s = np.pad(skeleton[window(skeleton)], 1)
    number = np.cumsum(s).reshape(s.shape) - 1
    here, right, below, across = _corners(s)
    n_here, n_right, n_below, n_across = _corners(number)
    oblique = float(np.hypot(*scale))
    found = [
        (n_here, n_right, here & right, scale[1]),
        (n_here, n_below, here & below, scale[0]),
        (n_here, n_across, here & across & ~right & ~below, oblique),
        (n_right, n_below, right & below & ~here & ~across, oblique),
    ]
    first = np.concatenate([a[pair] for a, _, pair, _ in found])
    second = np.concatenate([b[pair] for _, b, pair, _ in found])
    step = np.concatenate([np.full(np.count_nonzero(pair), d) for _, _, pair, d in found])
    return first, second, step


def length(skeleton: np.ndarray, scale: Scale) -> float:
    """Return the length of a skeleton, the sum of the steps between its neighbouring pixels.

    Exact along rows, columns and diagonals, up to 8 % too long between them (a chain code's bias);
    0 for an empty skeleton and for single pixels.
    """
    return float(_links(skeleton, scale)[2].sum())


def length_error(predicted: np.ndarray, reference: np.ndarray, scale: Scale) -> float:
    """Return | length(predicted) - length(reference) | of two skeletons, either perhaps empty."""
    return abs(length(predicted, scale) - length(reference, scale))


def component_count(mask: np.ndarray) -> int:
    """Return the number of 8-connected components, the Betti number b0; 0 for an empty mask."""
    return int(ndimage.label(mask[window(mask)], EIGHT_NEIGHBOURS)[1])


def betti0_error(prediction: np.ndarray, reference: np.ndarray) -> int:
    """Return | b0(P) - b0(R) |, how many components too many or too few; either may be empty."""
    return abs(component_count(prediction) - component_count(reference))


def longest_path_ends(skeleton: np.ndarray, scale: Scale) -> np.ndarray:
    """Return the two ends (row, column), [2, 2], of the longest path along a skeleton.

    Paths are shortest ones along 8-neighbours, and the longest of those over all components is
    found by two sweeps: the pixel farthest from any start, then the pixel farthest from that. Exact
    for a component without loops. Equal lengths: the first in raster order. One pixel is both its
    ends.

    Raises:
        ValueError: the skeleton is empty.
    """
    pixels = positions(skeleton)
    if not len(pixels):
        raise ValueError("an empty skeleton has no ends")
    first, second, step = _links(skeleton, scale)
    graph = sparse.csr_array((step, (first, second)), shape=(len(pixels), len(pixels)))
    count, component = csgraph.connected_components(graph, directed=False)
    starts = np.unique(component, return_index=True)[1]
    sweep = csgraph.dijkstra(graph, directed=False, indices=starts, min_only=True)
    far = np.ravel(ndimage.maximum_position(sweep, component, np.arange(count)))
    sweep = csgraph.dijkstra(graph, directed=False, indices=far, min_only=True)
    end = int(np.argmax(sweep))
    return pixels[[far[component[end]], end]]


def tips(skeleton: np.ndarray, parent: np.ndarray, scale: Scale) -> np.ndarray:
    """Return the tip (row, column) of a wire, [1, 2], or both ends, [2, 2], where they tie.

    The tip is the end of the skeleton's longest path that lies farther from the thing the wire
    comes out of. Ends equally far (both on the parent, for example) cannot be distinguished.

    Args:
        skeleton: [H, W] bool, not empty.
        parent: [H, W] bool, not empty: the endoscope, the drill guide.
        scale: size of a pixel.
    """
    ends = longest_path_ends(skeleton, scale)
    offsets = (ends[:, None] - positions(parent)[None]) * scale
    away = np.hypot(offsets[..., 0], offsets[..., 1]).min(axis=1)
    return ends[away == away.max()]


def tip_error(
    predicted: np.ndarray, reference: np.ndarray, parent: np.ndarray, scale: Scale
) -> float | None:
    """Return the distance from the predicted to the reference tip; None where the tip is unknown.

    Both tips are found by `tips` with the *reference* parent, so that the error is the wire's
    alone. Where the predicted ends tie, the worse of the two counts; where the reference's do,
    its tip is unknown.

    Args:
        predicted, reference: [H, W] bool, skeletons, neither empty.
        parent: [H, W] bool, reference mask of what the wire comes out of, not empty.
        scale: size of a pixel.
    """
    true = tips(reference, parent, scale)
    if len(true) > 1 and not np.array_equal(true[0], true[1]):
        return None
    offsets = (tips(predicted, parent, scale) - true[0]) * scale
    return float(np.hypot(offsets[:, 0], offsets[:, 1]).max())


def detection(recall: float, least: float) -> float:
    """Return 1.0 where the centreline recall reaches `least`, else 0.0; its mean is a rate."""
    return float(recall >= least)
