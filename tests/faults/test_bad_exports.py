"""Damaged exports: each is refused in one line that names the file, the field or the array."""

import json
import struct

import numpy as np
import pytest

import fluorojax
from fluorojax.inference import export
from tests.faults import exports
from tests.faults.exports import put, take
from tests.faults.matrix import Bad, names, refused

NAN, LONG = float("nan"), 10**9


def field(name: str, change, pattern: str) -> Bad:
    """Return a row of a changed manifest."""
    return name, lambda folder: fluorojax.load(exports.with_fields(folder, change)), pattern


def value(path: str, given, pattern: str) -> Bad:
    """Return a row of a field with another value."""
    return field(f"{path} = {given!s:.30} ({type(given).__name__})", put(path, given), pattern)


def without(path: str, pattern: str = "") -> Bad:
    """Return a row of a field that is missing."""
    dotted = ".".join(part for part in path.split("."))
    return field(f"without {dotted}", take(path), pattern or rf"{dotted} is missing")


def text(name: str, make, pattern: str) -> Bad:
    """Return a row of other bytes as the manifest, made of those of the good one."""

    def use(folder):
        return fluorojax.load(exports.write(folder, make(exports.good()[0])))

    return name, use, pattern


def arrays(name: str, change, pattern: str) -> Bad:
    """Return a row of other arrays, whose checksum is right."""
    return name, lambda folder: fluorojax.load(exports.with_arrays(folder, change)), pattern


def parameters(name: str, change, pattern: str) -> Bad:
    """Return a row of other bytes as the parameters, whose checksum is right."""

    def use(folder):
        return fluorojax.load(exports.with_parameters(folder, change(exports.good()[1])))

    return name, use, pattern


def edited(old: bytes, new: bytes):
    """Return what replaces some bytes of the manifest."""

    def change(data: bytes) -> bytes:
        assert old in data
        return data.replace(old, new, 1)

    return change


HEAD = "stage_0/head/kernel"


def header(data: bytes, change) -> bytes:
    """Return parameters whose header a function has changed, with its new length."""
    (length,) = struct.unpack("<Q", data[:8])
    fields = json.loads(data[8 : 8 + length])
    change(fields)
    changed = json.dumps(fields).encode()
    changed += b" " * (-len(changed) % 8)
    return struct.pack("<Q", len(changed)) + changed + data[8 + length :]


def unlink(folder, name):
    (exports.write(folder) / name).unlink()
    fluorojax.load(folder)


def half_written(folder):
    exports.write(folder)
    (folder / "manifest.json").rename(folder / "manifest.json.part")
    fluorojax.load(folder)


def folder_in_place_of(folder, name):
    unlinked = exports.write(folder) / name
    unlinked.unlink()
    unlinked.mkdir()
    fluorojax.load(folder)


def of_another_export(folder):
    exports.with_arrays(folder, lambda found: found[HEAD].fill(0.5))
    exports.write(
        folder, manifest=exports.good()[0], parameters=(folder / export.PARAMETERS).read_bytes()
    )
    fluorojax.load(folder)


def broken_link(folder):
    exports.write(folder)
    (folder / "params.safetensors").unlink()
    (folder / "params.safetensors").symlink_to(folder / "gone")
    fluorojax.load(folder)


def of_format_2(change):
    """Return a change that makes a manifest of format 2, and then something to it."""

    def make(fields):
        masks = fields.pop("masks")
        masks["postprocessing"] = masks.pop("gap_closing")
        del masks["curve"]
        for one in masks["classes"]:
            del one["least_presence"]
        fields |= {**masks, "format": 2}
        change(fields)

    return make


