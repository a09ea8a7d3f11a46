"""The peers' metrics, and the same numbers out of our pieces put together the peers' way."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import surface_distance
import torch
from monai import metrics as monai
from monai.losses import cldice as monai_cldice

from benchmarks.peers.metric_pairs import TOLERANCE_MM, Pair
from fluorojax.geometry import centreline, surface

SOFT_ROUNDS = 10  # of MONAI's soft skeleton: enough for things up to 21 px wide


def as_tensor(mask: np.ndarray) -> torch.Tensor:
    """Return `mask: [H, W, C] bool` as MONAI takes it, [1, C, H, W] float."""
    return torch.tensor(mask).permute(2, 0, 1)[None].float().contiguous()


def tensors(pair: Pair) -> tuple[torch.Tensor, torch.Tensor]:
    """Return prediction and reference, [1, 1, H, W] float."""
    return as_tensor(pair.prediction[..., None]), as_tensor(pair.reference[..., None])


def monai_dice(pair: Pair) -> float:
    """Return MONAI's Dice."""
    return monai.compute_dice(*tensors(pair)).item()


def monai_iou(pair: Pair) -> float:
    """Return MONAI's IoU."""
    return monai.compute_iou(*tensors(pair)).item()


def monai_of_counts(name: str) -> Callable[[Pair], float]:
    """Return MONAI's metric of that name, from its confusion matrix."""

    def of(pair: Pair) -> float:
        counts = monai.get_confusion_matrix(*tensors(pair))
        return monai.compute_confusion_matrix_metric(name, counts).item()

    return of


def monai_hd95(pair: Pair) -> float:
    """Return MONAI's Hausdorff distance at the 95th percentile."""
    with_class = {"include_background": True, "spacing": pair.spacing}
    return monai.compute_hausdorff_distance(*tensors(pair), percentile=95, **with_class).item()


def monai_assd(pair: Pair) -> float:
    """Return MONAI's average surface distance, symmetric."""
    with_class = {"include_background": True, "spacing": pair.spacing}
    return monai.compute_average_surface_distance(
        *tensors(pair), symmetric=True, **with_class
    ).item()


def monai_nsd(pair: Pair) -> float:
    """Return MONAI's surface Dice, in its default way: pixels are counted."""
    with_class = {"include_background": True, "spacing": pair.spacing}
    return monai.compute_surface_dice(*tensors(pair), [TOLERANCE_MM], **with_class).item()


def monai_soft_cldice(pair: Pair) -> float:
    """Return 1 - MONAI's loss without its smoothing: MONAI has no clDice among its metrics."""
    loss = monai_cldice.SoftclDiceLoss(SOFT_ROUNDS, smooth_nr=0.0, smooth_dr=1e-12, smooth=1e-12)
    return 1 - loss(*tensors(pair)).item()


def deepmind_dice(pair: Pair) -> float:
    """Return surface-distance's Dice."""
    return float(surface_distance.compute_dice_coefficient(pair.reference, pair.prediction))


def deepmind(measure: Callable[[dict[str, np.ndarray]], Any]) -> Callable[[Pair], float]:
    """Return a measure of surface-distance as a function of a pair."""

    def of(pair: Pair) -> float:
        between = surface_distance.compute_surface_distances(
            pair.reference, pair.prediction, pair.spacing
        )
        return float(np.mean(measure(between)))  # of the two directed averages, if there are two

    return of


# The same numbers, out of our pieces put together the peers' way


def float32_hd95(pair: Pair) -> float:
    """Return HD95 with the rank 0.95 (n - 1) and the interpolation in float32, as PyTorch does."""
    edges = surface.contour(pair.prediction), surface.contour(pair.reference)
    return max(float32_percentile(way) for way in surface.distances(*edges, pair.spacing))


