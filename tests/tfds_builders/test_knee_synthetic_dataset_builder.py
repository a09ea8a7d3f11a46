import dataclasses

import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.datasets import source
from fluorojax.datasets.online import simulated_batch
from fluorojax.datasets.pipeline import to_working_grid
from fluorojax.schema import bitmask
from fluorojax.schema.knee_classes import CLASSES
from fluorojax.simulation.knee.knee import TYPES, VIEWS
from fluorojax.simulation.knee.spec import KNEE
from tfds_builders.knee_synthetic import knee_synthetic_dataset_builder as builder
from tfds_builders.simulated import Size, simulate_frames

pytestmark = pytest.mark.slow  # builds a set

SMALL = Size(96, {"train": (10,), "validation": (2,), "test": (3,)})
SPEC = dataclasses.replace(KNEE, height=96, width=96)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(builder.SIZES, "small", SMALL)
        return source.open_simulated(builder.Builder, "small", tmp_path_factory.mktemp("knees"))


@pytest.fixture(scope="module")
def truth():
    """What the simulator tells of the training films."""
    return simulate_frames(builder.SIMULATION, "train", SMALL.numbers("train"), SPEC)


def test_ten_regions_and_no_relation(built):
    assert built.info.class_names == CLASSES
    assert built.info.curves == ()
    assert built.info.relation is None
    assert built.path.parts[-3] == "knee_synthetic"


def test_each_patient_has_one_film_in_one_split(built):
    rows = [row for name in source.SPLITS for row in built.split(name).rows]
    assert [len(built.split(name)) for name in source.SPLITS] == [10, 2, 3]
    assert len({row.patient for row in rows}) == len({row.case for row in rows}) == 15


def test_films_and_masks_are_those_of_the_simulation(built, truth):
    for n, example in enumerate(built.split("train")):
        image, mask = truth["image"][n], truth["mask"][n]
        assert example["image"].dtype == np.uint16
        np.testing.assert_allclose(example["image"] / 4095, image, atol=0.51 / 4095)
        np.testing.assert_array_equal(bitmask.unpack(example["mask"], len(CLASSES)), mask)
        assert example["case"] == f"train{n:04d}"
        kind, view = TYPES[truth["type"][n]], VIEWS[truth["view"][n]]
        assert example["stratum"] == f"{kind}, {view}"
        told = [truth[image_label.name][n] for image_label in built.info.image_labels]
        assert example["image_labels"].tolist() == told


def test_type_view_and_side_are_told_of_each_film(built):
    assert [(a.name, a.chiral) for a in built.info.image_labels] == [
        ("type", False),
        ("view", False),
        ("side", True),
    ]


def test_the_spacing_is_that_in_the_plane_of_the_knee(built, truth):
    stored = np.array([example["spacing_mm"] for example in built.split("train")])
    np.testing.assert_allclose(stored, np.repeat(truth["pixel_mm"][:, None], 2, 1))
    low, high = KNEE.pixel_mm
    scale = KNEE.width / SPEC.width
    assert ((stored >= scale * low) & (stored <= scale * high)).all()


def test_films_differ_and_those_of_two_splits_do_too(built):
    films = [e["image"].tobytes() for name in source.SPLITS for e in built.split(name)]
    assert len(set(films)) == 15


def test_sizes_and_what_they_hold():
    assert set(builder.SIZES) == {"quick", "128", "512"}
    assert builder.SIZES["quick"].counts["test"][0] >= 100
    with pytest.raises(InputError, match=r"data.size=1024: write one of quick, 512"):
        source.open_simulated(builder.Builder, "1024", "nowhere")


@pytest.mark.slow
def test_frames_simulated_while_training_are_laid_out_as_stored_ones(built):
    batch = simulated_batch(builder.SIMULATION, SPEC, 3, np.arange(2))
    stored = to_working_grid(built.split("train")[0], (96, 96), built.info)
    for name, value in stored.items():
        assert batch[name].shape == (2, *value.shape)
        assert batch[name].dtype == value.dtype, name
    assert not batch["skeleton"].any()
    assert not batch["landmarks"].any()
    assert (batch["attached"] == -1).all()
    assert (batch["image_labels"] >= 0).all()
