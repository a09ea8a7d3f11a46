import json

import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.data.folder import check_folder, fingerprint, load_case, read_folder
from tests.folders import frame

LABELS = {"background": 0, "scope": 1, "wire": 2}


def write_raw(root, cases=6, tests=2, names="case_{:03}", labels=None, **fields):
    """Write a raw folder of the frames of `tests.folders`, whose masks are 1 scope, 2 wire."""
    for name in ("imagesTr", "labelsTr", "imagesTs", "labelsTs"):
        (root / name).mkdir(parents=True)
    for n in range(cases + tests):
        image, mask = frame(n, 64)
        part, case = ("Tr" if n < cases else "Ts"), names.format(n)
        Image.fromarray(image).save(root / f"images{part}/{case}_0000.png")
        Image.fromarray(mask).save(root / f"labels{part}/{case}.png")
    usual = {
        "channel_names": {"0": "xray"},
        "labels": LABELS if labels is None else labels,
        "numTraining": cases,
    }
    (root / "dataset.json").write_text(json.dumps(usual | {"file_ending": ".png"} | fields))
    return root


def test_a_raw_folder_is_a_dataset_folder(tmp_path):
    root = write_raw(tmp_path / "Dataset501_toy")
    folder = read_folder(root)
    assert folder.info.name == "Dataset501_toy"
    assert [(c.name, c.kind) for c in folder.info.classes] == [
        ("scope", "region"),
        ("wire", "curve"),
    ]
    assert [case.split for case in folder.cases].count("train") == 4
    assert [case.split for case in folder.cases][-2:] == ["test", "test"]
    for n, case in enumerate(folder.cases):
        image, mask = frame(n, 64)
        found = load_case(folder, case)
        np.testing.assert_array_equal(found[0].pixels, image)
        np.testing.assert_array_equal(found[1], np.stack([mask == 1, mask == 2], -1))
        assert not found[2].any()
    table = check_folder(root)
    notes = " ".join(told for name, told in table.items() if name.startswith("note"))
    assert "class wire is taken for a curve: 3" in notes
    assert "each counts as a patient of its own" in notes
    assert "validation cases were drawn from 6 of imagesTr" in notes


def test_names_that_share_a_pattern_are_frames_of_a_patient(tmp_path):
    root = write_raw(tmp_path / "d")
    for part in ("imagesTr", "labelsTr", "imagesTs", "labelsTs"):
        for path in (root / part).iterdir():
            n = int(path.name.split("_")[1][:3])
            path.rename(path.with_name(path.name.replace(f"case_{n:03}", f"p{n // 2}_f{n:02}")))
    folder = read_folder(root)
    assert [case.patient for case in folder.cases] == [
        "p0",
        "p0",
        "p1",
        "p1",
        "p2",
        "p2",
        "p3",
        "p3",
    ]
    assert "taken for frames of 4 patients, such as p0" in " ".join(folder.notes)


def test_the_first_fold_is_taken(tmp_path):
    root = write_raw(tmp_path / "raw" / "d")
    names = [f"case_{n:03}" for n in range(6)]
    place = tmp_path / "nnUNet_preprocessed" / "d"
    place.mkdir(parents=True)
    before = fingerprint(read_folder(root))
    (place / "splits_final.json").write_text(json.dumps([{"train": names[2:], "val": names[:2]}]))
    folder = read_folder(root)
    assert [case.case for case in folder.split("validation")] == names[:2]
    assert fingerprint(folder) != before
    (place / "splits_final.json").write_text(json.dumps([{"train": names[3:], "val": names[:2]}]))
    with pytest.raises(InputError, match=r"do not hold the same cases, each once .case_002."):
        read_folder(root)


def test_without_labels_for_imagests_the_fold_tests(tmp_path):
    root = write_raw(tmp_path / "d")
    for path in (root / "labelsTs").iterdir():
        path.unlink()
    assert [case.labelled for case in read_folder(root).cases][-2:] == [False, False]
    names = [f"case_{n:03}" for n in range(6)]
    (root / "splits_final.json").write_text(json.dumps([{"train": names[2:], "val": names[:2]}]))
    folder = read_folder(root)
    assert [c.case for c in folder.split("test") if c.labelled] == names[:2]
    assert len(folder.split("validation")) == 1


def test_a_fold_that_parts_a_patient_is_refused_until_it_is_said(tmp_path):
    root = write_raw(tmp_path / "d", names="p{:01}_1", tests=0)
    for part in ("imagesTr", "labelsTr"):
        for path in (root / part).iterdir():
            n = int(path.name[1])
            path.rename(path.with_name(path.name.replace(f"p{n}_1", f"p{n % 3}_{n}")))
    cases = [f"p{n % 3}_{n}" for n in range(6)]
    (root / "splits_final.json").write_text(json.dumps([{"train": cases[2:], "val": cases[:2]}]))
    with pytest.raises(InputError, match=r'patient p\d is in 2 splits.*"split_unit": "sequence"'):
        read_folder(root)
    fields = json.loads((root / "dataset.json").read_text())
    (root / "dataset.json").write_text(json.dumps(fields | {"split_unit": "frame"}))
    assert read_folder(root).info.split_unit == "frame"


