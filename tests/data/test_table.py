import pytest

from fluorojax.core.errors import InputError
from fluorojax.data.table import read_rows
from fluorojax.schema.info import ClassInfo, DatasetInfo, ImageLabelInfo

INFO = DatasetInfo(
    "toy", (ClassInfo("wire", "curve"),), image_labels=(ImageLabelInfo("view", ("ap", "side")),)
)
HEAD = "case,image,patient"


def read(tmp_path, content):
    path = tmp_path / "cases.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_rows(path, INFO)


ROWS = [
    {"case": "a", "image": "a.png", "patient": "p", "#line": "2"},
    {"case": "b", "image": "b.png", "patient": "q", "#line": "3"},
]


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "\na,a.png,p\nb,b.png,q\n",
        HEAD + "\r\na,a.png,p\r\nb,b.png,q",
        HEAD + "\ra,a.png,p\rb,b.png,q\r",
        "\ufeff" + HEAD + "\n a , a.png,p\nb,b.png,q\n\n,,\n",
        '"case","image","patient"\n"a","a.png","p"\nb,b.png,q\n',
        HEAD + ",\na,a.png,p,\nb,b.png,q,\n",
        HEAD + "\na,a.png,p,,\nb,b.png,q,\n",
        HEAD + ",,\na,a.png,p,,\nb,b.png,q,,\n",
    ],
)
def test_the_same_table_as_several_programs_write_it(tmp_path, text):
    assert read(tmp_path, text) == ROWS


@pytest.mark.parametrize("first", ["sep=,\n", "SEP=,\r\n", '"sep=,"\n', "\ufeffsep=,,,\n"])
def test_the_line_for_excel_is_left_out_and_lines_are_those_of_the_file(tmp_path, first):
    rows = read(tmp_path, first + HEAD + "\na,a.png,p\n")
    assert rows == [ROWS[0] | {"#line": "3"}]


def test_values_may_hold_commas_quotes_and_any_script(tmp_path):
    rows = read(tmp_path, HEAD + ',stratum,view\na,a.png,p,"over, ""bone"", 膝",ap\n')
    assert rows[0]["stratum"] == 'over, "bone", 膝'
    assert rows[0]["view"] == "ap"


def test_old_names_of_columns_are_replaced(tmp_path):
    assert read(tmp_path, HEAD + ",level\na,a.png,p,2\n")[0]["stratum"] == "2"


def test_a_column_without_a_name_must_be_empty(tmp_path):
    with pytest.raises(InputError, match="column 4 has no name"):
        read(tmp_path, HEAD + ",\na,a.png,p,x\n")


def test_lines_are_those_of_the_file_where_values_hold_line_breaks(tmp_path):
    with pytest.raises(InputError, match="line 3: column 'patient' holds a line break"):
        read(tmp_path, HEAD + '\na,a.png,"p\nq"\n')
    with pytest.raises(InputError, match=r"line 3: a quote .* is opened here and never closed"):
        read(tmp_path, HEAD + '\na,a.png,p\n"b,b.png,q\nc,c.png,r\n')


def test_many_rows_take_seconds(tmp_path):
    rows = "".join(f"c{n},{n}.png,p\n" for n in range(100_000))
    assert len(read(tmp_path, f"{HEAD}\n{rows}")) == 100_000
