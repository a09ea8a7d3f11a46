"""Splits, proposed so that each has cases: by patient where there are enough of them."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fluorojax.data.splits import draw_split
from fluorojax.data.splits import split_unit as unit_of
from fluorojax.planning.guess import Guess
from fluorojax.schema.info import SPLITS, SplitUnit, caution

FEWEST, MANY = 3, 10
"""Units by which is split, one a split; patients, from which on the splits are drawn."""
BLOCKS = ("train", "train", "test", "train", "validation") * 2
"""What ten blocks of neighbouring frames are for, where the frames of one run are split."""
_VALIDATES = 7  # one of so many training units, where names say train and test only


class Part(NamedTuple):
    """A labelled frame, as splits see it: `classes` are those that it shows."""

    case: str
    patient: str
    sequence: str
    frame: int
    said: str
    classes: frozenset[int]


class Splitting(NamedTuple):
    """What is proposed: `splits` by case, empty where they are drawn from the patients' names."""

    unit: SplitUnit
    splits: Mapping[str, str]
    guess: Guess


def propose(
    parts: Sequence[Part], *, patients_known: bool, unit: SplitUnit | None = None
) -> Splitting:
    """Propose splits of the labelled frames.

    As the names of files or folders say; else by patient, by sequence, or by frame, the first of
    which there are three at least; or by `unit`, where that is decided.
    """
    if unit is not None:
        return _by_unit(parts, unit)
    if (said := Counter(p.said for p in parts if p.said)) and _is_whole(said, parts):
        return _as_said(parts, said, patients_known)
    patients = {p.patient for p in parts}
    if patients_known and len(patients) >= FEWEST:
        return _by_patient(parts, patients)
    sequences = {(p.patient, p.sequence) for p in parts if p.sequence}
    if len(sequences) >= FEWEST and all(p.sequence for p in parts):
        splits = _dealt(parts, "sequence")
        return Splitting("sequence", splits, _guess("sequence", _few(patients, patients_known)))
    return Splitting("frame", _in_blocks(parts), _guess("frame", _few(patients, patients_known)))


def _by_unit(parts: Sequence[Part], unit: SplitUnit) -> Splitting:
    """Split by a unit that dataset.json says."""
    if unit == "patient":
        return _by_patient(parts, {p.patient for p in parts})
    splits = _in_blocks(parts) if unit == "frame" else _dealt(parts, unit)
    return Splitting(unit, splits, _guess(unit, "dataset.json says so"))


def _few(patients: set[str], known: bool) -> str:
    return f"{len(patients)} patients only" if known else "the patients are not known"


def _guess(unit: SplitUnit, reason: str) -> Guess:
    how = "blocks of neighbouring frames" if unit == "frame" else f"each {unit} in one split"
    return Guess("splits", f"by {unit}", f"{reason}; {how}. {caution(unit)}")


def _is_whole(said: Counter[str], parts: Sequence[Part]) -> bool:
    return said.total() == len(parts) and {"train", "test"} <= said.keys()


def _as_said(parts: Sequence[Part], said: Counter[str], known: bool) -> Splitting:
    splits = {p.case: p.said for p in parts}
    by_split = defaultdict(set)
    for p in parts:
        by_split[p.patient].add(p.said)
    apart = known and all(len(found) == 1 for found in by_split.values())
    unit: SplitUnit = "patient" if apart else "frame"
    reason = "the names of files or folders say so"
    if not said["validation"]:
        units = sorted({_unit(p, unit) for p in parts if p.said == "train"}, key=_order)
        validate = set(units[: max(1, round(len(units) / _VALIDATES))])
        splits |= {
            p.case: "validation" for p in parts if p.said == "train" and _unit(p, unit) in validate
        }
        reason += f"; no validation, so {len(validate)} of train's {len(units)} validate"
    if unit == "frame":
        reason += f". {caution(unit)}"
    return Splitting(unit, splits, Guess("splits", "train, validation and test", reason))


def _unit(part: Part, unit: SplitUnit) -> str:
    return unit_of(unit, case=part.case, patient=part.patient, sequence=part.sequence)


def _order(name: str) -> str:
    return hashlib.sha256(f"proposed/{name}".encode()).hexdigest()


def _by_patient(parts: Sequence[Part], patients: set[str]) -> Splitting:
    drawn = {p.case: draw_split(p.patient) for p in parts}
    if len(patients) >= MANY and _all_shown(parts, drawn):
        reason = f"{len(patients)} patients: drawn from their names, so more can come later"
        return Splitting("patient", {}, Guess("splits", "by patient, drawn", reason))
    reason = f"{len(patients)} patients are too few to be drawn: each is dealt to a split"
    guess = Guess("splits", "by patient, written", reason)
    return Splitting("patient", _dealt(parts, "patient"), guess)


def _all_shown(parts: Sequence[Part], splits: Mapping[str, str]) -> bool:
    """Say whether each split has frames, and train and test show every class."""
    shown: dict[str, set[int]] = {name: set() for name in SPLITS}
    for p in parts:
        shown[splits[p.case]] |= p.classes
    everything = set().union(*(p.classes for p in parts))
    all_there = set(splits.values()) == set(SPLITS)
    return all_there and shown["train"] == shown["test"] == everything


def _dealt(parts: Sequence[Part], unit: SplitUnit) -> dict[str, str]:
    """Deal units to the splits: the largest to train, then whichever split lacks most frames.

    Of 20 % for validation and test each; where a class would be missing from train or test, other
    orders are tried.
    """
    sizes = Counter(_unit(p, unit) for p in parts)
    best: dict[str, str] = {}
    for trial in range(50):
        order = sorted(sizes, key=lambda u: (-sizes[u] if trial == 0 else 0, _order(f"{trial}{u}")))
        by_unit = _deal(order, sizes)
        splits = {p.case: by_unit[_unit(p, unit)] for p in parts}
        if not best or _all_shown(parts, splits):
            best = splits
        if _all_shown(parts, splits):
            break
    return best


def _deal(order: Sequence[str], sizes: Mapping[str, int]) -> dict[str, str]:
    shares = dict(zip(SPLITS, (0.6, 0.2, 0.2), strict=True))
    given: Counter[str] = Counter()
    dealt = {}
    for place, unit in enumerate(order):
        if place < len(SPLITS):
            split = ("train", "test", "validation")[place]
        else:
            split = max(SPLITS, key=lambda s: shares[s] * sum(sizes.values()) - given[s])
        dealt[unit] = split
        given[split] += sizes[unit]
    return dealt


def _in_blocks(parts: Sequence[Part]) -> dict[str, str]:
    """Deal frames in ten blocks of neighbours a run; runs of fewer than ten frames together."""
    runs = defaultdict(list)
    for p in parts:
        runs[p.patient, p.sequence].append(p)
    short = [p for run in runs.values() if len(run) < len(BLOCKS) for p in run]
    splits = {}
    for run in (*(run for run in runs.values() if len(run) >= len(BLOCKS)), short):
        ordered = sorted(run, key=lambda p: (p.patient if p.sequence else "", p.sequence, p.frame))
        for place, p in enumerate(ordered):
            splits[p.case] = BLOCKS[place * len(BLOCKS) // max(len(run), len(BLOCKS))]
    if len(parts) < len(BLOCKS):
        for p, split in zip(parts, ("train", "test", "validation"), strict=False):
            splits[p.case] = split
    return splits
