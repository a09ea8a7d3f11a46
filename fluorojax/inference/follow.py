"""The curve of the frame before as a prior: where it lay, a little speaks for its lying there.

Between two frames of a cine a wire advances, bends and moves with the breath, but it does not go
away and come back. So where a frame alone says little, log odds are added along the curve before:

    gain w(t) exp(-d^2 / (2 shift^2)), and nothing from 3 shift on

with d the distance of a pixel to that curve, t the length from there to its tip, and w rising from
0 at the tip to 1 at `advance` behind it. Nothing is added in front of the tip, so that the wire may
advance and be drawn back; and nothing is taken away anywhere, so that it may jump.

Only what its own frame speaks for, without a prior, leads the next one: what is held by the prior
alone ends after one frame.
"""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
from scipy import ndimage

from fluorojax.core.errors import InputError
from fluorojax.geometry.ridges import typical_width
from fluorojax.geometry.skeleton import window
from fluorojax.geometry.surface import scale_and_unit
from fluorojax.inference.curve import LEAST, LIKELY, Curve
from fluorojax.inference.steps import FLOOR
from fluorojax.schema.frame import Spacing
from fluorojax.schema.limits import limits_of, number

FARTHEST = 3.0  # shifts: beyond, nothing is added
STEP = 0.5  # px between the points that stand for a curve


@dataclasses.dataclass(frozen=True)
class FollowRules:
    """How far a wire may move between two frames, and how much its last place counts.

    What is in millimetres was chosen by `benchmarks/studies/cines.py`, at 7.5 frames a second.

    Attributes:
        gain: greatest log odds that are added.
        shift_mm, shift_px: how far it bends and breathes, a standard deviation; in millimetres
            where the spacing is known, and else in pixels of the frame.
        advance_mm, advance_px: how far its tip is drawn back, or pushed on.

    Raises:
        InputError: a number out of its limits.
    """

    gain: float = number(6.0, 0.0, 20.0)
    shift_mm: float = number(3.0, 0.0, 100.0, above=True)
    shift_px: float = number(4.0, 0.0, 1000.0, above=True)
    advance_mm: float = number(4.0, 0.0, 1000.0)
    advance_px: float = number(6.0, 0.0, 10_000.0)

    def __post_init__(self) -> None:
        """Check every number."""
        for field in dataclasses.fields(self):
            if problem := limits_of(field).problem(getattr(self, field.name)):
                raise InputError(f"FollowRules: {field.name} {problem}")

    def in_pixels(self, spacing: Spacing) -> tuple[float, float]:
        """Return shift and advance in pixels of a frame of this spacing (mm; NaN: unknown)."""
        size, unit = scale_and_unit(spacing)
        if unit == "px":
            return self.shift_px, self.advance_px
        pixel = float(np.sqrt(size[0] * size[1]))
        return self.shift_mm / pixel, self.advance_mm / pixel


def leading(curves: Iterable[Curve], probability: np.ndarray, clip: float) -> list[Curve]:
    """Return what of curves their own frame speaks for, without any prior.

    Of each the stretch of most log odds, from its exit where it is attached; none where these are
    too few for a curve.

    Args:
        curves: of a frame.
        probability: [H, W] in [0, 1], what the network says of that frame alone.
        clip: greatest log odds that a pixel counts with.
    """
    stretches = (_own_stretch(curve, probability, clip) for curve in curves)
    return [curve for curve in stretches if curve is not None]


def _own_stretch(curve: Curve, probability: np.ndarray, clip: float) -> Curve | None:
    """Return the stretch of a curve that `leading` keeps, or None."""
    p = ndimage.map_coordinates(probability, curve.points.T, float, order=1, mode="constant")
    p = np.clip(p, FLOOR, 1 - FLOOR)
    odds = np.clip(np.log(p / (1 - p)), -clip, clip)
    steps = np.hypot(*np.diff(curve.points, axis=0).T)
    so_far = np.concatenate([[0.0], np.cumsum(steps * (odds[1:] + odds[:-1]) / 2)])
    least = np.zeros_like(so_far) if curve.attached else np.minimum.accumulate(so_far)
    end = int(np.argmax(so_far - least))
    start = 0 if curve.attached else int(np.argmin(so_far[: end + 1]))
    if (so_far[end] - least[end]) / curve.widths.mean() < LEAST:
        return None
    points, widths, confidence = (x[start : end + 1] for x in curve[:3])
    return curve._replace(points=points, widths=widths, confidence=confidence)


def prior(
    curves: Sequence[Curve], shape: tuple[int, int], rules: FollowRules, spacing: Spacing
) -> np.ndarray:
    """Return what the curves of the frame before add to the log odds of this one, [H, W] >= 0.

    Where two curves add something, the greater counts. A curve that is not attached may move at
    both of its ends.

    Args:
        curves: of the frame before, on its own grid, which is this frame's.
        shape: rows and columns.
        rules: see the module.
        spacing: (row_mm, col_mm) of the frame; NaN where unknown.
    """
    shift, advance = rules.in_pixels(spacing)
    odds = np.zeros(shape)
    for curve in curves:
        weight = _weights(curve, shape, advance)
        passed = np.isfinite(weight)
        if not passed.any():
            continue
        reach = int(np.ceil(FARTHEST * shift))
        inside = _around(passed, reach)
        away, nearest = ndimage.distance_transform_edt(~passed[inside], return_indices=True)
        near = weight[inside][tuple(nearest)] * np.exp(-(away**2) / (2 * shift**2))
        added = np.where(away <= FARTHEST * shift, rules.gain * near, 0.0)
        odds[inside] = np.maximum(odds[inside], added)
    return odds


def raised(probability: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """Return probabilities with log odds added; where these are 0, the same bits.

    Less is added beside what is likely already, and nothing within a width of what is sure: the
    frame itself says there where the curve is, and how wide.

    Args:
        probability: [H, W] float32 in [0, 1].
        odds: [H, W], of `prior`.
    """
    added = odds > 0
    if not added.any():
        return probability
    width = int(np.ceil(typical_width(probability >= LIKELY)))
    inside = _around(added, width)  # what the maximum over 2 width + 1 pixels looks at
    p = probability[inside]
    factor = np.exp(odds[inside] * (1.0 - ndimage.maximum_filter(p, 2 * width + 1)))
    more = p * factor / (1.0 + p * (factor - 1.0))
    found = probability.copy()
    found[inside] = np.where(added[inside], more, p)
    return found


def _around(mask: np.ndarray, reach: int) -> tuple[slice, ...]:
    """Return the window of a mask that is not empty, and `reach` pixels around it."""
    return tuple(slice(max(s.start - reach, 0), s.stop + reach) for s in window(mask))


def _weights(curve: Curve, shape: tuple[int, int], advance: float) -> np.ndarray:
    """Return w on the pixels of a curve, [H, W] in [0, 1], and infinity elsewhere."""
    steps = np.hypot(*np.diff(curve.points, axis=0).T)
    so_far = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.linspace(0.0, so_far[-1], int(np.ceil(so_far[-1] / STEP)) + 2)
    pixels = [np.rint(np.interp(at, so_far, x)).astype(np.intp) for x in curve.points.T]
    to_end = so_far[-1] - at
    if not curve.attached:
        to_end = np.minimum(to_end, at)
    weight = np.clip(to_end / advance, 0.0, 1.0) if advance > 0 else np.ones(len(at))
    row, column = pixels
    in_view = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    result = np.full(shape, np.inf)
    np.minimum.at(result, (row[in_view], column[in_view]), weight[in_view])
    return result
