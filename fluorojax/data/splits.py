"""Which cases train, validate and test: drawn from names alone, so a unit never changes sides."""

import hashlib
import math
from collections.abc import Iterable

from fluorojax.core.errors import InputError
from fluorojax.schema.info import SPLITS, SplitUnit

FRACTIONS = (0.7, 0.15, 0.15)


def split_unit(unit: SplitUnit, *, case: str, patient: str, sequence: str) -> str:
    """Return the name of what must not stand on both sides of a split."""
    return {"patient": patient, "sequence": f"{patient}/{sequence}", "frame": case}[unit]


def draw_split(unit: str, fractions: tuple[float, float, float] = FRACTIONS) -> str:
    """Draw train, validation or test from the unit's name alone.

    u, the first 7 bytes of sha256('split/' + unit) over 2**56, is uniform in [0, 1] and compared
    with the cumulated fractions; so the draw of one unit does not depend on the others.

    Args:
        unit: a patient (or sequence, or case), see `split_unit`.
        fractions: expected shares of train, validation and test; they sum to 1.
    """
    u = _uniform(f"split/{unit}")
    train, validation, _ = fractions
    return SPLITS[0] if u < train else SPLITS[1] if u < train + validation else SPLITS[2]


def assign_folds(units: Iterable[str], folds: int) -> dict[str, int]:
    """Deal the units to `folds` folds of equal size, give or take one, in the order of their hash.

    Dealt rather than drawn one by one, because with the ten patients of a usual study a drawn
    fold is empty more often than not.

    Args:
        units: names of the units of train and validation together; repeats do not count.
        folds: number of folds, at least 2.

    Returns:
        The fold, 0 to folds - 1, of each unit.

    Raises:
        InputError: fewer than two folds, or fewer units than folds.
    """
    distinct = sorted(set(units), key=lambda unit: (_uniform(f"fold/{unit}"), unit))
    if folds < 2:
        raise InputError(f"data.folds={folds}: give 0 (the split as stored) or at least 2")
    if len(distinct) < folds:
        raise InputError(
            f"data.folds={folds}, but train and validation hold only {len(distinct)} separable "
            f"units ({', '.join(distinct)}); use at most data.folds={len(distinct)}"
        )
    return {unit: rank % folds for rank, unit in enumerate(distinct)}


def validation_units(units: Iterable[str], fold: int, folds: int) -> frozenset[str]:
    """Return the units of train and validation together that validate in fold `fold`.

    Raises:
        InputError: see `assign_folds`, or a fold that is not one of 0 to folds - 1.
    """
    if not 0 <= fold < max(folds, 1):
        raise InputError(f"data.fold={fold}: with data.folds={folds} give 0 to {folds - 1}")
    return frozenset(unit for unit, k in assign_folds(units, folds).items() if k == fold)


def first_units(units: Iterable[str], share: float) -> frozenset[str]:
    """Return the first ceil(share * n) of n units in the order of their hash, at least one.

    So a smaller share lies within a larger one, no seed changes them, and adding a unit moves at
    most one other.

    Args:
        units: names; repeats do not count.
        share: in (0, 1].

    Raises:
        InputError: a share out of its limits.
    """
    if not 0 < share <= 1:
        raise InputError(f"data.train_share={share}: give more than 0 and at most 1")
    ordered = sorted(set(units), key=lambda unit: (_uniform(f"share/{unit}"), unit))
    # Rounded, or 0.07 of 100 would be 8: 0.07 * 100 = 7.000000000000001.
    return frozenset(ordered[: math.ceil(round(share * len(ordered), 9))])


def _uniform(name: str) -> float:
    # 7 bytes are all that a double can hold: it holds 53 bits.
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "big") / 2**56
