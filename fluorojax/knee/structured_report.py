"""Measurements of a DICOM film as a DICOM structured report: TID 1500, by highdicom.

One group of measurements a film, which refers to the film. A measurement is its value and unit,
with its standard error as upper and lower uncertainty, and its convention as the method, in words.
What was refused stands in the group as a comment, with the reason: a report that leaves it out
would look as if nobody had asked. Comments, too, are what was assumed, and where masks come from.

Names such as 'alpha' have no code of SNOMED CT or LOINC: they are of a scheme of this project's.
The report is complete, preliminary and unverified: no person has signed it.

Source: DICOM PS3.16 2024, TID 1500 (report), TID 1501 (group), TID 300 (measurement), TID 310.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

import fluorojax
from fluorojax.core.errors import InputError
from fluorojax.core.files import file_name
from fluorojax.data.dicom import is_dicom
from fluorojax.data.dicom_out import (
    FAMILY,
    LONGEST,
    MANUFACTURER,
    check_source,
    copying,
    equipment,
    library,
    new_series,
    source_of,
)
from fluorojax.knee.measure.result import Measurement
from fluorojax.knee.source import Film
from fluorojax.knee.write import Measured

SCHEME = "99FLUOROJAX"
UNITS = {
    "deg": Code("deg", "UCUM", "degree"),
    "mm": Code("mm", "UCUM", "millimeter"),
    "share": Code("1", "UCUM", "no units"),
}
PROCEDURE = Code("363679005", "SCT", "Imaging procedure")
KNEE = Code("72696002", "SCT", "Knee")
SIDES = {"left": Code("7771000", "SCT", "Left"), "right": Code("24028007", "SCT", "Right")}
METHOD = Code("370129005", "SCT", "Measurement Method")
COMMENT = Code("121106", "DCM", "Comment")
UPPER = Code("371886008", "SCT", "+, range of upper measurement uncertainty")
LOWER = Code("371885007", "SCT", "-, range of lower measurement uncertainty")
DEVICE = Code("121007", "DCM", "Device")
WHAT = "DICOM structured reports"
_BLANK = ("PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime")


def check_reports(films: Sequence[Film]) -> None:
    """Check that reports can be written: before anything is measured.

    Raises:
        InputError: highdicom is not installed, no film is DICOM, or one that is has no identifiers.
    """
    library(WHAT)
    ours = [film.case.image for film in films if is_dicom(film.case.image)]
    if not ours:
        raise InputError(
            f"--dicom-sr: none of the {len(films)} films is a DICOM file, and a report refers to "
            "one; give films as DICOM, or leave --dicom-sr out"
        )
    for path in ours:
        check_source(path, "--dicom-sr")


def report_name(film: str) -> str:
    """Return the file name of a film's report."""
    return f"{file_name(film, plain=True)}_sr.dcm"


def write_report(film: Film, measured: Measured, about: Mapping[str, Any], out: Path) -> None:
    """Write `FILM_sr.dcm` of a film that is a DICOM file; of any other, nothing.

    Args:
        film: the film.
        measured: its measurements.
        about: where its masks come from, as of `Source`.
        out: the folder.

    Raises:
        InputError: highdicom is not installed, or the film's header cannot be copied.
    """
    if not is_dicom(film.case.image):
        return
    sr = library(WHAT).sr
    with copying(film.case.image):
        image = source_of(film.case.image)
        report = sr.MeasurementReport(
            observation_context=sr.ObservationContext(_observer(sr)),
            procedure_reported=PROCEDURE,
            imaging_measurements=[_group(sr, film, measured, about, image)],
        )
        made = sr.ComprehensiveSR(
            evidence=[_unnamed(image)],
            content=report,
            is_complete=True,
            series_description="Knee measurements",
            manufacturer_model_name="fluorojax measure",
            coding_schemes=[_scheme()],
            **new_series(image),
            **equipment(),
        )
        made.copy_patient_and_study_information(image)
        made.save_as(out / report_name(film.name), enforce_file_format=True)


