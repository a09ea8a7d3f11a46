"""Builder of simulated knee films, native and replaced: AP and lateral, ten overlapping classes."""

from pathlib import Path

import jax
import numpy as np
import tensorflow_datasets as tfds

from fluorojax.core import rng
from fluorojax.core.errors import InputError
from fluorojax.schema import knee_classes
from fluorojax.schema.info import ClassInfo, DatasetInfo, ImageLabelInfo
from fluorojax.simulation.knee import knee
from fluorojax.simulation.knee.models import design_names
from fluorojax.simulation.knee.spec import KNEE, KneeSpec
from tfds_builders import common, simulated
from tfds_builders.simulated import Size

INFO = DatasetInfo(
    name="knee_synthetic",
    classes=tuple(ClassInfo(name, "region") for name in knee_classes.CLASSES),
    description="Simulated knee radiographs: native, total, unicompartmental and revision knees.",
    license="Apache-2.0",
    image_labels=(
        ImageLabelInfo("type", knee.TYPES),
        ImageLabelInfo("view", knee.VIEWS),
        # Not known of a lateral film without a marker.
        ImageLabelInfo("side", knee.SIDES, chiral=True),
    ),
)
LABELS = (*(label.name for label in INFO.image_labels), "design")
SEED = 2024

# Patients: each has one knee, of which there is one film, AP or lateral.
SIZES = {
    "quick": Size(256, {"train": (1200,), "validation": (40,), "test": (120,)}),
    "128": Size(128, {"train": (3000,), "validation": (60,), "test": (120,)}),
    "512": Size(512, {"train": (1500,), "validation": (100,), "test": (200,)}),
}


def simulate(split: str, numbers: np.ndarray, spec: KneeSpec) -> dict[str, jax.Array]:
    """Return what `knee.simulate` gives, hidden truth and all, of the films `numbers: [N, 1]`."""
    stream = rng.stream(SEED, f"knee/{split}")
    keys = jax.vmap(lambda number: jax.random.fold_in(stream, number))(numbers[:, 0])
    return knee.simulate_many(keys, spec)


def draw(keys: jax.Array, spec: KneeSpec, at_once: int) -> dict[str, jax.Array]:
    """Return a film of a knee of its own for each of `keys: [N]`."""
    return knee.simulate_many(keys, spec, at_once=at_once)


def film(spec: KneeSpec, seed: int, number: int, frames: int) -> dict[str, jax.Array]:
    """Return the one film of a patient of a gallery.

    Raises:
        InputError: several are asked for.
    """
    if frames != 1:
        raise InputError(f"--frames {frames}: a knee has one film; write --frames 1, and more --n")
    return knee.simulate_many(rng.stream(seed, "gallery", 0, number)[None], spec)


def names(split: str, numbers: simulated.FrameNumber) -> tuple[str, str, str]:
    """Return case, patient and (no) sequence; no patient's name occurs in two splits."""
    name = f"{split}{numbers[0]:04d}"
    return name, name, ""


def design_labels(spec: KneeSpec) -> tuple[ImageLabelInfo, ...]:
    """Return the label that tells a clinic's designs, where there are models of them."""
    return (ImageLabelInfo("design", design_names(spec.implants)),) if spec.implants else ()


def stored_case(
    named: tuple[str, str, str], numbers: simulated.FrameNumber, values: simulated.Values
) -> common.StoredCase:
    """Return a film as it is stored; its spacing is that in the plane of the knee.

    A real film's own spacing is the detector's, and larger by the magnification.
    """
    del numbers  # a knee has one film
    case, patient, sequence = named
    mask = values["mask"]
    pixel_mm = float(values["pixel_mm"])
    return common.StoredCase(
        case=case,
        patient=patient,
        sequence=sequence,
        image=simulated.to_detector(values["image"]),
        mask=mask,
        ignore=np.zeros(mask.shape[:2], np.uint8),
        spacing_mm=(pixel_mm, pixel_mm),
        image_labels=tuple(int(values[name]) for name in LABELS if name in values),
        stratum=f"{knee.TYPES[values['type']]}, {knee.VIEWS[values['view']]}",
    )


SIMULATION = simulated.Simulation(
    info=INFO,
    spec=KNEE,
    sizes=SIZES,
    files=(*simulated.code(), Path(knee_classes.__file__), Path(__file__)),
    simulate=simulate,
    draw=draw,
    sequence=film,
    names=names,
    stored_case=stored_case,
    more_labels=design_labels,
)


class Builder(simulated.SimulatedBuilder):
    """One film a patient.

    What measurements are judged by (angles, lines, thickness, radiolucency, overhang) is in no
    record: `simulated.simulate_frames(SIMULATION, split, [(n,), ...], spec)` tells it again.
    """

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES = {  # noqa: RUF012, TFDS's own form
        "1.0.0": "First version.",
        "1.1.0": "No side is told of a lateral film without a marker: nobody could see it.",
        "1.2.0": "Most films are shown through a sigmoid, which keeps cement apart from metal.",
    }
    simulation = SIMULATION
