import base64
import io
import json
import re

import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.report import cases, first, write_report
from fluorojax.report.first import SIDE, examples
from fluorojax.report.run import axis_name
from fluorojax.report.scores import Evaluation
from tests.browser import in_a_browser
from tests.report.constructed import SCRIPT_IN_A_NAME, read


@pytest.fixture
def evaluation(run):
    return Evaluation(run / "evaluation" / "test")


def test_the_worst_the_median_and_the_best_case(evaluation):
    found = examples(evaluation)
    assert [(e.which, e.case) for e in found] == [
        *(("worst", "missed"), ("median", SCRIPT_IN_A_NAME), ("best", "good"))
    ]
    assert found[0].scores == "scope: Dice 1.000, wire: missed"
    picture = Image.open(io.BytesIO(base64.b64decode(found[0].source.split(",")[1])))
    assert picture.size == (SIDE, SIDE * 48 // 64)  # the frame without the legend below it


@pytest.mark.parametrize(
    ("kept", "which"), [(2, ["worst", "best"]), (1, ["the only one"]), (0, [])]
)
def test_fewer_where_there_are_fewer(evaluation, kept, which):
    for path in sorted((evaluation.folder / "maps").iterdir())[kept:]:
        path.unlink()
    assert [e.which for e in examples(evaluation)] == which


def test_a_case_that_is_not_among_the_pictures_opens_none(evaluation, monkeypatch):
    monkeypatch.setattr(cases, "MOST_PICTURES", 1)
    assert [e.picture is None for e in examples(evaluation)] == [False, True, True]


def test_a_damaged_overlay_is_named(evaluation):
    (evaluation.folder / "overlays" / "good.png").write_text("no picture")
    with pytest.raises(InputError, match=r"good\.png cannot be read"):
        examples(evaluation)


def test_the_first_screen_says_when_on_what_and_what_to_do(run):
    words = read(run).words.split("Scores, test split")[0]
    assert "trained 1970-01-01" in words
    assert "data set made_up" in words
    assert "test: 4 cases of 2 patients" in words
    assert "wire: nothing is found in 1 of the 4 frames" in words
    assert "patients: the scores are of 2 patients" in words
    assert "seed: this is one seed (3)" in words


def test_advice_is_of_the_runs_own_numbers(run):
    """The wire's probability is 0.4: at 0.9 it is lost, at the validation split's 0.25 found."""
    path = run / "evaluation" / "test" / "summary.json"
    summary = json.loads(path.read_text())
    summary["thresholds"]["wire"] = 0.9
    path.write_text(json.dumps(summary))
    record = json.loads((run / "config.json").read_text())
    record["config"]["training"]["best_metric"] = "wire/cldice"
    (run / "config.json").write_text(json.dumps(record))
    with (run / "metrics.jsonl").open("a") as file:
        line = {"step": 40, "split": "validation", "time": 9.5, "wire/cldice": 0.5}
        file.write(json.dumps(line) + "\n")
    words = read(run).words
    assert re.search(
        r"wire: probabilities run low; .* 0\.25 in place of 0\.9 gives clDice \+", words
    )
    assert "training: wire/cldice on the validation split still rose" in words


@pytest.mark.parametrize(
    ("logged", "named"),
    [
        ("loss", "loss"),
        ("loss/wire/dice", "part of the loss"),
        ("wire/dice", "Dice (0 to 1)"),
        ("wire/hd95", "HD95 (mm or px)"),
        ("steps_per_second", "steps per second (1/s)"),
        ("learning_rate", "learning rate"),
    ],
)
def test_axes_are_named_with_their_units(logged, named):
    assert axis_name(logged) == named


def test_what_weighs_most_comes_first_and_what_has_no_room_is_folded(run, monkeypatch):
    monkeypatch.setattr(first, "MOST_ADVICE", 2)
    words = read(run).words
    places = [
        words.index(about) for about in ("patients: the", "wire: nothing", "1 more", "seed: ")
    ]
    assert places == sorted(places)


def test_many_classes_have_their_first_score_alone(run, monkeypatch):
    assert 'class="first"' in write_report(run).read_text("utf-8")
    monkeypatch.setattr(first, "MOST_CLASSES", 1)
    assert 'class="first many"' in write_report(run).read_text("utf-8")
    assert "Mean over patients [95 % interval]" in read(run).words
    found = examples(Evaluation(run / "evaluation" / "test"))
    assert found[0].scores == "mean of 2 classes' scores 0.500"


def test_in_a_browser_all_of_it_is_on_the_first_screen(run):
    found = in_a_browser(write_report(run), ACTIONS)
    assert found["below"] <= 800
    assert found["cut"] == []
    assert found["opened"].startswith("missed")


# The window of a headless browser is 800 x 600; 1280 is the width that the page is laid out for.
ACTIONS = """
document.body.style.width = "1280px";
const first = document.querySelector(".first");
found.below = first.getBoundingClientRect().bottom;
found.cut = [...first.querySelectorAll("*")].filter(e => e.scrollWidth > e.clientWidth + 1
  && getComputedStyle(e).display !== "inline").map(e => e.className || e.tagName);
document.querySelector(".first button.case").click();
found.opened = document.querySelector("dialog p").textContent;
"""
