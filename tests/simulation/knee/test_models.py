"""Folders of implants' models: what is read of them, how they lie, what is refused."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.simulation.knee import knee
from fluorojax.simulation.knee.models import NONE, implant_folder, read_designs
from fluorojax.simulation.knee.spec import WIDE
from tfds_builders.knee_synthetic.knee_synthetic_dataset_builder import SIMULATION

trimesh = pytest.importorskip("trimesh", reason="needs the extra `implants`")
AXES = {"femoral": ["+x", "+y", "+z"], "tibial": ["-z", "-x", "+y"]}


@pytest.fixture
def folder(tmp_path):
    """A design whose tibial file has its z axis to the side, and y upwards."""
    place = tmp_path / "implants" / "block"
    place.mkdir(parents=True)
    femoral = trimesh.creation.box((70.0, 60.0, 50.0))
    femoral.apply_translation([5.0, 0.0, 100.0])
    femoral.export(place / "Femur_left.stl")
    tray = trimesh.creation.box((50.0, 4.0, 80.0))
    tray.apply_translation([0.0, 12.0, 0.0])
    keel = trimesh.creation.box((10.0, 30.0, 10.0))
    keel.apply_translation([0.0, -5.0, 0.0])
    trimesh.util.concatenate([tray, keel]).export(place / "tibial.STL")
    (place / "axes.json").write_text(json.dumps(AXES))
    return place.parent


def test_a_design_lies_as_implants_do(folder):
    (design,) = read_designs(implant_folder(folder), 5.0)
    assert design.name == "block"
    femur, tibia = np.asarray(design.femoral.vertices), np.asarray(design.tibial.vertices)
    np.testing.assert_allclose(femur.min(0), [-35.0, -30.0, 0.0], atol=1e-4)
    np.testing.assert_allclose(femur.max(0), [35.0, 30.0, 50.0], atol=1e-4)
    # The tray's top is at 0, the keel below it; medial to lateral is what was its z axis.
    np.testing.assert_allclose(tibia.max(0), [40.0, 25.0, 0.0], atol=1e-4)
    assert tibia[:, 2].min() == pytest.approx(-34.0, abs=1e-4)
    assert design.pivot == pytest.approx([0.0, -10.0, 50.0 / 3])


def test_what_was_in_the_folder_tells_it_from_others(folder):
    before = implant_folder(folder)
    assert implant_folder(folder) == before
    (folder / "block" / "axes.json").write_text(json.dumps(AXES | {"note": "left"}))
    assert implant_folder(folder).digest != before.digest


@pytest.mark.parametrize(
    ("axes", "told"),
    [
        ({"femoral": ["+x", "+y", "+z"]}, "tibial is None"),
        (AXES | {"femoral": ["+x", "+y", "-z"]}, "right-handed"),
        (AXES | {"femoral": ["+x", "+x", "+z"]}, "right-handed"),
        (AXES | {"tibial": ["x", "y", "z"]}, "three different axes"),
        ([1, 2], "femoral is None"),
    ],
)
def test_axes_that_are_none_are_refused(folder, axes, told):
    (folder / "block" / "axes.json").write_text(json.dumps(axes))
    with pytest.raises(InputError, match=told):
        read_designs(implant_folder(folder), 5.0)


def test_folders_that_hold_no_design_are_refused(folder, tmp_path):
    with pytest.raises(InputError, match="a folder for each design"):
        implant_folder(tmp_path / "nothing")
    (folder / "block" / "tibial2.stl").write_bytes(b"")
    with pytest.raises(InputError, match="has 2 files tib"):
        implant_folder(folder)
    (folder / "block" / "tibial2.stl").unlink()
    (folder / "block" / "axes.json").unlink()
    with pytest.raises(InputError, match=r"axes\.json is missing"):
        implant_folder(folder)


def test_a_model_in_metres_is_refused(folder):
    solid = trimesh.load_mesh(folder / "block" / "Femur_left.stl")
    solid.apply_scale(0.001)
    solid.export(folder / "block" / "Femur_left.stl")
    with pytest.raises(InputError, match="in millimetres"):
        read_designs(implant_folder(folder), 5.0)


def test_films_tell_which_design_they_show_and_when_it_is_none(folder):
    """Of 16 knees in space: native ones have no design, others the model's or none of these."""
    spec = dataclasses.replace(
        WIDE, height=48, width=48, oblique_rate=1.0, implants=implant_folder(folder)
    )
    films = jax.device_get(knee.simulate_many(jax.random.split(jax.random.key(3), 16), spec))
    kind, design = (films[name] for name in ("type", "design"))
    is_native = kind == knee.TYPES.index("native")
    is_primary = (kind == knee.TYPES.index("tka_cr")) | (kind == knee.TYPES.index("tka_ps"))
    assert (design[is_native] == -1).all()
    assert (design[~is_native & ~is_primary] == 1).all()
    # A third of the total knees has shapes of no maker: not every implant in space is a model's.
    assert set(design[is_primary]) == {0, 1}
    label = SIMULATION.info_of(spec).image_labels[-1]
    assert (label.name, label.values) == ("design", ("block", NONE))
    case = SIMULATION.stored_case(("a", "a", ""), (0,), {k: v[0] for k, v in films.items()})
    assert case.image_labels[-1] == design[0]


def test_without_models_there_is_no_design_to_tell():
    assert [label.name for label in SIMULATION.info_of(WIDE).image_labels] == [
        "type", "view", "side",
    ]  # fmt: skip
