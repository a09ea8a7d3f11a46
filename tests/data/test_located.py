import os
import unicodedata
from pathlib import Path

import pytest

from fluorojax.data.located import locate, missing

COMPOSED, APART = (unicodedata.normalize(form, "Länge.png") for form in ("NFC", "NFD"))


@pytest.fixture
def root(tmp_path):
    (tmp_path / "d/images").mkdir(parents=True)
    (tmp_path / "d/images/f1.png").touch()
    return tmp_path / "d"


def test_a_file_is_found_where_it_is(root):
    assert locate(root, "images/f1.png") == root / "images/f1.png"
    assert missing(root / "images/f1.png", root) == ""
    assert locate(root, str(root / "images/f1.png")) == root / "images/f1.png"


def test_backslashes_lead_to_the_same_file(root):
    assert locate(root, "images\\f1.png") == root / "images/f1.png"


@pytest.mark.skipif(os.name == "nt", reason="a backslash is no letter there")
def test_a_name_with_a_backslash_comes_first(root):
    (root / "images\\f1.png").touch()
    assert locate(root, "images\\f1.png").name == "images\\f1.png"


@pytest.mark.parametrize(("written", "there"), [(COMPOSED, APART), (APART, COMPOSED)])
def test_accents_are_found_in_their_other_form(root, written, there):
    (root / there).touch()
    assert os.path.samefile(locate(root, written), root / there)
    assert missing(locate(root, written), root) == ""


def test_the_first_class_stands_in_for_all(root):
    (root / "images/wire_1.png").touch()
    found = locate(root, "images\\{class}_1.png", ("{class}", "wire"))
    assert found == root / "images/{class}_1.png"


def test_why_a_file_is_missing(root):
    lost = missing(root / "images/f2.png", root)
    assert lost == f"no file {root / 'images/f2.png'}; correct the path, or put the file there"
    assert missing(root / "Images/F1.png", root).endswith(
        f"; perhaps {root / 'images/f1.png'}, which is spelled otherwise?"
    )
    assert missing(root / "images", root).startswith("a folder, not a file: ")
    assert "too long" in missing(root / ("a" * 300), root)


@pytest.mark.skipif(os.name == "nt", reason="these are paths there")
@pytest.mark.parametrize("text", ["C:\\data\\f1.png", "c:/data/f1.png", "\\\\host\\data\\f1.png"])
def test_paths_of_windows_are_named_as_such(root, text):
    assert "is an absolute path of Windows" in missing(locate(root, text), root)


def test_a_path_may_leave_the_folder(root):
    (root.parent / "shared.png").touch()
    assert missing(locate(root, "../shared.png"), root) == ""
    assert locate(root, "../shared.png") == root / Path("../shared.png")
