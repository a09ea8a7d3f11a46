"""A film's plane: points in units of equal length both ways, fields sampled in it, and contours.

Everything is measured in this plane, so that pixels that are not square bend no angle. Points are
[N, 2] (row, column) times the spacing: millimetres at the detector where it is known, and pixels
where it is not. Directions are unit vectors of the same plane.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
from scipy import ndimage
from skimage import measure, morphology

HALF = 0.5
"""A pixel belongs to a class from here on; edges are where the interpolated field is this."""

NORMAL_SMOOTHING_PX = 2.0
"""A hard mask's own gradient knows eight directions only; smoothed like this it knows all."""


@dataclasses.dataclass(frozen=True)
class Plane:
    """How pixels lie in the plane.

    Attributes:
        shape: (H, W).
        spacing: plane units a row and a column; (1.0, 1.0) where unknown: pixels taken as square.
        edge_error_px: the standard deviation of an edge's place that no residual shows: by
            digitisation, where an edge runs along the grid, or because a mask's edges wander.
        unit: of the plane, "mm" at the detector or "px".
    """

    shape: tuple[int, int]
    spacing: tuple[float, float]
    edge_error_px: float
    unit: str

    @property
    def step(self) -> float:
        """The smaller side of a pixel in plane units."""
        return min(self.spacing)

    @property
    def edge_error(self) -> float:
        """`edge_error_px` in plane units."""
        return self.edge_error_px * max(self.spacing)

    def from_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Return plane points of `pixels: [..., 2]`."""
        return np.asarray(pixels, float) * self.spacing

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """Return pixel coordinates (row, column) of plane `points: [..., 2]`."""
        return np.asarray(points, float) / self.spacing

    def inside(self, points: np.ndarray, margin_px: float = 1.0) -> np.ndarray:
        """Return which points lie at least `margin_px` inside the film's border, [...] bool."""
        pixels = self.to_pixels(points)
        last = np.array(self.shape) - 1
        return np.all((pixels >= margin_px) & (pixels <= last - margin_px), axis=-1)

    def sample(self, field: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return `field: [H, W]` at plane points by bilinear interpolation, 0 outside the film."""
        places = np.moveaxis(self.to_pixels(points), -1, 0)
        return ndimage.map_coordinates(field, places, order=1, mode="constant", cval=0.0)


class Contour(NamedTuple):
    """A closed outline in the plane, in order.

    Attributes:
        points: [N, 2], about a pixel apart.
        normals: [N, 2], pointing out of the mask.
    """

    points: np.ndarray
    normals: np.ndarray

    def keep(self, chosen: np.ndarray) -> "Contour":
        """Return the chosen points only, `chosen: [N] bool`."""
        return Contour(self.points[chosen], self.normals[chosen])


def unit(vector: np.ndarray) -> np.ndarray:
    """Return `vector: [..., 2]` at length 1; a null vector stays null."""
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return vector / np.maximum(length, 1e-12)


def quarter_turn(vector: np.ndarray) -> np.ndarray:
    """Return (r, c) -> (-c, r): from up to the viewer's left."""
    return np.stack([-vector[..., 1], vector[..., 0]], -1)


def angle_between(first: np.ndarray, second: np.ndarray) -> float:
    """Return the angle between two directions in degrees, [0, 180]."""
    cross = first[0] * second[1] - first[1] * second[0]
    return float(np.degrees(np.arctan2(abs(cross), first @ second)))


def components(mask: np.ndarray) -> list[np.ndarray]:
    """Return the 8-connected components of `mask: [H, W] bool`, each [H, W] bool, largest first."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    return [labels == k + 1 for k in np.argsort(-sizes, kind="stable")]


def solid(field: np.ndarray) -> np.ndarray:
    """Return the largest component of `field: [H, W] in [0, 1]` without holes and without the rest.

    Its soft edge stays (one pixel around what is above one half), so sub-pixel edges do too.
    """
    found = components(field >= HALF)
    if not found:
        return np.zeros_like(field)
    filled = ndimage.binary_fill_holes(found[0])
    holes = filled & ~found[0]
    rim = ndimage.binary_dilation(filled, np.ones((3, 3)))
    return np.where(holes, 1.0, np.where(rim, field, 0.0))


def opened(field: np.ndarray, radius: int) -> np.ndarray:
    """Return `field: [H, W] in [0, 1]` without what a disc of `radius` pixels does not fit into.

    What is above one half is opened by the disc; beyond the film's border it goes on as it ends
    there. Soft edges stay.
    """
    inside = np.pad(field >= HALF, radius, "edge")
    kept = ndimage.binary_opening(inside, morphology.disk(radius))
    height, width = field.shape
    kept = kept[radius : radius + height, radius : radius + width]
    return np.where((field >= HALF) & ~kept, 0.0, field)


def outline(field: np.ndarray, plane: Plane) -> Contour:
    """Return the longest contour at one half of `field: [H, W]`; empty where there is none.

    A mask that touches the film's border is closed along it: filter by `Plane.inside`.
    """
    found = measure.find_contours(np.pad(field, 1), HALF)
    if not found:
        return Contour(np.zeros((0, 2)), np.zeros((0, 2)))
    pixels = max(found, key=len)[:-1] - 1
    smooth = ndimage.gaussian_filter(field, NORMAL_SMOOTHING_PX)
    slope = [
        ndimage.map_coordinates(g, pixels.T, order=1, mode="nearest") / s
        for g, s in zip(np.gradient(smooth), plane.spacing, strict=True)
    ]
    return Contour(plane.from_pixels(pixels), unit(-np.stack(slope, -1)))
