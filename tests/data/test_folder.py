import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.data.folder import (
    check_cases,
    check_folder,
    fingerprint,
    load_case,
    read_cases,
    read_folder,
)
from fluorojax.data.problems import MAX_PROBLEMS
from tests.folders import add_attributes, edit_csv, write_folder

REAL = Path(__file__).parents[2] / "../shared/data"


@pytest.fixture
def toy(tmp_path):
    return write_folder(tmp_path / "toy", size=48)


def edit_table(folder, change):
    edit_csv(folder / "cases.csv", change)


def edit_description(folder, **fields):
    path = folder / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def set_field(row, **fields):
    return lambda rows: rows[row].update(fields)


def test_a_sound_folder(toy):
    edit_table(
        toy, lambda rows: [r | {"row_spacing_mm": "0.2", "col_spacing_mm": ".25"} for r in rows]
    )
    folder = read_folder(toy)
    assert folder.info.class_names == ("scope", "wire")
    assert folder.info.curves == (1,)
    assert folder.encoding == "bitmask"
    case = folder.cases[3]
    assert (case.case, case.patient, case.split) == ("c3", "p3", "validation")
    assert (case.attached, case.frame, case.ignore, case.labelled) == (1, -1, None, True)
    assert case.spacing_mm == (0.2, 0.25)
    frame, mask, ignore = load_case(folder, case)
    assert frame.pixels.dtype == np.uint16
    assert frame.spacing_mm == (float(np.float32(0.2)), 0.25)
    assert (frame.plane, frame.source) == ("object", str(case.image))
    assert mask.shape == (48, 48, 2)
    assert not ignore.any()


def test_only_case_image_and_patient_are_needed(toy):
    edit_table(toy, lambda rows: [{k: r[k] for k in ("patient", "image", "case")} for r in rows])
    with pytest.raises(InputError) as error:
        read_folder(toy)
    # Nothing is wrong but that nothing is labelled.
    assert "has no labelled case" in str(error.value)
    assert "column" not in str(error.value).replace("column 'split'", "")


def test_blank_lines_and_a_byte_order_mark_are_taken(toy):
    text = (toy / "cases.csv").read_text()
    (toy / "cases.csv").write_text("\ufeff" + text + "\n,,,,,,\n", encoding="utf-8")
    assert len(read_folder(toy).cases) == 10


def test_another_table_may_be_named(toy):
    (toy / "cases.csv").rename(toy / "other.csv")
    assert len(read_folder(toy, "other.csv").cases) == 10
    with pytest.raises(InputError, match=r"cases\.csv: not there"):
        read_folder(toy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            set_field(0, split="training"),
            "case c0: split 'training': write train, validation, test",
        ),
        (set_field(0, split=""), "case c0: split ''"),
        (set_field(0, case="c1"), "case c1 stands there 2 times"),
        (set_field(0, case="a/b"), "case a/b: a case names files"),
        (set_field(0, case=""), "line 2: column 'case' is empty"),
        (set_field(2, patient=""), "case c2: column 'patient' is empty"),
        (set_field(2, attached="maybe"), "case c2: attached 'maybe': write yes, no, or nothing"),
        (set_field(2, image="images/gone.png"), r"case c2: no file .*images/gone\.png"),
        (set_field(2, annotation="masks/gone.png"), r"case c2: no file .*masks/gone\.png"),
        (set_field(2, ignore="gone.png"), r"case c2: no file .*gone\.png"),
        (
            set_field(2, annotation="masks/2_{class}.png"),
            "case c2: .*goes with mask_encoding per_cl",
        ),
        (
            set_field(3, patient="p0"),
            r"patient p0 is in 2 splits: train \(case c0\), validation \(ca",
        ),
        (
            set_field(3, image="images/0.png"),
            r"images/0\.png is in two splits: case c0 \(train\), c3",
        ),
        (lambda rows: [r for r in rows if r["split"] != "test"], "split 'test' has no case; write"),
        (
            lambda rows: [
                r | {"annotation": r["annotation"] * (r["split"] != "test")} for r in rows
            ],
            "split 'test' has no labelled case",
        ),
        (
            lambda rows: [{k: v for k, v in r.items() if k != "patient"} for r in rows],
            r"no column 'patient'; add it",
        ),
        (lambda rows: [r | {"pateint": ""} for r in rows], "unknown column 'pateint'"),
        (lambda rows: [r | {"frame": "3.5"} for r in rows], "case c0: frame '3.5'"),
    ],
)
def test_what_is_wrong_with_the_table_is_named(toy, change, message):
    edit_table(toy, change)
    with pytest.raises(InputError, match=message) as error:
        read_folder(toy)
    assert "cases.csv" in str(error.value)


