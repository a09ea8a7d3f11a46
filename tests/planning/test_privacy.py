import hashlib
import hmac
import stat

import pytest

from fluorojax.core.errors import InputError
from fluorojax.planning import privacy
from tests.planning.folders import NAME, PATIENT_ID, dicom


@pytest.fixture
def settings(tmp_path):
    return {"XDG_CONFIG_HOME": str(tmp_path / "settings")}


def test_the_salt_is_drawn_once_and_only_its_owner_can_read_it(tmp_path, settings):
    first = privacy.read_salt(tmp_path / "frames", settings)
    assert privacy.read_salt(tmp_path / "frames", settings) == first
    path = privacy.salt_file(settings)
    assert path == tmp_path / "settings/fluorojax/salt"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(first) == 64
    assert [p.name for p in path.parent.iterdir()] == ["salt"]


def test_the_salt_may_be_given(tmp_path, settings):
    assert privacy.read_salt(tmp_path, settings | {privacy.VARIABLE: "secret"}) == b"secret"
    assert not privacy.salt_file(settings).exists()


def test_the_salt_never_lies_in_the_folder_of_frames(tmp_path, settings):
    with pytest.raises(InputError, match=r"would lie in the folder of frames.*XDG_CONFIG_HOME"):
        privacy.read_salt(tmp_path, settings)
    assert not privacy.salt_file(settings).exists()


def test_an_empty_salt_is_refused(tmp_path, settings):
    path = privacy.salt_file(settings)
    path.parent.mkdir(parents=True)
    path.write_text("\n")
    with pytest.raises(InputError, match="salt: it is empty; remove it"):
        privacy.read_salt(tmp_path / "frames", settings)


def test_a_pseudonym_is_an_hmac_and_another_for_another_salt_or_kind():
    expected = hmac.new(b"salt", b"patient/HOSP1", hashlib.sha256).hexdigest()[:10]
    assert privacy.pseudonym(b"salt", "patient", "HOSP1") == f"p{expected}"
    assert privacy.pseudonym(b"other", "patient", "HOSP1") != f"p{expected}"
    assert privacy.pseudonym(b"salt", "sequence", "HOSP1")[1:] != expected


@pytest.mark.parametrize("name", ["jane_01", "x-HOSP-4711", "DOE", "run_2024-05-06", "Doe.Jane"])
def test_names_that_say_who_somebody_is_are_found(tmp_path, name):
    words = privacy.personal_words(dicom(tmp_path / "f.dcm"))
    assert privacy.is_personal(name, words)
    assert {privacy.plain(PATIENT_ID), "jane", privacy.plain(NAME)} <= words


@pytest.mark.parametrize("name", ["IM0001", "cine_12", "ap"])
def test_names_that_say_nothing_are_not(tmp_path, name):
    assert not privacy.is_personal(name, privacy.personal_words(dicom(tmp_path / "f.dcm")))


def test_what_is_no_dicom_file_says_nothing(tmp_path):
    (tmp_path / "f").write_bytes(b"nothing")
    assert privacy.personal_words(tmp_path / "f") == frozenset()
