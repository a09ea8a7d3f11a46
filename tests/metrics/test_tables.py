import pytest

from fluorojax.core.errors import InputError
from fluorojax.metrics.tables import number, read_table, word


def test_columns_are_read_by_name_in_any_order_and_others_left_out(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\ufeffb,old,more\n1,2,3\n\n4,,6\n", "utf-8")
    found = read_table(path, ("new", "b"), {"old": "new"})
    assert found == [{"new": "2", "b": "1"}, {"new": "", "b": "4"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column a, b"),
        ("a\n1\n", "no column b"),
        ("a,b,a\n1,2,3\n", "column a stands there twice"),
        ("a,b\n1,2\n1\n", "row 3 has 1 cells, there are 2 columns"),
        ('a,b\n"1,2\n', "is damaged"),
    ],
)
def test_a_table_of_another_shape_is_refused(tmp_path, text, message):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"t\.csv is damaged.*{message}|t\.csv {message}"):
        read_table(path, ("a", "b"))


def test_a_number_lies_within_its_limits_but_for_rounding():
    assert number("", "x") is None
    assert number("1.0000000000000002", "x", 0, 1) > 1
    assert number("-3e2", "x") == -300
    for text in ("nan", "-inf", "1_0", "one", "0,5"):
        with pytest.raises(InputError, match=r"x is '.*', which is no finite number"):
            number(text, "x")
    with pytest.raises(InputError, match=r"x is 1\.1, and must be from 0 to 1; evaluate again"):
        number("1.1", "x", 0, 1)
    with pytest.raises(InputError, match="x is -1, and must be at least 0"):
        number("-1", "x", 0)


def test_a_word_is_there_and_known():
    assert word("mm", "x", ("mm", "px")) == "mm"
    with pytest.raises(InputError, match="x is empty"):
        word(" ", "x")
    with pytest.raises(InputError, match="x is 'cm', not one of mm, px"):
        word("cm", "x", ("mm", "px"))
