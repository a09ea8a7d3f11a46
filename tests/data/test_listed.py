import json

import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.data.folder import check_folder, fingerprint, load_case, read_folder
from tests.folders import edit_csv, write_folder

CATEGORIES = [{"id": 1, "name": "scope"}, {"id": 2, "name": "wire"}]
BOX = {"segmentation": [[3, 2, 10, 2, 10, 8, 3, 8]], "category_id": 1}


def by_coco(tmp_path, names, **fields):
    """Write a folder without masks whose COCO file lists `names`, each with a box."""
    folder = write_folder(tmp_path / "d", cases=5, size=32, coco="coco.json")
    edit_csv(folder / "cases.csv", lambda rows: [r | {"annotation": ""} for r in rows])
    images = [
        {"id": n, "file_name": name, "height": 32, "width": 32} for n, name in enumerate(names)
    ]
    document = {
        "images": images,
        "categories": CATEGORIES,
        "annotations": [BOX | {"id": n, "image_id": n} for n in range(len(names))],
    }
    (folder / "coco.json").write_text(json.dumps(document | fields))
    return folder


ALL = [f"images/{n}.png" for n in range(5)]


@pytest.mark.parametrize("form", ["images/{}.png", "{}.png", "C:\\x\\y\\{}.png", "./{}.jpg"])
def test_cases_without_annotation_are_labelled_by_coco(tmp_path, form):
    folder = read_folder(by_coco(tmp_path, [form.format(n) for n in range(5)]))
    assert all(case.labelled for case in folder.cases)
    for case in folder.cases:
        assert load_case(folder, case)[1].sum((0, 1)).tolist() == [42, 0]
    check_folder(folder.root)


def test_an_image_that_is_not_listed_is_unlabelled(tmp_path):
    folder = by_coco(tmp_path, ALL[1:])
    assert [case.labelled for case in read_folder(folder).cases] == [False] + [True] * 4


def test_a_listed_image_without_annotations_is_labelled_and_empty(tmp_path):
    folder = read_folder(by_coco(tmp_path, ALL, annotations=[]))
    assert all(case.labelled for case in folder.cases)
    assert not load_case(folder, folder.cases[0])[1].any()


def test_an_annotation_of_its_own_goes_before(tmp_path):
    root = by_coco(tmp_path, ALL)
    edit_csv(
        root / "cases.csv",
        lambda rows: [
            r | {"annotation": "masks/0.png"} if not n else r for n, r in enumerate(rows)
        ],
    )
    folder = read_folder(root)
    expected = np.asarray(Image.open(root / "masks/0.png")) == 1
    np.testing.assert_array_equal(load_case(folder, folder.cases[0])[1][..., 0], expected)


def test_a_picture_of_another_folder_is_another(tmp_path):
    names = [*ALL[1:], "other/0.png"]
    assert not read_folder(by_coco(tmp_path, names)).cases[0].labelled


def test_a_file_that_lists_nothing_of_the_table_is_refused(tmp_path):
    folder = by_coco(tmp_path, ["x.png"])
    with pytest.raises(
        InputError, match=r"lists none of the 5 pictures .*'x.png', the table 0.png"
    ):
        read_folder(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "coco of dataset.json: no file"), ('{"shapes": []}', "is no COCO file")],
)
def test_a_file_that_is_none_is_refused(tmp_path, content, message):
    folder = by_coco(tmp_path, ALL)
    (folder / "coco.json").unlink()
    if content:
        (folder / "coco.json").write_text(content)
    with pytest.raises(InputError, match=message):
        read_folder(folder)


def test_one_picture_for_two_cases_is_refused(tmp_path):
    folder = by_coco(tmp_path, ["0.png"])
    (folder / "other").mkdir()
    (folder / "images/1.png").rename(folder / "other/0.png")
    edit_csv(folder / "cases.csv", lambda rows: rows[1].update(image="other/0.png"))
    with pytest.raises(InputError, match=r"cases c0 and c1: .* has one picture for both, '0.png'"):
        read_folder(folder)


def test_the_fingerprint_changes_with_the_annotations(tmp_path):
    folder = by_coco(tmp_path, ALL)
    before = fingerprint(read_folder(folder))
    document = json.loads((folder / "coco.json").read_text())
    document["annotations"].pop()
    (folder / "coco.json").write_text(json.dumps(document))
    assert fingerprint(read_folder(folder)) != before
