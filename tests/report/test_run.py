import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.drawing import archive, overlay
from fluorojax.evaluation.probabilities import ProbabilityScores
from fluorojax.metrics.case import EMPTY_POLICY, MetricSettings, score_case
from fluorojax.metrics.image_labels import summarise_image_labels, write_image_labels_csv
from fluorojax.metrics.summary import summarise, write_cases_csv, write_summary
from fluorojax.report.run import flattened, read_records, series_of, write_report
from fluorojax.schema.info import ClassInfo, ImageLabelInfo, Relation
from tests.browser import in_a_browser

CLASSES = (ClassInfo("scope", "region"), ClassInfo("wire", "curve"))
NOTHING = np.zeros((48, 64), bool)
SCRIPT_IN_A_NAME = "<script>alert(1)</script>"
VOID = {"meta", "img", "br", "input"}


def scene(reach: int) -> np.ndarray:
    mask = np.zeros((48, 64, 2), bool)
    mask[16:32, :16, 0] = True
    mask[23:26, 16:reach, 1] = True
    return mask


def case_rows(case: str, patient: str, reach: int) -> list[dict]:
    rows = score_case(
        scene(reach),
        scene(60),
        classes=CLASSES,
        spacing=(0.5, 0.5),
        relation=Relation("wire", "scope"),
        attached=1,
    )
    return [{"case": case, "patient": patient, "sequence": "", "stratum": ""} | r for r in rows]


def write_evaluation(folder: Path) -> None:
    reaches = {"good": 58, "bad": 24, "missed": 16, SCRIPT_IN_A_NAME: 40}
    rows = [r for n, (c, x) in enumerate(reaches.items()) for r in case_rows(c, f"p{n % 2}", x)]
    write_cases_csv(rows, folder / "cases.csv")
    collected = ProbabilityScores(CLASSES, MetricSettings())
    for n, (case, reach) in enumerate(reaches.items()):
        found = np.array([0.9, 0.4]) * scene(reach)
        about = {"patient": f"p{n % 2}", "ignore": NOTHING, "spacing": (0.5, 0.5)}
        collected.add(found, scene(60), **about)
        path = folder / "maps" / f"{overlay.file_name(case)}.png"
        archive.save(path, np.full((48, 64), 0.5), NOTHING, found, scene(60))
    collected.write(folder)
    collected.write(folder.parent / "validation")
    summary = summarise(rows, MetricSettings()) | {
        "thresholds": {"scope": 0.5, "wire": 0.3},
        "confidence": collected.summary({"scope": 0.5, "wire": 0.25}),
    }
    write_summary(summary, folder / "summary.json")


def write_config(run: Path, split_unit: str) -> None:
    dataset = {"name": "made_up", "split_unit": split_unit}
    config = {"method": "joint", "seed": 3, "training": {"steps": 40}}
    (run / "config.json").write_text(json.dumps({"config": config, "dataset": dataset}))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = tmp_path / "joint-quick"
    write_evaluation(run / "evaluation" / "test")
    write_config(run, "patient")
    lines = [
        {"step": s, "split": "train", "time": 1.5, "loss": 1 / s, "learning_rate": 1e-3}
        for s in range(1, 41)
    ]
    lines += [{"step": 20, "split": "validation", "time": 9.5, "wire/cldice": 0.25}]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (run / "export").mkdir()
    (run / "export" / "manifest.json").write_text('{"sha256": "feed", "scores": {"test": 1}}')
    return run


class Page(HTMLParser):
    """Checks nesting and that nothing is fetched; gathers the words and the cells of tables."""

    def __init__(self, written: str):
        super().__init__()
        self.open: list[str] = []
        self.words = ""
        self.rows: list[list[str]] = []
        self.found: dict[str, list[dict]] = {"img": [], "button": [], "input": []}
        self.feed(written)
        assert not self.open
        self.pictures, self.buttons, self.inputs = self.found.values()

    def handle_starttag(self, tag, attrs):
        fields = dict(attrs)
        assert "href" not in fields
        assert fields.get("src", "data:").startswith("data:")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
        if tag in self.found:
            self.found[tag].append(fields)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.words += data
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def read(run: Path) -> Page:
    return Page(write_report(run).read_text("utf-8"))


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


def test_the_headline_is_the_mean_over_patients(run):
    summary = json.loads((run / "evaluation/test/summary.json").read_text())
    cldice = summary["classes"]["wire"]["metrics"]["cldice"]
    card = read(run).words.split("wireclDice")[1]
    assert card.startswith(f"{cldice['patient_mean']:.3f} ± {cldice['patient_std']:.3f}")
    assert f"over 4 cases {cldice['mean']:.3f}" in card
    assert "missed: 1" in card


def test_scores_stand_by_level_where_the_cases_have_levels(run):
    assert "by stratum" not in read(run).words
    folder = run / "evaluation" / "test"
    rows = [
        row | {"stratum": "over bone" if case in ("bad", "missed") else "over soft tissue"}
        for case, reach in {"good": 58, "bad": 24, "missed": 16}.items()
        for row in case_rows(case, case, reach)
    ]
    write_cases_csv(rows, folder / "cases.csv")
    summary = summarise(rows, MetricSettings())
    write_summary(summary, folder / "summary.json")
    mean = summary["strata"]["over bone"]["wire"]["metrics"]["cldice"]["patient_mean"]
    found = next(row for row in read(run).rows if row[0] == "over bone")
    assert found[2] == f"clDice {mean:.3f} (2)"


