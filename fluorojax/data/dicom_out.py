"""What is written as DICOM shares: whose study it belongs to, and which program made it.

Such a file holds the identity of the person whose images it is about, since the standard asks for
it: the Patient and Study modules of the source are copied as they stand.

Source: DICOM PS3.3 2024, C.7.1.1 (patient), C.7.2.1 (study), C.7.5.2 (equipment).
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pydicom
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

import fluorojax
from fluorojax.core.errors import InputError, needs
from fluorojax.data.dicom import dataset_of, is_dicom
from fluorojax.data.problems import one_line

EXTRA = "dicom-seg"
MANUFACTURER = "FluoroJAX"
FAMILY = Code("123110", "DCM", "Artificial Intelligence")
LONGEST = 64
"""Characters of a text that DICOM calls 'long string'."""
FIRST_SERIES = 1000
"""Added to the source's number of series: behind those of the machine."""
MOST_SERIES = 10**9
_MUST_STAND = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"),
    *("StudyID", "AccessionNumber", "ReferringPhysicianName"),
)
"""Empty where a source does not say them (type 2)."""
_IDENTIFIERS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")


class Algorithm(NamedTuple):
    """What found the things that are written.

    Attributes:
        name: of the export, in a few words.
        checksum: sha256 of its parameters; of an ensemble, of its members' in order.
        details: how masks were made, in words.
    """

    name: str
    checksum: str
    details: str = ""


def library(what: str) -> Any:
    """Return highdicom.

    Raises:
        InputError: it is not installed; `what` needs it.
    """
    return needs("highdicom", EXTRA, what)


def check_source(path: Path, option: str) -> None:
    """Check that a file can be the source of what an option writes: before anything is computed.

    A file that cannot be read at all passes: it is named where it is read.

    Raises:
        InputError: it is no DICOM file, or one that nothing can refer to.
    """
    if not path.is_file():
        return
    if not is_dicom(path):
        raise InputError(
            f"{option}: {path} is no DICOM file, and what is written refers to one; give the DICOM "
            f"file that it was made of, leave it out, or leave {option} out"
        )
    try:
        dataset = dataset_of(path)
    except Exception:  # pydicom raises anything on damaged files
        return
    if missing := [name for name in _IDENTIFIERS if not dataset.get(name)]:
        raise InputError(
            f"{option}: {path} has no {missing[0]}, so nothing can refer to it; export it again "
            f"from the archive, or leave {option} out"
        )


def source_of(path: Path) -> Dataset:
    """Return a source's values without its pixels, texts decoded: they are written as UTF-8.

    Raises:
        Exception: whatever pydicom raises at odd values (see `copying`).
    """
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    dataset.decode()
    for name in _MUST_STAND:
        if name not in dataset:
            setattr(dataset, name, None)
    return dataset


def begun(source: Dataset, sop_class: str, modality: str, description: str, model: str) -> Any:
    """Return a new instance in the source's study, in a series of its own: highdicom's `SOPClass`.

    Args:
        source: of `source_of`.
        sop_class: UID of the kind of object.
        modality: such as SEG.
        description: of the series.
        model: which command writes it.
    """
    made = library("DICOM files").base.SOPClass(
        study_instance_uid=source.StudyInstanceUID,
        sop_class_uid=sop_class,
        modality=modality,
        series_description=description[:LONGEST],
        manufacturer_model_name=model,
        **new_series(source),
        **equipment(),
    )
    made.copy_patient_and_study_information(source)
    return made


def new_series(source: Dataset) -> dict[str, Any]:
    """Return the identifiers of a new series and its one instance, written as UTF-8."""
    unique = library("DICOM files").UID
    return {
        "series_instance_uid": unique(),
        "series_number": FIRST_SERIES + _series_number(source),
        "sop_instance_uid": unique(),
        "instance_number": 1,
        "transfer_syntax_uid": pydicom.uid.ExplicitVRLittleEndian,
        "specific_character_set": "ISO_IR 192",
    }


def _series_number(source: Dataset) -> int:
    """Return the source's number of series; 0 where it says none that can be counted on from."""
    try:
        number = int(source.get("SeriesNumber") or 0)
    except (TypeError, ValueError):
        return 0
    return number if 0 <= number < MOST_SERIES else 0


def equipment() -> dict[str, Any]:
    """Return which program writes: there is no machine, so its serial number is the version's."""
    return {
        "manufacturer": MANUFACTURER,
        "software_versions": fluorojax.__version__,
        "device_serial_number": fluorojax.__version__,
    }


@contextmanager
def copying(source: Path) -> Iterator[None]:
    """Name the source in what the libraries say of values that they cannot copy from it.

    What they remark on values that they can copy is kept back: a machine wrote them.

    Raises:
        InputError: a value cannot be written again.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (InputError, OSError, MemoryError):
        raise
    except Exception as error:  # pydicom raises anything at odd values
        reason = one_line(str(error).split("\n")[0], 120) or type(error).__name__
        raise InputError(
            f"{source}: its header cannot be copied ({reason}); export it again from the archive"
        ) from error
