"""From masks to degrees and millimetres: each value with its error and convention, or refused."""

from fluorojax.knee.measure.film import CalibrationObject, KneeFilm, KnownWidth
from fluorojax.knee.measure.knee import KneeReport, measure_knee
from fluorojax.knee.measure.progression import Progress, compare_knees
from fluorojax.knee.measure.result import (
    UNCERTAINTY,
    Figure,
    Measurement,
    NotMeasurable,
    Tolerances,
)
from fluorojax.knee.measure.settings import KneeSettings
from fluorojax.schema.knee_classes import CLASSES

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
    "NotMeasurable",
    "Progress",
    "Tolerances",
    "compare_knees",
    "measure_knee",
]