FILES: list[Bad] = [
    ("no manifest", lambda f: unlink(f, "manifest.json"), r"manifest\.json does not exist"),
    (
        "no parameters",
        lambda f: unlink(f, "params.safetensors"),
        r"params\.safetensors does not exist",
    ),
    ("an empty folder", fluorojax.load, r"manifest\.json does not exist; give the folder"),
    ("no folder", lambda f: fluorojax.load(f / "gone"), r"gone/manifest\.json does not exist"),
    ("a file as the folder", lambda f: fluorojax.load(__file__), "does not exist"),
    ("half written", half_written, r"an export was begun there: manifest\.json\.part"),
    ("a folder as manifest", lambda f: folder_in_place_of(f, "manifest.json"), "does not exist"),
    (
        "a folder as parameters",
        lambda f: folder_in_place_of(f, "params.safetensors"),
        "does not exist",
    ),
    ("another export's parameters", of_another_export, "belongs to another export"),
    ("a link to nothing", broken_link, r"params\.safetensors does not exist"),
    ("a long name", lambda f: fluorojax.load(f / ("x" * 300)), "name|long"),
]

TEXTS: list[Bad] = [
    text("an empty file", lambda _: b"", "not valid JSON"),
    text("cut", lambda data: data[:200], "not valid JSON"),
    text("a list", lambda _: b"[1, 2]", r"must be an object, and is \[1, 2\]"),
    text("null", lambda _: b"null", "must be an object, and is None"),
    text("a number", lambda _: b"3", "must be an object, and is 3"),
    text("text", lambda _: b'"manifest"', "must be an object, and is 'manifest'"),
    text("an empty object", lambda _: b"{}", "has format None, and this version reads 2, 3, 4"),
    text("a picture", lambda _: b"\x89PNG\r\n\x1a\n" + bytes(100), "no text: a zero byte"),
    text("UTF-16", lambda data: data.decode().encode("utf-16"), "text in UTF-16"),
    text(
        "NaN as a threshold", edited(b'"threshold": 0.35', b'"threshold": NaN'), "NaN is no number"
    ),
    text(
        "infinity as a threshold",
        edited(b'"threshold": 0.35', b'"threshold": -Infinity'),
        "Infinity is",
    ),
    text(
        "1e999",
        edited(b'"threshold": 0.35', b'"threshold": 1e999'),
        r"1e999 is larger than any number",
    ),
    text(
        "scores 1e999", edited(b'"mean": 0.75', b'"mean": 1e999'), "1e999 is larger than any number"
    ),
    text(
        "a key twice",
        edited(b'"depth": 1', b'"depth": 1, "depth": 2'),
        "'depth' stands there twice",
    ),
    text("100 MB", lambda _: b" " * 100_000_000, "95 MiB, and at most 16 MiB"),
    text("brackets", lambda _: b"[" * 100_000, "brackets within"),
    text(
        "a number of 5,000 digits", edited(b'"depth": 1', b'"depth": 1' + b"0" * 5000), "not valid"
    ),
    text("two manifests", lambda data: data * 2, "not valid JSON"),
]

