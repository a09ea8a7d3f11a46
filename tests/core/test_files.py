from pathlib import Path

import pytest

from fluorojax.core import files
from fluorojax.core.errors import InputError


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        files.read_json(path, case="c1")
    return str(caught.value)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": [1, 2.5]}')
    assert files.read_json(tmp_path / "a.json") == {"a": [1, 2.5]}


@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        (b'{"a": 1, "b": 2, "a": 3}', "'a' stands there twice"),
        (b'{"a": NaN}', "NaN is no number"),
        (b"[-Infinity]", "-Infinity is no number"),
        (b"[" * 100_000, "brackets within hundreds"),
        (b'{"a": 1', "not valid JSON"),
        (b"", "not valid JSON"),
        ("{'ä'}".encode("latin-1"), "not text in UTF-8"),
        (b"1" * 5000, "not valid JSON"),  # digits beyond Python's limit
    ],
)
def test_what_is_not_json_is_refused_by_name(tmp_path, content, pattern):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    message = refused(path)
    assert message.startswith(f"{path}: case c1: ")
    assert pattern in message


def test_a_missing_file_a_folder_and_a_long_name_are_refused(tmp_path):
    assert "no such file" in refused(tmp_path / "a.json")
    assert "cannot be read" in refused(tmp_path)
    assert "cannot be read" in refused(tmp_path / ("a" * 300))


def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        file.truncate(files.MOST_TEXT + 1)
    assert "at most 64 MiB are read" in refused(path)
