"""Fuzzed exports: the manifest, and the parameters behind a checksum that is right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fluorojax
from tests.faults import exports
from tests.faults.fuzz import fuzzed, mutated, survives

TOKENS = (
    *(b"NaN", b"1e999", b"-1", b"null", b"true", b"[]", b"{}", b'""', b"0.5", b"[[", b'"wire"'),
    *(b'"format": 2,', b'"tta":', b'"views":', b"10000000", b"\xef\xbb\xbf", b"\\u0000", b"\x00"),
)
IN_HEADERS = (
    *(
        b'"F32"',
        b'"F16"',
        b'"BOOL"',
        b'"shape":',
        b"[]",
        b"[0]",
        b"[0,0]",
        b"-1",
        b"1e9",
        b"{",
        b"}",
    ),
    *(
        b"\xff" * 8,
        bytes(8),
        b"18446744073709551615",
        b'"__metadata__":{"a":"b"},',
        b"\x00\x00\xc0\x7f",
    ),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return exports.write(tmp_path_factory.mktemp("fuzz"))


@fuzzed
@given(data=st.deferred(lambda: mutated(exports.good()[:1], TOKENS)))
def test_a_fuzzed_manifest_is_used_or_refused(folder, data):
    survives(lambda: fluorojax.load(exports.write(folder, data)))


@fuzzed
@given(data=st.deferred(lambda: mutated(exports.good()[1:], IN_HEADERS)))
def test_fuzzed_parameters_are_used_or_refused(folder, data):
    survives(lambda: fluorojax.load(exports.with_parameters(folder, data)))
