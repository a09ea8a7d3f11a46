import re
import time
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


@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        ("{}".encode("utf-16"), "text in UTF-16, which Excel calls 'Unicode text'; save it in"),
        (b"\xfe\xff\x00{\x00}", "text in UTF-16"),
        ("{}".encode("utf-16-le"), "a zero byte at byte 1"),
        (b"[" + b"9" * 250 + b".0e99]", "is larger than any number"),
        (b"[" + b"9" * 400 + b".0]", "is larger than any number"),
        (b'{"a": 1e400}', "1e400 is larger than any number that a computer holds"),
        (b'{"a": "\\ud800"}', "not valid JSON .*surrogates not allowed"),
    ],
)
def test_what_is_no_text_and_what_cannot_be_written_again_is_named(tmp_path, content, pattern):
    (tmp_path / "a.json").write_bytes(content)
    assert re.search(pattern, refused(tmp_path / "a.json"))


def test_a_whole_character_may_be_written_in_two_halves(tmp_path):
    (tmp_path / "a.json").write_bytes(b'{"a": "\\ud83d\\ude00"}')
    assert files.read_json(tmp_path / "a.json") == {"a": "\N{GRINNING FACE}"}


def test_many_names_are_compared_at_once(tmp_path):
    names = ", ".join(f'"{n}": 1' for n in range(100_000))
    (tmp_path / "a.json").write_text(f'{{{names}, "99999": 1}}')
    began = time.process_time()
    assert "'99999' stands there twice" in refused(tmp_path / "a.json")
    assert time.process_time() - began < 5


def test_why_there_is_no_file(tmp_path):
    (tmp_path / "a").touch()
    assert files.why_no_file(tmp_path / "a") == ""
    assert files.why_no_file(tmp_path / "b") == files.why_no_file(tmp_path / "a/b") == "no file"
    assert files.why_no_file(tmp_path) == "a folder, not a file:"
    assert "too long" in files.why_no_file(tmp_path / ("a" * 300))
    assert "null byte" in files.why_no_file("a\0")
    assert files.why_no_file("/dev/null") == "no file that can be read to its end:"


def test_names_that_can_be_written_stay_as_they_are():
    for name in ("f1", "knee 01", "hip01_0025.b-2", "Länge", "膝"):
        assert files.file_name(name) == name
    assert files.file_name("hip01_0025.b-2", plain=True) == "hip01_0025.b-2"


@pytest.mark.parametrize("plain", [False, True])
def test_other_names_can_be_written_and_stay_distinct(plain, tmp_path):
    odd = ["a:b", "a?b", "a\tb", "a.", "a ", "CON", "con.x", ".a", "", "..", "\udcff", "a/b"]
    long = ["x" * 300, "x" * 299 + "y", "ä" * 150, "ä" * 149 + "ö", "膝" * 100, "x" * 201]
    written = [files.file_name(name, plain=plain) for name in odd + long]
    assert len(set(written)) == len(odd + long)
    for name in written:
        assert len(name.encode()) <= files.LONGEST_NAME
        assert set(name).isdisjoint('<>:"/\\|?*')
        assert not name.startswith(".")
        (tmp_path / f"{name}_overlay.png").touch()


def test_names_that_are_one_file_elsewhere():
    assert files.same_file_name("Ä1") == files.same_file_name("a\u03081")
    assert files.same_file_name("a1") != files.same_file_name("a2")


def test_what_is_read_of_a_file_is_kept_until_it_changes(tmp_path):
    calls = []

    @files.kept_for_each_file(2)
    def length(path):
        calls.append(path.name)
        return len(path.read_bytes())

    a, b, c = (tmp_path / name for name in "abc")
    for path in (a, b, c):
        path.write_bytes(b"xx")
    assert [length(a), length(a), length(b)] == [2, 2, 2]
    assert calls == ["a", "b"]
    a.write_bytes(b"xxx")
    assert length(a) == 3
    length(c)  # two are kept: b goes
    assert (length(a), length(b)) == (3, 2)
    assert calls == ["a", "b", "a", "c", "b"]