def test_attributes_stand_with_their_confusion_and_the_cases_that_are_wrong(run):
    assert "Attributes" not in read(run).words
    folder = run / "evaluation" / "test"
    rows = [
        {
            **{"case": case, "patient": patient, "sequence": "", "image_label": "maker"},
            **{"reference": reference, "predicted": "b", "probability": probability},
        }
        for case, patient, reference, probability in (
            ("one", "p0", "b", 0.9),
            ("two", "p0", "<a>", 0.6),
            ("three", "p1", "<a>", 0.7),
            ("four", "p1", "", 0.8),
        )
    ]
    write_image_labels_csv(rows, folder / "image_labels.csv")
    maker = ImageLabelInfo("maker", ("<a>", "b"))
    summary = json.loads((folder / "summary.json").read_text())
    told = {"image_labels": summarise_image_labels(rows, (maker,))}
    write_summary(summary | told, folder / "summary.json")
    page = read(run)
    assert "Right in 1 of 3 frames (0.333); mean over 2 patients 0.250" in page.words
    assert "Of 1 more the value is not known." in page.words
    assert ["<a>", "0", "2"] in page.rows
    wrong = [row[:5] for row in page.rows if row[0] in ("one", "two", "three", "four")]
    assert wrong == [
        ["three", "p1", "<a>", "b", "0.700"],
        ["two", "p0", "<a>", "b", "0.600"],
    ]
    (folder / "image_labels.csv").write_text("case\none\n")
    with pytest.raises(InputError, match=r"image_labels\.csv is damaged"):
        read(run)


def test_cases_stand_from_worst_to_best(run):
    cases = [row[0] for row in read(run).rows if row[0] in ("good", "bad", "missed")]
    assert cases[-3:] == ["missed", "bad", "good"]  # the last table of cases is the wire's


def test_pictures_are_inside_worst_first(run):
    page = read(run)
    buttons = [p for p in page.buttons if p.get("id", "").startswith("picture-")]
    assert [b["id"].split("-")[2] for b in buttons][::3] == ["missed", "good"]
    kinds = [p["src"].split(";")[0] for p in page.pictures]
    assert kinds == ["data:image/jpeg", "data:image/png"] * 4
    targets = re.findall(r'data-picture="([^"]+)"', (run / "report.html").read_text("utf-8"))
    assert set(targets) == {b["id"] for b in buttons}


def test_thresholds_and_calibration_stand_for_each_class(run):
    words = read(run).words
    assert "Operating point of the validation split: 0.25; at it, here, clDice" in words
    assert "In use: 0.3." in words
    summary = json.loads((run / "evaluation/test/summary.json").read_text())
    error = summary["confidence"]["wire"]["calibration_error_found"]
    assert f"{error:.4f} over those of probability 0.05" in words
    charts = (run / "report.html").read_text("utf-8").split("Thresholds and calibration")[1]
    charts = charts.split("<h2>Training")[0]
    assert charts.count("<svg") == 6


def test_masks_alone_have_no_slider_and_no_calibration(run):
    path = run / "evaluation" / "test" / "summary.json"
    summary = json.loads(path.read_text())
    del summary["thresholds"], summary["confidence"]
    path.write_text(json.dumps(summary))
    page = read(run)
    assert "calibration error" not in page.words.lower()
    assert [i["type"] for i in page.inputs] == ["radio"] * 4


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


@pytest.mark.parametrize("gone", ["cases.csv", "summary.json"])
def test_half_an_evaluation_is_shown(run, gone):
    (run / "evaluation" / "test" / gone).unlink()
    assert "wire" in read(run).words


def test_an_empty_run(tmp_path):
    assert "not known" in read(tmp_path).words
    with pytest.raises(InputError, match="not a directory"):
        write_report(tmp_path / "nowhere")


def test_a_class_nobody_could_score(run):
    empty = np.zeros((8, 8, 2), bool)
    rows = score_case(empty, empty, classes=CLASSES, spacing=(np.nan, np.nan))
    rows = [{"case": "a", "patient": "p", "sequence": "", "stratum": ""} | r for r in rows]
    write_cases_csv(rows, run / "evaluation/test/cases.csv")
    write_summary(summarise(rows), run / "evaluation/test/summary.json")
    assert "left out, both empty: 1" in read(run).words


def test_millimetres_and_pixels_in_one_table(run):
    rows = case_rows("a", "p", 30)
    rows += [r | {"case": "b", "unit": "px"} for r in case_rows("b", "p", 40)]
    write_cases_csv(rows, run / "evaluation/test/cases.csv")
    write_summary(summarise(rows), run / "evaluation/test/summary.json")
    words = read(run).words
    assert "HD95 (mm)" in words
    assert "HD95 (px)" in words


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "{", "config.json is not JSON"),
        ("metrics.jsonl", '{"step": 1}\n{"st\n{"step": 3}\n', "line 2 is not JSON"),
        ("evaluation/test/cases.csv", "case,class,dice\na,wire,x\n", "damaged cell"),
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