FIELDS: list[Bad] = [
    value("format", 5, "format 5, written by a newer version"),
    value("format", 1, "format 1, and this version reads 2, 3, 4"),
    value("format", "3", "format '3', and this"),
    value("format", 3.0, r"format 3\.0, and this"),
    value("format", True, "format True, and this"),
    value("format", 10**30, "newer version"),
    value("notes", "mine", "notes is an unknown field"),
    value("scroes", {}, "scroes is an unknown field; did you mean 'scores'"),
    value("masks.classes.1.min_px", 3, r"masks\.classes\[1\]\.min_px is an unknown field"),
    value("network.heads", 4, r"network\.heads is an unknown field"),
    value("preprocessing.window", [0, 1], r"preprocessing\.window is an unknown"),
    value("origin.host", "ward-3", r"origin\.host is an unknown"),
    value("masks.relation.kind", "x", r"masks\.relation\.kind is an unknown"),
    *map(
        without, ("network", "preprocessing", "masks", "image_labels", "origin", "sha256", "scores")
    ),
    *map(without, ("network.stages", "network.patch", "network.spatial_prior", "network.width")),
    *map(without, ("preprocessing.image_size", "preprocessing.fit", "masks.gap_closing.certainty")),
    *map(
        without, ("preprocessing.intensity_percentiles", "masks.tta.mirror", "masks.relation.child")
    ),
    without("masks.classes.1.threshold", r"masks\.classes\[1\]\.threshold is missing"),
    without("image_labels.0.values", r"image_labels\[0\]\.values is missing"),
    without("format", "format None"),
    value("network", [], r"network is \[\]; it must be an object"),
    value("network.stages", "01", r"network\.stages is '01'; it must be a list"),
    value("network.stages", [], r"network\.stages has 0 entries"),
    value("network.stages", [[0], [0]], r"stages learn the classes \[0, 0\], and there are 2"),
    value("network.stages", [[0], [7]], r"stages learn the classes \[0, 7\]"),
    value("network.stages", [[0], [-1]], r"network\.stages\[1\]\[0\] is -1"),
    value("network.stages", [[0], [True]], r"network\.stages\[1\]\[0\] is True"),
    value("network.stages", [[0, 1], []], r"network\.stages\[1\] has 0 entries"),
    value("network.link", "maybe", r"network\.link is 'maybe'; write one of 'none'"),
    value("network.link", ["none"], r"network\.link is \['none'\]"),
    value("network.parent_class", 9, "parent_class and child_class are"),
    value("network.parent_class", "scope", r"network\.parent_class is 'scope'"),
    value("network.child_class", None, "landmarks need a parent_class"),
    value("network.parent_class", 1, "landmarks need a parent_class and another"),
    value("network.width", -4, r"network\.width is -4; it must lie in 1 to 1024"),
    value("network.width", "4", r"network\.width is '4'; write one number"),
    value("network.width", 1e30, r"network\.width is 1e\+30"),
    value("network.depth", 0, r"network\.depth is 0"),
    value("network.depth", 10**6, r"network\.depth is 1000000"),
    value("network.depth", 1.0, r"network\.depth is 1\.0; write one whole number"),
    value("network.norm", "batch", r"network\.norm is 'batch'"),
    value("network.residual", 1, r"network\.residual is 1; write True or False"),
    value("network.dtype", "float8", r"network\.dtype is 'float8'"),
    value("network.dtype", "object", r"network\.dtype is 'object'"),
    value("network.spatial_prior", "behind", r"network\.spatial_prior is 'behind'"),
    value("network.gradient_scale", 2, r"network\.gradient_scale is 2"),
    value("network.image_labels", [3], "image labels of"),
    value("network.image_labels", [1], r"network\.image_labels\[0\] is 1"),
    value("network.patch", 0, r"network\.patch is 0"),
    value("network.patch", 3, "needs multiples of 6"),
    value("network.patch", 2, "has the shape"),
    value("network.width", 8.0, r"has the shape \(.*\), and the network needs"),
    value("network.depth", 2, "is missing"),
    value("network.residual", True, "skip/kernel is missing"),
    value("network.norm", "none", "norm_0/scale"),
    value("preprocessing.channels", "rgb", r"channels is 'rgb'; this version knows 'grey' alone"),
    value("preprocessing.fit", "stretch", r"preprocessing\.fit is 'stretch'"),
    value("preprocessing.image_size", [0, 16], r"preprocessing\.image_size is \[0, 16\]"),
    value("preprocessing.image_size", [-16, 16], r"image_size is \[-16, 16\]"),
    value("preprocessing.image_size", [LONG, LONG], "it must lie in 1 to 8192"),
    value("preprocessing.image_size", [16], "write two whole numbers, rows and columns"),
    value("preprocessing.image_size", 16, "write two whole numbers"),
    value("preprocessing.image_size", [16.0, 16], "write two whole numbers"),
    value("preprocessing.image_size", [15, 16], "needs multiples of 2"),
    value(
        "preprocessing.intensity_percentiles", [1, 99], r"percentiles \(1, 99\), and this version"
    ),
    value("preprocessing.intensity_percentiles", [99.5, 0.5], "the smaller number comes first"),
    value("preprocessing.intensity_percentiles", "0.5", "write two numbers"),
    value("masks.classes", {}, r"masks\.classes is \{\}; it must be a list"),
    value("masks.classes", [], r"masks\.classes has 0 entries"),
    value("masks.classes.0", None, r"masks\.classes\[0\] is None; it must be an object"),
    value("masks.classes.0.name", "wire", r"masks\.classes has 'wire' twice"),
    value("masks.classes.0.name", "", r"masks\.classes\[0\]\.name is ''"),
    value("masks.classes.0.name", "../wire", r"masks\.classes\[0\]\.name is '\.\./wire'"),
    value("masks.classes.0.name", "a/b", r"name is 'a/b'; write a name of letters"),
    value("masks.classes.0.name", "x" * 10_000, "has 10000 letters"),
    value("masks.classes.0.name", 3, r"masks\.classes\[0\]\.name is 3"),
    value("masks.classes.0.name", "duodenoscope", "relation of wire and scope"),
    value("masks.classes.0.kind", "point", r"masks\.classes\[0\]\.kind is 'point'"),
    value("masks.classes.0.threshold", "NaN", r"masks\.classes\[0\]\.threshold is 'NaN'"),
    value("masks.classes.0.threshold", "0.5", r"threshold is '0\.5'; write one number"),
    value("masks.classes.0.threshold", 1.5, r"threshold is 1\.5; it must lie in 0 to 1"),
    value("masks.classes.0.threshold", -0.1, r"threshold is -0\.1"),
    value("masks.classes.0.threshold", None, r"threshold is None"),
    value("masks.classes.1.min_component_px", -1, r"masks\.classes\[1\]\.min_component_px is -1"),
    value("masks.classes.1.min_component_px", "2", r"masks\.classes\[1\]\.min_component_px is '2'"),
    value("masks.relation", ["wire", "scope"], r"masks\.relation is \['wire', 'scope'\]"),
    value("masks.relation.parent", "catheter", "relation of wire and catheter: the classes are"),
    value("masks.relation", None, r"masks\.relation is None, and network\.parent_class says"),
    value("views", {}, "views is an unknown field"),
    value("attributes", [], "attributes is an unknown field"),
    value("network.landscape", "front", r"network\.landscape is an unknown field"),
    value("masks.classes.0.least_px", 3, r"classes\[0\]\.least_px is an unknown field"),
    value("masks.relation.parent", "wire", "cannot come out of itself"),
    value("masks.relation", {"child": "scope", "parent": "wire"}, "is another relation"),
    value("masks.gap_closing.bridge_mm", -1, r"masks\.gap_closing\.bridge_mm is -1"),
    value("masks.gap_closing.bridge_px", 1e9, r"masks\.gap_closing\.bridge_px is 1000000000\.0"),
    value("masks.gap_closing.drop_detached", "yes", r"drop_detached is 'yes'; write True or"),
    value("masks.gap_closing.certainty", 7, r"masks\.gap_closing\.certainty is 7"),
    value("masks.tta.shifts", 0, r"masks\.tta\.shifts is 0"),
    value("masks.tta.shifts", 1000, r"masks\.tta\.shifts is 1000"),
    value("masks.tta.mirror", 0, r"masks\.tta\.mirror is 0"),
    value("image_labels", None, "image_labels is None; it must be a list"),
    value("image_labels.0.values", ["left"], r"image_labels\[0\]\.values has 1 entries"),
    value("image_labels.0.values", ["left", "left"], r"image_labels\[0\]\.values has 'left' twice"),
    value("image_labels.0.values", ["left", " "], r"image_labels\[0\]\.values\[1\] is ' '"),
    value("image_labels.0.values", ["left", 3], r"image_labels\[0\]\.values\[1\] is 3"),
    value("image_labels.0.values", "lr", r"image_labels\[0\]\.values is 'lr'"),
    value("image_labels.0.values", ["a", "b", "c"], "image labels of"),
    value("image_labels.0.chiral", "yes", r"image_labels\[0\]\.chiral is 'yes'"),
    value("image_labels.0.name", "a/b", r"image_labels\[0\]\.name is 'a/b'"),
    value("image_labels", [], "image labels of"),
    value("origin", "me", "origin is 'me'; it must be an object"),
    value("origin.seed", -1, r"origin\.seed is -1"),
    value("origin.step", 1.5, r"origin\.step is 1\.5"),
    value("origin.steps", -1, r"origin\.steps is -1"),
    value("origin.builder", "../x", r"origin\.builder is '\.\./x'; write a name"),
    value("origin.simulated", "yes", r"origin\.simulated is 'yes'; write True or False"),
    value("origin.split_unit", "knee", r"origin\.split_unit is 'knee'; write one of 'patient'"),
    value("origin.command", ["python"], r"origin\.command is \['python'\]; write text"),
    value("origin.fluorojax", 1, r"origin\.fluorojax is 1; write text"),
    value("origin.jax", None, r"origin\.jax is None; write text"),
    value("origin.git_revision", 3, r"origin\.git_revision is 3; write text"),
    value("origin.method", None, r"origin\.method is None; write text"),
    value("origin.labels", "two", r"origin\.labels is 'two'; write one of 'classes', 'one'"),
    value("origin.operating_points.wire", 1.5, r"origin\.operating_points\.wire is 1\.5"),
    value("origin.operating_points.catheter", 0.5, "operating_points names 'catheter'"),
    value("origin.operating_points", [0.5], r"operating_points is \[0\.5\]; it must be an object"),
    value("origin.dataset_fingerprint", "abc", r"dataset_fingerprint is 'abc'; write a sha256"),
    value("sha256", "", "sha256 is ''; write a sha256 checksum, 64 hexadecimal digits"),
    value("sha256", "g" * 64, "sha256 is 'ggg"),
    value("sha256", 7, "sha256 is 7"),
    value("sha256", "0" * 64, "has checksum .* its manifest says 000000000000"),
    value("scores", [], r"scores is \[\]; it must be an object"),
    value("scores.tset", {}, "scores: the name is 'tset'; write one of 'train'"),
    value("scores.test", 3, r"scores\.test is 3; it must be an object"),
    value("scores.test.classes.wire", {}, r"scores\.test\.classes\.wire\.metrics is missing"),
    value("scores.test.classes.wire.metrics.recall.mean", 3, r"recall\.mean is 3"),
]

