import json
import re
from html import unescape

import numpy as np
import pytest

from fluorojax.compare import compare, read_runs, write_comparison
from fluorojax.compare.page import MOST_CASES, disagreement
from fluorojax.compare.runs import primary_scores
from fluorojax.drawing import archive
from fluorojax.metrics.case import PAIRED_EMPTY_POLICY
from tests.browser import in_a_browser
from tests.compare.constructed import PATIENTS, one_label_and_two, rows_of, two_methods, write_run

NOTHING = np.zeros((40, 40), bool)
SCRIPT_IN_A_NAME = "<script>alert(1)</script>"


@pytest.fixture
def page(tmp_path):
    """The page of two methods, whose networks find more or less of the same wire."""
    folders = two_methods(tmp_path)
    truth = np.zeros((40, 40, 1), bool)
    truth[18:21, 5:35] = True
    for folder in folders:
        path = folder / "evaluation" / "test" / "summary.json"
        own = {"thresholds": {"wire": 0.3 if "joint" in folder.name else 0.6}}
        path.write_text(json.dumps(json.loads(path.read_text()) | own))
        for patient in range(PATIENTS):
            for case in (f"c{patient}0", f"c{patient}1"):
                found = 0.5 * truth.astype(np.float32)
                picture = path.with_name("maps") / f"{case}.png"
                archive.save(picture, np.full((40, 40), 0.5), NOTHING, found, truth)
    runs = read_runs(folders, "test")
    return write_comparison(compare(runs, "multi"), runs, "multi", tmp_path / "out")


def test_what_a_reader_asks_for_stands_there(page):
    words = unescape(page.read_text("utf-8"))
    for said in ("multi · joint", "baseline multi", "seeds 0, 1, 2", "16 cases of 8 patients"):
        assert said in words
    for said in (
        "Differences",
        "Patients",
        "paired permutation",
        PAIRED_EMPTY_POLICY,
        "joint − multi",
    ):
        assert said in words
    assert words.count("data:image/png;base64") == 3 + 2 * MOST_CASES  # plots, planes
    assert "http" not in words.split("<body>")[1]


def test_the_page_opens_with_the_answer_and_its_plot(page):
    words = unescape(page.read_text("utf-8")).split("<header")[1]
    first, tables = words.split("<h2>Tables</h2>")
    assert "wire (clDice): joint is ahead of multi, difference +0." in first
    assert "3 seeds a method and 8 patients" in first
    assert "test split of the data set" in first
    assert re.search(r"compared \d{4}-\d\d-\d\d", first)
    assert first.count("data:image/png;base64") == 1
    assert "<table" not in first
    folded = tables.split("<h2>Plots</h2>")[0]
    assert folded.count("<table") > 2
    assert "<table" not in re.sub(r"(?s)<details>.*?</details>", "", folded)


def test_cases_are_ordered_by_how_much_the_methods_differ(page, tmp_path):
    (found,) = primary_scores(read_runs(two_methods(tmp_path / "again"), "test"))
    apart = disagreement(found)
    by_hand = abs(found.by_case["joint"].mean(0) - found.by_case["multi"].mean(0))
    np.testing.assert_allclose(apart, by_hand)
    first = found.cases[int(np.argmax(apart))]["case"]
    cases = page.read_text("utf-8").split("Cases on which the methods differ most")[1]
    assert cases.split("<tbody>")[1].lstrip().startswith(f'<tr><td class="text">{first}<')


def test_a_method_with_one_label_has_its_tables_and_no_picture(tmp_path):
    runs = read_runs(one_label_and_two(tmp_path), "test")
    page = write_comparison(compare(runs, "multi"), runs, "multi", tmp_path / "out")
    words = page.read_text("utf-8")
    assert "single · multi · joint" in words
    assert "instruments: clDice by patient" in words
    assert "wire: clDice by patient" in words


def test_the_first_line_says_in_what_the_runs_differ(tmp_path):
    ours = write_run(tmp_path, "multi", 0, rows_of(0.0, 1))
    other = write_run(tmp_path, "joint", 0, rows_of(0.1, 2), config={"training": {"steps": 99}})
    runs = read_runs([ours, other], "test", allow_different=True)
    page = write_comparison(compare(runs, "multi"), runs, "multi", tmp_path / "out")
    first = unescape(page.read_text("utf-8")).split("<body>")[1].split("</p>")[0]
    assert "differ in more than method and seed" in first
    assert "99 (joint)" in first
    assert 'class="notice warning"' in first


def test_names_cannot_break_the_page(tmp_path):
    folders = []
    for folder in two_methods(tmp_path / "runs"):
        record = json.loads((folder / "config.json").read_text())
        record["config"]["method"] += SCRIPT_IN_A_NAME
        (folder / "config.json").write_text(json.dumps(record))
        cases = folder / "evaluation" / "test" / "cases.csv"
        cases.write_text(cases.read_text().replace("c00", f"c00{SCRIPT_IN_A_NAME}"))
        folders.append(folder)
    runs = read_runs(folders, "test")
    baseline = f"multi{SCRIPT_IN_A_NAME}"
    written = write_comparison(compare(runs, baseline), runs, baseline, tmp_path / "out")
    assert SCRIPT_IN_A_NAME not in written.read_text("utf-8")
    words = unescape(written.read_text("utf-8"))
    assert f"baseline {baseline}" in words
    assert f"c00{SCRIPT_IN_A_NAME}" in words


def test_in_a_browser_each_method_starts_at_its_own_threshold(page):
    found = in_a_browser(page, ACTIONS)
    assert found["painted"] == 2 * MOST_CASES
    assert found["tints"] == [0, 1]  # of 0.5: none from 0.6 on, all from 0.3 on
    assert found["tintsMoved"] == [1, 1]
    assert float(found["sorted"][0]) <= float(found["sorted"][-1])
    assert found["sorted"] == sorted(found["sorted"], key=float)


ACTIONS = """
const wait = () => new Promise(done => setTimeout(done, 500));
await wait();
found.painted = document.querySelectorAll(".gallery .painted").length;
document.querySelector("input[value=prediction]").click(); await wait();
const tints = () => [...document.querySelectorAll(".gallery canvas")].slice(0, 2).map(canvas => {
  const d = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let n = 0;
  for (let i = 0; i < d.length; i += 4) n += d[i + 2] > d[i] + 40;
  return Math.sign(n);
});
found.tints = tints();
const slider = document.querySelector("input[type=range]");
slider.value = 0.4; slider.dispatchEvent(new Event("input", {bubbles: true})); await wait();
found.tintsMoved = tints();
const button = [...document.querySelectorAll("th button")].find(b => b.textContent === "joint");
button.click();
const table = button.closest("table"), column = button.closest("th").cellIndex;
found.sorted = [...table.tBodies[0].rows].map(row => row.cells[column].textContent);
"""
