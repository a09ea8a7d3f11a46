import pytest

from fluorojax.core.errors import InputError, writing


def test_a_refusal_to_write_names_the_file_and_the_reason(tmp_path):
    reason = r"absent/file cannot be written \(No such file"
    with pytest.raises(InputError, match=reason), writing(tmp_path):
        (tmp_path / "absent/file").write_text("")


def test_other_errors_pass():
    with pytest.raises(KeyError), writing("place"):
        raise KeyError("x")
