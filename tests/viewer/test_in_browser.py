"""The page in a real browser, with real keys and a real mouse; skipped where there is none."""

import json

import numpy as np
import pytest

from fluorojax.data.folder import load_case, read_folder
from fluorojax.viewer.app import TABLE, App, Asked
from fluorojax.viewer.predictions import OfModel
from fluorojax.viewer.sources import open_source
from tests.browser import HINT
from tests.chromium import CONTROL, SHIFT, browser
from tests.folders import write_folder
from tests.viewer.conftest import serving
from tests.viewer.constructed import DarkPixels

QUIET = "document.documentElement.dataset.state === 'quiet'"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """One browser and one folder for all tests here, each of which takes a frame of its own."""
    place = tmp_path_factory.mktemp("viewer")
    folder = write_folder(place / "toy", cases=5)
    with browser(place / "profile") as found, serving(App(Asked(open_source(folder)))) as server:
        found.open(server.address)
        found.folder = folder
        yield found
        assert [line for line in found.logged if HINT not in line] == []
        # Nothing was asked for anywhere else.
        assert {url.split("/")[2].split(":")[0] for url in found.asked} == {"127.0.0.1"}


def go(page, n):
    while page.value("view.n") != n:
        here = page.value("view.n")
        page.key("ArrowRight" if here < n else "ArrowLeft")
        page.until(f"document.documentElement.dataset.open == {here + (1 if here < n else -1)}")


def place(page, point):
    """Return where a place of the frame is in the window."""
    found = page.value(
        f"(() => {{const p = drawing.stage.getAbsoluteTransform().point({{x: {point[0]}, "
        f"y: {point[1]}}}), box = drawing.place.getBoundingClientRect();"
        "return [p.x + box.x, p.y + box.y]; })()"
    )
    return found[0], found[1]


def written(page, n):
    return json.loads((page.folder / f"labelme/c{n}.json").read_text())["shapes"]


def test_a_point_that_is_dragged_is_in_the_mask_that_is_read(page):
    go(page, 1)
    before = page.value("view.shapes")
    assert [item["label"] for item in before] == ["scope", "wire"]
    page.key("Tab")
    page.key("Tab")
    start = before[1]["points"][-1]
    end = [start[0] - 3, start[1] - 14]
    page.drag(place(page, start), place(page, end))
    page.until(f"{QUIET} && view.frames[1].saved")
    tip = written(page, 1)[1]["points"][-1]
    assert np.hypot(*np.subtract(tip, end)) < 0.5
    corrected = read_folder(page.folder, f"labelme/{TABLE}")
    mask = load_case(corrected, corrected.cases[1])[1][..., 1]
    x, y = np.mean([before[1]["points"][-2], tip, tip], 0).astype(int)
    assert mask[y, x]
    first = load_case(read_folder(page.folder), read_folder(page.folder).cases[1])[1][..., 1]
    assert not first[y, x]
    # Undone, it is as it was, on the disk too; and again.
    page.key("z", CONTROL)
    page.until(f"{QUIET} && !saver.waiting")
    assert written(page, 1)[1]["points"][-1] == pytest.approx(start, abs=1e-3)
    page.key("Z", CONTROL | SHIFT)
    page.until(f"{QUIET} && !saver.waiting")
    assert written(page, 1)[1]["points"][-1] == tip


def test_points_are_chosen_moved_added_and_deleted_by_keys(page):
    go(page, 2)
    page.key("Tab")
    page.key("Tab")
    count = page.value("current().points.length")
    page.key("s")
    x, y = page.value("current().points[0]")
    page.key("ArrowRight", SHIFT)
    page.key("ArrowDown", SHIFT)
    page.until(QUIET)
    assert written(page, 2)[1]["points"][0] == pytest.approx([x + 1, y + 1], abs=1e-3)
    page.key("i")
    assert page.value("current().points.length") == count + 1
    page.key("x")
    assert page.value("current().points.length") == count
    page.key("e")
    page.until(QUIET)
    width = page.value("current().width")
    assert f"width_px={width:.4g}" in written(page, 2)[1]["description"]
    page.key("X", SHIFT)
    page.until(QUIET)
    assert [shape["label"] for shape in written(page, 2)] == ["scope"]


