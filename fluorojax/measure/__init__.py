"""From masks to degrees and millimetres: each value with its error and convention, or refused."""

from fluorojax.measure.film import CLASSES, CalibrationObject, KneeFilm, KnownWidth
from fluorojax.measure.knee import KneeReport, measure_knee
from fluorojax.measure.result import Figure, Measurement, Refused, Tolerances
from fluorojax.measure.settings import KneeSettings

__all__ = [
    "CLASSES",
    "CalibrationObject",
    "Figure",
    "KneeFilm",
    "KneeReport",
    "KneeSettings",
    "KnownWidth",
    "Measurement",
    "Refused",
    "Tolerances",
    "measure_knee",
]
