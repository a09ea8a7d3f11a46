"""A knee film given as masks, and what else is known of it: view, side, scale."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np

from fluorojax.knee.measure.plane import HALF, Plane

HARD_EDGE_PX, SOFT_EDGE_PX = 0.3, 0.05
"""S.d. of an edge's place where masks are yes or no, and where they carry sub-pixel coverage.

A straight edge along the grid without a step in it may be tilted by up to a pixel over its length:
0.41 px s.d. for no step at all, less with each step; 0.3 is between.
"""

FOUND_EDGE_PX = 0.6
"""The same of masks that a network found: their edges wander, and smoothly, so that neighbours do
not show it. Chosen on simulated films (benchmarks/studies/knee_measures.py): with it errors are
nearer to their stated standard errors, and a shaft's midline is read from more of it.
"""

LEAST_PX = 3
"""Rows and columns of the smallest film: there are no contours to follow on a smaller one."""

View = Literal["ap", "lateral"]
Side = Literal["left", "right"]
Implant = Literal["total", "revision", "unicompartmental", "native"]


@dataclasses.dataclass(frozen=True)
class KnownWidth:
    """A component's catalogue width (mm), across its tray or its condyles in this view."""

    component: Literal["femoral_component", "tibial_component"]
    width_mm: float


@dataclasses.dataclass(frozen=True)
class CalibrationObject:
    """A ball or coin in the plane of the joint: its diameter and its mask [H, W]."""

    diameter_mm: float
    mask: np.ndarray


@dataclasses.dataclass(frozen=True)
class KneeFilm:
    """What is known of one film of one knee.

    Attributes:
        masks: [H, W, C], bool or probabilities in [0, 1]; classes may overlap. Probabilities give
            sub-pixel edges where they are coverage; a class begins at one half.
        class_names: [C], of `fluorojax.schema.knee_classes.CLASSES`; others are not used.
        view: "ap" or "lateral".
        spacing: (row_mm, col_mm) of the masks' pixels; NaN: unknown.
        side: of the body, or None. Only used where no fibula shows which side is lateral (AP), and
            then for a film shown the usual way: the patient's right at the viewer's left.
        implant: None: recognised from the masks as far as possible (native without components).
        magnification: of the spacing's plane at the knee. Above 1: the spacing is the detector's.
            1: it is that of the knee's plane. None: the detector's, and nothing is known.
        known_width, calibration: a known length in the plane of the knee.
        lucency_recall: share of the lucent pixels that the maker of the masks finds, where that
            was tested. None: not known, or drawn by hand.
        edge_error_px: s.d. of an edge's place in the masks. None: what digitisation alone leaves;
            `FOUND_EDGE_PX` where a network made them.
    """

    masks: np.ndarray
    class_names: Sequence[str]
    view: View
    spacing: tuple[float, float] = (float("nan"), float("nan"))
    side: Side | None = None
    implant: Implant | None = None
    magnification: float | None = None
    known_width: KnownWidth | None = None
    calibration: CalibrationObject | None = None
    lucency_recall: float | None = None
    edge_error_px: float | None = None

    def __post_init__(self) -> None:
        if self.masks.ndim != 3 or self.masks.shape[-1] != len(self.class_names):
            raise ValueError(
                f"masks of shape {self.masks.shape} for {len(self.class_names)} class names: "
                "must be [H, W, C] with one name a class"
            )
        if min(self.masks.shape[:2]) < LEAST_PX:
            raise ValueError(
                f"masks of {self.masks.shape[0]} x {self.masks.shape[1]} pixels: a film has at "
                f"least {LEAST_PX} rows and columns"
            )
        if not (self.masks.min() >= 0 and self.masks.max() <= 1):
            raise ValueError(
                f"masks from {self.masks.min()} to {self.masks.max()}: must be bool or in [0, 1]"
            )
        if self.view not in ("ap", "lateral"):
            raise ValueError(f"view {self.view!r}: must be 'ap' or 'lateral'")
        if self.side not in (None, "left", "right"):
            raise ValueError(f"side {self.side!r}: must be 'left', 'right' or None")
        if any(s <= 0 for s in self.spacing):
            raise ValueError(f"spacing {self.spacing} mm: must be positive, or NaN where unknown")
        if self.magnification is not None and not 1 <= self.magnification < 2:
            raise ValueError(
                f"magnification {self.magnification}: must be from 1 to 2, the film's length over "
                "the body's"
            )
        if self.edge_error_px is not None and self.edge_error_px <= 0:
            raise ValueError(f"edge_error_px {self.edge_error_px}: must be positive, in pixels")

    @property
    def has_spacing(self) -> bool:
        """Whether both spacings are known."""
        return bool(np.isfinite(self.spacing).all())

    def field(self, *names: str) -> np.ndarray:
        """Return the largest value of the named classes, [H, W] in [0, 1]; 0 for those missing."""
        chosen = [k for k, name in enumerate(self.class_names) if name in names]
        if not chosen:
            return np.zeros(self.masks.shape[:2])
        return self.masks[..., chosen].max(-1).astype(np.float64)

    def has(self, name: str) -> bool:
        """Return whether a pixel of the class is in the film."""
        return bool((self.field(name) >= HALF).any())

    def plane(self) -> Plane:
        """Return the film's plane; pixels count as square where the spacing is unknown."""
        shape = (self.masks.shape[0], self.masks.shape[1])
        if self.has_spacing:
            return Plane(shape, self.spacing, self._edge_error_px(), "mm")
        return Plane(shape, (1.0, 1.0), self._edge_error_px(), "px")

    def _edge_error_px(self) -> float:
        if self.edge_error_px is not None:
            return self.edge_error_px
        soft = self.masks.dtype.kind == "f" and ((self.masks > 0.01) & (self.masks < 0.99)).any()
        return SOFT_EDGE_PX if soft else HARD_EDGE_PX