@pytest.mark.parametrize(
    "spacing", [("0", "0.1"), ("-1", "1"), ("a", "1"), ("", "1"), ("nan", "1")]
)
def test_a_spacing_that_is_no_positive_number_is_named(toy, spacing):
    fields = dict(zip(("row_spacing_mm", "col_spacing_mm"), spacing, strict=True))
    edit_table(toy, lambda rows: [r | fields for r in rows])
    with pytest.raises(InputError, match=f"case c0: row_spacing_mm '{spacing[0]}'.*positive"):
        read_folder(toy)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("case,image,patient\n", "no cases; write one line a frame"),
        ("case;image;patient\n1;2;3\n", "columns are separated by ';'"),
        ("case,image,patient\n1,2\n", "line 2: 2 values under 3 columns"),
        ("case,image,patient,case\n1,2,3,4\n", "column 'case' stands there 2 times"),
    ],
)
def test_a_broken_table_is_named(toy, text, message):
    (toy / "cases.csv").write_text(text)
    with pytest.raises(InputError, match=rf"cases\.csv: {message}"):
        read_folder(toy)


def test_a_mask_needs_an_encoding_but_labelme_does_not(toy):
    fields = json.loads((toy / "dataset.json").read_text())
    del fields["mask_encoding"]
    (toy / "dataset.json").write_text(json.dumps(fields))
    with pytest.raises(InputError, match="no mask_encoding"):
        read_folder(toy)
    empty = json.dumps({"shapes": [], "imageHeight": 48, "imageWidth": 48})
    (toy / "empty.json").write_text(empty)
    edit_table(toy, lambda rows: [r | {"annotation": "empty.json"} for r in rows])
    assert check_cases(read_folder(toy)).pixels == {"scope": 0, "wire": 0}


def test_everything_that_is_wrong_is_told_at_once(toy):
    edit_table(toy, lambda rows: [r | {"attached": "x"} for r in rows[:2]] + rows[2:])
    edit_table(toy, set_field(4, image="gone.png"))
    with pytest.raises(InputError, match="3 problems") as error:
        read_folder(toy)
    for name in ("case c0", "case c1", "case c4"):
        assert name in str(error.value)


def test_a_long_list_of_problems_is_cut(tmp_path):
    toy = write_folder(tmp_path / "toy", cases=40, size=32)
    edit_table(toy, lambda rows: [r | {"attached": "x"} for r in rows])
    with pytest.raises(InputError, match="40 problems") as error:
        read_folder(toy)
    assert len(str(error.value).splitlines()) == 1 + MAX_PROBLEMS + 1
    assert "and 20 more" in str(error.value)


def test_patients_may_be_shared_when_the_folder_says_so(toy):
    edit_table(
        toy, lambda rows: [r | {"patient": "p", "sequence": f"s{n}"} for n, r in enumerate(rows)]
    )
    with pytest.raises(InputError, match=r"patient p is in 3 splits.*split_unit"):
        read_folder(toy)
    for unit in ("sequence", "frame"):
        edit_description(toy, split_unit=unit)
        assert read_folder(toy).info.split_unit == unit


