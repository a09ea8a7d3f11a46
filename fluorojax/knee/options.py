"""The options of `fluorojax measure`, checked and turned into numbers."""

import argparse
import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.core.numbers import hint, number
from fluorojax.data.problems import perhaps, said
from fluorojax.inference.inputs import spacing_given
from fluorojax.knee.films import Overrides
from fluorojax.knee.measure import CLASSES, KneeFilm, KnownWidth, Tolerances, measure_knee
from fluorojax.knee.measure.film import Implant, View

_LIMITS = {"inf": math.inf, "+inf": math.inf, "-inf": -math.inf}  # of a band that is open
_NO_WORDS: Mapping[str, float] = {}


def given_of(options: argparse.Namespace) -> Overrides:
    """Return what the options of `fluorojax measure` give for all films.

    Raises:
        InputError: a number that cannot be.
    """
    return Overrides(
        options.view,
        options.side,
        options.implant,
        spacing_given(options.spacing_mm),
        _magnification(options.magnification),
        _known_width(options.known_width),
        None if options.ball_mm is None else _positive("--ball-mm", options.ball_mm, 1)[0],
    )


def _magnification(text: str) -> float | None:
    if text == "unknown":
        return None
    (value,) = _positive("--magnification", text, 1)
    if not 1 <= value < 2:
        raise InputError(
            f"--magnification {said(text)}: write the film's length over the knee's, from 1 to 2, "
            "or 'unknown'"
        )
    return value


def _known_width(text: str | None) -> KnownWidth | None:
    if text is None:
        return None
    name, _, width = (part.strip() for part in text.partition("="))
    if name not in (known := ("femoral_component", "tibial_component")):
        raise InputError(
            f"--known-width {said(text)}: write tibial_component=76, or femoral_component="
            f"{perhaps(name, known)}"
        )
    return KnownWidth(cast(Any, name), _positive("--known-width", width, 1)[0])


def tolerances_of(texts: Sequence[str]) -> Tolerances:
    """Return the usual bands, with those in `NAME=LOW,HIGH` instead; inf and -inf are no limit.

    Raises:
        InputError: nothing measured has this name, or these are not two numbers in order.
    """
    changed: dict[str, tuple[float, float]] = {}
    for text in texts:
        name, _, limits = (part.strip() for part in text.partition("="))
        if name not in (known := names()):
            close = difflib.get_close_matches(said(name), known, n=1, cutoff=0.0)[0]
            raise InputError(
                f"--tolerance {said(text)}: '{said(name)}' is not measured; perhaps '{close}'?"
            )
        if name in changed:
            raise InputError(f"--tolerance {said(text)}: {name} stands there twice; keep one")
        low, high = _numbers("--tolerance", limits, 2, _LIMITS)
        if not low < high:
            raise InputError(f"--tolerance {said(text)}: write the lower limit first")
        changed[name] = (low, high)
    return Tolerances(dict(Tolerances().bands) | changed)


def names() -> list[str]:
    """Return the names of all that is measured, over all views and implants."""
    # Components without bones: everything is refused at once, by its name.
    dot = np.zeros((3, 3, len(CLASSES)), bool)
    dot[1, 1, :2] = True
    films = (
        KneeFilm(dot, CLASSES, view, implant=implant)
        for view in get_args(View)
        for implant in get_args(Implant)
    )
    return list(dict.fromkeys(name for film in films for name in measure_knee(film).names()))


def _numbers(
    option: str, text: str, count: int, words: Mapping[str, float] = _NO_WORDS
) -> list[float]:
    parts = [part.strip() for part in text.split(",")]
    found = [words[part] if part in words else number(part) for part in parts]
    if len(found) != count or any(map(math.isnan, found)):
        raise InputError(
            f"{option} {said(text)}: write {count} number{'s' * (count > 1)}{hint(text)}"
        )
    return found


def _positive(option: str, text: str, count: int) -> list[float]:
    found = _numbers(option, text, count)
    if not all(value > 0 for value in found):
        raise InputError(f"{option} {said(text)}: must be above 0")
    return found
