"""What a measurement is: a number with its unit, error, convention and lines, or a refusal."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

UNCERTAINTY = (
    "standard error: block bootstrap over neighbouring contour points or shaft midpoints, with the "
    "digitisation of edges (of a network's masks: by how much they wander), the doubt where a "
    "shaft begins, and the changes of a network's value with the film mirrored, smaller or of "
    "another contrast; a component's rotation and the film's projection are not in it"
)


DETECTOR_PLANE = "in the detector's plane"
"""What is said of lengths on a film whose magnification nobody gave."""
MOST_MAGNIFIED = 1.2
"""A knee's shadow is 5 to 20 % larger than it is."""


class NotMeasurable(Exception):  # noqa: N818 - it is an answer, not a fault of the program
    """Something cannot be measured; the message names the value and how to mend it."""


@dataclasses.dataclass(frozen=True)
class Figure:
    """What a value was read from, in pixel coordinates (row, column), for drawing.

    Attributes:
        lines: polylines, each [N, 2]; the bone's axis first, then the component's line.
        points: [N, 2].
        arc: the arc of an angle, [N, 2], or None.
        polygon: a zone, [N, 2], or None.
    """

    lines: tuple[np.ndarray, ...] = ()
    points: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((0, 2)))
    arc: np.ndarray | None = None
    polygon: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One value, or why there is none.

    Attributes:
        name: such as `alpha` or `tibial_overhang_medial`.
        unit: deg, mm or share.
        convention: what lies between which lines, on which side, ideal values.
        value: None where refused.
        uncertainty: standard error in `unit`; None where refused.
        uncertainty_method: how it was found, and what is not in it.
        figure: what it was read from.
        scale_source: where millimetres come from; empty for what needs none.
        refused: the reason, or None.
        note: what the reader has to know beside the value.
    """

    name: str
    unit: str
    convention: str
    value: float | None = None
    uncertainty: float | None = None
    figure: Figure = dataclasses.field(default_factory=Figure)
    scale_source: str = ""
    refused: str | None = None
    note: str = ""
    uncertainty_method: str = UNCERTAINTY

    @property
    def at_detector(self) -> bool:
        """Whether it is a length of the shadow, larger than the body's by nobody knows how much."""
        return DETECTOR_PLANE in self.scale_source


@dataclasses.dataclass(frozen=True)
class Tolerances:
    """Bands for reports, name -> (low, high); any can be replaced, none is a diagnosis.

    0 ± 3 degrees around the ideal marks outliers (PMC6259714) and is contested: no survival
    benefit at 15 years (cited in PMC4017250). The limits of unicompartmental components and of
    overhang are recalled and could not be checked against their source; another study takes
    > 3 mm of overhang (KSRR 2014;26:82).
    """

    bands: Mapping[str, tuple[float, float]] = dataclasses.field(
        default_factory=lambda: {
            "alpha": (93.0, 99.0),
            "beta": (87.0, 93.0),
            "gamma": (87.0, 93.0),
            "sigma": (83.0, 90.0),
            "hka": (177.0, 183.0),
            "uka_femoral_varus": (-10.0, 10.0),
            "uka_tibial_varus": (-5.0, 5.0),
            "uka_tibial_slope": (2.0, 12.0),
            "tibial_overhang_medial": (-math.inf, 2.0),
            "tibial_overhang_lateral": (-math.inf, 2.0),
        }
    )

    def verdict(self, measurement: Measurement) -> str:
        """Return "inside", "outside", "undecided" (within one standard error of a limit) or "".

        A length in the detector's plane is undecided, too, where the body's would be on the other
        side of a limit if it were smaller by MOST_MAGNIFIED.
        """
        band = self.bands.get(measurement.name)
        if band is None or measurement.value is None:
            return ""
        error, value = measurement.uncertainty or 0.0, measurement.value
        sizes = (value, value / MOST_MAGNIFIED) if measurement.at_detector else (value,)
        found = {_side(size, band, error) for size in sizes}
        return found.pop() if len(found) == 1 else "undecided"


def _side(value: float, band: tuple[float, float], error: float) -> str:
    inside = min(value - band[0], band[1] - value)
    if abs(inside) <= error:
        return "undecided"
    return "inside" if inside > 0 else "outside"


def rows(
    measurements: Sequence[Measurement], tolerances: Tolerances | None = None
) -> list[dict[str, Any]]:
    """Return plain rows for CSV and JSON, in the order given; None where nothing stands.

    Infinite limits of a band become None, for JSON has no infinity.
    """
    tolerances = tolerances or Tolerances()
    return [_row(m, tolerances) for m in measurements]


def _row(m: Measurement, tolerances: Tolerances) -> dict[str, Any]:
    low, high = tolerances.bands.get(m.name, (None, None))
    return {
        "name": m.name,
        "value": m.value,
        "unit": m.unit,
        "uncertainty": m.uncertainty,
        "status": "measured" if m.refused is None else "refused",
        "refused": m.refused or "",
        "tolerance_low": _finite(low),
        "tolerance_high": _finite(high),
        "tolerance": tolerances.verdict(m),
        "convention": m.convention,
        "scale_source": m.scale_source,
        "note": m.note,
        "lines_px": [line.round(2).tolist() for line in m.figure.lines],
        "points_px": m.figure.points.round(2).tolist(),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def by_reason(refusals: Iterable[tuple[str, str]]) -> list[str]:
    """Return each reason of (name, reason) pairs once, behind the first names it holds for."""
    names: dict[str, list[str]] = {}
    for name, reason in refusals:
        names.setdefault(reason, []).append(name)
    return [
        f"{', '.join(of[:3])}{f' and {len(of) - 3} more' if len(of) > 3 else ''}: {reason}"
        for reason, of in names.items()
    ]