def test_a_sequence_in_two_splits_is_named(toy):
    edit_description(toy, split_unit="sequence")
    edit_table(toy, lambda rows: [r | {"patient": "p", "sequence": "s"} for r in rows])
    with pytest.raises(InputError, match="sequence p/s is in 3 splits"):
        read_folder(toy)
    edit_table(toy, lambda rows: [r | {"sequence": ""} for r in rows])
    with pytest.raises(InputError, match="case c0: no sequence"):
        read_folder(toy)


def test_absent_splits_are_drawn_and_a_new_patient_moves_nobody(tmp_path):
    before = write_folder(tmp_path / "before", cases=30, size=32)
    after = write_folder(tmp_path / "after", cases=31, size=32)
    for toy in (before, after):
        edit_table(toy, lambda rows: [r | {"split": ""} for r in rows])
    drawn = [{c.patient: c.split for c in read_folder(toy).cases} for toy in (before, after)]
    assert len(drawn[0]) == 30
    assert drawn[0].items() <= drawn[1].items()
    assert set(drawn[0].values()) == {"train", "validation", "test"}


def test_a_drawn_split_without_patients_says_how_to_mend_it(toy):
    edit_table(toy, lambda rows: [r | {"split": "", "patient": "p0"} for r in rows])
    with pytest.raises(InputError, match=r"split 'train' has no case; the splits were drawn.*fill"):
        read_folder(toy)


def test_every_pixel_is_checked_and_every_bad_case_named(toy):
    whole = (toy / "images/0.png").read_bytes()
    (toy / "images/0.png").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(toy / "masks/1.png")
    Image.fromarray(np.full((48, 48), 4, np.uint8)).save(toy / "masks/2.png")
    with pytest.raises(InputError, match="3 problems") as error:
        check_cases(read_folder(toy))
    message = str(error.value)
    for part in (
        "case c0: ", "images/0.png: cannot be decoded", "masks/1.png: case c1: the mask is 9 x 9",
        "masks/2.png: case c2: unknown label value 4",
    ):  # fmt: skip
        assert part in message


def test_the_summary_counts(toy):
    edit_table(toy, set_field(0, annotation=""))
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(toy / "images/0.png")
    summary = check_cases(read_folder(toy))
    assert summary.frames == {"train": 6, "validation": 2, "test": 2}
    assert summary.labelled == {"train": 5, "validation": 2, "test": 2}
    assert summary.patients == {"train": 6, "validation": 2, "test": 2}
    assert summary.sizes == {(48, 48): 9, (20, 30): 1}
    assert summary.image_dtype == "uint16"
    masks = [np.asarray(Image.open(toy / f"masks/{n}.png")) for n in range(1, 10)]
    assert summary.pixels == {
        "scope": sum((m == 1).sum() for m in masks),
        "wire": sum((m == 2).sum() for m in masks),
    }
    table = check_folder(toy)
    assert table["name"] == "toy"
    assert table["train"] == "6 frames (5 labelled), 6 patients"


def test_a_class_that_a_split_lacks_is_noted(toy):
    for n in (4, 9):
        mask = np.asarray(Image.open(toy / f"masks/{n}.png"))
        Image.fromarray(mask * (mask == 1)).save(toy / f"masks/{n}.png")
    assert check_cases(read_folder(toy)).notes == ("class wire has no pixel in any case of test",)


def test_the_fingerprint_is_that_of_the_contents(tmp_path):
    one, two = (write_folder(tmp_path / name, size=32) for name in ("one", "two"))
    assert fingerprint(read_folder(one)) == fingerprint(read_folder(two))
    assert len(fingerprint(read_folder(one))) == 64
    mask = np.asarray(Image.open(two / "masks/3.png")).copy()
    mask[0, 0] ^= 1
    Image.fromarray(mask).save(two / "masks/3.png")
    assert fingerprint(read_folder(one)) != fingerprint(read_folder(two))


def test_an_unknown_spacing_is_nan(toy):
    assert all(math.isnan(mm) for mm in read_folder(toy).cases[0].spacing_mm)