def test_ignored_pixels_and_regions(tmp_path):
    labels = {"background": 0, "all of it": [1, 2], "wire": 2, "ignore": 3}
    root = write_raw(tmp_path / "d", labels=labels, regions_class_order=[1, 2])
    path = root / "labelsTr/case_000.png"
    mask = np.asarray(Image.open(path)).copy()
    mask[:3] = 3
    Image.fromarray(mask).save(path)
    folder = read_folder(root)
    assert folder.info.class_names == ("all_of_it", "wire")
    _, found, ignore = load_case(folder, folder.cases[0])
    np.testing.assert_array_equal(ignore, mask == 3)
    np.testing.assert_array_equal(found[..., 0], (mask == 1) | (mask == 2))
    np.testing.assert_array_equal(found[..., 1], mask == 2)


def test_a_file_beside_says_what_nnunet_does_not(tmp_path):
    root = write_raw(tmp_path / "d")
    classes = [{"name": "wire", "kind": "curve"}, {"name": "scope", "kind": "region"}]
    beside = {"name": "mine", "classes": classes, "relation": {"child": "wire", "parent": "scope"}}
    (root / "fluorojax.json").write_text(json.dumps(beside))
    folder = read_folder(root)
    assert folder.info.name == "mine"
    assert folder.info.relation is not None
    _, mask = frame(0, 64)
    found = load_case(folder, folder.cases[0])[1]
    np.testing.assert_array_equal(found, np.stack([mask == 2, mask == 1], -1))
    (root / "fluorojax.json").write_text(
        json.dumps(beside | {"classes": classes[:1], "relation": None})
    )
    with pytest.raises(InputError, match=r"fluorojax\.json: classes wire, but dataset\.json has"):
        read_folder(root)


def test_a_table_of_cases_goes_before_guesses(tmp_path):
    root = write_raw(tmp_path / "d")
    rows = ["case,image,annotation,patient,split"]
    rows += [
        f"c{n},imagesTr/case_00{n}_0000.png,labelsTr/case_00{n}.png,p{n},{split}"
        for n, split in enumerate(("train", "validation", "test"))
    ]
    (root / "cases.csv").write_text("\n".join(rows))
    folder = read_folder(root)
    assert [case.patient for case in folder.cases] == ["p0", "p1", "p2"]
    _, mask = frame(1, 64)
    np.testing.assert_array_equal(load_case(folder, folder.cases[1])[1][..., 0], mask == 1)


def other(root, name, text=None):
    path = root / name
    path.write_bytes(path.with_name("case_000_0000.png").read_bytes())


BAD = [
    (lambda r: other(r, "imagesTr/case_000_0001.png"), r"case_000_0001\.png: .* have one channel"),
    (lambda r: other(r, "imagesTr/case_009.png"), r"case_009\.png: images are called CASE_0000"),
    (
        lambda r: (r / "labelsTr/case_001.png").unlink(),
        r"no file .*labelsTr/case_001\.png",
    ),
    (lambda r: other(r, "imagesTr/case_009_0000.png"), "numTraining is 6, but imagesTr has 7"),
]


@pytest.mark.parametrize(("spoil", "message"), BAD)
def test_files_that_do_not_fit_are_named(tmp_path, spoil, message):
    root = write_raw(tmp_path / "d")
    spoil(root)
    with pytest.raises(InputError, match=message):
        read_folder(root)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"channel_names": {"0": "R", "1": "G", "2": "B"}}, r"3 channels .R, G, B."),
        ({"channel_names": None}, "channel_names: write"),
        ({"modality": {"0": "x"}}, "nnUNetv2_convert_old_nnUNet_dataset"),
        ({"labels": {"0": "background", "1": "wire"}}, "first version; convert it"),
        ({"labels": []}, "labels: write"),
        ({"labels": {"background": 0, "wire": "x"}}, "label 'wire' is 'x': write a whole number"),
        ({"labels": {"background": 0}}, "0 labels; give 1 to 16"),
        ({"labels": {"background": 0, "a b": 1, "a_b": 2}}, "label 'a_b': rename it"),
        ({"file_ending": "png"}, "file_ending 'png': write one such as"),
        ({"file_ending": ".tif"}, r"no image \*_0000\.tif in imagesTr"),
    ],
)
def test_descriptions_that_do_not_fit_are_named(tmp_path, fields, message):
    root = write_raw(tmp_path / "d", **fields)
    with pytest.raises(InputError, match=rf"dataset\.json: .*{message}"):
        read_folder(root)


def test_an_unknown_value_is_named(tmp_path):
    root = write_raw(tmp_path / "d")
    path = root / "labelsTr/case_000.png"
    Image.fromarray(np.full((64, 64), 7, np.uint8)).save(path)
    with pytest.raises(InputError, match=r"unknown label value 7 .*allowed: labels 0, 1, 2"):
        check_folder(root)
