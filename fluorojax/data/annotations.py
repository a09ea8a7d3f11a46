"""Annotations to masks: label images in three encodings, and shapes drawn in LabelMe."""

import itertools
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from fluorojax.core.errors import InputError
from fluorojax.data.readers import read_mask_image
from fluorojax.schema import bitmask
from fluorojax.schema.info import DatasetInfo

CLASS_PLACEHOLDER = "{class}"

_BINARY_VALUES = (0, 1, 255)
_SMOOTHED = (
    ". They lie between labels at edges, which a drawing program has smoothed (anti-aliasing): "
    "export the mask without it (a pencil instead of a brush, resizing by the nearest neighbour)"
)
_SCAN_LINES = 4  # a pixel
_WIDTH = re.compile(r"width_px\s*=\s*([0-9.eE+-]+)")

Points = np.ndarray  # [N, 2] float64: x (column), y (row); pixel (r, c) covers [c, c+1] x [r, r+1]


def annotation_files(path: str | Path, info: DatasetInfo) -> tuple[Path, ...]:
    """Return the files behind an annotation: one, or one a class where it holds `{class}`."""
    if CLASS_PLACEHOLDER not in str(path):
        return (Path(path),)
    return tuple(Path(str(path).replace(CLASS_PLACEHOLDER, name)) for name in info.class_names)


def read_annotation(
    path: str | Path, info: DatasetInfo, encoding: str, shape: tuple[int, int], case: str
) -> np.ndarray:
    """Read one annotation as a mask a class.

    A path that ends in `.json` is LabelMe, whatever the encoding. Otherwise a label image:
    `bitmask` (bit k = class k), `index` (value k + 1, or the class's `mask_value`; 0 is nothing) or
    `per_class` (a file a class, 0 and 1 or 0 and 255; every class needs its file, so that a
    forgotten one is not taken for an absent object). In a mask of 0 and 255 alone, a smoothed edge
    is taken at half.

    Args:
        path: the annotation; with `per_class` it holds `{class}` in the place of the class's name.
        info: the classes.
        encoding: one of `ENCODINGS`.
        shape: rows and columns of the frame.
        case: the case's name, for messages.

    Returns:
        [*shape, C] bool.

    Raises:
        InputError: a missing or unreadable file, another size than the frame's, an unknown label
            value or name, or a shape that cannot be drawn.
    """
    if str(path).lower().endswith(".json"):
        return _read_labelme(Path(path), info, shape, case)
    return _DECODERS[encoding](Path(path), info, shape, case)


def read_ignore(path: str | Path, shape: tuple[int, int], case: str) -> np.ndarray:
    """Read the pixels that count neither in loss nor in scores: values 0 and 1, or 0 and 255.

    Returns:
        `shape` bool, True = ignored.

    Raises:
        InputError: as for `read_annotation`.
    """
    return _read_binary(Path(path), shape, case)


def _sharpen(labels: np.ndarray) -> np.ndarray:
    """Take the soft edge of a mask of 0 and 255 at half: grey, next to a 0 and next to a 255.

    Drawing programs smooth edges. Grey elsewhere is left as it is, to be refused by its value.
    """
    grey = (labels > 0) & (labels < 255)
    if not grey.any():
        return labels
    edge = grey
    for value in (0, 255):
        edge = edge & ndimage.binary_dilation(labels == value, np.ones((3, 3)))
    return np.where(edge, np.where(labels >= 128, 255, 0), labels)


def _read_labels(path: Path, shape: tuple[int, int], case: str) -> np.ndarray:
    try:
        labels = read_mask_image(path)
    except InputError as error:
        raise InputError(f"case {case}: {error}") from error
    if labels.shape != tuple(shape):
        raise InputError(
            f"{path}: case {case}: the mask is {_size(labels.shape)}, the frame {_size(shape)} "
            "(rows x columns); draw it on the frame itself, without resizing"
        )
    return labels


def _read_bitmask(path: Path, info: DatasetInfo, shape: tuple[int, int], case: str) -> np.ndarray:
    labels = _read_labels(path, shape, case)
    classes = len(info.classes)
    meaning = ", ".join(f"{2**k} = {name}" for k, name in enumerate(info.class_names))
    _refuse_unknown(labels, labels >= 2**classes, path, case, f"bitmask of {meaning}")
    return bitmask.unpack(labels.astype(bitmask.dtype(classes)), classes).astype(bool)


def _read_index(path: Path, info: DatasetInfo, shape: tuple[int, int], case: str) -> np.ndarray:
    labels = _read_labels(path, shape, case)
    values = index_values(info)
    if values == (255,):
        labels = _sharpen(labels)
    meaning = ", ".join(f"{v} = {n}" for v, n in zip(values, info.class_names, strict=True))
    unknown = ~np.isin(labels, (0, *values))
    _refuse_unknown(labels, unknown, path, case, f"index of 0 = nothing, {meaning}")
    return np.stack([labels == value for value in values], -1)


