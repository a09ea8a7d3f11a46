import json
import sys

import numpy as np
import pytest
from PIL import Image

from benchmarks.pages import differences
from fluorojax.core.errors import InputError
from fluorojax.drawing import archive
from fluorojax.drawing.overlay import overlay, save_png
from tests.compare.constructed import rows_of, write_run

SHAPE = (96, 120)
# One frame a patient, two of the last: clDice of each seed of theirs, then of ours.
SCORES = {
    "p0": (0.1, 0.9),
    "p1": (0.2, 0.8),
    "p2": (0.3, 0.7),
    "p3": (0.4, 0.7),
    "p4": (0.9, 0.2),
    "p5": (0.2, 0.1),
    "p6": (0.3, 0.31),
    "p7": (0.0, 0.0),
}


def rows(method, seed):
    """Rows of one frame a patient; p7 shows no wire."""
    made = [row for row in rows_of(0.0, seed, differences.WIRE) if row["case"].endswith("0")]
    for row in made:
        row["cldice"] = SCORES[row["patient"]][method == "joint"] + 0.01 * seed
        row["status"] = "false_alarm" if row["patient"] == "p7" else "scored"
    return made


def write(root, method, seed):
    folder = write_run(root, method, seed, rows(method, seed))
    record = json.loads((folder / "config.json").read_text())
    record["dataset"]["classes"] = [{"name": differences.WIRE}]
    (folder / "config.json").write_text(json.dumps(record))
    reference = np.zeros((*SHAPE, 1), bool)
    reference[40:43, 60:110] = True
    image = np.tile(np.linspace(0, 1, SHAPE[1], dtype=np.float32), (SHAPE[0], 1))
    for patient in SCORES:
        path = folder / "evaluation" / "test"
        nothing = np.zeros(SHAPE, bool)
        found = reference.astype(np.float32)
        archive.save(path / "maps" / f"c{patient[1]}0.png", image, nothing, found, reference)
        drawn = overlay(image, reference, reference, nothing, [differences.WIRE])
        save_png(drawn, path / "overlays" / f"c{patient[1]}0.png")
    return folder


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    root = tmp_path_factory.mktemp("grid")
    for method, seeds in (("separate", (0, 1)), ("joint", (0, 1, 2))):
        for seed in seeds:
            write(root, method, seed)
    return root


def test_frames_are_chosen_by_the_means_over_shared_seeds(grid):
    ours, theirs = differences.runs_of_both(grid, "test", "joint", "separate")
    assert [run.seed for run in ours] == [run.seed for run in theirs] == [0, 1]
    ahead, behind, both = differences.groups(ours, theirs).values()
    assert [case.patient for case in ahead] == ["p0", "p1", "p2"]
    assert [case.patient for case in behind] == ["p4", "p5"]
    assert [case.patient for case in both] == ["p6", "p3"]
    assert ahead[0].ours == pytest.approx(0.905)
    assert differences.score("c00", ours) == "clDice seed 0: 0.90, mean of 2 0.91"


def test_a_group_has_one_frame_a_patient():
    cases = [differences.Shown(f"c{n}", f"p{n // 2}", "", 0.1 * n, 0.0) for n in range(6)]
    assert [c.case for c in differences.first(cases, lambda c: -c.ours, 2)] == ["c5", "c3"]


def test_the_square_holds_the_wires_and_stays_in_the_frame():
    mask = np.zeros(SHAPE, bool)
    mask[2:5, 100:119] = True
    row, column, side = differences.around([mask], SHAPE)
    assert (row, column + side) == (0, SHAPE[1])
    assert side == int(differences.LEAST * SHAPE[0])
    everywhere = np.ones(SHAPE, bool)
    assert differences.around([everywhere], SHAPE) == (0, 12, SHAPE[0])


def test_the_picture_has_a_row_a_frame_and_shows_what_was_found(grid, tmp_path, monkeypatch):
    out = tmp_path / "new" / "differences.png"
    monkeypatch.setattr(sys, "argv", ["differences", str(grid), "--out", str(out)])
    differences.main()
    with Image.open(out) as opened:
        picture = np.asarray(opened.convert("RGB")).astype(int)
    assert picture.shape[1] == 4 * differences.SIDE + 3 * differences.GAP
    assert picture.shape[0] > 7 * differences.SIDE
    blue = picture[..., 2] > picture[..., 0] + 40
    by_panel = [
        blue[60:, k * (differences.SIDE + differences.GAP) :][:, : differences.SIDE].sum()
        for k in range(4)
    ]
    assert by_panel[0] == 0
    assert min(by_panel[1:]) > 7 * 100


def test_methods_without_a_shared_seed_are_refused(grid, tmp_path):
    with pytest.raises(InputError, match="no seed of which joint and cascade are both scored"):
        differences.runs_of_both(grid, "test", "joint", "cascade")


def test_kept_results_have_no_pictures_and_it_is_said(grid, tmp_path):
    with pytest.raises(InputError, match="name the runs themselves"):
        differences.evaluated(tmp_path / "none.png", SHAPE)
