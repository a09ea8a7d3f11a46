import csv
import json
from pathlib import Path

import pydicom
import pytest

from fluorojax.core.errors import InputError
from fluorojax.data.folder import check_folder, read_folder
from fluorojax.datasets.source import open_folder
from fluorojax.planning.first import init_folder
from tests.data.test_nnunet import write_raw
from tests.folders import edit_csv, frame
from tests.planning.folders import (
    NAME,
    PATIENT_ID,
    centrelines,
    cvat_video,
    dicom,
    labelme,
    pictures,
    save,
    scene,
    segmentation,
)

REAL = Path(__file__).parents[2] / "../shared/data"


@pytest.fixture(autouse=True)
def _salt(monkeypatch):
    monkeypatch.setenv("FLUOROJAX_SALT", "salt")


def rows(root):
    with (root / "cases.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def labelled(root, count=12):
    pictures(root, [f"{n:03d}" for n in range(count)], masks="")
    for n in range(count):
        labelme(root / f"labels/{n:03d}.json")
    return root


def test_a_folder_of_pictures_and_labelme_files_passes_the_check(tmp_path):
    root = labelled(tmp_path / "my frames")
    proposal = init_folder(root)
    description = json.loads((root / "dataset.json").read_text())
    assert description == {
        "name": "my_frames",
        "classes": [{"name": "scope", "kind": "region"}, {"name": "wire", "kind": "curve"}],
        "relation": {"child": "wire", "parent": "scope"},
        "split_unit": "frame",
    }
    assert [r["attached"] for r in rows(root)] == ["yes"] * 12
    assert all(guess.reason for guess in proposal.guesses)
    assert check_folder(root)["name"] == "my_frames"


def test_a_line_away_from_what_it_comes_out_of_is_not_attached(tmp_path):
    root = labelled(tmp_path / "f")
    path = root / "labels/003.json"
    path.write_text(path.read_text().replace("[22, 30], ", ""))  # it begins 16 px away
    labelme(root / "labels/004.json", wire=False)
    proposal = init_folder(root)
    assert [r["attached"] for r in rows(root)][:6] == ["yes", "yes", "yes", "no", "", "yes"]
    (said,) = (guess for guess in proposal.guesses if guess.what == "attached")
    assert said.value == "yes in 10, no in 1 of 12"
    assert "no where all of wire lies clearly away from scope" in said.reason
    check_folder(root)


def test_again_nothing_is_changed_and_what_is_new_is_added(tmp_path):
    root = labelled(tmp_path / "f")
    init_folder(root)
    edit_csv(
        root / "cases.csv",
        lambda table: [r | {"patient": "anna", "stratum": "hard"} for r in reversed(table)],
    )
    description = (root / "dataset.json").read_bytes()
    before = (root / "cases.csv").read_bytes()
    assert init_folder(root).written[0].startswith("nothing: ")
    assert (root / "cases.csv").read_bytes() == before
    pictures(root, ["100"], masks="")
    labelme(root / "labels/100.json")
    proposal = init_folder(root)
    after = (root / "cases.csv").read_bytes()
    assert after.startswith(before)
    assert (root / "dataset.json").read_bytes() == description
    assert len(rows(root)) == 13
    assert rows(root)[-1]["case"] == "100"
    assert rows(root)[-1]["split"] in ("train", "validation", "test")
    assert "1 new frames behind the 12 there" in proposal.written[0]
    assert read_folder(root).info.name == "f"


def test_new_classes_and_late_annotations_are_told_and_not_written(tmp_path):
    root = labelled(tmp_path / "f")
    (root / "labels/011.json").unlink()
    init_folder(root)
    before = (root / "cases.csv").read_bytes()
    path = labelme(root / "labels/011.json")
    path.write_text(path.read_text().replace('"wire"', '"stent"'))
    told = " ".join(init_folder(root).remarks)
    assert "classes that dataset.json does not: stent" in told
    assert "1 rows have no annotation, but one is there now, such as labels/011.json" in told
    assert (root / "cases.csv").read_bytes() == before


def test_a_name_that_the_table_has_is_not_given_twice(tmp_path):
    root = labelled(tmp_path / "f")
    init_folder(root)
    edit_csv(root / "cases.csv", lambda table: [*table[:11], table[11] | {"case": "100"}])
    pictures(root, ["100"], masks="")
    init_folder(root)
    assert rows(root)[-1]["case"] == "100_2"
    read_folder(root)


def test_without_an_annotation_nothing_is_written(tmp_path):
    root = pictures(tmp_path / "f", ["a"], masks="")
    with pytest.raises(InputError, match=r"no annotation of a frame.*nothing was written"):
        init_folder(root)
    assert [p.name for p in root.iterdir()] == ["images"]


def test_lines_without_a_width_are_given_one_to_correct(tmp_path):
    root = pictures(tmp_path / "f", [f"{n:03d}" for n in range(12)], masks="")
    for n in range(12):
        labelme(root / f"{n:03d}.json", width="")
    proposal = init_folder(root)
    assert json.loads((root / "dataset.json").read_text())["line_width_px"] == {"wire": 4.0}
    assert any(g.what == "line_width_px" and "12 lines" in g.reason for g in proposal.guesses)
    check_folder(root)


def test_a_folder_of_nnunet_needs_no_tables(tmp_path):
    root = write_raw(tmp_path / "Dataset001_x")
    with pytest.raises(InputError, match="a folder of nnU-Net, which is read as it is"):
        init_folder(root)


def cines(root):
    """Four patients, a cine each; one file is named after the patient."""
    for n, name in enumerate(["IM1", "b.dcm", "jane.dcm", "d.dcm"]):
        dicom(root / name, 3, patient=f"{PATIENT_ID}-{n}", seed=n)
        for number in (1, 3):
            labelme(root / f"labels/{name.removesuffix('.dcm')}_{number:04d}.json")
    return root


def test_no_word_of_a_header_is_written(tmp_path):
    root = cines(tmp_path / "f")
    proposal = init_folder(root)
    written = (root / "cases.csv").read_text() + (root / "dataset.json").read_text()
    headers = [NAME, "DOE", PATIENT_ID, "1950", "2024", "1.2.826"]
    assert not [word for word in headers if word in written]
    assert "jane" not in {r["case"] for r in rows(root)}
    assert any("1 files say who somebody is" in remark for remark in proposal.remarks)
    assert len({r["patient"] for r in rows(root)}) == 4
    assert {r["row_spacing_mm"] for r in rows(root) if "row_spacing_mm" in r} == set()
    check_folder(root)


def test_of_a_cine_the_annotated_frames_have_a_row(tmp_path):
    root = cines(tmp_path / "f")
    proposal = init_folder(root)
    assert [r["frame"] for r in rows(root) if r["image"] == "IM1"] == ["1", "3"]
    assert any("4 others are left out" in remark for remark in proposal.remarks)
    labelme(root / "labels/IM1_0002.json")
    init_folder(root)
    last = rows(root)[-1]
    assert (last["case"], last["frame"], last["annotation"]) == (
        *("IM1_0002", "2", "labels/IM1_0002.json"),
    )
    assert last["split"] == next(r["split"] for r in rows(root) if r["image"] == "IM1")


def segmented(root, numbers):
    """Write a cine a patient, and segmentations without an ending that show two frames of each."""
    for n in numbers:
        cine = dicom(root / f"p{n}/IM1", 3, patient=f"{PATIENT_ID}-{n}", seed=n)
        segmentation(root / f"p{n}/IM2", cine, {1: scene(), 3: scene(wire=n != 2)})


def lined(root, numbers):
    """Write three pictures a number, and tables of a line each, without a class or a width."""
    for n in numbers:
        for k in range(3):
            picture, _ = frame(10 * n + k)
            save(root / f"images/{n}{k}.png", picture)
            centrelines(root / f"centrelines/{n}{k}.csv", of="", width="", tip=50 + n + k)


def filmed(root, numbers):
    """Write a cine a patient, and CVAT's file of its video, of which it shows two frames."""
    for n in numbers:
        dicom(root / f"p{n}/run{n}.dcm", 3, patient=f"{PATIENT_ID}-{n}", seed=n)
        cvat_video(root / f"p{n}/annotations.xml", (0, 1), f"run{n}.mp4", width="")


OF_TOOLS = [
    (
        segmented,
        {"Guide_wire": "curve", "Scope": "region"},
        {
            "label_names": {"Guide wire": "Guide_wire"},
            "relation": {"child": "Guide_wire", "parent": "Scope"},
        },
    ),
    (lined, {"object": "curve"}, {"line_width_px": {"object": 4.0}, "split_unit": "frame"}),
    (
        filmed,
        {"scope": "region", "wire": "curve"},
        {"line_width_px": {"wire": 4.0}, "relation": {"child": "wire", "parent": "scope"}},
    ),
]


@pytest.mark.parametrize(("make", "classes", "more"), OF_TOOLS)
def test_what_tools_write_needs_no_edit(tmp_path, make, classes, more):
    root = tmp_path / "f"
    make(root, range(4))
    proposal = init_folder(root)
    written = [{"name": name, "kind": kind} for name, kind in classes.items()]
    expected = {"name": "f", "classes": written, **more}
    assert json.loads((root / "dataset.json").read_text()) == expected
    assert {guess.what for guess in proposal.guesses} >= {f"class {name}" for name in classes}
    assert all(guess.reason for guess in proposal.guesses)
    assert not [remark for remark in proposal.remarks if remark.startswith("left out: ")]
    found = check_folder(root)
    assert not [note for note in found.values() if "have one annotation" in note]
    dataset = open_folder(root, "cases.csv", tmp_path / "built")
    assert len(dataset.index) == len(rows(root))


@pytest.mark.parametrize("make", [make for make, _, _ in OF_TOOLS])
def test_what_tools_write_later_is_added(tmp_path, make):
    root = tmp_path / "f"
    make(root, range(4))
    init_folder(root)
    description = json.loads((root / "dataset.json").read_text()) | {"description": "mine"}
    (root / "dataset.json").write_text(json.dumps(description))
    edit_csv(root / "cases.csv", lambda table: [r | {"stratum": "hard"} for r in table[::-1]])
    before = (root / "cases.csv").read_bytes()
    proposal = init_folder(root)
    assert proposal.written[0].startswith("nothing: ")
    assert not [remark for remark in proposal.remarks if "annotations name classes" in remark]
    count = len(rows(root))
    make(root, [4])
    init_folder(root)
    assert (root / "cases.csv").read_bytes().startswith(before)
    assert json.loads((root / "dataset.json").read_text()) == description
    assert len(rows(root)) == count * 5 // 4
    check_folder(root)


def test_a_segmentation_s_path_that_says_who_somebody_is_is_told(tmp_path):
    for n, name in enumerate(["a.dcm", "jane.dcm", "b.dcm"]):
        cine = dicom(tmp_path / f"f/p{n}/IM1", 2, patient=f"{PATIENT_ID}-{n}", seed=n)
        named = pydicom.dcmread(segmentation(tmp_path / "f/seg" / name, cine, {1: scene()}))
        named.PatientName = NAME
        named.save_as(tmp_path / "f/seg" / name)
    told = init_folder(tmp_path / "f").remarks
    assert any(remark.startswith("the paths of 1 files say who somebody is") for remark in told)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kinds", "related"),
    [
        ("carm_wire", {"instrument": "region", "wire": "curve"}, True),
        ("coronary_xa", {"object": "curve"}, False),
        ("jtml_knee", {"class_1": "region", "class_2": "region"}, False),
    ],
)
def test_real_folders_without_their_tables(tmp_path, name, kinds, related):
    if not (REAL / name).is_dir():
        pytest.skip(f"{REAL / name} is not there")
    for part in (REAL / name).iterdir():
        if part.is_dir() and part.name != "models":
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / part.name).mkdir()
            for file in part.iterdir():
                (tmp_path / name / part.name / file.name).symlink_to(file)
    init_folder(tmp_path / name)
    info = read_folder(tmp_path / name).info
    assert {c.name: c.kind for c in info.classes} == kinds
    assert (info.relation is not None) == related
    check_folder(tmp_path / name)
