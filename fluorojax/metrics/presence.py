"""Is the class in the frame at all? Scores of presence: ROC, false alarms, a threshold, on disk.

A frame counts as one with the class where its reference mask, less ignored pixels, is not empty.
A score is any finite number, or -inf (surely not there); the greater, the more surely there. From
a threshold t on, score >= t, the class counts as detected.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fluorojax.metrics.statistics import Interval
from fluorojax.metrics.tables import check_once_each, number, read_table, word, write_table

Row = dict[str, Any]

FILE = "presence.csv"
COLUMNS = ("case", "patient", "class", "reference", "score")

DEFINITIONS = (
    "AUROC: the share of pairs of a frame with the class and one without it in which the frame "
    "with it has the greater score, equal scores as one half; 0.5 is guessing; 95 % interval by "
    "bootstrap over patients. False alarms at 95 % detection: the share of the frames without it "
    "whose score reaches the greatest threshold at which at least 95 % of the frames with it are "
    "detected. False alarm rate: of the masks, the share of the frames without it in which "
    "anything is found. With it, without it: numbers of frames."
)

CHUNK = 4_000_000  # weights of frames that a bootstrap holds at once


class _Scored(NamedTuple):
    """The scores [N] of the frames of a class, and whether it is truly there, [N] bool."""

    scores: np.ndarray
    there: np.ndarray

    @property
    def both(self) -> bool:
        """Whether there are frames with the class and frames without it."""
        return bool(self.there.any() and not self.there.all())


def _scored(scores: Sequence[float], there: Sequence[bool]) -> _Scored:
    found = _Scored(np.asarray(scores, np.float64), np.asarray(there).astype(bool))
    if found.scores.shape != found.there.shape or found.scores.ndim != 1:
        shapes = f"{found.scores.shape} and {found.there.shape}"
        raise ValueError(f"scores and there have the shapes {shapes}, and must have one length")
    wrong = np.isnan(found.scores) | np.isposinf(found.scores)
    if wrong.any():
        raise ValueError(f"a score is {found.scores[wrong][0]}, and must be finite or -inf")
    return found


def auroc(scores: Sequence[float], there: Sequence[bool]) -> float | None:
    """Return the area under the ROC curve, in [0, 1]; None without frames of both kinds.

    (#{s_i > s_j} + #{s_i = s_j} / 2) / (n m) over all pairs of the n frames i with the class and
    the m frames j without it: U / (n m) of Mann and Whitney (1947). -inf equals -inf.

    Args:
        scores: [N], finite or -inf.
        there: [N], whether the class is in the frame.

    Raises:
        ValueError: a score that is NaN or +inf, or lengths that differ.
    """
    found = _scored(scores, there)
    if not found.both:
        return None
    values, place = np.unique(found.scores, return_inverse=True)
    counts = (np.bincount(place, kind, len(values)) for kind in (found.there, ~found.there))
    return float(_area(*counts))


def _area(with_it: np.ndarray, without: np.ndarray) -> np.ndarray:
    """Return the AUROC of numbers of frames by score: [..., values] in rising order -> [...].

    NaN where a kind of frame is missing.
    """
    pairs = with_it.sum(-1) * without.sum(-1)
    below = np.cumsum(without, -1) - without
    won = (with_it * (below + without / 2)).sum(-1)
    return np.where(pairs > 0, won / np.maximum(pairs, 1), np.nan)


def auroc_interval(
    scores: Sequence[float],
    there: Sequence[bool],
    patients: Sequence[str],
    *,
    draws: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval | None:
    """Return the percentile bootstrap interval of `auroc`, over patients.

    Each draw takes patients, with replacement, and all frames of each: frames of a patient are
    alike. A draw without frames of both kinds says nothing, and is drawn again. As of every
    bootstrap it is too narrow with few patients, and without any width where all pairs are right.

    Args:
        scores, there: as for `auroc`.
        patients: [N], whose frame it is.
        draws: resamplings.
        level: of confidence, in (0, 1).
        seed: of the resampling.

    Returns:
        The interval; None without frames of both kinds, or of one patient alone.

    Raises:
        ValueError: as for `auroc`.
    """
    found = _scored(scores, there)
    names, patient = np.unique(np.asarray(patients), return_inverse=True)
    if len(patient) != len(found.scores):
        raise ValueError(f"{len(found.scores)} scores are of {len(patient)} patients' frames")
    if not found.both or len(names) < 2:
        return None
    rng = np.random.default_rng(seed)
    drawn = _areas(rng, found, patient, len(names), draws)
    while (empty := np.isnan(drawn)).any():
        drawn[empty] = _areas(rng, found, patient, len(names), int(empty.sum()))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def _areas(
    rng: np.random.Generator, found: _Scored, patient: np.ndarray, patients: int, draws: int
) -> np.ndarray:
    """Return the AUROC of each resampling, [draws]; NaN of one without both kinds of frame."""
    order = np.argsort(found.scores, kind="stable")
    there, patient = found.there[order], patient[order]
    starts = np.unique(found.scores[order], return_index=True)[1]
    at_once = max(1, CHUNK // len(order))
    areas = []
    for first in range(0, draws, at_once):
        size = min(at_once, draws - first)
        taken = rng.multinomial(patients, np.full(patients, 1 / patients), size)[:, patient]
        kinds = (np.add.reduceat(taken * kind, starts, axis=1) for kind in (there, ~there))
        areas.append(_area(*kinds))
    return np.concatenate(areas)


def threshold_at_95(scores: Sequence[float], there: Sequence[bool]) -> float | None:
    """Return the greatest threshold at which at least 95 % of the frames with it are detected.

    It is itself the score of a frame with the class: the ceil(0.95 n)-th greatest of n. Where
    several have that score, all of them are detected, which may be more than 95 %; under 20 frames
    it is all of them. None where no frame has the class.

    Args, raises: as for `auroc`.
    """
    found = _scored(scores, there)
    present = np.sort(found.scores[found.there])[::-1]
    n = len(present)
    # n - n // 20 is ceil(0.95 n), without rounding.
    return float(present[n - n // 20 - 1]) if n else None


def false_alarms_at_95(scores: Sequence[float], there: Sequence[bool]) -> float | None:
    """Return the share of the frames without the class that reach `threshold_at_95`, in [0, 1].

    A score equal to the threshold reaches it: a frame without the class that ties with the last one
    detected is a false alarm. Where the threshold is -inf, because more than 5 % of the frames with
    the class have that score, every frame reaches it. None without frames of both kinds.

    Args, raises: as for `auroc`.
    """
    found = _scored(scores, there)
    threshold = threshold_at_95(scores, there)
    if threshold is None or not found.both:
        return None
    return float((found.scores[~found.there] >= threshold).mean())


def least_score(scores: Sequence[float], there: Sequence[bool]) -> float | None:
    """Return the threshold that a validation split chooses: from it on, the class is there.

    It maximises Youden's J = detection - false alarms (1950), the shares of the frames with and
    without the class that are detected. Of equally good ones it is that of fewer false alarms.
    It lies in the middle between the least score that is detected and the greatest that is not;
    where there is no middle (nothing finite below), it is the least score detected. Thresholds at
    which no frame at all is detected are not among the choices: however bad the score, a class
    is not given up.

    Args:
        scores: [N] of a validation split, finite or -inf.
        there: [N], whether the class is in the frame.

    Returns:
        The threshold; finite, or -inf where frames that have this score are to be kept. Where
        every frame has the class: `threshold_at_95`. Where none has: None.

    Raises:
        ValueError: as for `auroc`.
    """
    found = _scored(scores, there)
    if not found.both:
        return threshold_at_95(scores, there)
    values, place = np.unique(found.scores, return_inverse=True)
    detected, alarms = (
        np.cumsum(np.bincount(place[kind], minlength=len(values))[::-1])[::-1]
        for kind in (found.there, ~found.there)
    )
    # J times both numbers of frames: whole, so that equal ones are equal.
    youden = detected * int((~found.there).sum()) - alarms * int(found.there.sum())
    best = int(np.flatnonzero(youden == youden.max())[-1])
    return _between(float(values[best - 1]), float(values[best])) if best else float(values[0])


def _between(below: float, above: float) -> float:
    """Return the middle of two scores; `above` where no number lies between them."""
    middle = below / 2 + above / 2
    return middle if below < middle < above else above


def summarise_presence(rows: Iterable[Row]) -> dict[str, dict[str, Any]]:
    """Return how well the scores of each class tell frames with it from frames without, by name.

    Args:
        rows: one a case and class, with the fields COLUMNS.

    Returns:
        `auroc`, `auroc_interval` ([low, high]), `false_alarms_at_95`, and the numbers of frames
        `with` and `without` the class. Without frames of both kinds the first three are None; of
        one patient alone there is no interval.
    """
    by_class: dict[str, list[Row]] = {}
    for row in rows:
        by_class.setdefault(row["class"], []).append(row)
    return {name: _summary(of_class) for name, of_class in by_class.items()}


def _summary(rows: Sequence[Row]) -> dict[str, Any]:
    scores, there = [row["score"] for row in rows], [bool(row["reference"]) for row in rows]
    interval = auroc_interval(scores, there, [row["patient"] for row in rows])
    return {
        "auroc": auroc(scores, there),
        "auroc_interval": list(interval) if interval else None,
        "false_alarms_at_95": false_alarms_at_95(scores, there),
        "with": sum(there),
        "without": len(there) - sum(there),
    }


HEAD = (
    *("class", "AUROC [95 %]", "false alarms at 95 % detection", "false alarm rate of the masks"),
    *("with it", "without it"),
)
"""What the cells of `table` are; the last two are numbers of frames."""


def table(summary: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the cells HEAD, as text, of each class that some frames do not show.

    Args:
        summary: of a split. One from before there was the false alarm rate says nothing: no row.
    """
    return [
        _cells(name, of, (summary.get("presence") or {}).get(name, {}))
        for name, of in summary["classes"].items()
        if of.get("false_alarm_rate") is not None
    ]


def _cells(name: str, of: Mapping[str, Any], scored: Mapping[str, Any]) -> tuple[str, ...]:
    interval = scored.get("auroc_interval")
    of_pairs = share(scored.get("auroc"))
    if interval:
        of_pairs += " [{:.3f}, {:.3f}]".format(*interval)
    return (
        *(name, of_pairs, share(scored.get("false_alarms_at_95"))),
        f"{share(of['false_alarm_rate'])} ({of['false_alarms']} of {of['without']})",
        *(str(of["cases"] - of["without"]), str(of["without"])),
    )


def share(value: float | None) -> str:
    """Return a share as text, a dash where there is none."""
    return "–" if value is None else f"{value:.3f}"


def always_there(summary: Mapping[str, Any]) -> list[str]:
    """Return the classes that every frame of a split shows: nothing says when they are not there.

    Args:
        summary: as for `table`.
    """
    return [
        name
        for name, of in summary["classes"].items()
        if "false_alarm_rate" in of and of["false_alarm_rate"] is None
    ]


def write_presence_csv(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write a line for each case and class: `reference` 1 where it is there, else 0; `score`."""
    write_table(path, COLUMNS, rows)


def read_presence_csv(path: Path) -> list[Row]:
    """Read what `write_presence_csv` wrote: `reference` as 0 or 1, `score` as a number.

    Raises:
        InputError: the file cannot be read, lacks a column, a name in it is empty, a reference is
            neither 0 nor 1, a score is neither a finite number nor -inf, or a case and class stand
            there twice.
    """
    rows = [_read_row(path, row) for row in read_table(path, COLUMNS)]
    check_once_each(path, rows)
    return rows


def _read_row(path: Path, text: Mapping[str, str]) -> Row:
    of = f"{path}: case {text['case']}, class {text['class']}"
    for name in ("case", "patient", "class", "score"):
        word(text[name], f"{of}: {name}")
    reference = int(word(text["reference"], f"{of}: reference", ("0", "1")))
    score = -math.inf if text["score"] == "-inf" else number(text["score"], f"{of}: score")
    return {**text, "reference": reference, "score": score}
