import numpy as np
import pytest

from fluorojax.data import source
from fluorojax.simulation import ercp
from tfds_builders.ercp_synthetic import ercp_synthetic_dataset_builder as builder

SMALL = builder.Size(
    ercp.Spec(height=64, width=64, pixel_mm=(1.9, 2.3)),
    {"train": (3, 4), "validation": (1, 2), "test": (2, 1)},
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The same small dataset, built twice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(builder.SIZES, "small", SMALL)
        folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
        return [source.open_simulated("small", folder) for folder in folders]


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
    simulated = builder.simulate_frames("train", [(1, 2)], SMALL.spec)
    example = train[1 * 4 + 2]
    assert (example["case"], example["patient"], example["frame"]) == ("train001_02", "train001", 2)
    assert example["image"].dtype == np.uint16
    np.testing.assert_allclose(example["image"] / 4095, simulated["image"][0], atol=0.51 / 4095)
    np.testing.assert_array_equal(example["mask"] & 1, simulated["mask"][0, ..., 0])
    np.testing.assert_array_equal(example["mask"] >> 1, simulated["mask"][0, ..., 1])
    assert example["attached"] == simulated["attached"][0]
    np.testing.assert_allclose(example["spacing_mm"], simulated["pixel_mm"][0])


def test_a_patient_s_frames_share_the_anatomy_and_differ(built):
    train = built[0].split("train")
    spacing = np.array([example["spacing_mm"][0] for example in train]).reshape(3, 4)
    assert (np.ptp(spacing, axis=1) == 0).all()
    assert len(set(spacing[:, 0])) == 3
    assert len({example["image"].tobytes() for example in train}) == 12


def test_frames_use_the_12_bits(built):
    largest = max(example["image"].max() for example in built[0].split("train"))
    assert 1000 < largest <= builder.FULL_SCALE


def test_the_sizes_show_the_same_field_of_view():
    for size in builder.SIZES.values():
        spec = size.spec
        assert spec.pixel_mm[0] * spec.width == pytest.approx(0.65 * 192, rel=1e-6)
        assert spec.height == spec.width
    assert builder.SIZES["quick"].frames == 60 * 4 + 8 * 2 + 12 * 3


def test_the_config_names_the_code_that_makes_the_frames(tmp_path, monkeypatch):
    (tmp_path / "__init__.py").write_text("")
    before = builder.config_name("quick")
    assert before.startswith("quick-")
    assert before == builder.config_name("quick")
    monkeypatch.setattr(builder.fluorojax.simulation, "__file__", str(tmp_path / "__init__.py"))
    assert builder.config_name("quick") != before