def test_attached_needs_a_relation(toy):
    edit_description(toy, relation=None)
    with pytest.raises(InputError, match=r"case c0: attached is given, but dataset\.json has no"):
        read_folder(toy)


@pytest.mark.skipif(not REAL.exists(), reason="the real frames lie beside the project, not in it")
@pytest.mark.parametrize(
    ("name", "table", "frames", "size", "dtype"),
    [
        ("carm_wire", "cases.csv", (6, 2, 4), (1024, 1024), "uint16"),
        ("carm_wire", "cases_labelme.csv", (6, 2, 4), (1024, 1024), "uint16"),
        ("coronary_xa", "cases.csv", (35, 5, 20), (300, 300), "uint8"),
    ],
)
def test_real_folders_are_sound(name, table, frames, size, dtype):
    summary = check_cases(read_folder(REAL / name, table))
    assert tuple(summary.frames.values()) == tuple(summary.labelled.values()) == frames
    assert summary.sizes == {size: sum(frames)}
    assert summary.image_dtype == dtype
    assert summary.notes == ()


def test_a_level_is_kept_in_the_users_words_and_is_part_of_the_content(toy):
    before = fingerprint(read_folder(toy))
    assert read_folder(toy).cases[0].stratum == ""
    edit_table(toy, lambda rows: [r | {"stratum": "over bone"} for r in rows])
    folder = read_folder(toy)
    assert {case.stratum for case in folder.cases} == {"over bone"}
    assert fingerprint(folder) != before


def test_what_is_only_looked_at_needs_no_splits(toy):
    edit_table(toy, lambda rows: rows[:2])
    with pytest.raises(InputError, match="split 'test' has no case"):
        read_folder(toy)
    assert [case.case for case in read_cases(toy).cases] == ["c0", "c1"]
    edit_table(toy, set_field(1, image="images/gone.png"))
    with pytest.raises(InputError, match="case c1: no file"):
        read_cases(toy)


def test_attributes_are_the_places_of_their_values(toy):
    assert read_folder(toy).cases[0].image_labels == ()
    cases = read_folder(add_attributes(toy)).cases
    assert [case.image_labels for case in cases[:4]] == [(0, 0), (1, 1), (0, 2), (1, -1)]


def test_a_column_of_an_attribute_may_be_absent(toy):
    add_attributes(toy)
    edit_table(toy, lambda rows: [{k: v for k, v in r.items() if k != "view"} for r in rows])
    assert read_folder(toy).cases[1].image_labels == (-1, 1)


def test_an_unknown_value_is_named_with_those_there_are(toy):
    add_attributes(toy)
    edit_table(toy, set_field(2, maker="d"))
    message = r"cases\.csv: case c2: maker 'd': write one of a, b, c, or nothing"
    with pytest.raises(InputError, match=message):
        read_folder(toy)


def test_the_values_of_attributes_are_counted_and_those_never_learned_are_noted(toy):
    add_attributes(toy)
    learned = ("c2", "c6")  # of those in train, these alone are of c
    edit_table(
        toy, lambda rows: [r | {"maker": r["maker"] * (r["case"] not in learned)} for r in rows]
    )
    summary = check_cases(read_folder(toy))
    assert summary.image_labels == {
        "view": {"front": 5, "side": 5},
        "maker": {"a": 3, "b": 3, "c": 0, "not said": 4},
    }
    assert summary.notes == ("image label maker is c in no labelled case of train",)
    assert check_folder(toy)["image label maker"] == "a: 3, b: 3, c: 0, not said: 4"


def save_ignore(toy, *cases):
    Image.fromarray(np.full((48, 48), 255, np.uint8)).save(toy / "all.png")
    edit_table(
        toy, lambda rows: [r | {"ignore": "all.png" * (n in cases)} for n, r in enumerate(rows)]
    )


