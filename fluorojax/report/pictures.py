"""Pictures of cases on a page; what is predicted is painted in the browser, at any threshold.

Of each case the page holds the frame and the planes of `fluorojax.drawing.archive`; `page.js`
paints them.
"""

import base64
import dataclasses
import io
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from fluorojax.drawing import archive
from fluorojax.drawing.overlay import THIN_TINT, TINT, colour
from fluorojax.report.page import element, text

SIDE = 720
"""Longest side of a picture on a page (px); larger frames are pooled by a whole factor."""

SHOWN = ("both", "prediction", "reference", "frame")

HOW_TO_READ = (
    "Tint: predicted. Outline: reference. Tint without outline is false, outline without tint is "
    "missed. Hatched: ignored."
)
KEYS = "Click to enlarge; arrow keys go on, Esc closes."


@dataclasses.dataclass(frozen=True)
class Layer:
    """A class as it is drawn: its name, whether it is thin, and the threshold it starts with."""

    name: str
    thin: bool
    threshold: float


@dataclasses.dataclass(frozen=True)
class Picture:
    """One case of one run.

    Attributes:
        id: unique on the page.
        path: of its map (`fluorojax.drawing.archive`).
        label: said to those who cannot see it.
        caption: HTML below it.
        thresholds: it starts with, one a class; empty: those of the layers.
    """

    id: str
    path: Path
    label: str
    caption: str
    thresholds: tuple[float, ...] = ()


def viewer(
    pictures: Sequence[Picture], layers: Sequence[Layer], *, adjustable: bool, columns: int = 0
) -> str:
    """Return pictures with the controls they share.

    Args:
        pictures: in the order shown.
        layers: the classes, in the order of the maps' planes.
        adjustable: whether the maps hold probabilities, so that thresholds can be moved.
        columns: pictures in a row; 0: as many as there is room for.

    Raises:
        InputError: a map that cannot be read.
    """
    about = [dataclasses.asdict(layer) | _look(k, layer) for k, layer in enumerate(layers)]
    figures = "".join(_figure(picture, len(layers)) for picture in pictures)
    style = f"grid-template-columns: repeat({columns}, minmax(0, 1fr))" if columns else None
    gallery = element("div", figures, class_="gallery", style=style)
    controls = _controls(layers, adjustable, pictures[0].id) if pictures else ""
    return element(
        "section",
        text("p", HOW_TO_READ, class_="soft")
        + text("p", KEYS, class_="soft hint")
        + controls
        + gallery,
        class_="viewer",
        data_layers=json.dumps(about),
    )


def _look(k: int, layer: Layer) -> dict[str, object]:
    opacity = THIN_TINT if layer.thin else TINT
    return {"colour": [int(v) for v in colour(k)], "opacity": opacity}


def swatch(k: int) -> str:
    """Return a patch of the colour of class k."""
    red, green, blue = colour(k)
    return f'<i class="swatch" style="background:rgb({red},{green},{blue})"></i>'


def _controls(layers: Sequence[Layer], adjustable: bool, name: str) -> str:
    """Return what is shown, as radio buttons, and a slider for each class's threshold."""
    choices = "".join(
        f'<label><input type="radio" name="show-{escape(name)}" value="{value}"'
        f"{' checked' if value == SHOWN[0] else ''}> {value}</label>"
        for value in SHOWN
    )
    show = element("fieldset", text("legend", "show") + choices)
    sliders = "".join(_slider(k, layer) for k, layer in enumerate(layers)) if adjustable else ""
    if sliders:
        sliders += text("button", "as scored", class_="reset", type="button")
    return element("div", show + sliders, class_="controls")


def _slider(k: int, layer: Layer) -> str:
    """Return the slider of one class; scores in tables stay those of the thresholds in use."""
    start = f"{layer.threshold:g}"
    return element(
        "label",
        swatch(k)
        + escape(f" {layer.name} from ")
        + text("output", f"{layer.threshold:.2f}")
        + f'<input type="range" min="0.01" max="0.99" step="0.01" value="{start}" '
        f'aria-label="{escape(f"threshold of {layer.name}")}">',
    )


def _figure(picture: Picture, classes: int) -> str:
    case = archive.pooled(archive.load(picture.path, classes), SIDE)
    sources = (
        f'<img class="frame" alt="" src="{_jpeg(case.frame)}">'
        f'<img class="planes" alt="" hidden src="{_png(_stack(case))}">'
    )
    canvas = text("canvas", "", role="img", aria_label=picture.label)
    button = element("button", sources + canvas, type="button", id=picture.id)
    own = json.dumps(picture.thresholds) if picture.thresholds else None
    caption = element("figcaption", picture.caption)
    return element("figure", button + caption, data_thresholds=own)


def _stack(case: archive.PredictionArchive) -> np.ndarray:
    """Return all planes but the frame, one below the other, [n H, W] uint8."""
    planes = [np.where(case.ignore, 255, 0)]
    for k in range(case.reference.shape[-1]):
        planes += [case.probabilities[..., k], np.where(case.reference[..., k], 255, 0)]
    return np.concatenate(planes).astype(np.uint8)


def _jpeg(grey: np.ndarray) -> str:
    return _data_uri(grey, "JPEG", "image/jpeg", quality=85)


def _png(grey: np.ndarray) -> str:
    return _data_uri(grey, "PNG", "image/png", optimize=True)


def _data_uri(grey: np.ndarray, form: str, mime: str, **options: object) -> str:
    file = io.BytesIO()
    Image.fromarray(grey).save(file, form, **options)
    return f"data:{mime};base64," + base64.b64encode(file.getvalue()).decode("ascii")
