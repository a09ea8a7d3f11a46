import pytest
from pydicom.sr._concepts_dict import concepts

from fluorojax.data.dicom_terms import DEVICE, REGION, TERMS, term_of
from fluorojax.schema import knee_classes


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("guidewire", "272224001"),
        ("Guide-Wire", "272224001"),
        ("duodenoscope", "37270008"),
        ("femoral_component", "109228008"),
        ("femur", "71341001"),
        ("tip_of_catheter", "19923001"),
    ],
)
def test_a_class_is_known_by_its_name_or_by_the_last_word_of_it(name, code):
    assert term_of(name).type.value == code


def test_of_another_name_nothing_false_is_said():
    assert term_of("wire") == term_of("k_wire") == DEVICE
    assert term_of("wiring") == term_of("x") == term_of("_") == REGION


def test_the_classes_of_knees_all_have_a_term():
    assert REGION not in {term_of(name) for name in knee_classes.CLASSES}


def test_codes_that_the_library_knows_mean_what_they_are_said_to():
    known: dict[tuple[str, str], set[str]] = {}
    for scheme in ("SCT", "DCM"):
        for of in concepts[scheme].values():
            for code, (meaning, _) in of.items():
                known.setdefault((scheme, code), set()).add(meaning.casefold())
    found = {c for term in (*TERMS.values(), DEVICE, REGION) for c in term}
    missing = {c.value for c in found if (c.scheme_designator, c.value) not in known}
    # Of SNOMED CT, but not in the library's dictionary: endoscope, knee prosthesis, device.
    assert missing == {"37270008", "109228008", "49062001"}
    for code in found:
        if code.value not in missing:
            meanings = known[code.scheme_designator, code.value]
            assert any(code.meaning.casefold() in meaning for meaning in meanings), code
