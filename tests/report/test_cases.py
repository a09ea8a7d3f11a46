import re

from fluorojax.metrics.summary import read_cases_csv, summarise, write_cases_csv, write_summary
from fluorojax.report import write_report
from fluorojax.report.page import css_colour
from tests.report.constructed import case_rows, in_one_line, read


def test_cases_stand_from_worst_to_best(run):
    cases = [row[0] for row in read(run).rows if row[0] in ("good", "bad", "missed")]
    assert cases[-3:] == ["missed", "bad", "good"]  # the last table of cases is the wire's


FIRST = 3  # on the first screen


def test_pictures_are_inside_worst_first(run):
    page = read(run)
    buttons = [p for p in page.buttons if p.get("id", "").startswith("picture-")]
    assert [b["id"].split("-")[2] for b in buttons][::3] == ["missed", "good"]
    pictures = page.pictures[FIRST:]
    kinds = [p["src"].split(";")[0] for p in pictures]
    assert kinds == ["data:image/jpeg", "data:image/png"] * 4
    targets = re.findall(r'data-picture="([^"]+)"', (run / "report.html").read_text("utf-8"))
    assert set(targets) == {b["id"] for b in buttons}


def test_millimetres_and_pixels_in_one_table(run):
    rows = case_rows("a", "p", 30)
    rows += [r | {"case": "b", "unit": "px"} for r in case_rows("b", "p", 40)]
    write_cases_csv(rows, run / "evaluation/test/cases.csv")
    write_summary(summarise(rows), run / "evaluation/test/summary.json")
    words = read(run).words
    assert "HD95 (mm)" in words
    assert "HD95 (px)" in words


def test_pictures_beyond_the_most_are_counted(run, monkeypatch):
    assert "more are in overlays/" not in read(run).words
    monkeypatch.setattr("fluorojax.report.cases.MOST_PICTURES", 3)
    page = read(run)
    assert "The 3 worst are shown; 1 more are in overlays/." in page.words
    assert len(page.pictures) == FIRST + 2 * 3
    assert "good" in [row[0] for row in page.rows]  # in the table, without a picture
    pictured = {b["data-picture"].split("-")[2] for b in page.buttons if "data-picture" in b}
    assert "bad" in pictured
    assert "good" not in pictured


def test_the_main_score_has_a_bar_in_the_colour_of_its_class(run):
    written = in_one_line(write_report(run).read_text("utf-8"))
    row = next(r for r in read_cases_csv(run / "evaluation/test/cases.csv") if r["case"] == "bad")
    assert row["class"] == "scope"
    bar = f'data-sort="{row["dice"]!r}" class="bar"'
    style = f'style="--share:{row["dice"]:.3f};--bar:{css_colour(0)}"'
    assert f"{bar} {style}" in written
