import dataclasses
import json
import os
import stat

import jax
import numpy as np
import pytest

import fluorojax
from fluorojax.core.errors import InputError
from fluorojax.inference import card, export
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.inference.postprocess import GapClosing
from fluorojax.inference.predictor import Fitting, Predictor
from fluorojax.inference.tta import TtaSpec
from fluorojax.models.spec import NetworkSpec, build
from fluorojax.schema.info import ClassInfo, ImageLabelInfo

HAND = ImageLabelInfo("hand", ("left", "right"), chiral=True)
SPEC = NetworkSpec(
    ((0,),), "none", None, 4, 1, "group", False, False, False, "float32", image_labels=(2,)
)
RULES = MaskRules(
    (ClassInfo("wire", "curve"),),
    (0.35,),
    (2.0,),
    gap_closing=GapClosing(bridge_px=4.0, drop_detached=True),
    tta=TtaSpec(2, mirror=True),
)
FRAME = np.random.default_rng(0).integers(0, 60_000, (20, 30)).astype(np.uint16)


@pytest.fixture(scope="module")
def predictor():
    parameters = jax.jit(build(SPEC).init)(jax.random.key(0, impl="rbg"), np.zeros((1, 16, 16, 1)))[
        "params"
    ]
    return Predictor(SPEC, parameters, (16, 16), RULES, (HAND,))


@pytest.fixture
def folder(predictor, tmp_path):
    export.export(predictor, tmp_path, {"method": "single", "seed": 3})
    return tmp_path


def test_what_is_loaded_predicts_the_same_bits(predictor, folder):
    model = fluorojax.load(folder)
    np.testing.assert_array_equal(model(FRAME), predictor(FRAME))
    assert model.rules == RULES
    assert model.classes == RULES.classes
    np.testing.assert_array_equal(model.segment(FRAME), predictor.segment(FRAME))
    all_kept = model.with_rules(min_component_px=(0.0,))
    np.testing.assert_array_equal(all_kept.segment(FRAME), predictor(FRAME) >= np.float32(0.35))
    assert repr(model).endswith(f"from {folder})")


def test_an_export_is_two_files_and_a_card_and_its_manifest_says_what_is_needed(folder):
    assert {p.name for p in folder.iterdir()} == {
        "params.safetensors",
        "manifest.json",
        "MODEL_CARD.md",
    }
    manifest = export.read_manifest(folder)
    assert manifest["origin"] == {"method": "single", "seed": 3}
    wire = {"name": "wire", "kind": "curve", "threshold": 0.35}
    wire |= {"min_component_px": 2.0, "least_presence": 0.0}
    assert manifest["masks"]["classes"] == [wire]
    assert manifest["preprocessing"]["image_size"] == [16, 16]
    assert manifest["masks"]["tta"] == {"shifts": 2, "mirror": True, "scales": 1}


def format_2(folder):
    """Return the manifest of an export as versions up to format 2 wrote it."""
    manifest = json.loads((folder / "manifest.json").read_text())
    masks = manifest.pop("masks")
    for one in masks["classes"]:
        del one["least_presence"]
    return manifest | {
        "format": 2,
        "classes": masks["classes"],
        "tta": masks["tta"],
        "postprocessing": masks["gap_closing"],
        "relation": masks["relation"],
    }


def test_a_manifest_of_format_2_is_the_same_network(folder):
    export.write_manifest(folder, format_2(folder))
    assert fluorojax.load(folder).rules == RULES
    export.add_scores(folder, "test", {"dice": 0.5})
    text = (folder / "manifest.json").read_text()
    assert json.loads(text)["format"] == export.FORMAT
    assert len(text.splitlines()) > 50  # a line a value, for whoever looks at it in an editor
    assert fluorojax.load(folder).rules == RULES


