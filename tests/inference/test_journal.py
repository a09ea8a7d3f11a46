import json
import os

import pytest

from fluorojax.core.errors import InputError
from fluorojax.inference.journal import FILE, Journal

CALL = {"parameters": "ab", "spacing_mm": None}
GIVEN = {"spacing_mm": [0.2, 0.2]}


@pytest.fixture
def frame(tmp_path):
    path = tmp_path / "frames" / "f1.png"
    path.parent.mkdir()
    path.write_bytes(b"pixels")
    return path


@pytest.fixture
def out(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    return out


def note(out, frame, case="c1", call=CALL):
    """Note a case and put its mask there, as `predict_cases` does."""
    (out / ".draft").write_text(case)
    journal = Journal(out, call, [frame])
    journal.add(case, frame, GIVEN, {f"{case}.png": out / ".draft"}, {"labels": []})
    (out / ".draft").rename(out / f"{case}.png")
    return journal


def test_a_frame_is_done_as_long_as_nothing_of_it_changes(out, frame):
    note(out, frame)
    journal = Journal(out, CALL, [frame])
    assert journal.is_done("c1", frame, GIVEN)
    assert not journal.is_done("c2", frame, GIVEN)
    assert not journal.is_done("c1", frame, {"spacing_mm": [0.3, 0.3]})
    frame.write_bytes(b"others")
    assert not journal.is_done("c1", frame, GIVEN)


@pytest.mark.parametrize("change", [os.remove, lambda path: path.write_text("other")])
def test_a_mask_that_is_gone_or_changed_is_made_again(out, frame, change):
    note(out, frame)
    change(out / "c1.png")
    assert not Journal(out, CALL, [frame]).is_done("c1", frame, GIVEN)


def test_another_call_is_refused_by_what_differs(out, frame):
    note(out, frame)
    with pytest.raises(InputError, match=r'parameters "ab", and this call has "cd"'):
        Journal(out, CALL | {"parameters": "cd"}, [frame])


def test_what_no_call_has_written_is_refused(out, frame):
    note(out, frame)
    (out / "notes.txt").touch()
    with pytest.raises(InputError, match=r"notes\.txt is no prediction"):
        Journal(out, CALL, [frame])
    with pytest.raises(InputError, match="is no folder"):
        Journal(out / "notes.txt", CALL, [frame])


def test_a_frame_in_the_folder_is_refused_through_links_too(out, frame, tmp_path):
    with pytest.raises(InputError, match=r"the frame .*f1\.png lies in it"):
        Journal(frame.parent, CALL, [frame])
    (tmp_path / "link").symlink_to(frame.parent)
    with pytest.raises(InputError, match="lies in it"):
        Journal(tmp_path / "link", CALL, [frame])


def test_a_line_that_was_cut_off_is_done_again(out, frame):
    note(out, frame)
    note(out, frame, "c2")
    lines = (out / FILE).read_text().splitlines()
    (out / FILE).write_text("\n".join([*lines[:2], lines[2][:40]]))
    (out / "c2.png").unlink()
    journal = note(out, frame, "c3")
    assert set(journal.entries) == {"c1", "c3"}
    assert set(Journal(out, CALL, [frame]).entries) == {"c1", "c3"}


@pytest.mark.parametrize("text", ["", "{", '{"case": "c1"}\n', "[1]\n", '{"call": 3}\n'])
def test_a_damaged_head_is_refused(out, frame, text):
    (out / FILE).write_text(text)
    with pytest.raises(InputError, match=r"is damaged; give a new --out"):
        Journal(out, CALL, [frame])


def test_each_line_is_json_of_its_own(out, frame):
    note(out, frame)
    head, entry = (json.loads(line) for line in (out / FILE).read_text().splitlines())
    assert head == {"call": CALL}
    assert entry["files"].keys() == {"c1.png"}


def test_a_part_of_a_run_is_no_place_for_predictions(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.json").write_text("{}")
    with pytest.raises(InputError, match="is a part of the run"):
        Journal(tmp_path / "run/evaluation/mine", CALL, [])
