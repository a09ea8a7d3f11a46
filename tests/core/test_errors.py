import errno
import os

import pytest

from fluorojax.core.errors import REMEDIES, USUAL, InputError, in_words, writing


def test_a_refusal_to_write_names_the_file_and_the_reason(tmp_path):
    reason = r"absent/file cannot be written \(No such file"
    with pytest.raises(InputError, match=reason), writing(tmp_path):
        (tmp_path / "absent/file").write_text("")


def test_other_errors_pass():
    with pytest.raises(KeyError), writing("place"):
        raise KeyError("x")


def of(number, *names):
    first, second = (*names, None, None)[:2]
    return in_words(OSError(number, os.strerror(number), first, None, second))


@pytest.mark.parametrize("number", REMEDIES)
def test_what_the_system_refuses_has_file_reason_and_remedy(number):
    assert of(number, "a.png") == f"a.png: {os.strerror(number)}; {REMEDIES[number]}"


def test_two_files_are_both_named_and_none_is_not_made_up():
    assert of(errno.EXDEV, "a", "b").startswith("a -> b: ")
    assert of(errno.ENOSPC) == f"{os.strerror(errno.ENOSPC)}; {REMEDIES[errno.ENOSPC]}"
    assert of(errno.EDOM, "a") == f"a: {os.strerror(errno.EDOM)}; {USUAL}"
    assert in_words(OSError("cannot identify image file 'a.png'\nmore")) == (
        f"cannot identify image file 'a.png'; {USUAL}"
    )


def test_too_little_memory_is_said_with_the_librarys_reason():
    assert in_words(MemoryError("Unable to allocate 7 TiB")).startswith(
        "the memory does not suffice (Unable to allocate 7 TiB); "
    )
    exhausted = RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 99 bytes\nmore")
    assert in_words(exhausted).startswith("the memory does not suffice (RESOURCE_EXHAUSTED: Out")


def test_a_full_disk_is_known_by_its_words_whatever_library_says_them():
    error = RuntimeError(
        "Error while serializing: I/O error:\nNo space left on device (os error 28)"
    )
    assert in_words(error) == (
        "Error while serializing: I/O error: No space left on device (os error 28); "
        "make room, then run the same command again"
    )


def test_of_a_fault_of_the_program_nothing_is_said():
    assert in_words(KeyError("x")) == in_words(ValueError("y")) == ""
    assert in_words(InputError("mend it")) == "mend it"
