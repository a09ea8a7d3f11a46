"""A frame: an image with its geometry, and where it comes from. Free of I/O and of jax."""

import dataclasses
import math
from typing import Any, Literal

import numpy as np

from fluorojax.core.errors import InputError

Spacing = tuple[float, float]
Plane = Literal["object", "detector", "unknown"]
SpacingOrigin = Literal["unknown", "stated", "calibrated", "magnification", "imager"]

ORIGINS: dict[SpacingOrigin, str] = {
    "unknown": "unknown",
    "stated": "stated, in the plane of the object",
    "calibrated": "calibrated, in the plane of the object",
    "magnification": "of the detector, divided by the estimated magnification",
    "imager": "of the detector, larger than in the body by an unknown magnification",
}
"""Where a spacing comes from, in words that stand beside every figure in millimetres."""
UNKNOWN_SPACING: Spacing = (math.nan, math.nan)
NOT_GIVEN = (math.nan, math.nan)
USUAL_SPACING_MM = (0.02, 5.0)
"""No detector has smaller or larger pixels, nor has any frame that was shrunk from one's."""


def unusual_spacing(spacing_mm: Spacing) -> str:
    """Return a note on a spacing outside `USUAL_SPACING_MM`; '' within, and where it is unknown."""
    low, high = USUAL_SPACING_MM
    if all(low <= mm <= high or math.isnan(mm) for mm in spacing_mm):
        return ""
    rows, columns = spacing_mm
    return (
        f"no detector has a spacing of {rows:g} x {columns:g} mm ({low:g} to {high:g} mm); is it "
        "in other units?"
    )


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Frame:
    """One grey frame on its own grid.

    Attributes:
        pixels: [H, W] grey values, integers or floats, all finite.
        spacing_mm: millimetres between rows and between columns, NaN twice where unknown; rounded
            to float32, in which data sets store it, so that every way gives the same masks. Rows
            and columns are those of `pixels`, thus of a file as it is shown, whichever way its
            orientation turned it.
        spacing_origin: where the spacing comes from, one of `ORIGINS`.
        number: number in its sequence, -1 where unknown.
        source: file or description, for messages.
        hidden: [H, W] bool, the pixels that hold no picture (padding, behind a shutter); None: all
            of them do.
        value_range: (lowest, highest) value that can be stored: of integers the type's, of floats
            their own minimum and maximum, unless it is given.

    Raises:
        InputError: not two axes, no pixel, no grey values (truth values, colours, text), values
            that are NaN, infinite or beyond float32, a spacing that is not two positive numbers or
            NaN twice, values outside the range given, or `hidden` of another shape.
    """

    pixels: np.ndarray
    spacing_mm: Spacing = UNKNOWN_SPACING
    spacing_origin: SpacingOrigin = "unknown"
    number: int = -1
    source: str = ""
    value_range: tuple[float, float] = NOT_GIVEN
    hidden: np.ndarray | None = None

    def __post_init__(self) -> None:
        _check_pixels(self.pixels, self._name)
        object.__setattr__(self, "spacing_mm", _spacing(self.spacing_mm, self._name))
        object.__setattr__(self, "value_range", self._value_range())
        if self.hidden is not None and self.hidden.shape != self.pixels.shape:
            raise InputError(
                f"{self._name}: hidden has shape {self.hidden.shape}, and the frame is "
                f"{self.pixels.shape}; give a truth value for each pixel"
            )

    @property
    def _name(self) -> str:
        return self.source or "frame"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        height, width = self.pixels.shape
        return height, width

    @property
    def spacing_known(self) -> bool:
        """Whether a pixel's size is known."""
        return not math.isnan(self.spacing_mm[0])

    @property
    def plane(self) -> Plane:
        """The plane that the spacing is of.

        'object' is that of the thing shown, 'detector' is larger by the magnification.
        """
        if self.spacing_origin == "unknown" or not self.spacing_known:
            return "unknown"
        return "detector" if self.spacing_origin == "imager" else "object"

    def _value_range(self) -> tuple[float, float]:
        low, high = self.value_range
        if math.isnan(low) and math.isnan(high):
            return _stored_range(self.pixels)
        least, most = float(self.pixels.min()), float(self.pixels.max())
        if not low <= least <= most <= high:
            raise InputError(
                f"{self._name}: values from {least:g} to {most:g} are outside the range "
                f"{low:g} to {high:g}; correct the range, or leave it out"
            )
        return float(low), float(high)

    def __repr__(self) -> str:
        rows, columns = self.shape
        size = "{:g} x {:g} mm".format(*self.spacing_mm) if self.spacing_known else "unknown"
        plane = f" ({self.plane} plane)" if self.spacing_known else ""
        number = f", number {self.number}" if self.number >= 0 else ""
        source = f", {self.source!r}" if self.source else ""
        kind = self.pixels.dtype
        return f"Frame({rows} x {columns} {kind}, spacing {size}{plane}{number}{source})"


def _check_pixels(pixels: Any, name: str) -> None:
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2:
        raise InputError(
            f"{name}: a frame has two axes, rows and columns; this has shape {np.shape(pixels)}; "
            "give one grey frame at a time"
        )
    if not pixels.size:
        raise InputError(f"{name}: no pixel, shape {pixels.shape}; give rows and columns")
    if pixels.dtype.kind == "b":
        raise InputError(
            f"{name}: truth values (bool), which are a mask and no frame; give grey values, or "
            "write frame.astype(np.uint8)"
        )
    if pixels.dtype.kind not in "iuf":
        raise InputError(f"{name}: pixels of type {pixels.dtype}; give integers or floats")
    if bad := _unusable(pixels):
        raise InputError(
            f"{name}: {bad} of {pixels.size} pixels are NaN, infinite or beyond float32; replace "
            "them, for instance by the frame's lowest value"
        )


def _unusable(pixels: np.ndarray) -> int:
    """Return the number of pixels that are no finite float32."""
    if pixels.dtype.kind != "f":
        return 0
    with np.errstate(over="ignore"):
        return int((~np.isfinite(pixels.astype(np.float32))).sum())


def _spacing(spacing: Any, name: str) -> Spacing:
    values = np.asarray(spacing, np.float32)
    if values.shape == (2,) and (np.isnan(values).all() or (values > 0).all()):
        row_mm, column_mm = map(float, values)
        if not math.isinf(row_mm + column_mm):
            return row_mm, column_mm
    raise InputError(
        f"{name}: spacing_mm {spacing}: give two positive numbers, the millimetres between rows "
        "and between columns, or NaN twice where they are unknown"
    )


def _stored_range(pixels: np.ndarray) -> tuple[float, float]:
    if pixels.dtype.kind == "f":
        return float(pixels.min()), float(pixels.max())
    limits = np.iinfo(pixels.dtype)
    return float(limits.min), float(limits.max)