def _read_per_class(path: Path, info: DatasetInfo, shape: tuple[int, int], case: str) -> np.ndarray:
    if CLASS_PLACEHOLDER not in str(path):
        raise InputError(
            f"{path}: case {case}: with mask_encoding per_class the annotation is a path with "
            f"'{CLASS_PLACEHOLDER}' in it, such as masks/{case}_{CLASS_PLACEHOLDER}.png"
        )
    return np.stack([_read_binary(file, shape, case) for file in annotation_files(path, info)], -1)


_DECODERS: dict[str, Callable[[Path, DatasetInfo, tuple[int, int], str], np.ndarray]] = {
    "bitmask": _read_bitmask,
    "index": _read_index,
    "per_class": _read_per_class,
}


def index_values(info: DatasetInfo) -> tuple[int, ...]:
    """Return each class's grey value in the encoding `index`: its `mask_value`, or k + 1."""
    return tuple(
        k + 1 if c.mask_value is None else c.mask_value for k, c in enumerate(info.classes)
    )


def _read_binary(path: Path, shape: tuple[int, int], case: str) -> np.ndarray:
    labels = _sharpen(_read_labels(path, shape, case))
    _refuse_unknown(labels, ~np.isin(labels, _BINARY_VALUES), path, case, "0 and 1, or 0 and 255")
    return labels > 0


def _refuse_unknown(
    labels: np.ndarray, unknown: np.ndarray, path: Path, case: str, allowed: str
) -> None:
    if not unknown.any():
        return
    values = np.unique(labels[unknown])
    row, column = np.argwhere(unknown)[0]
    named = ", ".join(map(str, values[:8])) + (", ..." if len(values) > 8 else "")
    smoothed = _SMOOTHED if _at_edges(labels, unknown) else ""
    raise InputError(
        f"{path}: case {case}: unknown label value {named} (first at row {row}, column {column}, "
        f"{int(unknown.sum())} pixels); allowed: {allowed}{smoothed}. Correct the mask, or "
        "classes, mask_value or mask_encoding in dataset.json"
    )


def _at_edges(labels: np.ndarray, unknown: np.ndarray) -> bool:
    """Say whether most unknown values lie between a smaller and a larger known one near them."""
    known = np.where(unknown, -1, labels.astype(np.int64))
    largest = ndimage.maximum_filter(known, 7)
    smallest = ndimage.minimum_filter(np.where(unknown, 2**16, known), 7)
    between = unknown & (smallest < labels) & (labels < largest)
    return 2 * int(between.sum()) > int(unknown.sum())


def _size(shape: tuple[Any, ...]) -> str:
    return " x ".join(map(str, shape))


# LabelMe


def _read_labelme(path: Path, info: DatasetInfo, shape: tuple[int, int], case: str) -> np.ndarray:
    document = _load_labelme(path, case)
    drawn_on = (document.get("imageHeight"), document.get("imageWidth"))
    if drawn_on != tuple(shape):
        raise InputError(
            f"{path}: case {case}: drawn on a picture of imageHeight x imageWidth = "
            f"{_size(drawn_on)}, the frame is {_size(shape)}; draw it on the frame itself"
        )
    mask = np.zeros((*shape, len(info.classes)), bool)
    for number, item in enumerate(document["shapes"]):
        where = f"{path}: case {case}: shape {number}"
        label = item.get("label") if isinstance(item, dict) else None
        if label not in info.class_names:
            raise InputError(
                f"{where}: unknown label '{label}'; the classes of dataset.json are "
                f"{', '.join(info.class_names)}: correct the label, or add the class"
            )
        mask[..., info.index(label)] |= _draw(item, shape, f"{where} ({label})")
    return mask


def _load_labelme(path: Path, case: str) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(
            f"{path}: case {case}: no such file; correct the path, or put the file there"
        )
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            f"{path}: case {case}: not valid JSON ({error}): truncated or damaged; export it again"
        ) from error
    if not isinstance(document, dict) or not isinstance(document.get("shapes"), list):
        raise InputError(
            f"{path}: case {case}: no LabelMe file (it has no list 'shapes'); COCO is not read "
            "yet: convert it to LabelMe or to masks"
        )
    return document


def _draw(item: dict[str, Any], shape: tuple[int, int], where: str) -> np.ndarray:
    kind = item.get("shape_type", "polygon")
    if kind not in _SHAPES:
        raise InputError(
            f"{where}: shape_type '{kind}' cannot be drawn; use {', '.join(sorted(_SHAPES))}"
        )
    try:
        points = np.asarray(item.get("points"), np.float64).reshape(-1, 2)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: points are not pairs of numbers; draw it again") from error
    if not np.isfinite(points).all():
        raise InputError(f"{where}: a point is not a finite number; draw it again")
    draw, needed = _SHAPES[kind]
    if len(points) < needed:
        raise InputError(
            f"{where}: a {kind} of {len(points)} points needs {needed}; finish or delete it"
        )
    return draw(points, item, shape, where)


def _draw_polygon(
    points: Points, item: dict[str, Any], shape: tuple[int, int], where: str
) -> np.ndarray:
    """Pixels covered by half or more (even-odd rule)."""
    return _polygon_coverage(points, shape) >= 0.5 - 1e-6  # a half, rounding aside


