import json
import threading

import pytest

from fluorojax.core.errors import InputError
from fluorojax.viewer.store import MARK, StaleError, Store, checksum

DOCUMENT = {"version": "5.4.1", "shapes": [{"label": "wire"}], "imageHeight": 4, "imageWidth": 4}
OTHER = {**DOCUMENT, "shapes": []}


def test_what_is_saved_is_there_and_ours(tmp_path):
    store = Store(tmp_path / "labelme")
    assert store.load("c1") is None
    assert not store.is_ours("c1")
    assert store.revision("c1") == ""
    revision = store.save("c1", DOCUMENT, "")
    assert store.load("c1") == {**DOCUMENT, MARK: revision}
    assert store.is_ours("c1")
    assert store.revision("c1") == revision == checksum(DOCUMENT["shapes"])
    store.save("c1", OTHER, revision)
    assert [p.name for p in store.folder.iterdir()] == ["c1.json"]


def test_a_file_of_somebody_else_is_kept_each_time(tmp_path):
    store = Store(tmp_path)
    first = json.dumps(DOCUMENT)
    store.path("c1").write_text(first)
    revision = store.save("c1", OTHER, store.revision("c1"))
    assert (tmp_path / "c1.json.kept-1").read_text() == first
    # LabelMe keeps the mark, but its user has drawn something else.
    changed = json.dumps({**OTHER, "shapes": [{"label": "scope"}], MARK: revision})
    store.path("c1").write_text(changed)
    assert not store.is_ours("c1")
    store.save("c1", DOCUMENT, store.revision("c1"))
    assert (tmp_path / "c1.json.kept-2").read_text() == changed
    assert (tmp_path / "c1.json.kept-1").read_text() == first


def test_a_file_that_was_changed_meanwhile_is_not_replaced(tmp_path):
    store = Store(tmp_path)
    store.save("c1", DOCUMENT, "")
    with pytest.raises(StaleError, match=r"case c1: .*changed elsewhere"):
        store.save("c1", OTHER, "")
    assert store.load("c1")["shapes"] == DOCUMENT["shapes"]


def test_of_two_that_save_at_once_one_is_told(tmp_path):
    store, outcomes = Store(tmp_path), []

    def save(n):
        try:
            store.save("c1", {**DOCUMENT, "shapes": [{"label": str(n)}]}, "")
            outcomes.append("saved")
        except StaleError:
            outcomes.append("told")

    threads = [threading.Thread(target=save, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["saved", *["told"] * 7]


def test_names_that_no_system_writes_have_files_of_their_own(tmp_path):
    store = Store(tmp_path)
    for name in ("a:b", "a?b", "CON", "é" * 300):
        store.save(name, DOCUMENT, "")
        assert store.is_ours(name)
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("text", ["{", "[]", '{"shapes": 3}'])
def test_a_damaged_file_is_named_and_left(tmp_path, text):
    store = Store(tmp_path)
    store.path("c1").write_text(text)
    with pytest.raises(InputError, match="c1"):
        store.load("c1")
    assert not store.is_ours("c1")
    with pytest.raises(InputError, match="c1"):
        store.save("c1", DOCUMENT, "")
    assert store.path("c1").read_text() == text


def test_where_nothing_can_be_written_that_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        Store(tmp_path / "file").save("c1", DOCUMENT, "")