def test_a_manifest_of_format_3_follows_no_curve(folder):
    manifest = json.loads((folder / "manifest.json").read_text()) | {"format": 3}
    del manifest["masks"]["curve"], manifest["masks"]["classes"][0]["least_presence"]
    export.write_manifest(folder, manifest)
    rules = fluorojax.load(folder).rules
    assert rules == RULES
    assert (rules.followed, rules.least_presence) == ((), (0.0,))


def test_a_manifest_with_old_names_is_the_same_network(folder):
    manifest = format_2(folder)
    manifest["views"] = {"shifts": 2, "mirrored": True}
    del manifest["tta"]
    manifest["attributes"] = manifest.pop("image_labels")
    for entry in manifest["classes"]:
        entry["least_px"] = entry.pop("min_component_px")
    export.write_manifest(folder, manifest)
    model = fluorojax.load(folder)
    assert (model.rules, model.image_labels) == (RULES, (HAND,))


def test_an_export_from_before_there_were_views_shows_frames_as_they_are(folder):
    manifest = format_2(folder)
    del manifest["tta"], manifest["classes"][0]["min_component_px"]
    export.write_manifest(folder, manifest)
    rules = fluorojax.load(folder).rules
    assert (rules.tta, rules.min_component_px) == (TtaSpec(), (0.0,))


def test_an_export_from_before_there_was_a_choice_shrinks_as_it_did(folder):
    manifest = export.read_manifest(folder)
    assert manifest["preprocessing"].pop("resampling") == "lanczos"
    new = fluorojax.load(folder)
    export.write_manifest(folder, manifest)
    old = fluorojax.load(folder)
    assert (new.fitting, old.fitting) == (Fitting(), Fitting("shrink", "triangle"))
    assert (new(FRAME) != old(FRAME)).any()
    np.testing.assert_array_equal(new(FRAME[:16, :16]), old(FRAME[:16, :16]))


def test_a_network_of_tiles_is_loaded_as_one(predictor, tmp_path):
    heads = {k: v for k, v in predictor.parameters["stage_0"].items() if "attribute" not in k}
    spec = dataclasses.replace(SPEC, image_labels=())
    made = Predictor(spec, {"stage_0": heads}, (16, 16), RULES, fitting=Fitting("native"))
    export.export(made, tmp_path / "tiles", {})
    model = fluorojax.load(tmp_path / "tiles")
    assert model.fitting == Fitting("native")
    np.testing.assert_array_equal(model(FRAME), made(FRAME))
    manifest = json.loads((tmp_path / "tiles" / "manifest.json").read_text())
    manifest["preprocessing"]["fit"] = "tiles"
    export.write_manifest(tmp_path / "tiles", manifest)
    with pytest.raises(InputError, match=r"preprocessing\.fit is 'tiles'; write one of"):
        fluorojax.load(tmp_path / "tiles")


def test_grey_values_that_were_scaled_otherwise_are_refused(folder):
    manifest = export.read_manifest(folder)
    manifest["preprocessing"]["intensity_percentiles"] = [1, 99]
    export.write_manifest(folder, manifest)
    with pytest.raises(InputError, match=r"percentiles \(1, 99\), and this version .*0\.5, 99\.5"):
        fluorojax.load(folder)


def test_scores_are_added_by_split(folder):
    export.add_scores(folder, "validation", {"dice": 0.5})
    export.add_scores(folder, "test", {"dice": 0.25})
    scores = export.read_manifest(folder)["scores"]
    assert scores == {"validation": {"dice": 0.5}, "test": {"dice": 0.25}}
    fluorojax.load(folder)  # the parameters' checksum still holds


def test_an_export_from_before_there_were_cards_is_used_and_gets_one_with_its_scores(folder):
    (folder / "MODEL_CARD.md").unlink()
    before = fluorojax.load(folder)(FRAME)
    export.add_scores(folder, "test", {"cases": 3})
    assert (folder / "MODEL_CARD.md").read_text() == card.card(export.read_manifest(folder))
    np.testing.assert_array_equal(fluorojax.load(folder)(FRAME), before)


