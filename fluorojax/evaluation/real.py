"""Real frames beside a simulated data set: on which of its networks does best, it is told by them.

What is learned from simulated frames comes over to real ones best at another step than where it
does best on simulated ones, and a few annotated real frames tell which. They are looked at only;
nothing is learned from them.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.core.progress import progress
from fluorojax.data.folder import Case, Folder, load_case, read_cases
from fluorojax.inference.predictor import Prediction, Predictor
from fluorojax.schema.frame import Frame
from fluorojax.schema.info import standing_for


class Pair(NamedTuple):
    """A class of the network and the folder's class that it stands for: places in both lists."""

    ours: int
    theirs: int
    name: str  # the network's


@dataclasses.dataclass(frozen=True)
class RealFrames:
    """Labelled frames of a dataset folder, whose classes are some of a network's."""

    folder: Folder
    cases: tuple[Case, ...]
    pairs: tuple[Pair, ...]

    def __str__(self) -> str:
        return f"{len(self.cases)} frames of {self.folder.info.name}"


class Scored(NamedTuple):
    """What came of a frame: Dice of each pair, [K]; masks [H, W, K] with the ignored left out."""

    case: Case
    frame: Frame
    prediction: Prediction
    dice: np.ndarray
    found: np.ndarray
    wanted: np.ndarray


def real_frames(directory: str, class_names: Sequence[str]) -> RealFrames:
    """Open a folder of real frames: its validation split, or all labelled ones without one.

    A class of the folder for which none of the network's stands is left out.

    Raises:
        InputError: no folder with a sound table, no labelled frame, or no class in common.
    """
    folder = read_cases(directory)
    labelled = [case for case in folder.cases if case.labelled]
    cases = [case for case in labelled if case.split == "validation"] or labelled
    if not cases:
        raise InputError(f"{folder.cases_file}: no case has an annotation; real frames need one")
    return RealFrames(folder, tuple(cases), tuple(matched(class_names, folder)))


def matched(class_names: Sequence[str], folder: Folder) -> list[Pair]:
    """Return which class of a network stands for which of a folder (see `standing_for`).

    Raises:
        InputError: none does for any.
    """
    names = folder.info.class_names
    found = [(standing_for(name, class_names), theirs) for theirs, name in enumerate(names)]
    pairs = [Pair(ours, theirs, class_names[ours]) for ours, theirs in found if ours is not None]
    if not pairs:
        raise InputError(
            f"{folder.cases_file.parent} has the classes {', '.join(names)}, and the network "
            f"{', '.join(class_names)}: none is in common"
        )
    return pairs


def scored(model: Predictor, real: RealFrames, case: Case) -> Scored:
    """Predict and score one frame, at its own size; a class absent in both has a Dice of 1."""
    frame, mask, ignore = load_case(real.folder, case)
    prediction = model.predict(frame)
    counts = ~ignore[..., None]
    found = prediction.masks[..., [pair.ours for pair in real.pairs]] & counts
    wanted = mask[..., [pair.theirs for pair in real.pairs]].astype(bool) & counts
    both, sizes = (found & wanted).sum((0, 1)), found.sum((0, 1)) + wanted.sum((0, 1))
    dice = np.where(sizes > 0, 2 * both / np.maximum(sizes, 1), 1.0)
    return Scored(case, frame, prediction, dice, found, wanted)


def mean_dice(model: Predictor, real: RealFrames) -> dict[str, float]:
    """Return the mean Dice over all frames, of each of the network's classes that stand in them."""
    rows = []
    with progress("real frames", len(real.cases)) as update:
        for number, case in enumerate(real.cases, 1):
            rows.append(scored(model, real, case).dice)
            update(number)
    means = np.mean(rows, axis=0)
    return {pair.name: float(mean) for pair, mean in zip(real.pairs, means, strict=True)}
