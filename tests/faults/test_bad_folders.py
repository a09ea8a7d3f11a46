"""The matrix of bad inputs: dataset.json, the table of cases, LabelMe files, numbers in options."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fluorojax.cli import main as cli
from fluorojax.data.annotations import read_annotation
from fluorojax.data.description import read_description
from fluorojax.data.folder import check_folder, read_folder
from fluorojax.inference.inputs import spacing_given, thresholds_given
from fluorojax.knee.options import given_of, tolerances_of
from fluorojax.schema.info import ClassInfo, DatasetInfo
from tests.faults.matrix import Bad, names, refused
from tests.folders import edit_csv, write_folder

BOM = b"\xef\xbb\xbf"
DEEP = b"[" * 100_000

# dataset.json

WIRE = {"name": "wire", "kind": "curve"}
SCOPE = {"name": "scope", "kind": "region"}
SOUND: dict[str, Any] = {"name": "toy", "classes": [SCOPE, WIRE], "mask_encoding": "bitmask"}


def description(content: bytes | dict[str, Any]) -> Callable[[Path], object]:
    """Return what writes a dataset.json, or changes fields of a sound one, and reads it."""

    def use(folder: Path) -> object:
        path = folder / "dataset.json"
        whole = content if isinstance(content, bytes) else json.dumps(SOUND | content).encode()
        path.write_bytes(whole)
        return read_description(path)

    return use


def labels(**fields: Any) -> dict[str, Any]:
    return {"image_labels": [{"name": "view", "values": ["ap", "side"]} | fields]}


def wire(**fields: Any) -> dict[str, Any]:
    return {"classes": [WIRE | fields], "mask_encoding": "index"}


DESCRIPTIONS: list[Bad] = [
    (f"dataset.json: {name}", description(content), pattern)
    for name, content, pattern in [
        ("empty", b"", "not valid JSON"),
        ("cut", b'{"name": "toy", "cla', "not valid JSON"),
        ("comma at the end", b'{"name": "toy",}', "not valid JSON"),
        ("single quotes", b"{'name': 'toy'}", "not valid JSON"),
        ("comment", b'{"name": "toy"} // mine', "not valid JSON"),
        ("UTF-16", '{"name": "toy"}'.encode("utf-16"), "text in UTF-16, which Excel calls"),
        ("UTF-16 without a mark", '{"name": 1}'.encode("utf-16-le"), "a zero byte at byte 1"),
        ("Latin-1", '{"name": "Länge"}'.encode("latin-1"), "not text in UTF-8"),
        ("zero byte", b'{"name": "to\0y"}', "a zero byte at byte 12"),
        ("two marks", BOM * 2 + b"{}", "not valid JSON"),
        ("deep", DEEP, "brackets within hundreds"),
        ("NaN", b'{"name": NaN}', "NaN is no number"),
        ("number beyond all", b'{"name": 1e400}', "1e400 is larger than any number"),
        ("digits beyond all", b'{"name": ' + b"1" * 5000 + b"}", "not valid JSON"),
        ("half a character", b'{"description": "\\ud800"}', "not valid JSON"),
        ("field twice", b'{"name": "a", "name": "b"}', "'name' stands there twice"),
        ("list", b"[]", "write an object"),
        ("text", b'"toy"', "write an object"),
        ("number", b"3", "write an object"),
        ("null", b"null", "write an object"),
        ("no name", b'{"classes": [{"name": "wire", "kind": "curve"}]}', "name '': give a name"),
        ("no classes", b'{"name": "toy"}', "classes: write a list such as"),
        ("name of another type", {"name": 5}, "name 5 is no text; write it in quotes"),
        ("name true", {"name": True}, "name True is no text"),
        ("name null", {"name": None}, "name None is no text"),
        ("name with a slash", {"name": "a/b"}, "name 'a/b': give a name of letters"),
        ("name with an accent", {"name": "fémur"}, "give a name of letters without accents"),
        ("name with a line break", {"name": "a\n"}, r"name 'a\\n': give a name"),
        ("name of a parent folder", {"name": ".."}, "give a name"),
        ("long name", {"name": "a" * 101}, "'-' and '.', 100 at most"),
        ("description of another type", {"description": ["a"]}, "description .* is no text"),
        ("license of another type", {"license": 1}, "license 1 is no text"),
        ("unknown field", {"clases": []}, "unknown field 'clases'.*perhaps 'classes'"),
        ("field in capitals", {"Name": "toy"}, "unknown field 'Name'.*perhaps 'name'"),
        ("coco", {"coco": ["a.json"]}, "coco .* is no path; write it in quotes"),
        ("encoding in capitals", {"mask_encoding": "Index"}, "write one of.*perhaps 'index'"),
        ("encoding a list", {"mask_encoding": ["index"]}, "mask_encoding '.'index'.': write one"),
        ("encoding null", {"mask_encoding": None}, "mask_encoding 'None': write one of"),
        ("split unit", {"split_unit": "patients"}, "split_unit .*perhaps 'patient'"),
        ("split unit a number", {"split_unit": 1}, "split_unit '1': write one of"),
        ("classes an object", {"classes": {"wire": "curve"}}, "classes: write a list such as"),
        ("classes of names", {"classes": ["wire"]}, "classes: write a list such as"),
        ("no class", {"classes": []}, "classes: write a list such as"),
        ("too many classes", {"classes": [{"name": f"c{n}", "kind": "region"} for n in range(40)]},
         "40 classes; at most"),
        ("class without a kind", {"classes": [{"name": "wire"}]}, "kind '': write region"),
        ("kind of another type", {"classes": [WIRE | {"kind": {}}]}, "kind '{}': write region"),
        ("kind in capitals", {"classes": [WIRE | {"kind": "Curve"}]}, "kind 'Curve': write region"),
        ("class with an unknown field", {"classes": [WIRE | {"mask_vlaue": 3}]},
         "class 'wire': unknown field 'mask_vlaue'.*perhaps 'mask_value'"),
        ("class with a blank", {"classes": [WIRE | {"name": "a wire"}]}, "class 'a wire': name it"),
        ("class twice", {"classes": [WIRE, WIRE]}, "class 'wire' stands there 2 times"),
        ("value true", wire(mask_value=True), "mask_value True: give a whole number from 1"),
        ("value as text", wire(mask_value="255"), "mask_value '255': .*without quotes"),
        ("value with a point", wire(mask_value=1.5), "mask_value 1.5: give a whole number"),
        ("value a list", wire(mask_value=[1]), r"mask_value \[1\]: give a whole number"),
        ("value 0", wire(mask_value=0), "mask_value 0: give a whole number from 1 to 65535"),
        ("value too large", wire(mask_value=65536), "mask_value 65536: give a whole number"),
        ("value without index", wire(mask_value=3) | {"mask_encoding": "bitmask"},
         "mask_value goes with mask_encoding index only"),
        ("relation of names", {"relation": ["wire", "scope"]}, "relation: write {"),
        ("relation of one", {"relation": {"child": "wire"}}, "relation: write {"),
        ("relation to a stranger", {"relation": {"child": "wire", "parent": "scop"}},
         "parent 'scop' is no class.*perhaps 'scope'"),
        ("relation to a list", {"relation": {"child": "wire", "parent": ["scope"]}}, "is no class"),
        ("relation to itself", {"relation": {"child": "wire", "parent": "wire"}}, "name two"),
        ("labels an object", {"image_labels": {"view": ["ap"]}}, "image_labels: write a list"),
        ("labels null", {"image_labels": None}, "image_labels: write a list"),
        ("label's values numbers", labels(values=[1, 2]), "image_labels: write a list"),
        ("label chiral as text", labels(chiral="true"), "image_labels: write a list"),
        ("label of one value", labels(values=["ap"]), "has 1 values; write 2 to 127"),
        ("label's value empty", labels(values=["ap", ""]), "value '': write a word"),
        ("label's value twice", labels(values=["ap", "ap"]), "value 'ap' stands there 2 times"),
        ("label's value unseen", labels(values=["ap", "a\u200bp"]), "write a word without blanks"),
        ("label's unknown field", labels(chirale=True), "unknown field 'chirale'.*'chiral'"),
        ("label named as a column", labels(name="split"), "a class or a column is named so"),
    ]
]  # fmt: skip


# The table

SIZE = 32


def pictures(folder: Path) -> None:
    """Write a sound folder, small."""
    write_folder(folder / "d", cases=5, size=SIZE)


def table(content: bytes | str) -> Callable[[Path], object]:
    """Return what puts another table into a sound folder and reads it."""

    def use(folder: Path) -> object:
        pictures(folder)
        data = content if isinstance(content, bytes) else content.encode()
        (folder / "d/cases.csv").write_bytes(data)
        return read_folder(folder / "d")

    return use


def cells(row: int, **fields: str) -> Callable[[Path], object]:
    """Return what changes values of one row (-1: of all) in a sound table, and checks it."""

    def change(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        return [r | fields if row in (n, -1) else r | dict.fromkeys(fields.keys() - r.keys(), "")
                for n, r in enumerate(rows)]  # fmt: skip

    def use(folder: Path) -> object:
        pictures(folder)
        edit_csv(folder / "d/cases.csv", change)
        return check_folder(folder / "d")

    return use


def files(change: Callable[[Path], object]) -> Callable[[Path], object]:
    """Return what changes files of a sound folder, and checks it."""

    def use(folder: Path) -> object:
        pictures(folder)
        change(folder / "d")
        return check_folder(folder / "d")

    return use


def move(name: str, to: str) -> Callable[[Path], object]:
    return files(lambda d: (d / name).rename(d / to))


def copied(source: str, target: str, **save: Any) -> Callable[[Path], object]:
    return files(lambda d: Image.open(d / source).save(d / target, **save))


def spread(d: Path) -> None:
    """Write one frame in 8 bits, another the same in 16 bits."""
    grey = (np.arange(SIZE * SIZE).reshape(SIZE, SIZE) % 251).astype(np.uint8)
    Image.fromarray(grey).save(d / "images/0.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(d / "images/4.png")


def ignored(*cases: int) -> Callable[[Path], object]:
    def use(folder: Path) -> object:
        pictures(folder)
        Image.fromarray(np.ones((SIZE, SIZE), np.uint8)).save(folder / "d/all.png")
        edit_csv(
            folder / "d/cases.csv",
            lambda rows: [r | {"ignore": "all.png" * (n in cases)} for n, r in enumerate(rows)],
        )
        return check_folder(folder / "d")

    return use


def linked(link: Callable[[Path, Path], None]) -> Callable[[Path], object]:
    def change(d: Path) -> None:
        (d / "images/4.png").unlink()
        link(d / "images/0.png", d / "images/4.png")

    return files(change)


HEAD = "case,image,patient,split\n"
ROW = "c0,images/0.png,p0,train\n"

TABLES: list[Bad] = [
    (f"table: {name}", table(content), pattern)
    for name, content, pattern in [
        ("empty", b"", "the file is empty; write a header"),
        ("a mark alone", BOM, "the file is empty"),
        ("blank lines alone", "\n\n , \n", "the file is empty"),
        ("header alone", HEAD, "no cases; write one line a frame"),
        ("semicolons", HEAD.replace(",", ";") + ROW.replace(",", ";"), "are separated by ';'"),
        ("tabs", HEAD.replace(",", "\t") + ROW.replace(",", "\t"), "are separated by tabs"),
        ("bars", HEAD.replace(",", "|"), "columns are separated by '|'"),
        ("semicolons, and a comma", 'case;image;patient;"a,b"\n', "are separated by ';'"),
        ("sep=;", "sep=;\n" + HEAD.replace(",", ";"), "line 1 says .* by ';'"),
        ("sep of tabs", b"SEP=\t\n" + HEAD.encode(), "line 1 says .* by tabs"),
        ("sep, quoted", '"sep=;"\r\n' + HEAD, "line 1 says .* by ';'"),
        ("semicolons below", HEAD + ROW.replace(",", ";"), "line 2: 1 values under 4 columns"),
        ("UTF-16", (HEAD + ROW).encode("utf-16"), "text in UTF-16, which Excel calls 'Unicode"),
        ("Latin-1", (HEAD + "ä" + ROW).encode("latin-1"), "not text in UTF-8"),
        ("zero byte", (HEAD + ROW).encode() + b"\0", "a zero byte"),
        ("a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a zero byte|not text in UTF-8"),
        ("open quote", HEAD + '"' + ROW + ROW, r"line 2: a quote \(\"\) is opened here"),
        ("open quote below", HEAD + ROW + '"' + ROW, r"line 3: a quote .* never closed"),
        ("text behind a quote", HEAD + '"c0"x,a,b,train\n', "line 2: text behind a closing quote"),
        ("huge value", HEAD + "c" * 140_000 + "\n", "line 2: a value of more than 131072 char"),
        ("line break in a value", HEAD + '"c\n0",images/0.png,p0,train\n', "holds a line break"),
        ("tab in a value", HEAD + "c\t0,images/0.png,p0,train\n", r"U\+0009"),
        ("escape in a value", HEAD + "c\x1b[31m,images/0.png,p0,train\n", r"U\+001B"),
        ("unseen character", HEAD + "c\u200b0,images/0.png,p0,train\n", r"U\+200B .zero width sp"),
        ("text turned round", HEAD + "c\u202e0,images/0.png,p0,train\n", r"U\+202E"),
        ("soft hyphen", HEAD + "c\u00ad0,images/0.png,p0,train\n", r"U\+00AD .soft hyphen"),
        ("row too long", HEAD + ROW.strip() + ",more\n", "line 2: 5 values under 4 columns"),
        ("row too short", HEAD + "c0,images/0.png\n", "line 2: 2 values under 4 columns"),
        ("decimal comma", "case,image,patient,row_spacing_mm\nc0,images/0.png,p0,0,2\n",
         "line 2: 5 values under 4 columns.*write numbers with a point"),
        ("no header", ROW * 2, "no column 'case'; add it"),
        ("column without a name", "case,image,patient,\nc0,images/0.png,p0,x\n",
         "column 4 has no name"),
        ("column in capitals", HEAD.replace("image", "IMAGE") + ROW, "'IMAGE'.*perhaps 'image'"),
        ("column misspelt", HEAD.replace("patient", "pateint") + ROW, "perhaps 'patient'"),
        ("column twice", "case,case,image,patient\na,b,c,d\n", "column 'case' stands there 2 ti"),
        ("column under its old name, too", "case,image,patient,level,stratum\na,b,c,d,e\n",
         "column 'stratum' stands there 2 times"),
        ("thousands of columns", ",".join(map(str, range(2000))), "2000 columns; is it the right"),
        ("name of a column with a line break", '"ca\nse",image,patient\na,b,c\n', r"'ca\\nse'"),
    ]
]  # fmt: skip

CELLS: list[Bad] = [
    (f"row: {name}", use, pattern)
    for name, use, pattern in [
        ("case empty", cells(0, case=""), "line 2: column 'case' is empty"),
        ("case with a slash", cells(0, case="a/b"), "case a/b: a case names files"),
        ("case with a backslash", cells(0, case="a\\b"), "rename it without slashes"),
        ("case of a folder", cells(0, case=".."), "a case names files"),
        ("case of 2000 letters", cells(0, case="c" * 2000), "a name of 2000 characters"),
        ("case twice", cells(0, case="c1"), "case c1 stands there 2 times"),
        ("patient blank", cells(0, patient="  "), "column 'patient' is empty"),
        ("no file", cells(0, image="images/no.png"), "case c0: no file .*no.png; correct"),
        ("a folder for a file", cells(0, image="images"), "case c0: a folder, not a file"),
        ("a file for a folder", cells(0, image="images/0.png/0.png"), "case c0: no file"),
        ("file in other case", cells(0, image="Images/0.PNG"), "perhaps .*images/0.png, which is"),
        ("long file name", cells(0, image="a" * 300 + ".png"), "cannot be read .*too long"),
        ("long path", cells(0, image="a/" * 4000 + ".png"), "cannot be read .*too long"),
        ("path of a drive", cells(0, image="C:\\d\\0.png"), "is an absolute path of Windows"),
        ("path of a network", cells(0, image="\\\\host\\d\\0.png"), "is an absolute path of Wind"),
        ("device", cells(0, image="/dev/null"), "no file that can be read to its end"),
        ("annotation lost", cells(0, annotation="masks/no.png"), "case c0: no file .*masks/no.png"),
        ("annotation of classes", cells(0, annotation="masks/{class}.png"), "no file .*scope.png"),
        ("LabelMe of classes", cells(0, annotation="masks/{class}.json"), "holds all classes"),
        ("ignore mask lost", cells(0, ignore="no.png"), "case c0: no file .*no.png"),
        ("another kind of picture", cells(0, image="cases.csv"), "case c0: .*'.csv' is not read"),
        ("attached in other words", cells(0, attached="true"), "attached 'true': write yes, no"),
        ("attached in capitals", cells(0, attached="YES"), "attached 'YES': write yes, no"),
        ("split misspelt", cells(0, split="trian"), "split 'trian': write train, validation"),
        ("split in capitals", cells(0, split="Train"), "split 'Train': write train"),
        ("split for some", cells(0, split=""), "split '': write train"),
        ("frame negative", cells(0, frame="-1"), "frame '-1': write a whole number"),
        ("frame with a point", cells(0, frame="1.0"), "frame '1.0': write a whole number"),
        ("frame of other digits", cells(0, frame="١٢"), "frame '١٢': write a whole number"),
        ("frame with _", cells(0, frame="1_0"), "frame '1_0': write a whole number"),
        ("frame of ten digits", cells(0, frame="1234567890"), "write a whole number"),
        *[
            (f"spacing {text!r}", cells(0, row_spacing_mm=text, col_spacing_mm="0.2"), pattern)
            for text, pattern in [
                ("", "write two positive numbers"),
                ("0", "row_spacing_mm '0', col_spacing_mm '0.2': write two positive numbers"),
                ("-0.2", "write two positive numbers"),
                ("0,2", r"row_spacing_mm '0,2' .a decimal comma; write 0.2.,"),
                ("0.2mm", r"row_spacing_mm '0.2mm' .write the number alone: 0.2."),
                ("nan", "row_spacing_mm 'nan'"),
                ("inf", "row_spacing_mm 'inf'"),
                ("1e400", "row_spacing_mm '1e400'"),
                ("1e-60", "row_spacing_mm '1e-60'"),
                ("1_0", "write it without '_': 10"),
                ("٠.٢", "write digits 0 to 9"),
                ("0.2 0.2", "row_spacing_mm '0.2 0.2'"),
                ("0x1", "write the number alone|row_spacing_mm '0x1'"),
                ("True", "row_spacing_mm 'True'"),
            ]
        ],
        ("patient on both sides", cells(4, patient="p0"), "patient p0 is in 2 splits"),
        ("patient in two forms", files(lambda d: edit_csv(d / "cases.csv", lambda rows: [
            r | {"patient": {0: "é", 4: "e\u0301"}.get(n, r["patient"])}
            for n, r in enumerate(rows)])), "patient é is in 2 splits"),
        ("frame on both sides", cells(4, image="images/0.png"), "images/0.png is in two splits"),
        ("frame, by a detour", cells(4, image="masks/../images/./0.png"), "is in two splits"),
        ("frame, by a backslash", cells(4, image="images\\0.png"), "is in two splits"),
        ("frame, by a link", linked(lambda a, b: b.symlink_to(a)), "is in two splits"),
        ("frame, by a hard link", linked(lambda a, b: os.link(a, b)), "is in two splits"),
        ("frame copied", linked(lambda a, b: b.write_bytes(a.read_bytes()) and None),
         r"the same picture is in two splits: case c0 \(train\), c4 \(test\)"),
        ("frame compressed anew", copied("images/0.png", "images/4.png", compress_level=1),
         "the same picture is in two splits"),
        ("frame in 8 and in 16 bits", files(spread), "the same picture is in two splits"),
        ("all ignored", ignored(0, 1, 2, 3, 4), "split 'train': every pixel .* is ignored"),
        ("a split ignored", ignored(4), "split 'test': every pixel .* perhaps they are inverted"),
        ("no dataset.json", move("dataset.json", "other.json"), "dataset.json: not there"),
        ("no table", move("cases.csv", "other.csv"), "cases.csv: not there; a dataset folder"),
        ("table a folder", files(lambda d: ((d / "cases.csv").unlink(), (d / "cases.csv").mkdir())),
         "cases.csv: a folder, not a file; a dataset folder"),
        ("no folder", lambda folder: check_folder(folder / "no"), "no: not there"),
        ("a file for the folder", lambda folder: check_folder(__file__), "dataset.json: not there"),
        ("long name of a folder", lambda folder: check_folder("a" * 5000), "too long"),
        ("zero byte in a folder", lambda folder: check_folder("a\0b"), "null byte"),
        ("zero byte in a table's name", files(lambda d: check_folder(d, "a\0b")), "null byte"),
    ]
]  # fmt: skip


# LabelMe

FRAME = (20, 30)
INFO = DatasetInfo("toy", (ClassInfo("scope", "region"), ClassInfo("wire", "curve")))


def labelme(content: bytes | dict[str, Any]) -> Callable[[Path], object]:
    """Return what writes a LabelMe file and reads it as an annotation."""

    def use(folder: Path) -> object:
        path = folder / "a.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return read_annotation(path, INFO, "bitmask", FRAME, "c7")

    return use


def sheet(*shapes: Any, **fields: Any) -> dict[str, Any]:
    return {"shapes": list(shapes), "imageHeight": 20, "imageWidth": 30} | fields


def area(points: Any, **fields: Any) -> dict[str, Any]:
    shape = {"label": "scope", "shape_type": "polygon", "points": points, "description": ""}
    return sheet(shape | fields)


def line(description: Any, **fields: Any) -> dict[str, Any]:
    whole = {"label": "wire", "shape_type": "linestrip", "description": description} | fields
    return area(whole.pop("points", [[2, 2], [20, 12]]), **whole)


BOX = [[2, 2], [9, 2], [9, 9]]

LABELME: list[Bad] = [
    (f"LabelMe: {name}", labelme(content), pattern)
    for name, content, pattern in [
        ("empty", b"", "a.json: case c7: not valid JSON"),
        ("cut", b'{"shapes": [', "a.json: case c7: not valid JSON"),
        ("UTF-16", "{}".encode("utf-16"), "a.json: case c7: text in UTF-16"),
        ("deep", DEEP, "case c7: brackets within hundreds"),
        ("deep within a shape", b'{"shapes": ' + b'[{"a":' * 50_000, "brackets within hundreds"),
        ("NaN", b'{"shapes": [{"points": [[NaN, 1]]}]}', "NaN is no number that JSON has"),
        ("infinity", b'{"shapes": [{"points": [[1e999, 1]]}]}', "1e999 is larger than any number"),
        ("shapes twice", b'{"shapes": [], "shapes": []}', "'shapes' stands there twice"),
        ("list", b"[]", "no LabelMe file"),
        ("half COCO", b'{"images": []}', "no LabelMe file.*nor one of COCO"),
        ("shapes an object", b'{"shapes": {}}', "no LabelMe file"),
        ("no size", {"shapes": []}, "imageHeight and imageWidth are missing.*LabelMe before"),
        ("one side missing", {"shapes": [], "imageHeight": 20}, "are missing"),
        ("size null", sheet(imageHeight=None), "are missing"),
        ("size as text", sheet(imageHeight="20"), "imageHeight '20' .* without quotes"),
        ("size true", sheet(imageWidth=True), "imageWidth True must be numbers"),
        ("size a list", sheet(imageWidth=[30]), "must be numbers"),
        ("another size", sheet(imageHeight=40, imageWidth=60), "40 x 60, the frame is 20 x 30"),
        ("turned", sheet(imageHeight=30, imageWidth=20), "30 x 20, the frame is 20 x 30"),
        ("shape a number", sheet(3), "shape 0: 3 is no shape"),
        ("shape null", sheet(BOX, None), "shape 0: .* is no shape"),
        ("no label", area(BOX, label=None), "unknown label 'None'"),
        ("label of another type", area(BOX, label=["scope"]), "unknown label"),
        ("label in capitals", area(BOX, label="Scope"), "unknown label 'Scope'.*perhaps 'scope'"),
        ("label with a blank", area(BOX, label="scope "), "unknown label 'scope '.*perhaps"),
        ("label of a megabyte", area(BOX, label="x" * 10**6), "unknown label 'xxx"),
        ("label with a line break", area(BOX, label="a\nb"), r"unknown label 'a\\nb'"),
        ("kind point", area([[1, 1]], shape_type="point"), "shape_type 'point' cannot be drawn"),
        ("kind mask", area(BOX, shape_type="mask"), "cannot be drawn; use circle"),
        ("kind a list", area(BOX, shape_type=["polygon"]), "cannot be drawn"),
        ("kind null", area(BOX, shape_type=None), "shape_type 'None' cannot be drawn"),
        ("no points", area(None), "points are not pairs of numbers"),
        ("points an object", area({"x": 1}), "points are not pairs of numbers"),
        ("points of three", area([[2, 2, 1], [9, 2, 1], [9, 9, 1]]), r"point 0 is \[2, 2, 1\]"),
        ("points of one", area([[2], [9], [9]]), r"point 0 is \[2\]; points are not pairs"),
        ("points flat", area([2, 2, 9, 2, 9, 9]), "point 0 is 2; .* write each as .x, y."),
        ("points as text", area(["2,2", "9,2", "9,9"]), "point 0 is 2,2; points are not pairs"),
        ("points nested", area([BOX]), "points are not pairs"),
        ("one point of three", area([[2, 2], [9, 2, 0], [9, 9]]), "point 1 is"),
        ("a place as text", area([[2, 2], ["9", 2], [9, 9]]), "point 1 .*without quotes"),
        ("a place true", area([[2, 2], [9, True], [9, 9]]), "point 1 .*write both as numbers"),
        ("a place null", area([[2, 2], [9, None], [9, 9]]), "point 1 .*write both as numbers"),
        ("a place far off", area([[2, 2], [1e7, 2], [9, 9]]), "farther away than any picture"),
        ("a huge whole number", area([[2, 2], [10**400, 2], [9, 9]]), "farther away"),
        ("polygon of two", area([[2, 2], [9, 9]]), "a polygon of 2 points needs 3"),
        ("polygon of none", area([]), "a polygon of 0 points needs 3"),
        ("circle of one", area([[2, 2]], shape_type="circle"), "a circle of 1 points needs 2"),
        ("circle of three", area(BOX, shape_type="circle"), "a circle of 3 points has 2"),
        ("rectangle turned", area([[9, 2], [12, 5], [9, 8], [6, 5]], shape_type="rectangle"),
         "a rectangle of 4 points has 2; draw it as a polygon"),
        ("shares", area([[0.1, 0.1], [0.9, 0.2], [0.5, 0.9]]), "within 0 to 1, as shares"),
        ("shares of a line", line("width_px=3", points=[[0.1, 0.1], [0.9, 0.9]]), "within 0 to 1"),
        ("outside", area([[50, 2], [60, 2], [60, 9]]), "draws no pixel: it lies outside"),
        ("left of the frame", area([[-5, 2], [-1, 2], [-1, 9]]), "draws no pixel: it lies outside"),
        ("circle outside", area([[90, 90], [92, 90]], shape_type="circle"), "lies outside"),
        ("line outside", line("width_px=3", points=[[90, 90], [99, 99]]), "lies outside"),
        ("speck", area([[5, 5], [5.1, 5], [5, 5.1]]), "draws no pixel: it covers no pixel"),
        ("polygon on a line", area([[2, 2], [5, 5], [9, 9]]), "draws no pixel: it covers no"),
        ("rectangle without height", area([[2, 5], [9, 5]], shape_type="rectangle"), "draws no"),
        ("circle of radius 0", area([[5, 5], [5, 5]], shape_type="circle"), "draws no pixel"),
        ("line of one place", line("width_px=3", points=[[5, 5], [5, 5]]), "draws no pixel"),
        *[
            (f"width {text!r}", line(text), pattern)
            for text, pattern in [
                (None, "a line without width; write its width in pixels"),
                (3, "a line without width; write its width in pixels"),
                ({"width_px": 3}, "a line without width"),
                ("", "a line without width"),
                ("3.5", "a line without width"),
                ("width=3", "a line without width"),
                ("width_px", "a line without width"),
                ("width_px=", "'' is no number above 0"),
                ("width_px=thin", "'thin' is no number above 0"),
                ("width_px=3.5abc", "'3.5abc' is no number.*write the number alone: 3.5"),
                ("width_px=12,5", "a decimal comma; write 12.5"),
                ("width_px=0,8", "a decimal comma; write 0.8"),
                ("width_px=3 mm", "'3 mm' is no number above 0"),
                ("width_px=0.5mm", "write the number alone: 0.5"),
                ("width_px=0", "'0' is no number above 0"),
                ("width_px=-3", "'-3' is no number above 0"),
                ("width_px=nan", "'nan' is no number above 0"),
                ("width_px=inf", "'inf' is no number above 0"),
                ("width_px=1e400", "'1e400' is no number above 0"),
                ("width_px=1_0", "write it without '_': 10"),
                ("width_px=١٢", "write digits 0 to 9"),
                ("width_px=1.2.3", "'1.2.3' is no number above 0"),
                ("width_px=3 width_px=4", "2 widths"),
                ("width_px=1 200", "'1 200' is no number above 0"),
                ("width_px=12'5", "is no number above 0"),
                ("width_px=3000", "width_px=3000 is wider than the frame"),
            ]
        ],
    ]
]  # fmt: skip


# Options

CLASSES, USUAL = ("scope", "wire"), (0.5, 0.35)


def spacing(text: str) -> Callable[[Path], object]:
    return lambda folder: spacing_given(text)


def threshold(text: str) -> Callable[[Path], object]:
    return lambda folder: thresholds_given(text, CLASSES, USUAL)


def knee(*options: str) -> Callable[[Path], object]:
    return lambda folder: given_of(
        cli.parser().parse_args(["measure", "export", "--out", "o", *options])
    )


def tolerance(*texts: str) -> Callable[[Path], object]:
    return lambda folder: tolerances_of(texts)


OPTIONS: list[Bad] = [
    *[
        (f"--spacing-mm {text!r}", spacing(text), f"--spacing-mm .*{pattern}")
        for text, pattern in [
            ("", "write one number above 0"),
            ("0.2mm", "write one number above 0, or two: rows, columns .write the number alone"),
            ("0,2", "write one number with a point, as in 0.2"),
            ("1,5", "as in 1.5, or two with a point each, as in 1.0,5.0: rows, columns"),
            ("0.2;0.3", "write one number above 0"),
            ("0.2x0.3", "write one number above 0"),
            ("0.2,", "write one number above 0"),
            ("0.2,0.2,0.2", "write one number above 0, or two"),
            ("-0.2", "write one number above 0"),
            ("nan", "write one number above 0"),
            ("inf,inf", "write one number above 0"),
            ("1e400", "write one number above 0"),
            ("1e-50", "write one number above 0"),
            ("٠.٢", "write digits 0 to 9"),
            ("1_0", "write it without '_'"),
            ("\n", "write one number above 0"),
            ("9" * 1000, "write one number above 0"),
        ]
    ],
    *[
        (f"--threshold {text!r}", threshold(text), f"--threshold .*{pattern}")
        for text, pattern in [
            ("", "write a probability from 0 to 1"),
            ("nan", "write a probability from 0 to 1"),
            ("1.01", "write a probability from 0 to 1"),
            ("-0.1", "write a probability from 0 to 1"),
            ("50%", "write a probability from 0 to 1.*write the number alone: 50"),
            ("0,4", "write a probability from 0 to 1.*a decimal comma; write 0.4"),
            ("0.4abc", "write the number alone: 0.4"),
            ("1e400", "write a probability"),
            ("٠.٤", "write digits 0 to 9"),
            ("0.4,0.5", "write a probability from 0 to 1"),
            ("wire=0,4", "'4' says nothing of a class"),
            ("wire=nan", "write a probability from 0 to 1"),
            ("wire=", "write a probability from 0 to 1"),
            ("wire=0.4,", "'' says nothing of a class"),
            ("wire=0.4,wire=0.5", "wire stands there twice"),
            ("Wire=0.4", "no class 'Wire'.*perhaps 'wire'"),
            ("wire:0.4", "write a probability from 0 to 1"),
            ("=0.4", "there is no class ''"),
            ("wire==0.4", "write a probability from 0 to 1"),
        ]
    ],
    ("--magnification comma", knee("--magnification", "1,15"), "write 1 number .a decimal comma"),
    ("--magnification percent", knee("--magnification", "115%"), "write the number alone"),
    ("--magnification nan", knee("--magnification", "nan"), "write 1 number"),
    ("--magnification 0.9", knee("--magnification", "0.9"), "from 1 to 2, or 'unknown'"),
    ("--magnification 1_1", knee("--magnification", "1_1"), "write it without '_'"),
    ("--ball-mm unit", knee("--ball-mm", "25.4mm"), "write the number alone: 25.4"),
    ("--ball-mm comma", knee("--ball-mm", "25,4"), "write 1 number|write 25.4"),
    ("--ball-mm inf", knee("--ball-mm", "inf"), "write 1 number"),
    ("--ball-mm 0", knee("--ball-mm", "0"), "must be above 0"),
    ("--known-width alone", knee("--known-width", "76"), "write tibial_component=76"),
    ("--known-width misspelt", knee("--known-width", "tibial=76"), "write tibial_component=76"),
    ("--known-width unit", knee("--known-width", "tibial_component=76mm"), "the number alone: 76"),
    ("--known-width 1e400", knee("--known-width", "tibial_component=1e400"), "write 1 number"),
    ("--tolerance comma", tolerance("alpha=89,5,100"), "write 2 numbers"),
    ("--tolerance nan", tolerance("alpha=nan,100"), "write 2 numbers"),
    ("--tolerance infinity", tolerance("alpha=infinity,100"), "write 2 numbers"),
    ("--tolerance order", tolerance("alpha=100,90"), "lower limit first"),
    ("--tolerance twice", tolerance("alpha=1,2", "alpha=3,4"), "alpha stands there twice"),
    ("--tolerance name", tolerance("Alpha=1,2"), "perhaps 'alpha'"),
]

ROWS = [*DESCRIPTIONS, *TABLES, *CELLS, *LABELME, *OPTIONS]


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
def test_a_bad_input_is_refused_with_its_message(row: Bad, tmp_path: Path):
    message = refused(row, tmp_path)
    assert len(message) < 40_000
    assert all(c.isprintable() or c == "\n" for c in message)


def test_the_matrix_is_large_enough():
    assert len(ROWS) >= 250
