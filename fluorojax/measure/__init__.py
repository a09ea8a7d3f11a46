"""From masks to degrees and millimetres: each value with its error and convention, or refused."""

from fluorojax.knee import CLASSES
from fluorojax.measure.drawing import draw_knee
from fluorojax.measure.film import CalibrationObject, KneeFilm, KnownWidth
from fluorojax.measure.knee import KneeReport, measure_knee
from fluorojax.measure.progression import Progress, compare_knees
from fluorojax.measure.result import UNCERTAINTY, Figure, Measurement, Refused, Tolerances
from fluorojax.measure.settings import KneeSettings

__all__ = [
    "CLASSES",
    "UNCERTAINTY",
    "CalibrationObject",
    "Figure",
    "KneeFilm",
    "KneeReport",
    "KneeSettings",
    "KnownWidth",
    "Measurement",
    "Progress",
    "Refused",
    "Tolerances",
    "compare_knees",
    "draw_knee",
    "measure_knee",
]
