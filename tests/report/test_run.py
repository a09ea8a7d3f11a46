import json
import re
import shutil

import pytest

from fluorojax.core.errors import InputError
from fluorojax.metrics.case import EMPTY_POLICY
from fluorojax.report.run import flattened, read_records, series_of, write_report
from tests.browser import in_a_browser
from tests.report.constructed import SCRIPT_IN_A_NAME, Page, read, write_config


def test_a_whole_run(run):
    page = read(run)
    for words in ("joint-quick", "method joint", "seed 3", "40 steps", "4 cases of 2 patients"):
        assert words in page.words
    for words in (EMPTY_POLICY, "Tolerance 1 mm", "training.steps", "feed", "skeletonize"):
        assert words in page.words
    assert "scores.test" not in page.words  # the manifest's copy of what stands above


def test_the_first_line_says_whether_patients_are_shared(run):
    first = {
        "patient": "Split by patient: no patient is in two splits.",
        "sequence": "Patients are shared between the splits (split by sequence)",
        "frame": "Patients are shared between the splits (split by frame)",
    }
    for unit, words in first.items():
        write_config(run, unit)
        body = re.split(r"<body>\s*", write_report(run).read_text("utf-8"))[1]
        assert Page(body.split("<main>")[0]).words.startswith(words)
    (run / "config.json").unlink()
    assert "How the splits were drawn is not known" in read(run).words


def test_names_cannot_break_the_page(run):
    written = write_report(run).read_text("utf-8")
    assert SCRIPT_IN_A_NAME not in written
    assert SCRIPT_IN_A_NAME in read(run).words


def test_the_same_files_give_the_same_bytes(run):
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first
    assert sorted(p.name for p in run.iterdir() if "part" in p.name) == []


@pytest.mark.parametrize(
    "gone", ["config.json", "metrics.jsonl", "evaluation", "export", "evaluation/test/maps"]
)
def test_any_part_may_be_missing(run, gone):
    path = run / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    read(run)


def test_an_empty_run(tmp_path):
    assert "not known" in read(tmp_path).words
    with pytest.raises(InputError, match="not a directory"):
        write_report(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "{", "config.json is not JSON"),
        ("metrics.jsonl", '{"step": 1}\n{"st\n{"step": 3}\n', "line 2 is not JSON"),
        (
            "evaluation/test/cases.csv",
            "case,class,dice\na,wire,x\n",
            "damaged .no column pat",
        ),
        ("evaluation/test/thresholds.csv", "class\nwire\n", "thresholds.csv is damaged"),
        ("evaluation/test/maps/good.png", "no picture", "good.png cannot be read"),
    ],
)
def test_a_damaged_file_is_named(run, name, content, message):
    (run / name).write_text(content)
    with pytest.raises(InputError, match=message):
        write_report(run)
    assert not (run / "report.html").exists()


def test_records_of_a_killed_and_resumed_run(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = [
        '{"step": 2, "split": "train", "time": 1, "loss": 5.0}',
        '{"step": 1, "split": "train", "time": 1, "loss": null}',
        '{"step": 2, "split": "train", "time": 2, "loss": 4.0}',
        '{"step": 3, "split": "train", "time": 2, "loss": NaN}',
        '{"step": 4, "spl',
    ]
    path.write_text("\n".join(lines))
    assert series_of(read_records(path)) == {"loss": {"train": [(1, None), (2, 4.0), (3, None)]}}


def test_a_metric_that_was_never_finite_is_no_chart(run):
    line = {"step": 1, "split": "train", "time": 1, "broken": None}
    (run / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    assert "broken" not in read(run).words


def test_settings_are_flattened():
    fields = {"a": {"b": [1, 2], "c": {}}, "d": "x", "e": None}
    assert flattened(fields) == [("a.b", "[1, 2]"), ("a.c", "{}"), ("d", "x"), ("e", "null")]


def test_in_a_browser_tables_sort_pictures_show_and_thresholds_move(run):
    found = in_a_browser(write_report(run), ACTIONS)
    # clDice rises with how much of the wire is there.
    assert found["sorted"] == ["missed", "bad", SCRIPT_IN_A_NAME, "good"]
    assert found["sortedBack"] == found["sorted"][::-1]
    assert found["painted"] == 4
    # The wire's probability is 0.4 and its threshold 0.3: at 0.5 its tint is gone.
    assert found["wire"] > found["wireAbove"] == 0
    assert found["wire"] == found["wireReset"]
    assert found["scope"] == found["scopeAbove"] > 0
    assert found["prediction"] > found["frame"] == 0
    assert found["enlarged"].startswith("missed")
    assert found["next"] != found["enlarged"]
    assert found["controlsInDialog"]
    assert found["controlsBack"]
    assert found["focusable"]


# Counts the pixels that lean to a class's colour; a test's own frame is grey.
ACTIONS = """
const tables = [...document.querySelectorAll("table")];
const table = tables.filter(t => t.querySelector("button.case"))[1];
const head = [...table.querySelectorAll("th button")].find(b => b.textContent === "clDice");
const names = () => [...table.querySelectorAll("tbody th")].map(cell => cell.textContent);
head.click(); found.sortedBack = names(); head.click(); found.sorted = names();

const wait = () => new Promise(done => setTimeout(done, 500));
await wait();
const figures = [...document.querySelectorAll(".gallery figure")];
found.painted = figures.filter(f => f.classList.contains("painted")).length;
const good = figures.find(f => f.innerText.startsWith("good")).querySelector("canvas");
const count = test => {
  const d = good.getContext("2d").getImageData(0, 0, good.width, good.height).data;
  let n = 0;
  for (let i = 0; i < d.length; i += 4) n += test(d[i], d[i + 2]);
  return n;
};
const warm = () => count((r, b) => r > b + 40), cold = () => count((r, b) => b > r + 40);
const show = async value => {
  document.querySelector(`input[type=radio][value=${value}]`).click(); await wait();
};
await show("prediction");
[found.wire, found.scope] = [warm(), cold()];
const slider = document.querySelectorAll("input[type=range]")[1];
slider.value = 0.5; slider.dispatchEvent(new Event("input", {bubbles: true})); await wait();
[found.wireAbove, found.scopeAbove] = [warm(), cold()];
document.querySelector(".reset").click(); await wait();
found.wireReset = warm();
found.prediction = warm() + cold(); await show("frame"); found.frame = warm() + cold();

document.querySelector("button.case[data-picture*=missed]").click();
const dialog = document.querySelector("dialog"), said = () => dialog.querySelector("p").textContent;
found.enlarged = said();
found.controlsInDialog = dialog.contains(document.querySelector(".controls"));
dialog.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight"})); found.next = said();
dialog.close(); await wait();
found.controlsBack = !dialog.contains(document.querySelector(".controls"));
const controls = [...document.querySelectorAll(".gallery button, th button, input, summary")];
found.focusable = controls.every(control => control.tabIndex >= 0);
"""
