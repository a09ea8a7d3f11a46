import json

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from fluorojax.data.folder import check_folder, load_case, read_folder
from fluorojax.data.write_coco import write_coco
from tests.data.test_write_nnunet import assert_same, overlapping
from tests.folders import add_attributes, edit_csv, write_folder


def written(folder, out):
    return write_coco(read_folder(folder), out, lambda done: None)


def test_the_same_masks_come_back_and_more_than_coco_says(tmp_path):
    folder = add_attributes(overlapping(write_folder(tmp_path / "d", cases=10)))
    Image.fromarray(np.eye(64, dtype=np.uint8)).save(folder / "ignore.png")

    def change(rows):
        rows[1]["ignore"] = "ignore.png"
        rows[2]["annotation"] = ""
        return [r | {"row_spacing_mm": "0.2", "col_spacing_mm": "0.3"} for r in rows]

    edit_csv(folder / "cases.csv", change)
    (line,) = written(folder, tmp_path / "out")
    assert "10 cases (6 train, 2 validation, 2 test)" in line
    assert_same(folder, tmp_path / "out")
    assert read_folder(tmp_path / "out").info == read_folder(folder).info
    check_folder(tmp_path / "out")
    document = json.loads((tmp_path / "out/annotations/instances_train.json").read_text())
    assert "c2.png" not in [image["file_name"] for image in document["images"]]


def test_cocos_own_library_reads_it(tmp_path, capsys):
    folder = read_folder(overlapping(write_folder(tmp_path / "d", cases=5)))
    write_coco(folder, tmp_path / "out", lambda done: None)
    coco = COCO(str(tmp_path / "out/annotations/instances_train.json"))
    capsys.readouterr()
    for image in coco.loadImgs(coco.getImgIds()):
        case = next(case for case in folder.cases if f"{case.case}.png" == image["file_name"])
        _, mask, _ = load_case(folder, case)
        assert (tmp_path / "out/images" / image["file_name"]).is_file()
        for annotation in coco.loadAnns(coco.getAnnIds(image["id"])):
            of = mask[..., annotation["category_id"] - 1]
            np.testing.assert_array_equal(coco.annToMask(annotation), of)
            assert annotation["area"] == of.sum()
            rows, columns = np.nonzero(of)
            left, top, width, height = annotation["bbox"]
            assert (left, top) == (columns.min(), rows.min())
            assert (left + width, top + height) == (columns.max() + 1, rows.max() + 1)
            assert coco_mask.area(coco.annToRLE(annotation)) == of.sum()
