import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.planning.survey import counts, facts, survey
from tests.folders import edit_csv, write_folder


@pytest.fixture
def toy(tmp_path):
    return write_folder(tmp_path / "toy")


def change(folder, name, pixels):
    path = folder / name
    Image.fromarray(pixels.astype(np.asarray(Image.open(path)).dtype)).save(path)


def told(folder):
    return " | ".join(survey(folder).findings)


def test_a_sound_folder_has_nothing_that_deserves_a_look(toy):
    found = survey(toy)
    assert found.findings == ()
    assert counts(found) == [
        ("train", "6", "6", "6", "6", "6"),
        ("validation", "2", "2", "2", "2", "2"),
        ("test", "2", "2", "2", "2", "2"),
    ]
    assert dict(facts(found)) == {
        "sizes (rows x columns)": "64 x 64: 10 frames",
        "bits": "16: 10 frames",
        "spacing": "unknown: 10 frames",
    }
    assert found.seen[0].widths[0] == 0  # a region has none
    assert 2 < found.seen[0].widths[1] < 4


def test_spacings_say_where_they_come_from(toy):
    spacing = {"row_spacing_mm": "0.2", "col_spacing_mm": "0.2"}
    edit_csv(toy / "cases.csv", lambda rows: [r | spacing for r in rows])
    assert dict(facts(survey(toy)))["spacing"] == (
        "0.2 mm (stated, in the plane of the object): 10 frames"
    )


def test_frames_almost_black_white_or_of_one_grey(toy):
    noise = np.random.default_rng(0).standard_normal((64, 64))
    change(toy, "images/0.png", 20 + 5 * noise)
    change(toy, "images/1.png", 5000 + 5 * noise)
    change(toy, "images/2.png", 2000 + 5 * noise)
    assert "case c0: the frame is almost black" in told(toy)
    assert "case c1: the frame is almost white" in told(toy)
    assert "case c2: the frame is almost of one grey" in told(toy)


def test_empty_and_tiny_annotations(toy):
    change(toy, "masks/0.png", np.zeros((64, 64)))
    tiny = np.zeros((64, 64))
    tiny[3, 3], tiny[30:40, 5:30] = 2, 1
    change(toy, "masks/1.png", tiny)
    assert "case c0: the annotation is empty" in told(toy)
    assert "case c1: wire has 1 px, and" in told(toy)


def test_nearly_the_same_picture_of_two_patients(toy):
    pixels = np.asarray(Image.open(toy / "images/0.png")).astype(int)
    change(toy, "images/4.png", pixels + (np.indices((64, 64)).sum(0) % 2))
    assert "cases c0 (train) and c4 (test) are nearly the same picture, on both sides" in told(toy)


def test_shared_patients_come_first(tmp_path):
    folder = write_folder(tmp_path / "toy", split_unit="frame")
    pixels = np.asarray(Image.open(folder / "images/0.png")).astype(int)
    change(folder, "images/1.png", pixels + (np.indices((64, 64)).sum(0) % 2))  # both train
    change(folder, "masks/0.png", np.zeros((64, 64)))
    findings = survey(folder).findings
    assert findings[0].startswith("Patients are shared between the splits (split by frame)")
    assert not any("nearly the same" in f for f in findings)
    assert len(findings) == 2


def test_what_is_wrong_is_refused_as_ever(toy):
    edit_csv(toy / "cases.csv", lambda rows: rows[0].update(image="images/none.png"))
    with pytest.raises(InputError, match=r"case c0: no file .*none\.png"):
        survey(toy)
