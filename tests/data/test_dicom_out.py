import warnings

import numpy as np
import pydicom
import pytest

from fluorojax.core.errors import InputError
from fluorojax.data.dicom_out import (
    Algorithm,
    begun,
    check_source,
    copying,
    new_series,
    source_of,
)
from fluorojax.data.write_dicom_seg import write_dicom_seg
from tests.data import dicoms

pytest.importorskip("highdicom")

SEG = "1.2.840.10008.5.1.4.1.1.66.4"


def odd(path, keyword, vr, value):
    """Write a file with a value as a machine might have left it."""
    data = dicoms.dataset(np.zeros((8, 8), np.uint8))
    tag = pydicom.tag.Tag(keyword)
    raw = pydicom.dataelem.RawDataElement(tag, vr, len(value), value, 0, False, True)
    data._dict[tag] = raw
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize(
    ("keyword", "vr", "value", "shown"),
    [
        ("PatientName", "PN", b"M\xfcller^J ", "Müller^J"),
        ("PatientBirthDate", "DA", b"unknown ", "unknown"),
        ("PatientSex", "CS", b"weiblich", "weiblich"),
        ("PatientWeight", "DS", b"80,5", None),
        ("PatientAge", "AS", b"xx", "xx"),
        ("StudyTime", "TM", b"99xx", "99xx"),
    ],
)
def test_odd_values_are_copied_as_they_stand(tmp_path, keyword, vr, value, shown):
    path = odd(tmp_path / "a.dcm", keyword, vr, value)
    mask = np.ones((8, 8, 1), bool)
    write_dicom_seg(tmp_path / "s.dcm", path, [(1, mask)], ["wire"], Algorithm("a", "b"))
    data = pydicom.dcmread(tmp_path / "s.dcm")
    assert keyword in data
    assert shown is None or data[keyword].value == shown


@pytest.mark.parametrize(
    ("value", "number"),
    [(b"4 ", 1004), (b"abc ", 1000), (b"-2000 ", 1000), (b"2147483647", 1000), (b"", 1000)],
)
def test_a_series_is_counted_behind_the_sources_where_that_can_be(tmp_path, value, number):
    path = odd(tmp_path / "a.dcm", "SeriesNumber", "IS", value)
    with copying(path):
        assert new_series(source_of(path))["series_number"] == number


def test_what_cannot_be_copied_is_named_with_its_file(tmp_path):
    path = odd(tmp_path / "a.dcm", "LossyImageCompressionRatio", "DS", b"abc ")
    mask = np.ones((8, 8, 1), bool)
    with pytest.raises(InputError, match=r"a.dcm: its header cannot be copied \(could not convert"):
        write_dicom_seg(tmp_path / "s.dcm", path, [(1, mask)], ["w"], Algorithm("a", "b"))


def test_what_the_standard_wants_stands_there_though_it_is_not_known(tmp_path):
    path = dicoms.write(tmp_path / "a.dcm", np.zeros((8, 8), np.uint8), PatientBirthDate=None)
    with copying(path):
        made = begun(source_of(path), SEG, "SEG", "x" * 100, "test")
    assert (made.PatientBirthDate, made.PatientSex) == (None, None)
    assert len(made.SeriesDescription) == 64
    assert made.StudyInstanceUID == "1.2.3.4.1"


def test_a_damaged_file_is_left_to_its_reader(tmp_path):
    path = dicoms.write(tmp_path / "a.dcm", np.zeros((8, 8), np.uint8))
    path.write_bytes(path.read_bytes()[:140])
    check_source(path, "--dicom-seg")
    check_source(tmp_path / "none.dcm", "--dicom-seg")