def test_a_wire_is_drawn_along_the_dark_line_between_two_clicks(page):
    go(page, 3)
    wire = page.value("view.shapes[1].points")
    page.key("Tab")
    page.key("Tab")
    page.key("X", SHIFT)
    assert page.value("view.shapes.length") == 1
    page.key("c") if page.value("view.classes[view.chosen].name") != "wire" else None
    page.key("d")
    for point in (wire[0], wire[-1]):
        page.click(*place(page, [point[0], point[1] + 2]))
        page.until("!view.begun.busy")
    page.until("view.begun.ends.length === 2")
    page.key("Enter")
    page.until(f"{QUIET} && view.frames[3].saved")
    drawn = written(page, 3)[1]
    assert (drawn["label"], drawn["shape_type"]) == ("wire", "linestrip")
    x = np.linspace(wire[0][0] + 2, wire[-1][0] - 2, 50)
    rows = (np.interp(x, *np.transpose(points)) for points in (drawn["points"], wire))
    assert np.abs(np.subtract(*rows)).mean() < 1.0


def test_a_part_of_an_outline_is_redrawn(page):
    go(page, 4)
    page.key("Tab")
    page.key("t")  # straight from click to click
    outline = np.array(page.value("current().points"))
    (left, top), (right, _) = outline.min(0), outline.max(0)
    page.key("r")
    x = (left + right) / 2
    for point in ([x - 6, top], [x, top - 6], [x + 6, top]):
        page.click(*place(page, point))
    page.key("Enter")
    page.until(f"{QUIET} && view.frames[4].saved")
    page.key("t")
    corrected = read_folder(page.folder, f"labelme/{TABLE}")
    scope = load_case(corrected, corrected.cases[4])[1][..., 0]
    before = load_case(read_folder(page.folder), read_folder(page.folder).cases[4])[1][..., 0]
    assert scope[int(top - 3), int(x)]
    assert not before[int(top - 3), int(x)]
    assert np.count_nonzero(before & ~scope) <= 4


def test_keys_that_are_pressed_while_a_frame_opens_change_no_frame(page):
    go(page, 3)
    before = {path.name: path.read_bytes() for path in (page.folder / "labelme").iterdir()}
    # All in one go, before the server can answer.
    page.value(
        "['ArrowRight', 'Tab', 'X', 'z', 'e', 'Enter', 'ArrowLeft', 'Tab', 'X', 'Enter']"
        ".forEach(key => pressed(key))"
    )
    page.until(f"{QUIET} && document.documentElement.dataset.open == 3 && view.opened !== null")
    after = {path.name: path.read_bytes() for path in (page.folder / "labelme").iterdir()}
    assert after == before


def test_the_keys_are_shown_and_frames_played(page):
    go(page, 0)
    page.key("?")
    assert page.value("document.getElementById('help').open")
    page.key("Escape")
    page.until("!document.getElementById('help').open")
    page.key("h")
    assert page.value("drawing.above.getChildren().length") == 0
    page.key("h")
    page.key("1")
    page.key("2")
    assert page.value("drawing.above.getChildren().length") == 0
    page.key("1")
    page.key("2")
    low, high = page.value("view.window")
    page.key("]")
    assert page.value("view.window[1] - view.window[0]") < high - low
    page.key("w")
    assert page.value("view.window") == [low, high]
    page.key(" ")
    page.until("view.playing > 0")
    page.key(" ")
    page.until(f"{QUIET} && !view.playing")
    assert page.value("drawing.canvases.frame.width") == 64


def test_the_frame_that_the_network_is_least_sure_of_is_offered_next(page, tmp_path):
    folder = write_folder(tmp_path / "toy", cases=4)
    app = App(Asked(open_source(folder), predictions=OfModel(DarkPixels())))
    app.ranking.start()
    with serving(app) as server:
        page.open(server.address)
        page.until("view.ranked.length === 4 && view.planes !== null")
        order = page.value("view.ranked.map(({frame}) => frame)")
        scores = page.value("view.ranked.map(({unsure}) => unsure)")
        assert scores == sorted(scores, reverse=True)
        expected = [n for n in order if n != 0]
        page.key("Enter")  # the first frame is right as it is
        page.until(f"{QUIET} && document.documentElement.dataset.open == {expected[0]}")
        assert page.value("view.frames[0].saved")
        assert (folder / "labelme/c0.json").is_file()
        # A threshold that is moved changes what is painted.
        page.until("view.planes !== null")
        count = (
            "[...drawing.canvases.tint.getContext('2d').getImageData(0, 0, 64, 64).data]"
            ".filter((v, i) => i % 4 === 3 && v > 0).length"
        )
        before = page.value(count)
        page.value(
            "(() => { const slider = document.querySelector('.threshold input');"
            "slider.value = 0.99; slider.dispatchEvent(new Event('input')); })()"
        )
        assert 0 < page.value(count) < before
        page.key("p")
        page.until(f"{QUIET} && view.frames[view.n].saved")
        assert len(json.loads((folder / f"labelme/c{expected[0]}.json").read_text())["shapes"]) >= 2
    app.ranking.stop()
