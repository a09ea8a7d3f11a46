"""Is a difference between two methods more than luck? Seeds and patients are random factors.

A method's scores are [S, P]: trainings (seeds) by patients, each the mean of the patient's cases;
NaN where nothing could be scored. Both methods are scored on the same patients.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

EXACT_PATIENTS = 12  # up to here every one of the 2^P sign changes is made


class Interval(NamedTuple):
    """A confidence interval."""

    low: float
    high: float


def patient_means(scores: np.ndarray, patients: Sequence[str]) -> np.ndarray:
    """Return the mean of each patient's cases, [S, N] -> [S, P], patients in order of appearance.

    NaN are left out; a patient without any other value is NaN.
    """
    names = list(dict.fromkeys(patients))
    of = np.array([names.index(name) for name in patients])
    counted = ~np.isnan(scores)
    sums = np.stack([np.where(counted, scores, 0.0)[:, of == k].sum(1) for k in range(len(names))])
    counts = np.stack([counted[:, of == k].sum(1) for k in range(len(names))])
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).T


def mean(scores: np.ndarray) -> float:
    """Return a method's mean: over seeds, then over patients; NaN of nothing."""
    return _mean(_mean(scores, 0), 0).item()


def seed_spread(scores: np.ndarray) -> float:
    """Return the standard deviation (n - 1) over seeds of the mean over patients; NaN of one."""
    return float(np.std(_mean(scores, 1), ddof=1)) if len(scores) > 1 else float("nan")


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the mean over patients of the difference of the means over seeds, ours - theirs."""
    return _mean(_differences(ours, theirs), 0).item()


def bootstrap_interval(
    ours: np.ndarray, theirs: np.ndarray, *, draws: int = 10_000, level: float = 0.95, seed: int = 0
) -> Interval:
    """Return the percentile bootstrap interval of `difference`.

    Each draw takes, with replacement, seeds of ours, seeds of theirs, and patients, the same for
    both (Efron and Tibshirani, An Introduction to the Bootstrap, 1993). With few seeds or
    patients it is too narrow, by about sqrt((n - 1) / n). A draw in which no patient has a score of
    both says nothing of a difference, and is drawn again.

    Args:
        ours, theirs: [S, P], [S', P].
        draws: resamplings.
        level: of confidence, in (0, 1).
        seed: of the resampling.

    Returns:
        The interval; NaN where no patient has a score of both.
    """
    if not (_scored(ours) & _scored(theirs)).any():
        return Interval(float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    drawn = _draws(rng, ours, theirs, draws)
    while (empty := np.isnan(drawn)).any():
        drawn[empty] = _draws(rng, ours, theirs, int(empty.sum()))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def mean_interval(scores: np.ndarray, *, draws: int = 10_000, level: float = 0.95) -> Interval:
    """Return the percentile bootstrap interval of `mean`, over seeds and patients.

    That of the difference to a method without any score, which is 0 in every draw.

    Args:
        scores: [S, P].
        draws: resamplings.
        level: of confidence, in (0, 1).

    Returns:
        The interval; NaN where fewer than two patients have a score: one says nothing of others.
    """
    if _scored(scores).sum() < 2:
        return Interval(float("nan"), float("nan"))
    return bootstrap_interval(scores, np.zeros((1, scores.shape[1])), draws=draws, level=level)


def _scored(scores: np.ndarray) -> np.ndarray:
    """Say which patients, [P], have a score of any seed."""
    return (~np.isnan(scores)).any(0)


def _draws(
    rng: np.random.Generator, ours: np.ndarray, theirs: np.ndarray, draws: int
) -> np.ndarray:
    """Return the difference of each resampling, [draws]; NaN of one without a patient scored."""
    apart = _resampled(rng, ours, draws) - _resampled(rng, theirs, draws)
    patients = ours.shape[1]
    weights = rng.multinomial(patients, np.full(patients, 1 / patients), draws)
    counted = ~np.isnan(apart)
    total = (weights * np.where(counted, apart, 0.0)).sum(1)
    number = (weights * counted).sum(1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def permutation_p(
    ours: np.ndarray, theirs: np.ndarray, *, draws: int = 10_000, seed: int = 0
) -> float:
    """Return the two-sided p value of a paired permutation test over patients.

    Under the hypothesis the two methods are exchangeable within a patient, so the sign of each
    patient's difference (of means over seeds) is as good as its opposite: p is the share of
    sign changes whose |mean| is at least the one found. All 2^P up to `EXACT_PATIENTS` patients,
    otherwise `draws` random ones and the one found (Phipson and Smyth 2010).

    It tests whether these trainings differ on new patients; how much the seeds move the mean is in
    `bootstrap_interval`.
    """
    apart = _differences(ours, theirs)
    apart = apart[~np.isnan(apart)]
    if not apart.size:
        return float("nan")
    # Sums that differ by rounding alone are equal.
    least = abs(apart.sum()) - 1e-12 * np.abs(apart).sum()
    if len(apart) <= EXACT_PATIENTS:
        signs = np.array(list(itertools.product((-1, 1), repeat=len(apart))))
        return float((np.abs(signs @ apart) >= least).mean())
    signs = np.random.default_rng(seed).choice((-1, 1), (draws, len(apart)))
    return float((1 + (np.abs(signs @ apart) >= least).sum()) / (1 + draws))


def holm(p: Sequence[float]) -> list[float]:
    """Return p values corrected for their number by Holm (1979); NaN stay, and are not counted."""
    known = [k for k, value in enumerate(p) if not np.isnan(value)]
    corrected, floor = list(p), 0.0
    for rank, k in enumerate(sorted(known, key=lambda k: p[k])):
        floor = max(floor, min(1.0, (len(known) - rank) * p[k]))
        corrected[k] = floor
    return corrected


def _differences(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Return the difference of each patient, [P]; NaN where one method has no score."""
    return _mean(ours, 0) - _mean(theirs, 0)


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Return the mean of what is not NaN, without a warning where nothing is left."""
    counted = ~np.isnan(values)
    count = counted.sum(axis)
    total = np.where(counted, values, 0.0).sum(axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _resampled(rng: np.random.Generator, scores: np.ndarray, draws: int) -> np.ndarray:
    """Return the patients' means over resampled seeds, [draws, P]."""
    seeds = len(scores)
    weights = rng.multinomial(seeds, np.full(seeds, 1 / seeds), draws)
    counted = ~np.isnan(scores)
    count = weights @ counted
    total = weights @ np.where(counted, scores, 0.0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
