"""Scores of cases, in NumPy and SciPy, on the native grid. See `case.METRICS` for definitions."""

from fluorojax.metrics.case import EMPTY_POLICY, METRICS, MetricSettings, score_case
from fluorojax.metrics.summary import (
    as_text,
    lookup,
    read_cases_csv,
    summarise,
    write_cases_csv,
    write_summary,
)

__all__ = [
    "EMPTY_POLICY",
    "METRICS",
    "MetricSettings",
    "as_text",
    "lookup",
    "read_cases_csv",
    "score_case",
    "summarise",
    "write_cases_csv",
    "write_summary",
]
