"""Builder of simulated ERCP frames: a duodenoscope and the guidewire that leaves it."""

import dataclasses
import functools
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import tensorflow_datasets as tfds

import fluorojax.simulation
from fluorojax import rng
from fluorojax.data.info import SPLITS, ClassInfo, DatasetInfo, Relation
from fluorojax.simulation import ercp
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


@dataclasses.dataclass(frozen=True)
class Size:
    """How large the frames are and how many: (patients, frames of each) a split."""

    spec: ercp.Spec
    counts: Mapping[str, tuple[int, int]]

    @property
    def frames(self) -> int:
        """Number of frames of all splits."""
        return sum(patients * frames for patients, frames in self.counts.values())


def spec_of(side: int) -> ercp.Spec:
    """Return the simulation of square frames that all show the same field of view."""
    base = ercp.Spec()
    low, high = (mm * base.width / side for mm in base.pixel_mm)
    return ercp.Spec(height=side, width=side, pixel_mm=(low, high))


SIZES = {
    "quick": Size(spec_of(192), {"train": (60, 4), "validation": (8, 2), "test": (12, 3)}),
    "256": Size(spec_of(256), {"train": (150, 4), "validation": (20, 2), "test": (30, 3)}),
    "512": Size(spec_of(512), {"train": (300, 4), "validation": (30, 2), "test": (50, 3)}),
}


@dataclasses.dataclass(eq=False, kw_only=True)
class ErcpConfig(common.FrameConfig):
    """One of `SIZES`; the config's name ends in the simulation's digest."""

    size: Size


def config_name(name: str) -> str:
    """Return the config of a size: its name, and 12 digits of the code that makes the frames.

    So frames of an older simulation are never taken for those of this one.
    """
    files = [*sorted(Path(fluorojax.simulation.__file__).parent.glob("*.py")), Path(__file__)]
    digest = hashlib.sha256(b"\0".join(file.read_bytes() for file in files))
    return f"{name}-{digest.hexdigest()[:12]}"


class Builder(tfds.core.GeneratorBasedBuilder):
    """Simulates on the CPU, in batches; the fingerprint is that of the frames."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}  # noqa: RUF012, TFDS's own form
    url_infos: dict[str, Any] = {}  # noqa: RUF012, nothing is downloaded

    builder_config: ErcpConfig

    def _info(self) -> tfds.core.DatasetInfo:
        index = {
            split: [common.index_row(*_names(split, p, f), True) for p, f in self._frames(split)]
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

    def _frames(self, split: str) -> list[tuple[int, int]]:
        """Return (patient, frame) of each record of a split."""
        patients, frames = self.builder_config.size.counts[split]
        return [(p, f) for p in range(patients) for f in range(frames)]

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[tuple[int, dict]]]:
        self._digest, self._done = hashlib.sha256(), 0
        return {split: self._generate_examples(split) for split in SPLITS}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict[str, Any]]]:
        frames = self._frames(split)
        for start in range(0, len(frames), FRAMES_A_CALL):
            some = frames[start : start + FRAMES_A_CALL]
            simulated = simulate_frames(split, some, self.builder_config.size.spec)
            for k, (patient, frame) in enumerate(some):
                values = {name: array[k] for name, array in simulated.items()}
                example = common.record(_frame(split, patient, frame, values), INFO, "uint16")
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


def simulate_frames(
    split: str, frames: list[tuple[int, int]], spec: ercp.Spec
) -> dict[str, np.ndarray]:
    """Simulate some (patient, frame) of a split: what `ercp.simulate` gives, `[N, ...]`, N given.

    Shorter lists are filled up with their last entry, so that one compilation does for all.
    """
    filled = frames + [frames[-1]] * (FRAMES_A_CALL - len(frames))
    patient, frame = np.array(filled, np.int32).T
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        keys = [rng.stream(SEED, f"ercp/{split}/{what}") for what in ("patient", "frame")]
        simulated = _simulate(spec, *keys, patient, frame)
    return {name: np.asarray(array)[: len(frames)] for name, array in simulated.items()}


@functools.partial(jax.jit, static_argnums=0)
def _simulate(
    spec: ercp.Spec, patients: jax.Array, frames: jax.Array, patient: jax.Array, frame: jax.Array
) -> dict[str, jax.Array]:
    def one(numbers: tuple[jax.Array, jax.Array]) -> dict[str, jax.Array]:
        fold, (patient, frame) = jax.random.fold_in, numbers
        return ercp.simulate(fold(patients, patient), fold(fold(frames, patient), frame), spec)

    # A loop rather than vmap: on a CPU it is as fast, and compiles in half the time.
    return jax.lax.map(one, (patient, frame))


def _names(split: str, patient: int, frame: int) -> tuple[str, str, str]:
    """Return case, patient and sequence; no patient's name occurs in two splits."""
    name = f"{split}{patient:03d}"
    return f"{name}_{frame:02d}", name, ""


def _frame(split: str, patient: int, frame: int, values: Mapping[str, np.ndarray]) -> common.Frame:
    case, name, sequence = _names(split, patient, frame)
    mask = values["mask"]
    wire_in_view = mask[..., INFO.index("guidewire")].any()
    pixel_mm = float(values["pixel_mm"])
    return common.Frame(
        case=case,
        patient=name,
        sequence=sequence,
        frame=frame,
        image=np.rint(np.clip(values["image"], 0, 1) * FULL_SCALE).astype(np.uint16),
        mask=mask,
        ignore=np.zeros(mask.shape[:2], np.uint8),
        attached=int(values["attached"]),
        spacing_mm=(pixel_mm, pixel_mm),
        level=ercp.LEVELS[int(values["level"])] if wire_in_view else "",
    )
