"""Lines as a LabelMe file: corrected there, they are read back by `fluorojax.data.labelme`."""

import base64
import io
from collections.abc import Iterable
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
    grey = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    png = io.BytesIO()
    Image.fromarray(grey).save(png, format="PNG")
    return {
        "version": VERSION,
        "flags": {},
        "shapes": [_shape(line) for line in lines],
        "imagePath": image,
        "imageData": base64.b64encode(png.getvalue()).decode("ascii"),
        "imageHeight": int(picture.shape[0]),
        "imageWidth": int(picture.shape[1]),
    }


def _shape(line: Line) -> dict[str, Any]:
    # Pixel (r, c) covers [c, c + 1] along x and [r, r + 1] along y.
    points = np.asarray(line.points, float)[:, ::-1] + 0.5
    return {
        "label": line.label,
        "points": points.tolist(),
        "group_id": None,
        "description": f"width_px={line.width:.4g}",
        "shape_type": "linestrip",
        "flags": {},
    }
