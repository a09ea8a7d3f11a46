"""What a comparison says in a few sentences, from its corrected tests alone."""

import math
from collections.abc import Sequence

from fluorojax.compare.rows import ComparisonRow, cells, is_beyond_chance
from fluorojax.metrics.case import METRICS

MOST_CLASSES = 3
"""Classes with a sentence of their own; what else is beyond chance is named together."""


def answer(
    primary: Sequence[ComparisonRow], rows: Sequence[ComparisonRow], patients: int
) -> list[str]:
    """Return at most five sentences.

    Args:
        primary: the rows of each class's first metric.
        rows: all rows, over which the p values are corrected.
        patients: whose cases are compared.

    Returns:
        Which method is ahead of the baseline or behind it, on what, by how much; which are within
        chance; what else differs; of how many seeds and patients all of that is.
    """
    whole = [row for row in primary if not row.stratum]
    tested = [row for row in whole if not math.isnan(row.p_holm)]
    beyond = [row for row in tested if is_beyond_chance(row)]
    chance = [row for row in tested if not is_beyond_chance(row)]
    return [
        *_beyond(beyond, whole),
        *_within(chance, whole),
        _rest([row for row in rows if row not in whole], whole, patients),
    ]


def _beyond(beyond: Sequence[ComparisonRow], whole: Sequence[ComparisonRow]) -> list[str]:
    """Return a sentence a class; where there are many, the last names all others."""
    names = list(dict.fromkeys(row.class_name for row in beyond))
    if not names:
        return ["By the first score of each class, no method differs beyond chance."]
    shown = names if len(names) <= MOST_CLASSES else names[: MOST_CLASSES - 1]
    said = [_class([row for row in beyond if row.class_name == name], whole) for name in shown]
    others = names[len(shown) :]
    return [
        *said,
        *([f"Methods also differ beyond chance on {_listed(others)}."] if others else []),
    ]


def _class(beyond: Sequence[ComparisonRow], whole: Sequence[ComparisonRow]) -> str:
    first = beyond[0]
    clauses = "; ".join(_clause(row, _baseline(row.class_name, whole)) for row in beyond)
    return f"{first.class_name} ({METRICS[first.metric].label}): {clauses}."


def _clause(row: ComparisonRow, baseline: str) -> str:
    better = (row.difference > 0) == (METRICS[row.metric].better == "higher")
    _, apart, p = cells(row)
    place = "ahead of" if better else "behind"
    turned = (
        ", but the interval holds 0: other seeds may turn it" if row.low <= 0 <= row.high else ""
    )
    sign = "" if p.startswith("<") else "= "
    return f"{row.method} is {place} {baseline}, difference {apart}, p {sign}{p}{turned}"


def _baseline(class_name: str, whole: Sequence[ComparisonRow]) -> str:
    """Return the method that a class's others are held against: the first of its rows."""
    return next(row.method for row in whole if row.class_name == class_name)


def _within(chance: Sequence[ComparisonRow], whole: Sequence[ComparisonRow]) -> list[str]:
    """Return a sentence on what is within chance of its baseline; none where nothing is."""
    by_baseline: dict[str, dict[str, list[str]]] = {}
    for row in chance:
        of_classes = by_baseline.setdefault(_baseline(row.class_name, whole), {})
        of_classes.setdefault(row.class_name, []).append(row.method)
    parts = (
        f"of {baseline}: "
        + "; ".join(f"{_listed(methods)} on {name}" for name, methods in of_classes.items())
        for baseline, of_classes in by_baseline.items()
    )
    return [f"Within chance {'; '.join(parts)}."] if by_baseline else []


def _rest(others: Sequence[ComparisonRow], whole: Sequence[ComparisonRow], patients: int) -> str:
    """Return of how many seeds and patients it is, and what the other tests say together."""
    seeds = max(row.seeds for row in whole)
    of = f"{seeds} seeds" if seeds > 1 else "One seed (how much others change is not known)"
    tested = [row for row in others if not math.isnan(row.p_holm)]
    found = sum(map(is_beyond_chance, tested))
    rest = f"; of {len(tested)} tests of other scores and strata, {found} are beyond chance"
    return (
        f"{of} a method and {patients} patient{'s' if patients != 1 else ''}, "
        f"p corrected over all tests{rest if tested else ''}."
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
