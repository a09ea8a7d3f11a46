"""Shapes as the page draws them, which are LabelMe's: lines with a width, and polygons.

A place is x (column) before y (row), in pixels; pixel (r, c) covers [c, c + 1] along x and
[r, r + 1] along y. Beside what LabelMe keeps of a shape, a line has its `width` here (px).
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import ndimage
from skimage import measure

from fluorojax.core.errors import InputError
from fluorojax.data import shapes as drawing
from fluorojax.data.labelme import width_of
from fluorojax.data.write_labelme import Line, polygon_shape, shape_of
from fluorojax.geometry.centreline import EIGHT_NEIGHBOURS
from fluorojax.inference.curve import CurveRules, find_curves
from fluorojax.metrics.overlap import dice
from fluorojax.schema.info import ClassInfo

Shape = dict[str, Any]

TOLERANCE = 0.4  # px that a line of fewer points may lie beside the one of all points
LEAST_PIXELS = 4  # of a piece of a mask that becomes a shape
AS_LINES = 0.85  # Dice from which lines stand for a mask of a curve
CURVES = CurveRules(curve="free", most=20)
CORNERS = 48  # of the polygon that stands for a circle


def of_mask(mask: np.ndarray, classes: Sequence[ClassInfo]) -> list[Shape]:
    """Return the shapes of a mask [H, W, C] bool, lines for curves and polygons for regions.

    A mask of a curve that lines do not give again (Dice below AS_LINES), as a tree of vessels of
    many widths, comes as polygons, too.
    """
    found: list[Shape] = []
    for k, info in enumerate(classes):
        of_class = mask[..., k]
        lines = list(_lines(of_class, info.name)) if info.kind == "curve" else []
        good = lines and dice(drawn(lines, of_class.shape), of_class) >= AS_LINES
        found += lines if good else _polygons(of_class, info.name)
    return found


def of_curves(curves: Iterable[tuple[np.ndarray, float]], label: str) -> Iterator[Shape]:
    """Yield curves, each [N, 2] rows and columns with a mean width (px), with fewer points."""
    for points, width in curves:
        few = measure.approximate_polygon(np.asarray(points, float), TOLERANCE)
        if len(few) > 1:
            yield {**shape_of(Line(label, few, width)), "width": round(float(width), 2)}


def drawn(shapes: Iterable[Shape], shape: tuple[int, int]) -> np.ndarray:
    """Return the mask [H, W] bool of lines and polygons, as the reader of annotations draws it."""
    canvas = drawing.Canvas(shape, 1)
    for item in shapes:
        points = np.asarray(item["points"], float)
        width = float(item["width"] or 0.0)
        canvas.draw(0, drawing.Outline(item["shape_type"], points, item["label"], width))
    return canvas.mask[..., 0]


def _lines(mask: np.ndarray, label: str) -> Iterator[Shape]:
    found = find_curves(mask.astype(np.float32), None, CURVES, reach=0.0)
    return of_curves(((c.points, float(c.widths.mean())) for c in found.curves), label)


def _polygons(mask: np.ndarray, label: str) -> Iterator[Shape]:
    """Yield the outlines of the pieces of a mask, holes among them."""
    number, count = ndimage.label(mask, EIGHT_NEIGHBOURS)
    windows = ndimage.find_objects(number)
    for k in range(count):
        piece = number[windows[k]] == k + 1
        if np.count_nonzero(piece) >= LEAST_PIXELS:
            corner = np.array([windows[k][1].start, windows[k][0].start], float)
            outline = _with_holes(piece) + corner
            yield {**polygon_shape(label, np.round(outline, 2)), "width": None}


def _with_holes(piece: np.ndarray) -> np.ndarray:
    """Return one outline [N, 2], x and y, of a connected piece.

    Holes hang on it by a bridge that is walked there and back, which an even-odd rule cancels.
    """
    contours = measure.find_contours(np.pad(piece, 1).astype(np.float32), 0.5, "high")
    few = [measure.approximate_polygon(contour, TOLERANCE)[:, ::-1] - 0.5 for contour in contours]
    few.sort(key=lambda line: -np.prod(np.ptp(line, axis=0)))
    outer, holes = few[0], few[1:]
    parts = [outer[:-1]]
    for hole in holes:
        parts += [outer[:1], hole]
    return np.concatenate(parts)


def read(document: Mapping[str, Any], usual: Mapping[str, float]) -> list[Shape]:
    """Return the shapes of a LabelMe file as the page draws them.

    Rectangles and circles become polygons; what cannot be drawn stays as it is.

    Args:
        document: what the file says, with a list `shapes`.
        usual: width of lines that do not say their own, by label.
    """
    return [_as_drawn(item, usual) for item in document["shapes"] if isinstance(item, dict)]


def _as_drawn(item: Shape, usual: Mapping[str, float]) -> Shape:
    kind, label = item.get("shape_type", "polygon"), item.get("label")
    if kind in drawing.LINES:
        given = width_of(item.get("description"))
        width = usual.get(label, 0.0) if given is None and isinstance(label, str) else given
        return {**item, "shape_type": "linestrip", "width": width or 1.0}
    if kind not in ("rectangle", "circle", "polygon"):
        return {**item, "width": None}
    points = drawing.points_of(item.get("points"), str(label))
    if kind == "rectangle" and len(points) == 2:
        (left, top), (right, bottom) = points
        points = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    if kind == "circle" and len(points) == 2:
        angle = np.linspace(0.0, 2 * math.pi, CORNERS, endpoint=False)
        around = np.stack([np.cos(angle), np.sin(angle)], -1)
        points = points[0] + math.dist(*points) * around
    return {**item, "shape_type": "polygon", "points": points.tolist(), "width": None}


def to_write(given: Any, case: str) -> list[Shape]:
    """Return shapes that the page sent as LabelMe has them: the width in the description.

    Raises:
        InputError: they are no shapes.
    """
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise InputError(f"case {case}: shapes are no list of objects; reload the page")
    return [_as_written(item, case) for item in given]


def _as_written(item: Shape, case: str) -> Shape:
    kept = {name: value for name, value in item.items() if name != "width"}
    if item.get("shape_type") not in ("linestrip", "polygon"):
        return kept
    points = drawing.points_of(item.get("points"), f"case {case}")
    kept["points"] = np.round(points, 3).tolist()
    if item["shape_type"] == "linestrip":
        width: Any = item.get("width")
        if type(width) not in (int, float) or not 0 < width < math.inf:
            raise InputError(f"case {case}: a line of width {width}; give it one above 0 px")
        kept["description"] = _with_width(kept.get("description"), width)
    return kept


def _with_width(description: Any, width: float) -> str:
    text = description if isinstance(description, str) else ""
    words = [word for word in text.split() if not word.startswith("width_px=")]
    return " ".join([f"width_px={width:.4g}", *words])