FORMAT_2: list[Bad] = [
    field("2: no classes", of_format_2(take("classes")), r"masks\.classes is missing"),
    field("2: classes as text", of_format_2(put("classes", "wire")), r"masks\.classes is 'wire'"),
    field("2: a class as text", of_format_2(put("classes", ["wire"])), r"classes\[0\] is 'wire'"),
    field("2: no relation", of_format_2(take("relation")), r"masks\.relation is missing"),
    field("2: no gaps", of_format_2(take("postprocessing")), r"masks\.gap_closing is missing"),
    field("2: gaps", of_format_2(put("postprocessing", 3)), r"masks\.gap_closing is 3"),
    field("2: views", of_format_2(put("tta", [2])), r"masks\.tta is \[2\]"),
    field("2: network", of_format_2(put("network", "unet")), "network is 'unet'"),
    field("2: prior", of_format_2(put("network.spatial_prior", [1])), r"spatial_prior is \[1\]"),
    field("2: masks of 3 too", of_format_2(put("masks", {})), r"masks\.masks is an unknown field"),
    field("2: masks besides", of_format_2(put("gap_closing", {})), "gap_closing is an unknown"),
]

ARRAYS: list[Bad] = [
    arrays(
        "NaN", lambda a: a[HEAD].__setitem__((0, 0), np.nan), f"{HEAD} has 1 numbers that are not"
    ),
    arrays("all NaN", lambda a: a[HEAD].fill(np.nan), f"{HEAD} has .* numbers that are not finite"),
    arrays("infinity", lambda a: a[HEAD].fill(-np.inf), f"{HEAD} has .* not finite"),
    arrays("one too many", lambda a: a.update(extra=np.zeros(3, np.float32)), "no array extra"),
    arrays("one missing", lambda a: a.pop(HEAD), f"the array {HEAD} is missing"),
    arrays(
        "a stage missing", lambda a: [a.pop(k) for k in list(a) if "stage_1" in k], "is missing"
    ),
    arrays("none at all", lambda a: a.clear(), "is missing"),
    arrays("renamed", lambda a: a.update(head=a.pop(HEAD)), f"the array {HEAD} is missing"),
    arrays("turned", lambda a: a.update({HEAD: np.ascontiguousarray(a[HEAD].T)}), "has the shape"),
    arrays("flat", lambda a: a.update({HEAD: a[HEAD].ravel()}), "has the shape"),
    arrays("empty", lambda a: a.update({HEAD: a[HEAD][:0]}), r"has the shape \(0,"),
    *(
        arrays(
            kind,
            lambda a, kind=kind: a.update({HEAD: a[HEAD].astype(kind)}),
            f"{HEAD} has numbers of type .*, and the network needs F32",
        )
        for kind in ("float16", "float64", "int32", "uint8", "bool")
    ),
    parameters("empty file", lambda data: b"", "is no file of arrays, or damaged"),
    parameters("header cut", lambda data: data[:5], "is no file of arrays"),
    parameters("header of nothing", lambda data: bytes(8), "is no file of arrays"),
    parameters("data cut", lambda data: data[:-4], "is no file of arrays"),
    parameters("data longer", lambda data: data + bytes(4), "is no file of arrays"),
    parameters("a huge header", lambda data: b"\xff" * 8 + data[8:], "is no file of arrays"),
    parameters(
        "a header of 2 GiB", lambda d: struct.pack("<Q", 2**31) + d[8:], "no file of arrays"
    ),
    parameters("header no JSON", lambda data: data[:8] + b"x" + data[9:], "is no file of arrays"),
    parameters("a pickle", lambda data: b"\x80\x04\x95" + bytes(50), "is no file of arrays"),
    parameters("far too large", lambda data: data + bytes(40_000_000), "take less than"),
    parameters(
        "arrays over each other",
        lambda data: header(
            data, lambda h: h[HEAD].update(data_offsets=h["stage_0/head/bias"]["data_offsets"])
        ),
        "is no file of arrays",
    ),
    parameters(
        "an array of huge shape",
        lambda data: header(data, lambda h: h[HEAD].update(shape=[2**40, 2**40])),
        "is no file of arrays",
    ),
    parameters(
        "an unknown type",
        lambda data: header(data, lambda h: h[HEAD].update(dtype="F7")),
        "is no file of arrays",
    ),
    parameters(
        "offsets beyond the file",
        lambda data: header(data, lambda h: h[HEAD].update(data_offsets=[0, 10**12])),
        "is no file of arrays",
    ),
]

ROWS = FILES + TEXTS + FIELDS + FORMAT_2 + ARRAYS


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
def test_a_damaged_export_is_refused_by_name(row, tmp_path):
    message = refused(row, tmp_path)
    assert len(message) < 700


def test_the_export_that_is_damaged_is_a_good_one(tmp_path):
    model = fluorojax.load(exports.write(tmp_path))
    assert (model.rules, model.spec) == (exports.RULES, exports.SPEC)
    assert export.read_manifest(tmp_path)["scores"] == {"test": exports.SCORES}


def test_a_byte_order_mark_is_read(tmp_path):
    exports.write(tmp_path, b"\xef\xbb\xbf" + exports.good()[0])
    assert fluorojax.load(tmp_path).rules == exports.RULES


@pytest.mark.parametrize("name", ["labels", "operating_points"])
def test_scoring_needs_to_know_the_labels_and_the_operating_points(name, tmp_path):
    exports.with_fields(tmp_path, take(f"origin.{name}"))
    fluorojax.load(tmp_path)
    row = ("", lambda folder: export.origin_for_scores(folder), rf"origin\.{name} is missing")
    refused(row, tmp_path)
