"""What was found in a frame, in numbers: rows of a table, and its curves point by point."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fluorojax.data.folder import Case
from fluorojax.data.write_labelme import Line
from fluorojax.geometry.surface import scale_and_unit
from fluorojax.inference.curve import Curve
from fluorojax.inference.predictor import Prediction
from fluorojax.metrics.tables import write_table
from fluorojax.schema.frame import Spacing

FILE = "predictions.csv"
COLUMNS = (
    *("case", "frame", "class", "found", "presence", "curves", "attached", "length_px"),
    *("length_mm", "exit_row", "exit_column", "tip_row", "tip_column", "confidence", "width_px"),
    *("disagreement", "size"),
)
Row = dict[str, str]


def found_rows(
    case: Case, prediction: Prediction, names: Sequence[str], spacing: Spacing
) -> list[Row]:
    """Return a row a class, of COLUMNS; empty where there is nothing to say.

    The columns from `attached` on are of the surest curve. `found` is 1 where the mask has a pixel;
    `exit` is of an attached curve, and one that is not ends at its tip by chance of its direction.
    `disagreement` is of an ensemble's members (see `predictor.Agreement`). `size` is how large the
    frame was shown, 1 as usual; less where a smaller one was steadier (`TtaSpec.scales`).

    Args:
        case: whose frame it is.
        prediction: of the frame.
        names: of the classes, in the order of the masks.
        spacing: (row_mm, col_mm) of the frame; NaN where unknown: `length_mm` is then empty.
    """
    rows = []
    for k, name in enumerate(names):
        row = dict.fromkeys(COLUMNS, "")
        row |= {"case": case.case, "frame": case.image.name, "class": name}
        row["size"] = _text(prediction.size)
        row["found"] = str(int(prediction.masks[..., k].any()))
        if name in prediction.presence:
            row["presence"] = _text(prediction.presence[name])
        if name in prediction.curves:
            curves = prediction.curves[name]
            row["curves"] = str(len(curves))
            row |= _of_curve(curves[0], spacing) if curves else {}
        if prediction.agreement is not None:
            row["disagreement"] = _text(prediction.agreement.disagreement[k])
        rows.append(row)
    return rows


def _of_curve(curve: Curve, spacing: Spacing) -> Row:
    scale, unit = scale_and_unit(spacing)
    ends = {"exit": curve.points[0]} if curve.attached else {}
    ends["tip"] = curve.points[-1]
    return {
        "attached": str(int(curve.attached)),
        "length_px": _text(curve.length()),
        "length_mm": _text(curve.length(scale)) if unit == "mm" else "",
        **{f"{end}_row": _text(point[0]) for end, point in ends.items()},
        **{f"{end}_column": _text(point[1]) for end, point in ends.items()},
        "confidence": _text(curve.confidence.mean()),
        "width_px": _text(curve.widths.mean()),
    }


def _text(number: float) -> str:
    return f"{float(number):.6g}"


def write_found_csv(rows: Iterable[Mapping[str, str]], path: Path) -> None:
    """Write rows of `found_rows`; what is no text in a file's name is escaped."""
    write_table(path, COLUMNS, rows, errors="backslashreplace")


def curves_json(
    case: Case, prediction: Prediction, shape: tuple[int, int], spacing: Spacing
) -> dict[str, Any]:
    """Return the curves of a frame as JSON, by class, the surest first; null where unknown.

    Args:
        case: whose frame it is.
        prediction: of the frame.
        shape: its rows and columns.
        spacing: as of `found_rows`.
    """
    scale, unit = scale_and_unit(spacing)
    return {
        "case": case.case,
        "frame": case.image.name,
        "shape": list(shape),
        "spacing_mm": list(map(float, scale)) if unit == "mm" else None,
        "classes": {
            name: {
                "presence": _finite(prediction.presence.get(name, math.nan)),
                "curves": [_curve_json(curve, spacing) for curve in curves],
            }
            for name, curves in prediction.curves.items()
        },
    }


def _curve_json(curve: Curve, spacing: Spacing) -> dict[str, Any]:
    scale, unit = scale_and_unit(spacing)
    return {
        "attached": bool(curve.attached),
        "evidence": float(curve.evidence),
        "length_px": curve.length(),
        "length_mm": curve.length(scale) if unit == "mm" else None,
        "points": np.asarray(curve.points, float).tolist(),
        "widths_px": np.asarray(curve.widths, float).tolist(),
        "confidence": np.asarray(curve.confidence, float).tolist(),
    }


def _finite(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None


def lines_of(prediction: Prediction) -> list[Line]:
    """Return the curves of all classes as lines, each as wide as it is in the mean."""
    return [
        Line(name, curve.points, float(curve.widths.mean()))
        for name, curves in prediction.curves.items()
        for curve in curves
    ]
