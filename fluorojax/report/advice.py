"""What a run's own numbers say to do next: a sentence each, or nothing where nothing is to do.

Each function takes plain numbers, so that its limits can be tried. The limits are for attention,
not for tests: what they let pass is not thereby good.
"""

from collections.abc import Sequence
from typing import NamedTuple

LEAST_GAIN = 0.01
"""A score's gain that is worth a sentence, for a threshold."""

LEAST_RISE = 0.005
"""A score's rise between the last two validations that says that training had not ended."""

FEW_FRAMES = 20
"""Under so many frames, one more or less moves a share by more than 5 %."""

FEW_PATIENTS = 10
"""Under so many patients, a bootstrap over them is too narrow by 5 % and more."""


class Advice(NamedTuple):
    """What it is about, a class or a part of the run, and a sentence.

    `weight` is how much is at stake, in [0, 1]: a share of frames, or of a score.
    """

    about: str
    words: str
    weight: float


class Scored(NamedTuple):
    """A threshold, and the score at it."""

    threshold: float
    score: float


def missed(name: str, missed: int, present: int) -> Advice | None:
    """Say that a class is not found in frames that show it.

    Args:
        name: of the class.
        missed: frames that show it, in which nothing of it is found.
        present: frames that show it.
    """
    if not missed:
        return None
    return Advice(
        name,
        f"nothing is found in {missed} of the {present} frames that show it: look at these first, "
        "below; labelled frames like them are worth most.",
        missed / present,
    )


def false_alarms(name: str, alarms: int, without: int, *, chosen: bool) -> Advice | None:
    """Say that a class is found in frames that do not show it.

    Args:
        name: of the class.
        alarms: frames without it, in which something of it is found.
        without: frames without it.
        chosen: whether the validation split chose when it is there (`evaluation.presence`).
    """
    if not alarms:
        return None
    words = f"{alarms} of {without} frames without it are false alarms"
    if without < FEW_FRAMES:
        words += f", and {without} frames are too few to know the share"
    remedy = (
        "more validation frames without it choose better when it is there."
        if chosen
        else "evaluation.presence=validation lets the validation split choose when it is there."
    )
    return Advice(name, f"{words}: {remedy}", alarms / without)


def threshold(name: str, metric: str, used: Scored, chosen: Scored) -> Advice | None:
    """Say that the threshold that the validation split chooses does better than the one in use.

    Args:
        name: of the class.
        metric: its first score, where more is better.
        used: the threshold in use, and the mean over patients at it.
        chosen: the best threshold of the validation split, and the mean at it here.
    """
    gain = chosen.score - used.score
    if chosen.threshold == used.threshold or gain < LEAST_GAIN:
        return None
    lean = "high" if chosen.threshold > used.threshold else "low"
    return Advice(
        name,
        f"probabilities run {lean}; by threshold alone, the validation split's "
        f"{chosen.threshold:g} in place of {used.threshold:g} gives {metric} {gain:+.3f}: "
        "evaluation.operating_point=validation.",
        gain,
    )


def still_rising(metric: str, values: Sequence[tuple[float, float]]) -> Advice | None:
    """Say that the score on the validation split had not stopped rising at the last step.

    Args:
        metric: its name, where more is better.
        values: (step, score), by step.
    """
    if len(values) < 2:
        return None
    (before, lower), (last, best) = values[-2:]
    rose = best - lower >= LEAST_RISE
    if not rose or best < max(score for _, score in values):
        return None
    return Advice(
        "training",
        f"{metric} on the validation split still rose at the last step (step {before:g}: "
        f"{lower:.3f}, step {last:g}: {best:.3f}): train longer, training.steps={2 * last:.0f}.",
        best - lower,
    )


def few_patients(patients: int) -> Advice | None:
    """Say that a mean over few patients is known less well than its interval says."""
    if not 0 < patients < FEW_PATIENTS:
        return None
    of = "1 patient" if patients == 1 else f"{patients} patients"
    return Advice(
        "patients",
        f"the scores are of {of}, from which no interval can be trusted: more patients help, and "
        "fluorojax benchmark --folds 5 scores those of training and validation too.",
        1.0,
    )


def one_seed(seed: int | None) -> Advice | None:
    """Say that a run says nothing of how much its seed changes; None where it has none."""
    if seed is None:
        return None
    return Advice(
        "seed",
        f"this is one seed ({seed}): fluorojax benchmark --seeds 0,1,2 says how much a seed "
        "changes.",
        0.0,
    )