def float32_percentile(values: np.ndarray) -> float:
    """Return the 95th percentile by linear interpolation, all in float32."""
    ordered = np.sort(values).astype(np.float32)
    rank = np.float32(0.95) * np.float32(len(ordered) - 1)
    below, above = ordered[int(np.floor(rank))], ordered[int(np.ceil(rank))]
    return float(below + (rank - np.floor(rank)) * (above - below))


def cldice_of_soft_skeletons(pair: Pair) -> float:
    """Return our clDice of MONAI's skeletons."""
    skeletons = [
        monai_cldice.soft_skel(mask, SOFT_ROUNDS)[0, 0].numpy() > 0 for mask in tensors(pair)
    ]
    if not all(skeleton.any() for skeleton in skeletons):
        return 0.0
    return centreline.cldice(pair.prediction, pair.reference, *skeletons)


class Surfels:
    """The contour as surface-distance has it: corners of pixels, each with a length of contour.

    A corner belongs to it where the four pixels around are not all alike. Its length is that of the
    piece of contour in the cell between their centres: half a pixel's diagonal where one differs
    or two across do (then twice), one side of a pixel where two neighbours do.
    """

    def __init__(self, mask: np.ndarray, spacing: tuple[float, float]):
        padded = np.pad(mask, 1).astype(int)
        rows = padded[:-1] + padded[1:]
        count = rows[:, :-1] + rows[:, 1:]
        columns = padded[:, :-1] + padded[:, 1:]
        self.edge = (count > 0) & (count < 4)
        half_diagonal = math.hypot(*spacing) / 2
        length = np.full(count.shape, half_diagonal)
        two = count == 2
        length[two] = 2 * half_diagonal  # across, unless the next lines say otherwise
        length[two & (rows[:, :-1] != 1)] = spacing[0]  # left unlike right: it runs down
        length[two & (columns[:-1] != 1)] = spacing[1]  # above unlike below: it runs across
        self.length = length[self.edge]


def surfel_distances(pair: Pair) -> tuple[surface.Distances, tuple[np.ndarray, np.ndarray]]:
    """Return the distances between both contours of surfels, and their lengths."""
    both = Surfels(pair.prediction, pair.spacing), Surfels(pair.reference, pair.spacing)
    between = surface.distances(both[0].edge, both[1].edge, pair.spacing)
    return between, (both[0].length, both[1].length)


def surfel_nsd(pair: Pair) -> float:
    """Return NSD with each surfel weighing its length."""
    between, lengths = surfel_distances(pair)
    near = [surface.within(way, TOLERANCE_MM) for way in between]
    inside = sum(length[close].sum() for length, close in zip(lengths, near, strict=True))
    return float(inside / np.concatenate(lengths).sum())


def surfel_assd(pair: Pair) -> float:
    """Return the mean of the two directed averages, each surfel weighing its length."""
    weighed = zip(*surfel_distances(pair), strict=True)
    return float(np.mean([np.average(way, weights=length) for way, length in weighed]))


def surfel_hd95(pair: Pair) -> float:
    """Return the larger directed distance at which 95 % of the length is reached, not between."""

    def reached(way: np.ndarray, length: np.ndarray) -> float:
        order = np.lexsort((length, way.round(9)))
        share = np.cumsum(length[order]) / length.sum()
        return float(way[order][min(np.searchsorted(share, 0.95), len(way) - 1)])

    return max(reached(*of) for of in zip(*surfel_distances(pair), strict=True))


# What is compared with what

