"""Pictures with bytes changed, cut, repeated and put in."""

import pytest
from hypothesis import given

from fluorojax.data.annotations import read_ignore
from fluorojax.data.readers import read_frame
from tests.faults.fuzz import fuzzed, mutated, survives
from tests.faults.pictures import checksums_mended, seeds

TOKENS = {
    "png": [
        b"IHDR",
        b"IDAT",
        b"IEND",
        b"tRNS",
        b"PLTE",
        b"acTL",
        b"zTXt",
        b"\0\0\0\0",
        b"\xff" * 4,
    ],
    "tif": [
        b"\0\0\0\0",
        b"\xff" * 4,
        b"\x01\0",
        b"\x11\1\4\0",
        b"\x05\0",
        b"\x07\0",
        b"\x02\1\3\0",
    ],
    "jpg": [
        b"\xff\xda",
        b"\xff\xd9",
        b"\xff\xc0",
        b"\xff\xc4",
        b"\xff\xdb",
        b"\xff" * 4,
        b"\xff\xe1",
    ],
}


pytestmark = pytest.mark.usefixtures("no_word")


def read_all(path, data):
    path.write_bytes(data)
    survives(lambda: read_frame(path))
    survives(lambda: read_ignore(path, (12, 16), "c"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@fuzzed
@given(data=mutated(list(seeds("png")), TOKENS["png"]))
def test_fuzz_png(folder, data):
    read_all(folder / "a.png", data)


@fuzzed
@given(data=mutated(list(seeds("png")), TOKENS["png"]))
def test_fuzz_png_with_checksums_mended(folder, data):
    read_all(folder / "b.png", checksums_mended(data))


@fuzzed
@given(data=mutated(list(seeds("tif")), TOKENS["tif"]))
def test_fuzz_tiff(folder, data):
    read_all(folder / "a.tif", data)


@fuzzed
@given(data=mutated(list(seeds("jpg")), TOKENS["jpg"]))
def test_fuzz_jpeg(folder, data):
    read_all(folder / "a.jpg", data)
