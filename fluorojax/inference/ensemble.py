"""Several trainings that predict together: the mean of their probabilities, and where they differ.

Known as a deep ensemble (Lakshminarayanan et al., NeurIPS 2017): networks of other seeds err in
other places, so their mean errs less than each, and their spread says where. The score of a frame
is the share of pixels that not all members find of those that any does, 1 - |and| / |or|, which is
1 - IoU across samples (Roy et al., NeuroImage 2019): 0 where all agree, 1 where they have nothing
in common. It needs no reference, and does not tell an error that all members make.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fluorojax.core.errors import InputError
from fluorojax.data.dicom_out import Algorithm
from fluorojax.inference.export import load, read_manifest
from fluorojax.inference.predictor import Agreement, Maps, Predictor
from fluorojax.schema.frame import Frame


class Ensemble(Predictor):
    """Networks with the same classes, as one: masks come of their mean, by the first one's rules.

    Each member sees frames on its own grid, with its own views; the maps are averaged on the
    frame's grid.
    """

    def __init__(self, members: Sequence[Predictor]):
        """Take two or more networks.

        Raises:
            InputError: fewer, or other classes, landmarks or image labels than the first's.
        """
        first = members[0]
        if len(members) < 2:
            raise InputError(f"an ensemble of {len(members)}: give two exports or more")
        for other in members[1:]:
            _check_alike(first, other)
        super().__init__(
            *(first.spec, first.parameters, first.image_size, first.rules, first.image_labels),
            ", ".join(member.source for member in members),
            first.fitting,
        )
        self.members = tuple(members)

    def maps(self, frame: Frame) -> Maps:
        """Return the mean of the members' maps and image labels, and how far they agree."""
        running = _Running(np.array(self.rules.thresholds))
        of_members = []
        for member in self.members:
            maps, values, *_ = member.maps(frame)
            running.add(maps)
            of_members.append([np.asarray(value) for value in values])
        labels = [np.mean(of, axis=0) for of in zip(*of_members, strict=True)]
        return Maps(running.mean, labels, running.agreement())


class _Running:
    """The mean of maps and their spread, while one after the other comes (Welford, 1962).

    However many members there are, memory holds a few maps; those that are equal have no spread at
    all, and no rounding error for one.
    """

    def __init__(self, thresholds: np.ndarray):
        """Take the probabilities from which a pixel is found, [C]."""
        self._thresholds, self._count = thresholds, 0
        self.mean = self._squares = np.zeros(0, np.float32)
        self._some = self._every = np.zeros(0, bool)

    def add(self, maps: np.ndarray) -> None:
        """Take a member's maps `[H, W, C + N] float32`; the spread is kept of the first C."""
        classes = len(self._thresholds)
        found = maps[..., :classes] >= self._thresholds
        self._count += 1
        if self._count == 1:
            self.mean, self._squares = maps, np.zeros_like(maps[..., :classes])
            self._some = self._every = found
            return
        before = maps - self.mean
        self.mean = self.mean + before / np.float32(self._count)
        self._squares += (before * (maps - self.mean))[..., :classes]
        self._some, self._every = self._some | found, self._every & found

    def agreement(self) -> Agreement:
        """Return how far all that came agree."""
        spread = np.sqrt(np.maximum(self._squares, 0.0) / np.float32(self._count))
        return Agreement(spread, _differing(self._some, self._every))


def _differing(some: np.ndarray, every: np.ndarray) -> np.ndarray:
    """Return 1 - |and| / |or| of masks [H, W, C], one a class; 0 where `or` is empty."""
    union, common = (mask.sum((0, 1), dtype=np.int64) for mask in (some, every))
    return 1.0 - np.where(union > 0, common / np.maximum(union, 1), 1.0)


def _check_alike(first: Predictor, other: Predictor) -> None:
    """Refuse a member that does not say the same things of a frame as the first."""
    pairs: dict[str, tuple[list[str], list[str]]] = {
        "classes": _both(first, other, lambda m: [f"{c.name} ({c.kind})" for c in m.classes]),
        "landmarks": _both(first, other, lambda m: ["exit", "tip"] * m.spec.landmarks),
        "image labels": _both(
            first, other, lambda m: [f"{a.name} ({', '.join(a.values)})" for a in m.image_labels]
        ),
    }
    for what, (ours, theirs) in pairs.items():
        if ours != theirs:
            raise InputError(
                f"{other.source} has the {what} {theirs}, and {first.source} has {ours}; the "
                "exports of an ensemble must have the same, in the same order"
            )


def _both(
    first: Predictor, other: Predictor, of: Callable[[Predictor], list[str]]
) -> tuple[list[str], list[str]]:
    return of(first), of(other)


def load_all(exports: Sequence[Path]) -> tuple[Predictor, list[str]]:
    """Return the network of an export, or the ensemble of several, and the sha256 of each.

    Raises:
        InputError: no export, other classes, or the same parameters twice.
    """
    models = [load(export) for export in exports]
    checksums = [str(read_manifest(export)["sha256"]) for export in exports]
    for export, checksum in zip(exports, checksums, strict=True):
        if checksums.count(checksum) > 1:
            raise InputError(
                f"{export} has the parameters ({checksum[:12]}) of another export that is given; "
                "they would count twice: give exports of other trainings"
            )
    return (models[0] if len(models) == 1 else Ensemble(models)), checksums


def algorithm_of(exports: Sequence[Path], model: Predictor) -> Algorithm:
    """Return what stands in DICOM files as what found the masks: names, sha256, thresholds."""
    manifests = [read_manifest(export) for export in exports]
    names = [_name(manifest["origin"]) for manifest in manifests]
    pairs = zip(model.rules.names, model.rules.thresholds, strict=True)
    details = "; ".join(f"{name} from probability {p:g}" for name, p in pairs)
    checksum = "+".join(manifest["sha256"] for manifest in manifests)
    return Algorithm(", ".join(dict.fromkeys(names)), checksum, details)


def _name(origin: Mapping[str, Any]) -> str:
    """Return what an export is called: as its training was."""
    words = [origin.get("method", "export"), f"seed {origin.get('seed', '?')}"]
    return " ".join([*words, f"of {origin['dataset']}"] if "dataset" in origin else words)