Empty = dict[str, tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A metric as a peer has it.

    `reason` is why it may differ on two masks that are not empty, and `as_theirs` their number made
    from our pieces; both None where the definitions are the same. `limit` is the largest
    disagreement that the reason can make, relative above 1. `empty` has what the peer says of empty
    masks, and why, by the status in our tables; where a status is missing, both agree.
    """

    metric: str
    peer: str
    call: str
    theirs: Callable[[Pair], float]
    reason: str | None = None
    as_theirs: Callable[[Pair], float] | None = None
    limit: float = math.inf
    empty: Empty = dataclasses.field(default_factory=dict)


NO_REFERENCE = ("NaN", "`ignore_empty` is on by default: NaN without a reference")
ZERO_BY_ZERO = ("NaN", "0 / 0 is NaN")
LERP = ("NaN", "distances to nothing are inf, and the quantile interpolates inf - inf")
TO_NOTHING = ("inf", "distances to nothing are inf")
NO_DISTANCE = ("NaN", "no distances at all: NaN")
OLD_NUMPY = ("raises AttributeError", "asks for `np.Inf` or `np.NaN`, which NumPy 2 no longer has")
SURFELS = (
    "contour of corners of pixels, half a pixel outside ours, weighted by the length of contour"
)

COMPARISONS = (
    Comparison(
        *("dice", "MONAI", "compute_dice", monai_dice),
        empty={"both_empty": NO_REFERENCE, "false_alarm": NO_REFERENCE},
    ),
    Comparison(
        *("iou", "MONAI", "compute_iou", monai_iou),
        empty={"both_empty": NO_REFERENCE, "false_alarm": NO_REFERENCE},
    ),
    Comparison(
        *("precision", "MONAI", "get_confusion_matrix", monai_of_counts("precision")),
        empty={"both_empty": ZERO_BY_ZERO, "missed": ZERO_BY_ZERO},
    ),
    Comparison(
        *("recall", "MONAI", "get_confusion_matrix", monai_of_counts("recall")),
        empty={"both_empty": ZERO_BY_ZERO, "false_alarm": ZERO_BY_ZERO},
    ),
    Comparison(
        *("nsd", "MONAI", "compute_surface_dice", monai_nsd),
        empty={"both_empty": NO_DISTANCE},
    ),
    Comparison(
        *("hd95", "MONAI", "compute_hausdorff_distance(percentile=95)", monai_hd95),
        "the percentile's rank 0.95 (n - 1) is rounded to float32",
        float32_hd95,
        limit=1e-4,
        empty={"both_empty": NO_DISTANCE, "missed": LERP, "false_alarm": LERP},
    ),
    Comparison(
        *("assd", "MONAI", "compute_average_surface_distance(symmetric=True)", monai_assd),
        empty={"both_empty": NO_DISTANCE, "missed": TO_NOTHING, "false_alarm": TO_NOTHING},
    ),
    Comparison(
        *("cldice", "MONAI", "1 - SoftclDiceLoss(iter_=10), unsmoothed", monai_soft_cldice),
        "skeletons by rounds of min and max pooling, not by Zhang and Suen",
        cldice_of_soft_skeletons,
        empty={"both_empty": ("0", "0 / 1e-12 is 0")},
    ),
    Comparison(
        *("dice", "surface-distance", "compute_dice_coefficient", deepmind_dice),
        empty={"both_empty": OLD_NUMPY},
    ),
    Comparison(
        *("nsd", "surface-distance", "compute_surface_dice_at_tolerance"),
        deepmind(lambda b: surface_distance.compute_surface_dice_at_tolerance(b, TOLERANCE_MM)),
        SURFELS,
        surfel_nsd,
        empty={"both_empty": ZERO_BY_ZERO, "missed": OLD_NUMPY, "false_alarm": OLD_NUMPY},
    ),
    Comparison(
        *("hd95", "surface-distance", "compute_robust_hausdorff(95)"),
        deepmind(lambda b: surface_distance.compute_robust_hausdorff(b, 95)),
        SURFELS + ", and no interpolation",
        surfel_hd95,
        empty=dict.fromkeys(("both_empty", "missed", "false_alarm"), OLD_NUMPY),
    ),
    Comparison(
        *("assd", "surface-distance", "compute_average_surface_distance, mean of both ways"),
        deepmind(surface_distance.compute_average_surface_distance),
        SURFELS + ", and both ways count alike, however long",
        surfel_assd,
        empty={"both_empty": ZERO_BY_ZERO, "missed": OLD_NUMPY, "false_alarm": OLD_NUMPY},
    ),
)
