import json
from pathlib import Path

import pytest

from fluorojax.core.errors import InputError
from fluorojax.inference.manifest import FORMAT, REMEDY, todays
from fluorojax.inference.mask_rules import MaskRules
from fluorojax.models.spec import NetworkSpec
from tests.faults import exports

PATH = Path("export/manifest.json")


@pytest.fixture
def fields():
    return json.loads(exports.good()[0])


def test_a_manifest_of_today_comes_back_as_it_is(fields):
    assert todays(fields, PATH) == fields


def test_the_oldest_of_format_2_get_the_usual_values(fields):
    masks = fields.pop("masks")
    for entry in masks["classes"]:
        del entry["min_component_px"]
    for name in ("gradient_scale", "patch"):
        del fields["network"][name]
    fields["network"]["spatial_prior"] = "front"
    older = {"classes": masks["classes"], "relation": masks["relation"], "postprocessing": {}}
    found = todays({**fields, **older, "format": 2}, PATH)
    assert found["format"] == FORMAT
    assert found["masks"]["tta"] == {"shifts": 1, "mirror": False, "scales": 1}
    assert found["masks"]["gap_closing"]["bridge_px"] == 0.0
    assert [entry["min_component_px"] for entry in found["masks"]["classes"]] == [0.0, 0.0]
    assert (found["network"]["patch"], found["network"]["spatial_prior"]) == (1, "in_front")


@pytest.mark.parametrize(("part", "name"), [("network", "local_contrast"), ("tta", "scales")])
def test_the_first_of_this_format_lack_what_came_later(fields, part, name):
    del (fields["masks"] if part == "tta" else fields)[part][name]
    assert todays(fields, PATH) == fields
    assert NetworkSpec.from_json(fields["network"]).local_contrast == 0
    assert MaskRules.from_json(fields["masks"]).tta.scales == 1


def test_what_is_wrong_is_one_line_with_path_field_and_remedy(fields):
    fields["masks"]["classes"][1]["min_component_px"] = -1
    with pytest.raises(InputError) as caught:
        todays(fields, PATH)
    assert str(caught.value) == (
        f"{PATH}: masks.classes[1].min_component_px is -1; it must lie in 0 to 1000000; {REMEDY}"
    )


def test_a_step_is_a_whole_number_and_scores_may_say_more_than_is_read(fields):
    fields["origin"] = {"step": 1.5}
    with pytest.raises(InputError, match=r"origin.step is 1.5"):
        todays(fields, PATH)
    fields["origin"] = {"step": 100}
    recall = {"mean": 0.5, "patient_mean": 0.4, "unit": "mm"}
    fields["scores"] = {"test": {"classes": {"scope": {"metrics": {"recall": recall}}}}}
    assert todays(fields, PATH)["scores"] == fields["scores"]


def test_fields_that_do_not_fit_each_other_are_named(fields):
    fields["preprocessing"]["image_size"] = [15, 16]
    with pytest.raises(InputError, match=r"image_size is \(15, 16\), .* multiples of 2"):
        todays(fields, PATH)
