"""What a header says of a person stays in it: names in tables are made from it by a secret.

A pseudonym is HMAC-SHA256(salt, identifier): the same person has the same one in every folder of
one user, and without the salt nobody can tell who it is, not even by trying all numbers.
"""

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from fluorojax.core.errors import InputError, writing
from fluorojax.core.files import read_text
from fluorojax.data.dicom import dataset_of

VARIABLE = "FLUOROJAX_SALT"
LETTERS = 10  # hexadecimal; of 10,000 patients two share one with probability 0.00005
SHORTEST = 3  # letters of a part of a name that is looked for

_PERSONAL = (
    *("PatientName", "PatientID", "OtherPatientIDs", "OtherPatientNames", "PatientBirthName"),
    *("PatientBirthDate", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"),
    *("AccessionNumber", "StudyID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"),
    *("ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "InstitutionName"),
)


def salt_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the salt is kept: in the user's folder of settings."""
    return Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "fluorojax" / "salt"


def read_salt(root: Path, environ: Mapping[str, str] = os.environ) -> bytes:
    """Return the secret that pseudonyms are made with; it is drawn at the first call.

    Args:
        root: the folder of frames, in which it must not lie.
        environ: its FLUOROJAX_SALT, where set, is the secret itself.

    Raises:
        InputError: the secret would lie in `root`, is empty, or can be neither read nor written.
    """
    if given := environ.get(VARIABLE):
        return given.encode()
    path = salt_file(environ)
    if path.resolve().is_relative_to(root.resolve()):
        raise InputError(
            f"{path}: the secret of the patients' pseudonyms would lie in the folder of frames, "
            f"and be given away with it; set XDG_CONFIG_HOME to another folder, or {VARIABLE}"
        )
    if not path.exists():
        _draw(path)
    if not (salt := read_text(path).strip()):
        raise InputError(f"{path}: it is empty; remove it, and another is drawn")
    return salt.encode()


def _draw(path: Path) -> None:
    """Write a new secret that only its owner can read; one that came in between is kept."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".salt.{os.getpid()}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
        try:
            os.link(draft, path)  # fails where there is one, so two processes share the first
        except FileExistsError:
            pass
        finally:
            draft.unlink()


def pseudonym(salt: bytes, kind: str, identifier: str) -> str:
    """Return what stands for an identifier, such as 'p3fa94c01b2'.

    Args:
        salt: see `read_salt`.
        kind: of what; its first letter comes first, and one identifier has others for others.
        identifier: as in the header.
    """
    message = f"{kind}/{identifier}".encode("utf-8", "surrogatepass")
    return kind[0] + hmac.new(salt, message, hashlib.sha256).hexdigest()[:LETTERS]


def personal_words(path: Path) -> frozenset[str]:
    """Return the words of a DICOM header that say who somebody is, as `plain` writes them."""
    try:
        dataset = dataset_of(path)
        values = [str(dataset.get(name) or "") for name in _PERSONAL]
    except Exception:  # a damaged header; what is wrong with it is said by whoever reads it
        return frozenset()
    return frozenset(_words(values))


def _words(values: Iterable[str]) -> Iterable[str]:
    for value in values:
        for word in (value, *re.split(r"[\^=\s,;\\]+", value)):
            if len(found := plain(word)) >= SHORTEST:
                yield found


def plain(text: str) -> str:
    """Return a text's letters and digits alone, in lower case."""
    return "".join(c for c in text.casefold() if c.isalnum())


def is_personal(text: str, words: Iterable[str]) -> bool:
    """Say whether a name that is to be written holds one of the words."""
    there = plain(text)
    return any(word in there for word in words)
