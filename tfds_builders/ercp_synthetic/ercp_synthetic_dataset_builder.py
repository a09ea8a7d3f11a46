"""Builder of simulated ERCP frames: a duodenoscope and the guidewire that leaves it."""

import dataclasses
import hashlib
import itertools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tensorflow_datasets as tfds

import fluorojax.simulation
from fluorojax import rng
from fluorojax.data.info import SPLITS, ClassInfo, DatasetInfo, Relation
from fluorojax.simulation import ercp
from fluorojax.simulation.spec import Spec
from tfds_builders import common

INFO = DatasetInfo(
    name="ercp_synthetic",
    classes=(ClassInfo("endoscope", "region"), ClassInfo("guidewire", "curve")),
    description="Simulated ERCP frames: a duodenoscope and the guidewire that leaves its tip.",
    license="Apache-2.0",
    relation=Relation(child="guidewire", parent="endoscope"),
)
SEED = 2024
FULL_SCALE = 4095  # 12 bits, as fluoroscopy detectors have
FRAMES_A_CALL = 8
FrameNumber = tuple[int, int, int]  # patient, sequence, frame

INTERVAL_S = 0.5  # between the stored frames of a sequence


@dataclasses.dataclass(frozen=True)
class Size:
    """How large the frames are and how many.

    Attributes:
        side: rows and columns of a frame.
        counts: by split, (patients, sequences of each, frames of each sequence).
    """

    side: int
    counts: Mapping[str, tuple[int, int, int]]

    @property
    def frames(self) -> int:
        """Number of frames of all splits."""
        return sum(math.prod(count) for count in self.counts.values())


SIZES = {
    "quick": Size(192, {"train": (80, 2, 2), "validation": (8, 2, 1), "test": (40, 1, 2)}),
    "256": Size(256, {"train": (150, 2, 3), "validation": (20, 2, 1), "test": (30, 2, 2)}),
    "512": Size(512, {"train": (300, 2, 3), "validation": (30, 2, 1), "test": (50, 2, 2)}),
    "1024": Size(1024, {"train": (150, 2, 2), "validation": (20, 2, 1), "test": (30, 2, 2)}),
}


@dataclasses.dataclass(eq=False, kw_only=True)
class ErcpConfig(common.FrameConfig):
    """How many frames, of what; the config's name ends in the digest of what they depend on."""

    size: Size
    spec: Spec


def config_name(name: str, size: Size, spec: Spec) -> str:
    """Return the config of a size: its name, and 12 digits of the code and the ranges behind it.

    So frames of an older simulation are never taken for those of this one.
    """
    modules = sorted(Path(fluorojax.simulation.__file__).parent.glob("*.py"))
    # A change of the knees' own modules changes no frame here.
    files = [file for file in modules if not file.name.startswith("knee")] + [Path(__file__)]
    parts = [file.read_bytes() for file in files] + [repr((size, spec)).encode()]
    digest = hashlib.sha256(b"\0".join(parts))
    return f"{name}-{digest.hexdigest()[:12]}"


class Builder(tfds.core.GeneratorBasedBuilder):
    """Simulates on the CPU, in batches; the fingerprint is that of the frames."""

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES = {  # noqa: RUF012, TFDS's own form
        "1.0.0": "First version.",
        "2.0.0": "Sequences; beam energy, lag, gallbladder, clips; 1024 px.",
    }
    url_infos: dict[str, Any] = {}  # noqa: RUF012, nothing is downloaded

    builder_config: ErcpConfig

    def _info(self) -> tfds.core.DatasetInfo:
        index = {
            split: [common.index_row(*_names(split, *frame), True) for frame in self._frames(split)]
            for split in SPLITS
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=INFO.description,
            license=INFO.license,
            features=common.features("uint16", len(INFO.classes)),
            metadata=tfds.core.MetadataDict(common.metadata(INFO, index, "")),
            disable_shuffling=True,
        )

    def _frames(self, split: str) -> list[FrameNumber]:
        """Return (patient, sequence, frame) of each record of a split."""
        patients, sequences, frames = map(range, self.builder_config.size.counts[split])
        return list(itertools.product(patients, sequences, frames))

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[tuple[int, dict]]]:
        self._digest, self._done = hashlib.sha256(), 0
        return {split: self._generate_examples(split) for split in SPLITS}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict[str, Any]]]:
        frames, spec = self._frames(split), self.builder_config.spec
        for start in range(0, len(frames), FRAMES_A_CALL):
            some = frames[start : start + FRAMES_A_CALL]
            simulated = simulate_frames(split, some, spec)
            for k, numbers in enumerate(some):
                values = {name: array[k] for name, array in simulated.items()}
                example = common.record(_frame(split, numbers, values), INFO, "uint16")
                self._digest.update(example["image"].tobytes() + example["mask"].tobytes())
                yield start + k, example
                self._done += 1
                self.builder_config.on_frame(self._done)
        # Written with the rest of the metadata after the last split.
        self.info.metadata["fingerprint"] = self._digest.hexdigest()

    def _log_download_bytes(self) -> None:
        """Keep TFDS's own lines out of the output; `on_frame` shows how far the work is."""

    def _log_download_done(self) -> None:
        """As above."""


def simulate_frames(split: str, frames: list[FrameNumber], spec: Spec) -> dict[str, np.ndarray]:
    """Simulate some frames of a split: what `ercp.simulate` gives, `[N, ...]`, N given.

    Shorter lists are filled up with their last entry, so that one compilation does for all.
    """
    filled = frames + [frames[-1]] * (FRAMES_A_CALL - len(frames))
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        keys = jax.vmap(lambda numbers: _keys(split, numbers))(np.array(filled, np.int32))
        time_s = INTERVAL_S * jnp.array([frame for _, _, frame in filled], jnp.float32)
        simulated = ercp.simulate_many(keys, spec, time_s)
    return {name: np.asarray(array)[: len(frames)] for name, array in simulated.items()}


def _keys(split: str, numbers: jax.Array) -> ercp.Keys:
    """Return the keys of (patient, sequence, frame): each level has a stream of its own."""
    keys = [rng.stream(SEED, f"ercp/{split}/{what}") for what in ("patient", "sequence", "noise")]
    for place, number in enumerate(numbers):
        # A patient's key depends on its number only, a sequence's on both, a frame's on all.
        keys[place:] = [jax.random.fold_in(key, number) for key in keys[place:]]
    return ercp.Keys(*keys)


def _names(split: str, patient: int, sequence: int, frame: int) -> tuple[str, str, str]:
    """Return case, patient and sequence; no patient's name occurs in two splits."""
    name = f"{split}{patient:03d}"
    return f"{name}_{sequence}_{frame:02d}", name, f"{name}_{sequence}"


def _frame(split: str, numbers: FrameNumber, values: Mapping[str, np.ndarray]) -> common.Frame:
    case, name, sequence = _names(split, *numbers)
    mask = values["mask"]
    pixel_mm = float(values["pixel_mm"])
    return common.Frame(
        case=case,
        patient=name,
        sequence=sequence,
        frame=numbers[-1],
        image=to_detector(values["image"]),
        mask=mask,
        ignore=np.zeros(mask.shape[:2], np.uint8),
        attached=int(values["attached"]),
        spacing_mm=(pixel_mm, pixel_mm),
        level=ercp.level_name(values["level"], mask),
    )


def to_detector(image: np.ndarray) -> np.ndarray:
    """Return grey values in [0, 1] as uint16 of 12 bits."""
    return np.rint(np.clip(image, 0, 1) * FULL_SCALE).astype(np.uint16)