def test_a_split_of_which_nothing_counts_is_refused_and_a_single_case_noted(toy):
    save_ignore(toy, 3)
    assert check_cases(read_folder(toy)).notes == ("case c3: every pixel is ignored",)
    save_ignore(toy, *range(10))
    with pytest.raises(InputError, match="3 problems") as error:
        check_cases(read_folder(toy))
    assert "split 'test': every pixel of every labelled case is ignored" in str(error.value)


def test_the_same_picture_in_two_splits_is_refused_and_in_one_noted(toy):
    (toy / "images/1.png").write_bytes((toy / "images/0.png").read_bytes())
    (note,) = check_cases(read_folder(toy)).notes
    assert note.endswith("of several cases, pixel for pixel: c0 (train), c1 (train)")
    Image.open(toy / "images/0.png").save(toy / "images/4.tif")
    edit_table(toy, set_field(4, image="images/4.tif"))
    with pytest.raises(InputError, match=r"two splits: case c0 \(train\), c4 \(test\), c1"):
        check_cases(read_folder(toy))
    edit_table(toy, set_field(4, annotation=""))  # it is then neither trained on nor scored
    (note,) = check_cases(read_folder(toy)).notes
    assert note.endswith(": c0 (train), c4 (test), c1 (train)")


def test_frames_that_show_nothing_are_not_compared(toy):
    for n in (0, 4):
        Image.fromarray(np.zeros((48, 48), np.uint8)).save(toy / f"images/{n}.png")
    assert check_cases(read_folder(toy)).notes == ()


def test_spacings_and_names_that_deserve_a_look_are_noted(toy):
    edit_table(
        toy, lambda rows: [r | {"row_spacing_mm": "155", "col_spacing_mm": "155"} for r in rows]
    )
    edit_table(toy, set_field(1, case="C0"))
    edit_table(toy, set_field(3, patient="P0"))
    notes = check_cases(read_folder(toy)).notes
    assert [note.split(" ")[0] for note in notes] == ["patients", "no", "cases"]
    assert "a spacing of 155 x 155 mm" in notes[1]
    assert notes[1].endswith("(case c0, 10 in all)")


def test_the_table_may_be_of_windows(toy):
    before = [case.image for case in read_folder(toy).cases]
    digest = fingerprint(read_folder(toy))
    edit_table(
        toy,
        lambda rows: [
            r | {name: r[name].replace("/", "\\") for name in ("image", "annotation")} for r in rows
        ],
    )
    assert [case.image for case in read_folder(toy).cases] == before
    assert fingerprint(read_folder(toy)) != digest  # the table's own bytes are part of it


def test_files_of_a_class_are_found_by_backslashes_too(toy):
    edit_description(toy, mask_encoding="per_class")
    for n in range(10):
        for name in ("scope", "wire"):
            Image.fromarray(np.eye(48, dtype=np.uint8)).save(toy / f"masks/{n}_{name}.png")
    edit_table(
        toy,
        lambda rows: [r | {"annotation": f"masks\\{n}_{{class}}.png"} for n, r in enumerate(rows)],
    )
    assert check_cases(read_folder(toy)).pixels == {"scope": 480, "wire": 480}


def test_the_check_shows_how_far_it_is(toy, capsys):
    check_cases(read_folder(toy))
    assert "check 10/10" in capsys.readouterr().out


def test_a_file_that_vanishes_is_named(toy):
    folder = read_folder(toy)
    (toy / "masks/3.png").unlink()
    with pytest.raises(InputError, match=r"masks/3\.png: no such file"):
        fingerprint(folder)


def test_an_annotation_of_several_frames_is_noted_unless_it_is_empty(toy):
    edit_table(toy, set_field(1, annotation="masks/0.png"))
    (note,) = check_cases(read_folder(toy)).notes
    assert note.startswith(f"cases c0, c1 have one annotation, {toy / 'masks/0.png'}, on different")
    empty = json.dumps({"shapes": [], "imageHeight": 48, "imageWidth": 48})
    (toy / "empty.json").write_text(empty)
    for row in (0, 1):
        edit_table(toy, set_field(row, annotation="empty.json"))
    assert check_cases(read_folder(toy)).notes == ()
