"""What segments are called in DICOM: coded terms (SNOMED CT and DICOM's own) by name of a class.

A code is in the table only where it says no more than the name does. Any other class keeps its name
as the segment's label, and gets a term that says nothing false: a device where the last word of its
name is one, and else a region of the image.

Source: DICOM PS3.16 2024, CID 7150 (categories), CID 7151 (types), CID 3411 (guide wires).
"""

import re
from typing import NamedTuple

from pydicom.sr.coding import Code


class Term(NamedTuple):
    """What a segment shows: a category, and what it is within it."""

    category: Code
    type: Code


_DEVICE = Code("260787004", "SCT", "Physical object")
_ANATOMY = Code("91723000", "SCT", "Anatomical Structure")
_LESION = Code("49755003", "SCT", "Morphologically Abnormal Structure")
_PLACE = Code("309825002", "SCT", "Spatial and Relational Concept")

_ENDOSCOPE = Term(_DEVICE, Code("37270008", "SCT", "Endoscope, device"))
_WIRE = Term(_DEVICE, Code("272224001", "SCT", "Guide Wire"))
_PROSTHESIS = Term(_DEVICE, Code("109228008", "SCT", "Knee joint prosthesis"))
_VESSEL = Term(_ANATOMY, Code("59820001", "SCT", "Blood Vessel"))

TERMS: dict[str, Term] = {
    "endoscope": _ENDOSCOPE,
    "duodenoscope": _ENDOSCOPE,
    "scope": _ENDOSCOPE,
    "guidewire": _WIRE,
    "guide_wire": _WIRE,
    "catheter": Term(_DEVICE, Code("19923001", "SCT", "Catheter")),
    "needle": Term(_DEVICE, Code("79068005", "SCT", "Needle")),
    "stent": Term(_DEVICE, Code("65818007", "SCT", "Stent")),
    "screw": Term(_DEVICE, Code("68183006", "SCT", "Bone Screw")),
    "instrument": Term(_DEVICE, Code("57134006", "SCT", "Instrument, device")),
    "implant": Term(_DEVICE, Code("40388003", "SCT", "Implant")),
    "femoral_component": _PROSTHESIS,
    "tibial_component": _PROSTHESIS,
    "polyethylene": _PROSTHESIS,
    "femur": Term(_ANATOMY, Code("71341001", "SCT", "Femur")),
    "tibia": Term(_ANATOMY, Code("12611008", "SCT", "Tibia")),
    "fibula": Term(_ANATOMY, Code("87342007", "SCT", "Fibula")),
    "patella": Term(_ANATOMY, Code("64234005", "SCT", "Patella")),
    "vessel": _VESSEL,
    "coronary_artery": Term(_ANATOMY, Code("41801008", "SCT", "Coronary artery")),
    "radiolucency": Term(_LESION, Code("112084", "DCM", "Lucency")),
    "osteophyte": Term(_LESION, _LESION),
}
"""Name of a class, in lower case -> its term. A femoral component is coded as a part of a knee
prosthesis, for there is no code of it alone that is widely known."""

_THINGS = ("wire", "tool", "drill", "pin", "component", "prosthesis", "cement", "ball", "device")
DEVICE = Term(_DEVICE, Code("49062001", "SCT", "Device"))
REGION = Term(_PLACE, Code("111030", "DCM", "Image Region"))


def term_of(name: str) -> Term:
    """Return the term of a class by its name, in upper or lower case, words joined by _, - or ' '.

    A name that is not in the table has the term of its last word, as 'thin_catheter' has.
    """
    words = re.split(r"[\W_]+", name.casefold().strip())
    for known in ("_".join(words), words[-1]):
        if known in TERMS:
            return TERMS[known]
    return DEVICE if words[-1] in _THINGS else REGION
