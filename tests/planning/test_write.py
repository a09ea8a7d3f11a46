import json

import pytest

from fluorojax.core.errors import InputError
from fluorojax.data.description import read_description, read_label_rules
from fluorojax.data.label_rules import LabelRules
from fluorojax.planning.write import append_rows, read_table, write_description, write_table
from fluorojax.schema.info import ClassInfo, DatasetInfo, Relation

ROW = {"case": "a", "image": "i,1.png", "annotation": "", "patient": "p", "split": "train"}


def test_a_description_is_read_back(tmp_path):
    info = DatasetInfo(
        "x",
        (ClassInfo("a", "region", 5), ClassInfo("b", "curve")),
        relation=Relation("b", "a"),
        split_unit="frame",
    )
    write_description(tmp_path / "dataset.json", info, "index")
    assert read_description(tmp_path / "dataset.json") == (info, "index")
    with pytest.raises(InputError, match="came to be there meanwhile"):
        write_description(tmp_path / "dataset.json", info, None)
    rules = LabelRules(names={"Guide wire": "b"}, widths={"b": 3.5})
    write_description(tmp_path / "rules.json", info, "index", rules)
    assert read_label_rules(tmp_path / "rules.json") == rules
    write_description(tmp_path / "plain.json", DatasetInfo("x", (ClassInfo("a", "region"),)), None)
    assert json.loads((tmp_path / "plain.json").read_text()) == {
        "name": "x",
        "classes": [{"name": "a", "kind": "region"}],
    }


def test_a_table_has_the_columns_that_are_used(tmp_path):
    path = tmp_path / "cases.csv"
    write_table(path, [ROW, ROW | {"case": "b", "attached": "yes"}])
    assert path.read_text() == (
        "case,image,annotation,patient,sequence,frame,attached,split\n"
        'a,"i,1.png",,p,,,,train\n'
        'b,"i,1.png",,p,,,yes,train\n'
    )
    with pytest.raises(InputError, match="meanwhile"):
        write_table(path, [ROW])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_rows_come_behind_those_of_a_table_whose_bytes_stay(tmp_path, end, last):
    path = tmp_path / "cases.csv"
    before = end.join(["sep=,", "image,case,mine", ' "x.png" ,c0,"a ""b"""'])
    path.write_bytes(b"\xef\xbb\xbf" + (before + end * last).encode())
    table = read_table(path)
    assert table.columns == ("image", "case", "mine")
    assert append_rows(path, table, [ROW]) == ["patient", "split"]
    after = path.read_bytes()
    assert after == b"\xef\xbb\xbf" + (before + end + '"i,1.png",a,' + end).encode()


def test_a_table_that_changes_meanwhile_is_left_as_it_is(tmp_path, monkeypatch):
    path = tmp_path / "cases.csv"
    path.write_text("case,image\n")
    reads = iter([b"case,image\n", b"other"])
    monkeypatch.setattr(type(path), "read_bytes", lambda self: next(reads))
    with pytest.raises(InputError, match="was changed meanwhile"):
        append_rows(path, read_table_of(path), [ROW])
    assert path.read_text() == "case,image\n"


def read_table_of(path):
    from fluorojax.planning.write import Table

    return Table(path.read_text(), ("case", "image"), ())


@pytest.mark.parametrize("text", ["", "a;b\n", "case,picture\n"])
def test_what_is_no_table_of_cases_is_refused(tmp_path, text):
    (tmp_path / "cases.csv").write_text(text)
    with pytest.raises(InputError, match="no columns 'case' and 'image'"):
        read_table(tmp_path / "cases.csv")
