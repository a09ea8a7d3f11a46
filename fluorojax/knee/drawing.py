"""A film with its measurements drawn on it, as on a planning sheet: axes, arcs, values, zones."""

import math
import textwrap
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fluorojax.drawing import overlay
from fluorojax.knee.measure.knee import KneeReport
from fluorojax.knee.measure.result import DETECTOR_PLANE, Measurement, Tolerances, by_reason

LONG_SIDE, SHORT_SIDE = 1024, 640  # px of the picture at least: smaller films are enlarged
FINE = 2  # drawn so many times larger and reduced: smooth lines
AXIS, LINE, ARC, LENGTH, ZONE, LUCENT = (
    tuple(int(v) for v in overlay.colour(k)) for k in (0, 1, 3, 2, 4, 5)
)
LENGTH_INK = (120, 225, 180)  # the lengths' green, light enough for letters
INK, SHADE, PAPER = (238, 240, 243), (12, 13, 16), (24, 26, 30)
SYMBOLS = {"deg": "°", "mm": " mm", "share": ""}


def draw_knee(
    image: np.ndarray, report: KneeReport, tolerances: Tolerances | None = None
) -> np.ndarray:
    """Return the film in grey with what was measured on it, and a strip with values and refusals.

    Args:
        image: [h, w] in [0, 1], the film that the masks belong to, on their grid or a finer one.
        report: of `measure_knee`.
        tolerances: whose verdict stands beside a value; None: the defaults.

    Returns:
        [h, w, 3] uint8; the film's sides `LONG_SIDE` and `SHORT_SIDE` px or more.
    """
    shape = report.film.masks.shape[:2]
    factor = max(1.0, LONG_SIDE / max(shape), SHORT_SIDE / min(shape)) * FINE
    size = [round(n * factor) for n in shape[::-1]]
    picture = Image.fromarray(overlay.grey(image)).resize(size, Image.Resampling.BICUBIC)
    _Sheet(picture, factor).measurements(report)
    small = picture.resize([n // FINE for n in size], Image.Resampling.LANCZOS)
    strip = _strip(small.width, report, tolerances or Tolerances())
    return np.concatenate([np.asarray(small), np.asarray(strip)])


class _Sheet:
    """A picture to draw on in the film's pixel coordinates."""

    def __init__(self, picture: Image.Image, factor: float) -> None:
        self.draw, self.factor, self.size = ImageDraw.Draw(picture), factor, picture.size
        self.width = max(2, round(min(picture.size) / 700))
        self.letter = min(picture.size) / 56
        self.font = ImageFont.load_default(self.letter)
        self.taken: list[tuple[float, float, float, float]] = []
        self.span = (0.0, 0.0)

    def measurements(self, report: KneeReport) -> None:
        """Draw zones first, lines over them, texts last so that nothing crosses them."""
        shown = [m for m in report.measurements if m.value is not None]
        self.span = self.columns([m for m in shown if m.figure.lines])
        for m in shown:
            if m.name.endswith("_extent"):
                self.zone(m)
        for m in shown:
            self.lines(m)
        for m in shown:
            self.value(m)

    def place(self, points: np.ndarray) -> list[tuple[float, float]]:
        """Return picture coordinates (x, y) of film points (row, column)."""
        return [((c + 0.5) * self.factor, (r + 0.5) * self.factor) for r, c in points]

    def zone(self, m: Measurement) -> None:
        """Outline a zone, with its number; a lucent one in its own colour."""
        if m.figure.polygon is None:
            return
        colour = LUCENT if m.value else ZONE
        corners = self.place(m.figure.polygon)
        self.draw.line([*corners, corners[0]], colour, self.width // 2 + 1, "curve")
        outer = self.place(m.figure.polygon[len(m.figure.polygon) // 2 :])
        self.text(outer[len(outer) // 2], m.name.split("_")[3], colour)

    def lines(self, m: Measurement) -> None:
        """Draw the axis, the component's line and the arc, or a length with its ends."""
        if m.unit == "mm":
            for line in m.figure.lines:
                self.draw.line(self.place(line), LENGTH, self.width + 1)
            self.dots(m, LENGTH)
            return
        for line, colour in zip(m.figure.lines, (AXIS, LINE), strict=False):
            self.draw.line(self.place(_longer(line)), colour, self.width)
        if m.figure.arc is not None:
            self.draw.line(self.place(m.figure.arc), ARC, self.width, "curve")
        self.dots(m, LINE)

    def dots(self, m: Measurement, colour: tuple[int, ...]) -> None:
        """Mark the points a value was read from."""
        for x, y in self.place(m.figure.points):
            r = 2 * self.width
            self.draw.ellipse((x - r, y - r, x + r, y + r), outline=colour, width=self.width)

    def value(self, m: Measurement) -> None:
        """Write a value beside its arc or its line."""
        if m.figure.arc is not None:
            arc = np.array(self.place(m.figure.arc))
            middle, chord = arc[len(arc) // 2], (arc[0] + arc[-1]) / 2
            outward = middle - chord
            reach = float(np.linalg.norm(outward))
            # Outside the arc, where the bone's lines are not, but beside it.
            x, y = middle + outward * min(1.0, 3 * self.letter / max(reach, 1e-9))
            self.text((x, y), f"{_short(m.name)} {_number(m)}", ARC)
        elif m.figure.lines:
            text = f"{_short(m.name)} {_number(m)}{_mark(m)}"
            self.beside(np.mean(self.place(m.figure.lines[0]), 0), text)

    def columns(self, shown: Sequence[Measurement]) -> tuple[float, float]:
        """Return the first and the last picture column that anything was read from."""
        columns = [x for m in shown for x, _ in self.place(m.figure.points)]
        return min(columns, default=0.0), max(columns, default=0.0)

    def beside(self, at: np.ndarray, text: str) -> None:
        """Write a length's value beside the knee, with a thin line to where it was read."""
        room = self.draw.textlength(text, self.font) / 2 + 3 * self.letter
        is_left = at[0] < sum(self.span) / 2
        x = self.span[0] - room if is_left else self.span[1] + room
        x, y = self.text((x, float(at[1])), text, LENGTH_INK)
        edge = x + (room - 2.6 * self.letter) * (1 if is_left else -1)
        self.draw.line([(edge, y), (at[0], at[1])], LENGTH, self.width // 2 + 1)

    def text(
        self, at: tuple[float, float], text: str, colour: tuple[int, ...]
    ) -> tuple[float, float]:
        """Write dark-edged text centred at a place, moved down until it covers no other.

        Returns:
            Where it was written.
        """
        left, top, right, bottom = self.draw.textbbox((0, 0), text, self.font, anchor="mm")
        w, h = right - left + 2 * self.width, bottom - top + 2 * self.width
        x = min(max(at[0], w / 2), self.size[0] - w / 2)
        y = min(max(at[1], h / 2), self.size[1] - h / 2)
        for _ in range(40):
            box = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
            if not any(_overlap(box, other) for other in self.taken):
                break
            y += h / 2
        self.taken.append(box)
        self.draw.text(
            (x, y), text, colour, self.font, "mm", stroke_width=self.width, stroke_fill=SHADE
        )
        return x, y


def _overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _longer(line: np.ndarray, share: float = 0.08) -> np.ndarray:
    """Return a line a little longer at both ends: its direction shows better."""
    reach = share * (line[-1] - line[0])
    return np.stack([line[0] - reach, line[-1] + reach])


def _short(name: str) -> str:
    return name.replace("polyethylene_thickness", "PE").replace("tibial_", "").replace("_", " ")


def _plane(m: Measurement) -> str:
    """Return in which plane a length is, where that is not the knee's."""
    return f" {DETECTOR_PLANE}" if m.at_detector else ""


def _mark(m: Measurement) -> str:
    """Return the same, short enough to stand beside a line."""
    return " at detector" if m.at_detector else ""


def _number(m: Measurement) -> str:
    digits = 2 if m.unit == "share" else 1
    return f"{m.value:.{digits}f}{SYMBOLS[m.unit]}"


def _strip(width: int, report: KneeReport, tolerances: Tolerances) -> Image.Image:
    """Return values with errors and bands on the left, refusals with reasons on the right."""
    size = max(13, width // 72)
    font = ImageFont.load_default(size)
    letters = int(width / 2 / (font.getlength("abcdefghij klmno") / 16)) - 2
    left = [_measured(m, tolerances) for m in report.measurements if _worth(m)]
    left += _clear(report)
    notes = {m.note for m in report.measurements if m.note}
    # A note that a longer one begins with is left out.
    notes = {n for n in notes if not any(o != n and o.startswith(n) for o in notes)}
    scales = {m.scale_source for m in report.measurements if m.scale_source}
    left += [f"scale: {text}" for text in sorted(scales)] + sorted(notes)
    right = ["refused:", *_refusals(report)]
    columns = [
        [piece for text in side for piece in textwrap.wrap(text, letters, subsequent_indent="   ")]
        for side in (left, right if len(right) > 1 else [])
    ]
    line = math.ceil(size * 1.45)
    strip = Image.new("RGB", (width, line * (max(map(len, columns)) + 1)), PAPER)
    draw = ImageDraw.Draw(strip)
    for k, column in enumerate(columns):
        for row, text in enumerate(column):
            draw.text((size + k * width // 2, line * (row + 0.5)), text, INK, font)
    return strip


def _worth(m: Measurement) -> bool:
    """Return whether a value is listed: of the lucencies only what was found."""
    return m.value is not None and not (m.name.startswith("radiolucency") and m.value == 0)


def _measured(m: Measurement, tolerances: Tolerances) -> str:
    verdict = tolerances.verdict(m)
    low, high = tolerances.bands.get(m.name, (0.0, 0.0))
    limits = f"{low:g} to {high:g}" if math.isfinite(low) else f"up to {high:g}"
    band = f", {verdict} {limits}" if verdict else ""
    error = f" ± {m.uncertainty:.{2 if m.unit == 'share' else 1}f}"
    return f"{m.name.replace('_', ' ')}  {_number(m)}{error}{_plane(m)}{band}"


def _clear(report: KneeReport) -> list[str]:
    """Return a line on the zones in which no lucency was found, or nothing without such zones."""
    clear = [m for m in report.measurements if m.name.endswith("_extent") and m.value == 0]
    return [f"no lucency found in {len(clear)} zones that were read"] if clear else []


def _refusals(report: KneeReport) -> list[str]:
    """Return each reason once, with the names it holds for."""
    refused = [m for m in report.measurements if m.refused is not None]
    return by_reason((m.name.replace("_", " "), m.refused or "") for m in refused)