def _polygon_coverage(points: Points, shape: tuple[int, int]) -> np.ndarray:
    """Return the covered share of each pixel: exact along x, four scan lines a pixel along y."""
    height, width = shape
    line, x = _crossings(points, height * _SCAN_LINES)
    order = np.lexsort((x, line))
    line, x = line[order], np.clip(x[order], 0, width)
    # Inside begins at every other crossing of a scan line and ends at the next.
    sign = np.where(np.arange(len(x)) % 2 == 0, 1.0, -1.0) / _SCAN_LINES
    row, column = line // _SCAN_LINES, x.astype(int)
    steps = np.zeros((height, width + 2))
    np.add.at(steps, (row, column), sign * (column + 1 - x))
    np.add.at(steps, (row, column + 1), sign * (x - column))
    return steps.cumsum(1)[:, :width]


def _crossings(points: Points, lines: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (scan line, x) of each crossing of the outline; an even number a scan line."""
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        # Scan line j lies at y = (j + 0.5) / _SCAN_LINES; half-open, so corners count once.
        first, last = sorted(math.ceil(y * _SCAN_LINES - 0.5) for y in (y0, y1))
        line = np.arange(max(first, 0), min(last, lines))
        y = (line + 0.5) / _SCAN_LINES
        found.append((line, x0 + (y - y0) * (x1 - x0) / ((y1 - y0) or 1.0)))
    line, x = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return line, x


def _draw_rectangle(
    points: Points, item: dict[str, Any], shape: tuple[int, int], where: str
) -> np.ndarray:
    (left, top), (right, bottom) = points.min(0), points.max(0)
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    return _draw_polygon(corners, item, shape, where)


def _draw_circle(
    points: Points, item: dict[str, Any], shape: tuple[int, int], where: str
) -> np.ndarray:
    centre, edge = points[:2]
    return _disc(centre, math.dist(centre, edge), shape)


def _draw_linestrip(
    points: Points, item: dict[str, Any], shape: tuple[int, int], where: str
) -> np.ndarray:
    """Pixels whose centre is at most half the width away: round joints, flat ends.

    The ends are flat because the first and the last point are where the wire begins and ends. A
    line thinner than a pixel is drawn one pixel wide, so that it does not fall to pieces.
    """
    radius = max(_width(item, where), 1.0) / 2
    mask = np.zeros(shape, bool)
    for start, stop in itertools.pairwise(points):
        mask |= _bar(start, stop, radius, shape)
    for joint in points[1:-1]:
        mask |= _disc(joint, radius, shape)
    return mask


_SHAPES: dict[
    str,
    tuple[Callable[[Points, dict[str, Any], tuple[int, int], str], np.ndarray], int],
] = {
    "polygon": (_draw_polygon, 3),
    "rectangle": (_draw_rectangle, 2),
    "circle": (_draw_circle, 2),
    "linestrip": (_draw_linestrip, 2),
    "line": (_draw_linestrip, 2),
}


def _width(item: dict[str, Any], where: str) -> float:
    found = _WIDTH.search(item.get("description") or "")
    try:
        width = float(found.group(1)) if found else math.nan
    except ValueError:
        width = math.nan
    if not (math.isfinite(width) and width > 0):
        raise InputError(
            f"{where}: a line without width; write its width in pixels into the shape's "
            "description, such as width_px=3.5"
        )
    return width


def _disc(centre: np.ndarray, radius: float, shape: tuple[int, int]) -> np.ndarray:
    """Pixels whose centre is at most `radius` away from `centre` (x, y)."""
    mask = np.zeros(shape, bool)
    window, x, y = _around(np.stack([centre, centre]), radius, shape)
    mask[window] = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2
    return mask


def _bar(start: np.ndarray, stop: np.ndarray, radius: float, shape: tuple[int, int]) -> np.ndarray:
    """Pixels whose centre lies beside the segment (x, y) start to stop, at most `radius` away."""
    mask = np.zeros(shape, bool)
    length = math.dist(start, stop)
    if length == 0:
        return mask
    window, x, y = _around(np.stack([start, stop]), radius, shape)
    dx, dy = (stop - start) / length
    along = (x - start[0]) * dx + (y - start[1]) * dy
    across = (x - start[0]) * dy - (y - start[1]) * dx
    mask[window] = (along >= 0) & (along <= length) & (np.abs(across) <= radius)
    return mask


def _around(
    points: Points, radius: float, shape: tuple[int, int]
) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:
    """Return the window within `radius` of the points and its pixel centres x `[w]`, y `[h, 1]`."""
    low = np.clip(np.floor(points.min(0) - radius).astype(int), 0, shape[::-1])
    high = np.clip(np.ceil(points.max(0) + radius).astype(int), 0, shape[::-1])
    x = np.arange(low[0], high[0]) + 0.5
    y = np.arange(low[1], high[1])[:, None] + 0.5
    return (slice(low[1], high[1]), slice(low[0], high[0])), x, y
