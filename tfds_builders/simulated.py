"""Builders of simulated frames: what they share, whatever is simulated."""

import dataclasses
import hashlib
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import jax
import numpy as np
import tensorflow_datasets as tfds

import fluorojax.simulation
from fluorojax.schema.info import SPLITS, DatasetInfo, ImageLabelInfo
from tfds_builders import common

FULL_SCALE = 4095  # 12 bits, as fluoroscopy detectors and digital films have
FRAMES_A_CALL = 8
FrameNumber = tuple[int, ...]  # patient, and what a patient has several of
Values = Mapping[str, np.ndarray]  # what a simulator gives of a frame


@dataclasses.dataclass(frozen=True)
class Size:
    """How large the frames are and how many.

    Attributes:
        side: rows and columns of a frame.
        counts: by split, how many patients, and how many each has of what it has several of.
    """

    side: int
    counts: Mapping[str, tuple[int, ...]]

    @property
    def frames(self) -> int:
        """Number of frames of all splits."""
        return sum(math.prod(count) for count in self.counts.values())

    def numbers(self, split: str) -> list[FrameNumber]:
        """Return the numbers of each frame of a split, in the order of the records."""
        return list(itertools.product(*map(range, self.counts[split])))

    def without_training(self) -> "Size":
        """Return the same with a single training frame: the others come while training."""
        return dataclasses.replace(
            self, counts={**self.counts, "train": (1,) * len(self.counts["train"])}
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Simulation:
    """What is simulated, and how; a module that holds one is all that a new simulation needs.

    Attributes:
        info: classes, relation, licence.
        spec: the ranges, where a configuration gives none.
        sizes: by name, what `data.size` can be.
        files: the code that the frames depend on, besides this module.
        simulate: (split, numbers [N, K], spec) -> what the simulator gives, [N, ...].
        draw: (keys [N], spec, at_once) -> the same for frames of no split, in a jitted function;
            of it `image` and `mask` are used, `skeleton` and `attached` where there are such, and
            what has the name of an image label.
        sequence: (spec, seed, number, frames) -> the same for the frames of one sequence, or for
            the one film of a patient: of a gallery, in which all frames have a new patient.
        names: (split, numbers) -> case, patient, sequence.
        stored_case: (names, numbers, values of one frame) -> the case that is stored.
        more_labels: (spec) -> image labels that frames of some ranges have besides those of `info`.
    """

    info: DatasetInfo
    spec: Any
    sizes: dict[str, Size]
    files: Sequence[Path]
    simulate: Callable[[str, np.ndarray, Any], dict[str, jax.Array]]
    draw: Callable[[jax.Array, Any, int], dict[str, jax.Array]]
    sequence: Callable[[Any, int, int, int], dict[str, jax.Array]]
    names: Callable[[str, FrameNumber], tuple[str, str, str]]
    stored_case: Callable[[tuple[str, str, str], FrameNumber, Values], common.StoredCase]
    more_labels: Callable[[Any], tuple[ImageLabelInfo, ...]] = lambda spec: ()

    def info_of(self, spec: Any) -> DatasetInfo:
        """Return the classes and image labels of frames of these ranges."""
        labels = (*self.info.image_labels, *self.more_labels(spec))
        return dataclasses.replace(self.info, image_labels=labels)


@dataclasses.dataclass(eq=False, kw_only=True)
class SimulatedConfig(tfds.core.BuilderConfig):
    """How many frames, of what; the config's name ends in the digest of what they depend on."""

    size: Size
    spec: Any


def code(leave_out: str = "") -> list[Path]:
    """Return the modules of `fluorojax.simulation`, less those of a procedure's folder."""
    folder = Path(fluorojax.simulation.__file__).parent
    files = sorted(folder.rglob("*.py"))
    return [file for file in files if file.parent.name != leave_out]


def config_name(simulation: Simulation, name: str, size: Size, spec: Any) -> str:
    """Return the config of a size: its name, and 12 digits of the code and the ranges behind it.

    So frames of an older simulation are never taken for those of this one.
    """
    files = [*simulation.files, Path(__file__)]
    parts = [file.read_bytes() for file in files] + [repr((size, spec)).encode()]
    digest = hashlib.sha256(b"\0".join(parts))
    return f"{name}-{digest.hexdigest()[:12]}"


def simulate_frames(
    simulation: Simulation, split: str, frames: Sequence[FrameNumber], spec: Any
) -> dict[str, np.ndarray]:
    """Simulate some frames of a split: all that the simulator tells of them, `[N, ...]`, N given.

    So the truth that no record holds is had again, for any stored frame.

    Args:
        simulation: of what.
        split: 'train', 'validation' or 'test'.
        frames: their numbers (see `Size.numbers`).
        spec: the ranges, at the frames' own height and width.
    """
    parts = []
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        for start in range(0, len(frames), FRAMES_A_CALL):
            some = frames[start : start + FRAMES_A_CALL]
            # Filled up with the last entry, so that one compilation does for all.
            filled = [*some, *[some[-1]] * (FRAMES_A_CALL - len(some))]
            simulated = simulation.simulate(split, np.array(filled, np.int32), spec)
            parts.append({name: np.asarray(a)[: len(some)] for name, a in simulated.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def to_detector(image: np.ndarray) -> np.ndarray:
    """Return grey values in [0, 1] as uint16 of 12 bits."""
    return np.rint(np.clip(image, 0, 1) * FULL_SCALE).astype(np.uint16)


class SimulatedBuilder(  # type: ignore[call-arg]
    common.FrameBuilder, skip_registration=True
):
    """Simulates on the CPU, in batches; the fingerprint is that of the frames."""

    simulation: ClassVar[Simulation]

    builder_config: SimulatedConfig

    def _info(self) -> tfds.core.DatasetInfo:
        names, info = self.simulation.names, self.simulation.info_of(self.builder_config.spec)
        index = {
            split: [common.index_row(*names(split, numbers), True) for numbers in self._of(split)]
            for split in SPLITS
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=info.description,
            license=info.license,
            features=common.features("uint16", len(info.classes), len(info.image_labels)),
            # The fingerprint is known when all is built.
            metadata=tfds.core.MetadataDict(common.metadata(info, index, "")),
            disable_shuffling=True,
        )

    def _of(self, split: str) -> list[FrameNumber]:
        """Return the numbers of each record of a split."""
        return self.builder_config.size.numbers(split)

    def counts(self) -> dict[str, int]:
        """Return the number of frames of each split."""
        return {split: len(self._of(split)) for split in SPLITS}

    def records(self, split: str, start: int, stop: int) -> Iterator[dict[str, Any]]:
        """Yield the records of some frames of a split."""
        simulation, spec = self.simulation, self.builder_config.spec
        info = simulation.info_of(spec)
        for first in range(start, stop, FRAMES_A_CALL):
            some = self._of(split)[first : min(first + FRAMES_A_CALL, stop)]
            simulated = simulate_frames(simulation, split, some, spec)
            for k, numbers in enumerate(some):
                values = {name: array[k] for name, array in simulated.items()}
                case = simulation.stored_case(simulation.names(split, numbers), numbers, values)
                yield common.record(case, info, "uint16")