def _unnamed(image: Dataset) -> Dataset:
    """Return a source without what the library would check, and is copied as it stands later."""
    unnamed = Dataset()
    unnamed.update(image)
    for name in _BLANK:
        delattr(unnamed, name)  # or the value would change in the source, which shares it
        setattr(unnamed, name, None)
    return unnamed


def _scheme() -> Any:
    made = library(WHAT).coding_schemes.CodingSchemeIdentificationItem
    return made(SCHEME, name="Measurements of FluoroJAX", version=fluorojax.__version__)


def _observer(sr: Any) -> Any:
    identified = sr.DeviceObserverIdentifyingAttributes(
        uid=library(WHAT).UID(),
        name=MANUFACTURER,
        manufacturer_name=MANUFACTURER,
        model_name="fluorojax measure",
        serial_number=fluorojax.__version__,
    )
    return sr.ObserverContext(DEVICE, identified)


def _group(
    sr: Any, film: Film, measured: Measured, about: Mapping[str, Any], image: Dataset
) -> Any:
    """Return all measurements of a film, what was refused, and what all of them stand on."""
    side = measured.report.film.side
    several = int(image.get("NumberOfFrames") or 1) > 1
    found = [m for m in measured.report.measurements if m.value is not None]
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(library(WHAT).UID(), film.name[:LONGEST]),
        finding_sites=[sr.FindingSite(KNEE, laterality=SIDES[side] if side else None)],
        algorithm_id=sr.AlgorithmIdentification(
            name="fluorojax measure",
            version=fluorojax.__version__,
            parameters=_masks(about),
            family=FAMILY if "export" in about else None,
            manufacturer=MANUFACTURER,
        ),
        measurements=[_measurement(sr, m) for m in found],
        source_images=[
            sr.SourceImageForMeasurementGroup(
                image.SOPClassUID,
                image.SOPInstanceUID,
                [film.case.frame] if several else None,
            )
        ],
    )
    for text in _comments(measured):
        group[0].ContentSequence.append(_text(sr, COMMENT, text, "CONTAINS"))
    return group


def _masks(about: Mapping[str, Any]) -> list[str]:
    """Return where masks come from, a line a fact: no path, which may name a person."""
    if "export" not in about:
        return ["masks: drawn by hand"]
    origin = about.get("origin", {})
    facts = [f"{name}: {origin[name]}" for name in ("method", "seed", "dataset") if name in origin]
    return ["masks: predicted", f"sha256: {about.get('sha256', '')}", *facts]


def _measurement(sr: Any, found: Measurement) -> Any:
    unit = UNITS[found.unit]
    made = sr.Measurement(_name(found.name), float(found.value or 0.0), unit)
    content = sr.ContentSequence()
    method = f"{found.convention}; {found.scale_source}".removesuffix("; ")
    content.append(_text(sr, METHOD, method, "HAS CONCEPT MOD"))
    if found.uncertainty is not None:
        for name in (UPPER, LOWER):
            size = float(found.uncertainty)
            content.append(sr.NumContentItem(name, size, unit, relationship_type="HAS PROPERTIES"))
        content.append(_text(sr, COMMENT, found.uncertainty_method, "HAS PROPERTIES"))
    if found.note:
        content.append(_text(sr, COMMENT, found.note, "HAS PROPERTIES"))
    made[0].ContentSequence = content
    return made


def _name(name: str) -> Code:
    return Code(name, SCHEME, name.replace("_", " ")[:LONGEST])


def _comments(measured: Measured) -> Iterator[str]:
    """Yield what was refused with its reason, and what was assumed."""
    for found in measured.report.measurements:
        if found.refused is not None:
            yield f"not measured: {found.name}: {found.refused}"
    for name, text in measured.assumptions.items():
        yield f"assumed: {name}: {text}"


def _text(sr: Any, name: Code, text: str, relationship: str) -> Any:
    return sr.TextContentItem(name, text, relationship_type=relationship)
