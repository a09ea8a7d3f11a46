import dataclasses

import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.datasets import source
from fluorojax.simulation.fluoroscopy.ercp import STRATA
from fluorojax.simulation.spec import ERCP
from tfds_builders import simulated
from tfds_builders.ercp_synthetic import ercp_synthetic_dataset_builder as builder

pytestmark = pytest.mark.slow  # builds a set

SMALL = simulated.Size(64, {"train": (3, 2, 2), "validation": (1, 2, 1), "test": (2, 1, 1)})
SPEC = dataclasses.replace(ERCP, height=64, width=64)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The same small dataset, built twice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(builder.SIZES, "small", SMALL)
        folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
        return [source.open_simulated(builder.Builder, "small", folder) for folder in folders]


def test_classes_and_counts(built):
    dataset = built[0]
    assert dataset.info.class_names == ("endoscope", "guidewire")
    assert (dataset.info.relation.child, dataset.info.relation.parent) == ("guidewire", "endoscope")
    assert [len(dataset.split(name)) for name in source.SPLITS] == [12, 2, 2]


def test_no_patient_is_in_two_splits(built):
    patients = [{row.patient for row in built[0].split(name).rows} for name in source.SPLITS]
    assert [len(some) for some in patients] == [3, 1, 2]
    assert len(set.union(*patients)) == 6


def test_two_builds_are_equal(built):
    one, two = built
    assert one.fingerprint == two.fingerprint
    for a, b in zip(one.split("train"), two.split("train"), strict=True):
        np.testing.assert_array_equal(a["image"], b["image"])
        np.testing.assert_array_equal(a["mask"], b["mask"])


def test_frames_are_those_of_the_simulation(built):
    train = built[0].split("train")
    made = simulated.simulate_frames(builder.SIMULATION, "train", [(1, 1, 0)], SPEC)
    example = train[1 * 4 + 2]
    assert (example["case"], example["patient"]) == ("train001_1_00", "train001")
    assert (example["sequence"], example["frame"]) == ("train001_1", 0)
    assert example["image"].dtype == np.uint16
    np.testing.assert_allclose(example["image"] / 4095, made["image"][0], atol=0.51 / 4095)
    np.testing.assert_array_equal(example["mask"] & 1, made["mask"][0, ..., 0])
    np.testing.assert_array_equal(example["mask"] >> 1, made["mask"][0, ..., 1])
    assert example["attached"] == made["attached"][0]
    np.testing.assert_allclose(example["spacing_mm"], made["pixel_mm"][0])


def test_a_patient_s_frames_share_the_anatomy_and_differ(built):
    train = built[0].split("train")
    spacing = np.array([example["spacing_mm"][0] for example in train]).reshape(3, 4)
    assert (np.ptp(spacing, axis=1) == 0).all()
    assert len(set(spacing[:, 0])) == 3
    assert len({example["image"].tobytes() for example in train}) == 12


def test_frames_use_the_12_bits(built):
    largest = max(example["image"].max() for example in built[0].split("train"))
    assert 1000 < largest <= simulated.FULL_SCALE


def test_the_frames_of_a_sequence_are_more_alike_than_two_sequences(built):
    images = [example["image"].ravel() for example in built[0].split("train")]
    alike = [np.corrcoef(images[k], images[k + 1])[0, 1] for k in range(0, 12, 2)]
    apart = [np.corrcoef(images[k], images[k + 2])[0, 1] for k in range(0, 12, 4)]
    assert np.mean(alike) > np.mean(apart) + 0.1
    sequences = [row.sequence for row in built[0].split("train").rows]
    assert len(set(sequences)) == 6


def test_the_level_is_stored_where_a_wire_is_in_view(built):
    for example in built[0].split("train"):
        wire_in_view = bool((example["mask"] >> 1).any())
        assert (example["stratum"] in STRATA) if wire_in_view else example["stratum"] == ""


def test_online_only_validation_and_test_frames_are_stored_and_they_are_the_same(built, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(builder.SIZES, "small", SMALL)
        online = source.open_simulated(builder.Builder, "small", tmp_path, online=True)
    assert online.online == (builder.SIMULATION, SPEC)
    assert built[0].online is None
    assert [len(online.split(name)) for name in source.SPLITS] == [1, 2, 2]
    for name in ("validation", "test"):
        for a, b in zip(online.split(name), built[0].split(name), strict=True):
            np.testing.assert_array_equal(a["image"], b["image"])
            np.testing.assert_array_equal(a["mask"], b["mask"])


def test_sizes_and_what_they_hold():
    assert set(builder.SIZES) == {"quick", "256", "512", "1024"}
    assert builder.SIZES["quick"].frames == 80 * 4 + 8 * 2 + 40 * 2
    with pytest.raises(InputError, match=r"data.size=64: write one of quick, 256, 512, 1024"):
        source.open_simulated(builder.Builder, "64", "nowhere")
