"""What a DICOM header says of the plane of its pixels: their size, and which hold no picture."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pydicom
from skimage.draw import polygon2mask

from fluorojax.schema.frame import UNKNOWN_SPACING, Spacing, SpacingOrigin

_SHAPES = {
    "Shutter": ("ShutterShape", "CenterOfCircularShutter", "RadiusOfCircularShutter"),
    "Collimator": ("CollimatorShape", "CenterOfCircularCollimator", "RadiusOfCircularCollimator"),
}
"""By what hides pixels: the names of its shape, and of a circle's centre and radius."""


def spacing_of(frame: pydicom.Dataset) -> tuple[Spacing, SpacingOrigin]:
    """Return the size of a pixel (rows, columns) in mm, and where it comes from.

    In this order, the first that is there:

    - calibrated: the spacing in the middle of the object (0018,9404), or a pixel spacing
      (0028,0030) that was calibrated: it says how (0028,0A02), or differs from the imager's
    - magnification: imager spacing (0018,1164) / M, M the estimated radiographic magnification
      (0018,1114), or source to detector / source to patient
    - imager: imager spacing, or a pixel spacing of which nothing is said: in the plane of the
      detector, larger than in the body by an unknown magnification

    Source: PS3.3 2024, 10.7.1.3 (the two spacings of projections), C.8.7.5 (M).
    """
    if known := _pair(frame, "ObjectPixelSpacingInCenterOfBeam"):
        return known, "calibrated"
    pixel, imager = _pair(frame, "PixelSpacing"), _pair(frame, "ImagerPixelSpacing")
    said_how = str(frame.get("PixelSpacingCalibrationType") or "").strip()
    if pixel and (said_how or (imager and not np.allclose(pixel, imager, rtol=1e-4))):
        return pixel, "calibrated"
    detector = imager or pixel or _pair(frame, "NominalScannedPixelSpacing")
    if detector is None:
        return UNKNOWN_SPACING, "unknown"
    if magnification := _magnification(frame):
        return (detector[0] / magnification, detector[1] / magnification), "magnification"
    return detector, "imager"


def _magnification(frame: pydicom.Dataset) -> float | None:
    """Return how much larger the detector's image is than what is shown; None: it is not said."""
    if factor := _positive(frame.get("EstimatedRadiographicMagnificationFactor")):
        return factor
    detector = _positive(frame.get("DistanceSourceToDetector"))
    patient = _positive(frame.get("DistanceSourceToPatient"))
    if detector is None or patient is None or patient >= detector:
        return None
    return detector / patient


def _positive(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < math.inf else None


def _pair(frame: pydicom.Dataset, name: str) -> Spacing | None:
    """Return two numbers above 0, None where that is not what stands there."""
    value = frame.get(name)
    if isinstance(value, str | bytes) or not isinstance(value, Sequence) or len(value) != 2:
        return None
    row, column = map(_positive, value)
    return None if row is None or column is None else (row, column)


def outside(frame: pydicom.Dataset, shape: tuple[int, int]) -> np.ndarray:
    """Return where a shutter or a collimator hides the picture: [H, W] bool.

    What would leave no pixel to be seen is a mistake in the header and hides nothing.
    """
    seen = np.ones(shape, bool)
    for name in _SHAPES:
        within = _within(frame, name, shape)
        if within.any():
            seen &= within
    return ~seen if seen.any() else np.zeros(shape, bool)


def _within(frame: pydicom.Dataset, name: str, shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels inside of all of a shutter's shapes; rows and columns count from 1."""
    shape_name, centre_name, radius_name = _SHAPES[name]
    given = frame.get(shape_name) or ()
    kinds = (given,) if isinstance(given, str) else tuple(given)
    row, column = np.ogrid[1 : shape[0] + 1, 1 : shape[1] + 1]
    seen = np.ones(shape, bool)
    if "RECTANGULAR" in kinds:
        sides = ("LeftVertical", "RightVertical", "UpperHorizontal", "LowerHorizontal")
        edges = [frame.get(f"{name}{side}Edge") for side in sides]
        if None not in edges:
            left, right, top, bottom = map(int, edges)
            seen &= (row >= top) & (row <= bottom) & (column >= left) & (column <= right)
    if "CIRCULAR" in kinds and frame.get(centre_name) and frame.get(radius_name):
        y, x = map(int, frame.get(centre_name))
        seen &= (row - y) ** 2 + (column - x) ** 2 <= int(frame.get(radius_name)) ** 2
    vertices = frame.get(f"VerticesOfThePolygonal{name}")
    if "POLYGONAL" in kinds and vertices and len(vertices) >= 6 and len(vertices) % 2 == 0:
        seen &= polygon2mask(shape, np.array(vertices, float).reshape(-1, 2) - 1)
    return seen
