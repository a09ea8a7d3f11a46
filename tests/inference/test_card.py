import json
from pathlib import Path

import pytest

from fluorojax.inference import card
from fluorojax.inference.manifest import todays
from tests.faults import exports

SUMMARY = {
    "cases": 80,
    "patients": 40,
    "classes": {
        "scope": {
            "cases": 80,
            "metrics": {
                "dice": {"mean": 0.9648, "n": 74},
                "hd95": {"mean": 3.987, "unit": "mm", "n": 74},
            },
        },
        "wire": {"cases": 80, "metrics": {"dice": {"mean": 0.78, "n": 76}}},
    },
}


@pytest.fixture
def manifest():
    return todays(json.loads(exports.good()[0]), Path("manifest.json"))


def section(text, title):
    """Return what stands under a heading."""
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_it_says_what_the_network_is_and_takes(manifest):
    text = card.card(manifest)
    assert text.startswith("# Model card: scope, wire\n")
    about = section(text, "What it is")
    assert "| class | wire, a curve |" in about
    assert "| relation | wire comes out of scope |" in about
    assert "| label of a whole frame | side: left, right |" in about
    assert "a cascade of 2 U-Nets (scope, then wire; trained end to end); depth 1, 4" in about
    arrays = exports.array_shapes(exports.SPEC, (16, 16))
    count = sum(int(exports.np.prod(shape)) for shape in arrays.values())
    assert f"| parameters | {count:,} (" in about
    taken = section(text, "What it takes")
    assert "| grid | 16 x 16 pixels" in taken
    assert "| resampling | lanczos |" in taken
    assert "between the percentiles 0.5 and 99.5" in taken


def test_scores_are_a_table_that_says_of_how_many(manifest):
    manifest["scores"] = {"test": SUMMARY}
    shown = section(card.card(manifest), "Scores")
    assert "| test | scope | 0.965 | - | - | 3.99 mm | 74 | 80 | 40 |" in shown
    assert "| test | wire | 0.780 | - | - | - | 76 | 80 | 40 |" in shown
    assert "of one training (seed 3)" in shown
    manifest["scores"] = {}
    assert section(card.card(manifest), "Scores").strip() == "None: it has not been scored."


def test_scores_of_any_form_that_a_manifest_may_hold_are_shown(manifest):
    odd = {"cases": "many", "classes": {"scope": {"metrics": {"dice": 3, "iou": {"mean": "x"}}}}}
    manifest["scores"] = {"validation": odd, "test": {"dice": 0.5}}
    assert "| validation | scope | - | - | - | - | - | - | - |" in card.card(manifest)


def test_what_is_not_recorded_is_said_to_be_so(manifest):
    manifest["origin"] = {}
    trained = section(card.card(manifest), "What it was trained on")
    assert "| data set | not recorded |" in trained
    assert "| fingerprint of the data set | not recorded |" in trained


def test_words_of_a_manifest_are_neither_marks_nor_lines_nor_html(manifest):
    manifest["origin"]["method"] = "joint | <b>x</b>\n\n## Scores\n[a](b) `c`"
    text = card.card(manifest)
    assert text.count("\n## Scores") == 1
    assert r"| method | joint \| \<b\>x\</b\> \#\# Scores \[a\](b) \`c\` |" in text
    assert card.plain("ercp_synthetic _x_") == r"ercp_synthetic \_x\_"
    assert len(card.plain("x" * 10_000)) < 250


def test_an_export_by_hand_and_one_u_net_have_a_card(manifest):
    masks, network = manifest["masks"], manifest["network"]
    masks["relation"], manifest["image_labels"] = None, []
    one = {"stages": [[0, 1]], "link": "none", "parent_class": None, "child_class": None}
    network |= {**one, "landmarks": False, "spatial_prior": "none", "image_labels": []}
    network |= {"norm": "none", "local_contrast": 30}
    text = card.card(manifest)
    assert "| architecture | one U-Net; depth 1, 4 channels" in text
    assert "no normalisation; sees local contrast (30 px)" in text
    assert "relation" not in section(text, "What it is")
