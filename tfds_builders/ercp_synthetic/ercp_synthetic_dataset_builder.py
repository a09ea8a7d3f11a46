"""Builder of simulated ERCP frames: a duodenoscope and the guidewire that leaves it."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import tensorflow_datasets as tfds

from fluorojax.core import rng
from fluorojax.schema.info import ClassInfo, DatasetInfo, Relation
from fluorojax.simulation.fluoroscopy import ercp
from fluorojax.simulation.spec import ERCP, Spec
from tfds_builders import common, simulated
from tfds_builders.simulated import Size

INFO = DatasetInfo(
    name="ercp_synthetic",
    classes=(ClassInfo("endoscope", "region"), ClassInfo("guidewire", "curve")),
    description="Simulated ERCP frames: a duodenoscope and the guidewire that leaves its tip.",
    license="Apache-2.0",
    relation=Relation(child="guidewire", parent="endoscope"),
)
SEED = 2024
INTERVAL_S = 0.5  # between the stored frames of a sequence

# Patients, sequences of each, frames of each sequence.
SIZES = {
    "quick": Size(192, {"train": (80, 2, 2), "validation": (16, 2, 1), "test": (40, 1, 2)}),
    "256": Size(256, {"train": (150, 2, 3), "validation": (20, 2, 1), "test": (30, 2, 2)}),
    "512": Size(512, {"train": (300, 2, 3), "validation": (30, 2, 1), "test": (50, 2, 2)}),
    "1024": Size(1024, {"train": (150, 2, 2), "validation": (20, 2, 1), "test": (30, 2, 2)}),
}


def simulate(split: str, numbers: np.ndarray, spec: Spec) -> dict[str, jax.Array]:
    """Return what `ercp.simulate` gives of the frames `numbers: [N, 3]` of a split."""
    spec = spec if split == "test" else to_learn_from(spec)
    keys = jax.vmap(lambda one: _keys(split, one))(numbers)
    time_s = INTERVAL_S * jnp.asarray(numbers[:, 2], jnp.float32)
    return ercp.simulate_many(keys, spec, time_s)


def to_learn_from(spec: Spec) -> Spec:
    """Return what training and validation frames are simulated from: more counter examples."""
    return dataclasses.replace(spec, counter_example_rate=spec.learned_counter_rate)


def _keys(split: str, numbers: jax.Array) -> ercp.Keys:
    """Return the keys of (patient, sequence, frame): each stratum has a stream of its own."""
    keys = [rng.stream(SEED, f"ercp/{split}/{what}") for what in ("patient", "sequence", "noise")]
    for place, number in enumerate(numbers):
        # A patient's key depends on its number only, a sequence's on both, a frame's on all.
        keys[place:] = [jax.random.fold_in(key, number) for key in keys[place:]]
    return ercp.Keys(*keys)


def draw(keys: jax.Array, spec: Spec, at_once: int) -> dict[str, jax.Array]:
    """Return the first frame of a patient and sequence of its own for each of `keys: [N]`."""
    parts = ercp.Keys(*jnp.moveaxis(jax.vmap(lambda key: jax.random.split(key, 3))(keys), 1, 0))
    spec = to_learn_from(spec)
    return ercp.simulate_many(parts, spec, jnp.zeros(keys.shape[0]), at_once=at_once)


def sequence(spec: Spec, seed: int, number: int, frames: int) -> dict[str, jax.Array]:
    """Return the frames of one sequence, `INTERVAL_S` apart; each sequence is a new patient."""
    key = rng.stream(seed, "gallery", 0, number)
    patient, view, noise = jax.random.split(key, 3)
    keys = ercp.Keys(
        jnp.broadcast_to(patient, (frames,)),
        jnp.broadcast_to(view, (frames,)),
        jax.random.split(noise, frames),
    )
    return ercp.simulate_many(keys, spec, INTERVAL_S * jnp.arange(frames))


def names(split: str, numbers: simulated.FrameNumber) -> tuple[str, str, str]:
    """Return case, patient and sequence; no patient's name occurs in two splits."""
    patient, sequence, frame = numbers
    name = f"{split}{patient:03d}"
    return f"{name}_{sequence}_{frame:02d}", name, f"{name}_{sequence}"


def stored_case(
    named: tuple[str, str, str], numbers: simulated.FrameNumber, values: simulated.Values
) -> common.StoredCase:
    """Return a frame as it is stored."""
    case, patient, sequence = named
    mask = values["mask"]
    pixel_mm = float(values["pixel_mm"])
    return common.StoredCase(
        case=case,
        patient=patient,
        sequence=sequence,
        frame=numbers[-1],
        image=simulated.to_detector(values["image"]),
        mask=mask,
        ignore=np.zeros(mask.shape[:2], np.uint8),
        attached=int(values["attached"]),
        spacing_mm=(pixel_mm, pixel_mm),
        stratum=ercp.stratum_name(values["stratum"], mask),
    )


SIMULATION = simulated.Simulation(
    info=INFO,
    spec=ERCP,
    sizes=SIZES,
    # A change of the knees' own modules changes no frame here.
    files=(*simulated.code(leave_out="knee"), Path(__file__)),
    simulate=simulate,
    draw=draw,
    sequence=sequence,
    names=names,
    stored_case=stored_case,
)


class Builder(simulated.SimulatedBuilder):
    """Sequences of a patient share the anatomy, frames of a sequence the view."""

    VERSION = tfds.core.Version("3.1.0")
    RELEASE_NOTES = {  # noqa: RUF012, TFDS's own form
        "1.0.0": "First version.",
        "2.0.0": "Sequences; beam energy, lag, gallbladder, clips; 1024 px.",
        "3.1.0": "More counter examples to learn from.",
    }
    simulation = SIMULATION
