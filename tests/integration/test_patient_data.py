"""What DICOM headers say of a person enters nothing that is built, trained, reported or printed."""

import shutil
import socket

import numpy as np
import pytest
from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.uid import ExplicitVRLittleEndian

from fluorojax.data.readers import read_frame
from fluorojax.datasets.source import open_dataset, open_folder
from tests.data import dicoms
from tests.folders import edit_csv, write_folder
from tests.integration.runs import run, small_config

NAME, DATE, UID = "Zzyzx^Quentin", "19370413", "1.2.826.0.1.3680043.9.31337.1"
HOST = "zzyzx-ward-4"
VALUES = {
    **dict.fromkeys(("PN", "LO", "SH", "LT", "ST", "UC", "UT", "AE"), NAME),
    **{"DA": DATE, "DT": f"{DATE}070809", "UI": UID, "UR": "http://Zzyzx/Quentin"},
}
USED = {"SOPClassUID", "SpecificCharacterSet"}
"""Tags that say how the file is read."""


def named_everywhere(pixels):
    """Return a file whose every tag that can hold a name, a date or an identifier holds one."""
    made = dicoms.dataset(pixels, ExplicitVRLittleEndian)
    for tag, (kind, _, _, retired, keyword) in DicomDictionary.items():
        group = tag >> 16
        if kind in VALUES and keyword and not retired and group > 8 - 1 and keyword not in USED:
            made.add_new(tag, kind, VALUES[kind])
    made.private_block(0x0099, "FLUOROJAX TEST", create=True).add_new(1, "LO", NAME)
    return made


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """A folder of DICOM frames, its table without a word from the headers."""
    folder = write_folder(tmp_path_factory.mktemp("patients") / "frames")
    for path in sorted((folder / "images").glob("*.png")):
        made = named_everywhere(read_frame(path).pixels)
        made.save_as(path.with_suffix(".dcm"), enforce_file_format=True)
    edit_csv(
        folder / "cases.csv",
        lambda rows: [row | {"image": row["image"].replace(".png", ".dcm")} for row in rows],
    )
    return folder


def found_in(folder):
    """Return the files that hold a word of the headers, in any of its usual spellings."""
    words = {NAME, "Zzyzx", "Quentin", DATE, "1937-04-13", UID, HOST}
    needles = [word.encode(code) for word in words for code in ("utf-8", "utf-16-le")]
    return [
        (path.relative_to(folder), needle)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for needle in needles
        if needle in path.read_bytes()
    ]


def test_the_files_do_hold_the_words(frames):
    found = {needle for _, needle in found_in(frames)}
    assert {NAME.encode(), DATE.encode(), UID.encode()} <= found
    assert dictionary_VR(tag_for_keyword("PatientName")) == "PN"


def test_nothing_of_a_header_is_in_a_built_data_set_or_a_message(frames, tmp_path, capfd):
    dataset = open_folder(frames, "cases.csv", tmp_path / "built")
    assert len(dataset.index) == 10
    assert found_in(tmp_path / "built") == []
    for split in ("train", "validation", "test"):
        for example in dataset.split(split):
            text = " ".join(str(value) for value in example.values() if isinstance(value, str))
            assert NAME not in text
            assert UID not in text
    told = "".join(capfd.readouterr())
    assert not any(word in told for word in (NAME, "Zzyzx", DATE, UID))


@pytest.mark.slow
def test_nothing_of_a_header_is_in_a_run_or_its_report(frames, tmp_path, capfd, monkeypatch):
    for name in ("gethostname", "getfqdn"):
        monkeypatch.setattr(socket, name, lambda: HOST)
    workdir = run(small_config("joint", frames, tmp_path / "built"), tmp_path / "run")
    assert (workdir / "report.html").is_file()
    assert (workdir / "evaluation/test/cases.csv").is_file()
    assert found_in(tmp_path) == []
    told = "".join(capfd.readouterr())
    assert not any(word in told for word in (NAME, "Zzyzx", DATE, UID))


def test_the_same_frames_as_png_tiff_and_dicom_are_the_same_examples(tmp_path):
    import tifffile

    folders = {suffix: write_folder(tmp_path / suffix, 5) for suffix in ("png", "tif", "dcm")}
    for suffix, folder in folders.items():
        for path in sorted((folder / "images").glob("*.png")):
            pixels = read_frame(path).pixels
            if suffix == "tif":
                tifffile.imwrite(path.with_suffix(".tif"), pixels)
            elif suffix == "dcm":
                dicoms.write(path.with_suffix(".dcm"), pixels)
        edit_csv(
            folder / "cases.csv",
            lambda rows, s=suffix: [r | {"image": r["image"].replace("png", s)} for r in rows],
        )
    png, *others = (
        open_dataset(small_config("joint", folder, tmp_path / "built").data).split("train")
        for folder in folders.values()
    )
    for other in others:
        for ours, theirs in zip(png, other, strict=True):
            assert ours.keys() == theirs.keys()
            for name in ours:
                np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    shutil.rmtree(tmp_path / "built")
