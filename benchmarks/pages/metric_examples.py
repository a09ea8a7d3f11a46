"""Five ways to get a wire wrong, and which metric sees which.

    python -m benchmarks.pages.metric_examples --out docs/images/metric_examples.png

A wire of 5 px comes out of an endoscope. Each prediction has one fault. Distances are in pixels,
the settings are the defaults. Prints the table of docs/metrics.md and draws the picture above it.
"""

import argparse
import math
from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

from fluorojax.drawing.overlay import grey, legend, overlay, save_png
from fluorojax.metrics import METRICS, MetricSettings, score_case
from fluorojax.schema.info import ClassInfo, Relation

SHAPE = (92, 216)
WIDTH = 5  # of the wire, px
CLASSES = (ClassInfo("endoscope", "region"), ClassInfo("wire", "curve"))
RELATION = Relation(child="wire", parent="endoscope")
SHOWN = (
    *("dice", "iou", "nsd", "hd95", "assd", "cldice", "centreline_precision", "centreline_recall"),
    *("length_error", "betti0_error", "tip_error", "attachment", "attached_share"),
)
SEEN_BELOW = 0.9
"""A share below this sees the fault; a distance does above the tolerance, a count from 1 on."""

ENLARGED = 4  # times, in the picture


def main() -> None:
    """Print the table; draw the picture if a file is named for it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="PNG file for the picture")
    options = parser.parse_args()
    print(table())
    if options.out:
        save_png(picture(), options.out)


def centre(x: np.ndarray) -> np.ndarray:
    """Return the row of the wire's axis at each column."""
    return 52 + 22 * np.sin((x - 40) / 52)


def band(rows: np.ndarray, start: int, end: int, width: float) -> np.ndarray:
    """Return what lies within half a width of the curve `rows` over the columns start..end - 1.

    Args:
        rows: [W] row of the curve at each column.
        start, end: columns.
        width: px.

    Returns:
        [H, W] bool.
    """
    columns = np.arange(start, end, 0.25)
    curve = np.column_stack([np.interp(columns, np.arange(SHAPE[1]), rows), columns])
    pixels = np.argwhere(np.ones(SHAPE, bool))
    away = KDTree(curve).query(pixels)[0].reshape(SHAPE)
    inside = (np.arange(SHAPE[1]) >= start) & (np.arange(SHAPE[1]) < end)
    return (away <= width / 2) & inside


def scene() -> tuple[np.ndarray, np.ndarray]:
    """Return endoscope and wire, [H, W] bool: the wire runs from column 40 to 199."""
    columns = np.arange(SHAPE[1])
    endoscope = band(np.full(SHAPE[1], centre(np.array(40.0))), 0, 40, 30)
    return endoscope, band(centre(columns), 40, 200, WIDTH)


def examples() -> dict[str, np.ndarray]:
    """Return the predicted wire of each example, [H, W] bool."""
    columns = np.arange(SHAPE[1])
    rows = centre(columns)
    _, wire = scene()
    away = np.where(columns < 160, rows, rows[160] - 1.2 * (columns - 160))
    return {
        "5 % gap": wire & ~((columns >= 140) & (columns < 148)),
        "missing tip": wire & (columns < 192),
        "1 px shift": np.roll(wire, 1, axis=0),
        "wrong branch": band(away, 40, 192, WIDTH),
        "two wires": wire | band(rows - 24, 56, 200, WIDTH),
    }


def scores() -> dict[str, dict[str, float]]:
    """Return the wire's row of `score_case` for each example."""
    endoscope, wire = scene()
    reference = np.stack([endoscope, wire], axis=-1)
    about = {"classes": CLASSES, "relation": RELATION, "attached": 1}
    return {
        name: score_case(
            np.stack([endoscope, predicted], axis=-1),
            reference,
            spacing=(math.nan, math.nan),
            **about,
        )[1]
        for name, predicted in examples().items()
    }


def seen(name: str, value: float) -> bool:
    """Return whether a metric's value tells of a fault."""
    if METRICS[name].better == "higher":
        return value < SEEN_BELOW
    return value > (MetricSettings().tolerance_px if METRICS[name].is_distance else 0)


def table() -> str:
    """Return a line a metric and a column an example, in Markdown; what sees the fault is bold."""
    rows = scores()
    lines = ["| " + " | ".join(["metric", *rows]) + " |", "|---" * (1 + len(rows)) + "|"]
    for name in SHOWN:
        unit = ", px" if METRICS[name].is_distance else ""
        cells = [cell(name, row[name]) for row in rows.values()]
        lines.append("| " + " | ".join([METRICS[name].label + unit, *cells]) + " |")
    return "\n".join(lines)


def cell(name: str, value: float) -> str:
    """Return a value in as many digits as it is worth, bold where it sees the fault."""
    whole = name in ("betti0_error", "attachment")
    text = f"{value:.0f}" if whole else f"{value:.{1 if METRICS[name].is_distance else 3}f}"
    return f"**{text}**" if seen(name, value) else text


def picture() -> np.ndarray:
    """Return the five examples and the legend, two to a row, [h, w, 3] uint8."""
    endoscope, wire = scene()
    image = 0.85 - 0.5 * endoscope - 0.2 * wire
    panels = [
        panel(image, np.stack([endoscope, predicted], -1), np.stack([endoscope, wire], -1), name)
        for name, predicted in examples().items()
    ]
    panels.append(key_to_colours(panels[0].shape))
    gap = np.full((len(panels[0]), 2 * ENLARGED, 3), 255, np.uint8)
    rows = [np.concatenate([panels[k], gap, panels[k + 1]], axis=1) for k in (0, 2, 4)]
    return np.concatenate(rows)


def panel(image: np.ndarray, predicted: np.ndarray, true: np.ndarray, name: str) -> np.ndarray:
    """Return one example with its name below."""
    frame, prediction, reference = (
        array.repeat(ENLARGED, 0).repeat(ENLARGED, 1) for array in (image, predicted, true)
    )
    painted = overlay(frame, prediction, reference)
    return np.concatenate([painted, legend(painted.shape[1], (), name)])


def key_to_colours(shape: tuple[int, ...]) -> np.ndarray:
    """Return a panel that says what the colours mean."""
    text = legend(shape[1], [c.name for c in CLASSES], "tint: predicted, outline: reference")
    blank = grey(np.zeros((shape[0] - len(text), shape[1])))
    blank[:] = text[-1, -1]
    return np.concatenate([blank, text])


if __name__ == "__main__":
    main()
