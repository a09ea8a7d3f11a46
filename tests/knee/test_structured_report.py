import numpy as np
import pydicom
import pytest

from fluorojax.core.errors import InputError
from fluorojax.data.folder import Case
from fluorojax.knee.films import Overrides, measure
from fluorojax.knee.measure import measure_knee
from fluorojax.knee.source import Film, source_of
from fluorojax.knee.structured_report import COMMENT, LOWER, METHOD, SCHEME, UPPER, check_reports
from tests.data import dicoms
from tests.folders import edit_csv
from tests.knee.folders import write_knees
from tests.knee.measure.scenes import Ap, Pose, film

highdicom = pytest.importorskip("highdicom")

AP = Overrides(view="ap", side="right")
KNEE = film(Ap().shapes(), Pose(4.0, spacing=(1.25, 1.25)), "ap", side="right", magnification=1.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A film as DICOM, and the same as a picture."""
    folder = write_knees(tmp_path_factory.mktemp("sr") / "knees", {"one": KNEE, "two": KNEE})
    grey = (60 + 60 * KNEE.field("femur", "tibia")).astype(np.uint8)
    dicoms.write(folder / "images/one.dcm", grey, Modality="DX", PatientSex="W", SeriesNumber=2)
    edit_csv(folder / "cases.csv", lambda rows: [rows[0] | {"image": "images/one.dcm"}, *rows[1:]])
    return folder


@pytest.fixture(scope="module")
def written(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("sr") / "out"
    record = measure(source_of(folder, []), AP, out, dicom_sr=True)
    return out, record


def text_of(item, name):
    """Return the texts of a name within a content item."""
    return [
        str(i.TextValue)
        for i in item.ContentSequence
        if i.ValueType == "TEXT" and i.ConceptNameCodeSequence[0].CodeValue == name.value
    ]


def test_values_units_errors_and_methods_come_back(written):
    report = highdicom.sr.srread(written[0] / "one_sr.dcm").content
    (group,) = report.get_image_measurement_groups()
    expected = {m.name: m for m in measure_knee(KNEE).measurements if m.value is not None}
    found = {m.name.value: m for m in group.get_measurements()}
    assert found.keys() == expected.keys()
    assert {"alpha", "beta"} <= found.keys()
    units = {"deg": "deg", "mm": "mm", "share": "1"}
    for name, m in expected.items():
        assert found[name].value == pytest.approx(m.value, rel=1e-6)
        assert found[name].unit.value == units[m.unit]
        assert found[name].name.scheme_designator == SCHEME
        (item,) = found[name]
        assert m.convention in text_of(item, METHOD)[0]
        errors = {
            i.ConceptNameCodeSequence[0].CodeValue: i.MeasuredValueSequence[0]
            for i in item.ContentSequence
            if i.ValueType == "NUM"
        }
        assert errors.keys() == {UPPER.value, LOWER.value}
        for error in errors.values():
            assert float(error.NumericValue) == pytest.approx(m.uncertainty, rel=1e-6)
            assert error.MeasurementUnitsCodeSequence[0].CodeValue == units[m.unit]


def test_refusals_and_assumptions_are_stated(written):
    report = highdicom.sr.srread(written[0] / "one_sr.dcm").content
    (group,) = report.get_image_measurement_groups()
    (item,) = group
    comments = text_of(item, COMMENT)
    refused = [m for m in measure_knee(KNEE).measurements if m.refused]
    assert refused
    for m in refused:
        assert f"not measured: {m.name}: {m.refused}" in comments
    assert any(line.startswith("assumed: view: ap, as given") for line in comments)
    (site,) = group.finding_sites
    assert (site.topographical_modifier, site.laterality.meaning) == (None, "Right")
    (image,) = group.source_images
    assert image.referenced_sop_instance_uid == "1.2.3.4.3"


def test_it_belongs_to_the_films_person_and_study_and_nobody_has_signed_it(written):
    data = pydicom.dcmread(written[0] / "one_sr.dcm")
    assert (data.PatientName, data.PatientSex) == ("Doe^Jane", "W")  # as it stands in the film
    assert (data.StudyInstanceUID, data.SeriesNumber, data.Modality) == ("1.2.3.4.1", 1002, "SR")
    flags = data.CompletionFlag, data.VerificationFlag, data.PreliminaryFlag
    assert flags == ("COMPLETE", "UNVERIFIED", "PRELIMINARY")
    (study,) = data.CurrentRequestedProcedureEvidenceSequence
    (instance,) = study.ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert instance.ReferencedSOPInstanceUID == "1.2.3.4.3"
    assert data.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == SCHEME
    assert "images/one" not in str(data)  # no path, which may name a person


def test_a_film_that_is_a_picture_has_none(written):
    assert sorted(path.name for path in written[0].glob("*.dcm")) == ["one_sr.dcm"]
    assert len(written[1]["films"]) == 2


def test_without_any_dicom_film_it_is_refused(folder, tmp_path):
    source = source_of(folder, ["two"])
    with pytest.raises(InputError, match="none of the 1 films is a DICOM file"):
        measure(source, AP, tmp_path / "out", dicom_sr=True)
    assert not (tmp_path / "out").exists()


def test_a_film_that_nothing_can_refer_to_is_refused(tmp_path):
    path = dicoms.write(tmp_path / "a.dcm", np.zeros((9, 9), np.uint8), SeriesInstanceUID=None)
    with pytest.raises(InputError, match=r"--dicom-sr: .*a.dcm has no SeriesInstanceUID"):
        check_reports([Film(Case("a", path, "", ""))])
