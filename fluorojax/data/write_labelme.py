"""Shapes as a LabelMe file: corrected there, they are read back by `fluorojax.data.labelme`."""

import base64
import io
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

VERSION = "5.4.1"
"""Of LabelMe, whose fields these are."""


class Line(NamedTuple):
    """A line to be written.

    Attributes:
        label: name of its class.
        points: [N, 2], row and column (px; the centre of the first pixel is 0, 0), N >= 2.
        width: one for all of it (px), above 0.
    """

    label: str
    points: np.ndarray
    width: float


def labelme(lines: Iterable[Line], picture: np.ndarray, image: str) -> dict[str, Any]:
    """Return a LabelMe document, as JSON: linestrips whose descriptions say their widths.

    The picture is in it, 8 bit: LabelMe opens neither DICOM nor the frames of a cine.

    Args:
        lines: to be drawn on the frame.
        picture: [H, W] in [0, 1], the frame.
        image: name of its file.
    """
    return document(map(shape_of, lines), picture.shape, image, as_data(picture))


def document(
    shapes: Iterable[Mapping[str, Any]], size: tuple[int, ...], image: str, data: str | None
) -> dict[str, Any]:
    """Return a LabelMe document, as JSON.

    Args:
        shapes: as `shape_of` and `polygon_shape` return them.
        size: rows and columns of the frame.
        image: name of its file, from the document's folder.
        data: the picture itself (see `as_data`); None: LabelMe opens the file.
    """
    return {
        "version": VERSION,
        "flags": {},
        "shapes": [dict(shape) for shape in shapes],
        "imagePath": image,
        "imageData": data,
        "imageHeight": int(size[0]),
        "imageWidth": int(size[1]),
    }


def as_data(picture: np.ndarray) -> str:
    """Return a picture [H, W] in [0, 1] as an 8-bit PNG in base64."""
    grey = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    png = io.BytesIO()
    Image.fromarray(grey).save(png, format="PNG")
    return base64.b64encode(png.getvalue()).decode("ascii")


def shape_of(line: Line) -> dict[str, Any]:
    """Return a line as a linestrip whose description says its width."""
    # Pixel (r, c) covers [c, c + 1] along x and [r, r + 1] along y.
    points = np.asarray(line.points, float)[:, ::-1] + 0.5
    width = f"width_px={line.width:.4g}"
    return {**_shape(line.label, "linestrip", points), "description": width}


def polygon_shape(label: str, points: np.ndarray) -> dict[str, Any]:
    """Return a polygon; `points: [N, 2]` are x and y of its corners, as LabelMe counts them."""
    return _shape(label, "polygon", points)


def _shape(label: str, kind: str, points: np.ndarray) -> dict[str, Any]:
    return {
        "label": label,
        "points": points.tolist(),
        "group_id": None,
        "description": "",
        "shape_type": kind,
        "flags": {},
    }