def test_the_card_is_no_stray_file_and_another_one_is(predictor, folder):
    assert export.export_in(folder)["origin"] == {"method": "single", "seed": 3}
    (folder / "README.md").write_text("mine")
    with pytest.raises(InputError, match=r"README\.md is no part of an export"):
        export.export(predictor, folder, {})


def test_a_group_may_read_an_export_where_the_umask_lets_it(predictor, tmp_path):
    before = os.umask(0o027)
    try:
        export.export(predictor, tmp_path / "shared", {})
        export.add_scores(tmp_path / "shared", "test", {"cases": 3})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o750
    assert {stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "shared").iterdir()} == {0o640}


def test_damaged_parameters_are_refused(folder):
    path = folder / "params.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        fluorojax.load(folder)


def test_a_folder_that_is_no_export_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        fluorojax.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not valid JSON"), ('{"format": 99}', "format 99, .* newer version")],
)
def test_an_unreadable_manifest_is_refused(folder, text, message):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=message):
        fluorojax.load(folder)


def test_parameters_that_are_missing_are_named(folder):
    (folder / "params.safetensors").unlink()
    with pytest.raises(InputError, match=r"params\.safetensors does not exist"):
        fluorojax.load(folder)


def test_a_manifest_is_strict_json(folder):
    with pytest.raises(ValueError, match="JSON"):
        export.write_manifest(folder, {"score": float("nan")})
    assert json.loads((folder / "manifest.json").read_text())["format"] == export.FORMAT


def test_attributes_come_back_and_older_exports_have_none(predictor, folder):
    model = fluorojax.load(folder)
    assert model.image_labels == (HAND,)
    assert model.predict(FRAME).image_labels == predictor.predict(FRAME).image_labels


def test_an_export_from_before_there_were_image_labels_has_none(predictor, tmp_path):
    spec = dataclasses.replace(SPEC, image_labels=())
    stage = {k: v for k, v in predictor.parameters["stage_0"].items() if "attribute" not in k}
    export.export(Predictor(spec, {"stage_0": stage}, (16, 16), RULES), tmp_path, {})
    manifest = format_2(tmp_path)
    for fields in (manifest, manifest["network"]):
        del fields["image_labels"]
    export.write_manifest(tmp_path, manifest)
    older = fluorojax.load(tmp_path)
    assert (older.image_labels, older.spec.image_labels) == ((), ())


def test_the_same_parameters_keep_their_scores_and_others_do_not(predictor, folder):
    export.add_scores(folder, "test", {"cases": 3})
    export.export(predictor, folder, {"method": "single"}, owned=False)
    assert export.read_manifest(folder)["scores"] == {"test": {"cases": 3}}
    export.export(predictor.with_rules(thresholds=(0.5,)), folder, {"method": "single"})
    assert export.read_manifest(folder)["scores"] == {}


def test_an_export_of_other_parameters_is_replaced_in_a_run_alone(predictor, folder):
    other = jax.tree.map(lambda x: x + 1, predictor.parameters)
    moved = Predictor(SPEC, other, (16, 16), RULES, (HAND,))
    before = (folder / "params.safetensors").read_bytes()
    with pytest.raises(InputError, match="holds the export of other parameters"):
        export.export(moved, folder, {"method": "single"}, owned=False)
    assert (folder / "params.safetensors").read_bytes() == before
    export.export(moved, folder, {"method": "single"})
    assert fluorojax.load(folder)(FRAME).shape == (20, 30, 1)


def test_what_is_no_export_is_not_replaced(predictor, folder, tmp_path):
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"notes\.txt is no part of an export"):
        export.export(predictor, folder, {})
    with pytest.raises(InputError, match="is no folder"):
        export.export(predictor, folder / "notes.txt", {})
    assert (folder / "notes.txt").read_text() == "mine"
