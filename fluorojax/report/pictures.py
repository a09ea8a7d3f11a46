"""Pictures of cases on a page; what is predicted is painted in the browser, at any threshold.

Of each case the page holds the frame and the planes of `fluorojax.drawing.archive`; `page.js`
paints them.
"""

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fluorojax.drawing import archive
from fluorojax.drawing.overlay import THIN_TINT, TINT, colour
from fluorojax.report.page import css_colour

SIDE = 720
"""Longest side of a picture on a page (px); larger frames are pooled by a whole factor."""


@dataclass(frozen=True)
class Layer:
    """A class as it is drawn: its name, whether it is thin, and the threshold it starts with."""

    name: str
    thin: bool
    threshold: float


@dataclass(frozen=True)
class Picture:
    """One case of one run.

    Attributes:
        id: unique on the page.
        path: of its map (`fluorojax.drawing.archive`).
        label: said to those who cannot see it.
        title, scores: below it.
        thresholds: it starts with, one a class; empty: those of the layers.
    """

    id: str
    path: Path
    label: str
    title: str
    scores: str
    thresholds: tuple[float, ...] = ()


@dataclass(frozen=True)
class Figure:
    """A picture as the page has it: frame and planes as data URIs, its own thresholds as JSON."""

    id: str
    label: str
    title: str
    scores: str
    frame: str
    planes: str
    thresholds: str | None


@dataclass(frozen=True)
class Slider:
    """The threshold of one class; scores in tables stay those of the thresholds in use."""

    name: str
    colour: str
    threshold: float


@dataclass(frozen=True)
class Viewer:
    """Pictures with the controls they share.

    Attributes:
        figures: in the order shown.
        layers: the classes as JSON, for the script.
        sliders: one a class, none where thresholds cannot be moved.
        columns: pictures in a row; 0: as many as there is room for.
    """

    figures: Sequence[Figure]
    layers: str
    sliders: Sequence[Slider]
    columns: int


def viewer(
    pictures: Sequence[Picture], layers: Sequence[Layer], *, adjustable: bool, columns: int = 0
) -> Viewer:
    """Return pictures with the controls they share.

    Args:
        pictures: in the order shown.
        layers: the classes, in the order of the maps' planes.
        adjustable: whether the maps hold probabilities, so that thresholds can be moved.
        columns: pictures in a row; 0: as many as there is room for.

    Raises:
        InputError: a map that cannot be read.
    """
    about = [asdict(layer) | _look(k, layer) for k, layer in enumerate(layers)]
    sliders = [Slider(layer.name, css_colour(k), layer.threshold) for k, layer in enumerate(layers)]
    return Viewer(
        figures=[_figure(picture, len(layers)) for picture in pictures],
        layers=json.dumps(about),
        sliders=sliders if adjustable else (),
        columns=columns,
    )


def _look(k: int, layer: Layer) -> dict[str, object]:
    opacity = THIN_TINT if layer.thin else TINT
    return {"colour": [int(v) for v in colour(k)], "opacity": opacity}


def _figure(picture: Picture, classes: int) -> Figure:
    case = archive.pooled(archive.load(picture.path, classes), SIDE)
    return Figure(
        id=picture.id,
        label=picture.label,
        title=picture.title,
        scores=picture.scores,
        frame=jpeg(case.frame),
        planes=_png(_stack(case)),
        thresholds=json.dumps(picture.thresholds) if picture.thresholds else None,
    )


def _stack(case: archive.PredictionArchive) -> np.ndarray:
    """Return all planes but the frame, one below the other, [n H, W] uint8."""
    planes = [np.where(case.ignore, 255, 0)]
    for k in range(case.reference.shape[-1]):
        planes += [case.probabilities[..., k], np.where(case.reference[..., k], 255, 0)]
    return np.concatenate(planes).astype(np.uint8)


def jpeg(pixels: np.ndarray) -> str:
    """Return grey [H, W] or RGB [H, W, 3] pixels, uint8, as a JPEG in a data URI."""
    return _data_uri(pixels, "JPEG", "image/jpeg", quality=85)


def _png(grey: np.ndarray) -> str:
    return _data_uri(grey, "PNG", "image/png", optimize=True)


def _data_uri(pixels: np.ndarray, form: str, mime: str, **options: object) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **options)
    return f"data:{mime};base64," + base64.b64encode(file.getvalue()).decode("ascii")
