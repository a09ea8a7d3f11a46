"""Fuzzed arguments and files of runs: overrides of fields, `config.json`, tables and records."""

import functools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluorojax.compare.runs import read_rows, read_summary
from fluorojax.config import flatten, simulation_spec, validate
from fluorojax.config.fields import every_field
from fluorojax.config_file import read_config
from fluorojax.configs import base
from fluorojax.core.errors import InputError
from fluorojax.schema.limits import limits_of
from fluorojax.training.log import Lines, is_logged
from fluorojax.training.reproduce import config_of, difference, read_record
from tests.compare.constructed import rows_of, write_run
from tests.faults.fuzz import fuzzed, mutated, survives

NAMES = ("seed", "method", "deterministic", "init_from", "data.image_size", "training.clip_norm")
FEW = """
from ml_collections import ConfigDict, config_dict
def get_config():
    return ConfigDict({
        "seed": 0, "method": "few", "deterministic": False,
        "init_from": config_dict.placeholder(str),
        "data": ConfigDict({"image_size": (64, 64)}), "training": ConfigDict({"clip_norm": 1.0}),
    })
"""
"""A configuration of a field of each type: the library takes long for all of them."""
VALUES = (
    *("3", "-1", "1e999", "nan", "True", "none", "", "(1, 2)", "1,2", "((((", "[1", "'x'", "x"),
    *("{}", "[" * 500, "9" * 5000, "(1, 'x')", "1e5", "0x1f", "\n", "None"),
)
IN_JSON = (
    b"NaN",
    b"1e999",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b'""',
    b'"a.b": 1,',
    b"-1",
    b"[[",
    b"0",
)
IN_TABLES = (b",", b"\n", b'"', b"nan", b"inf", b"\xff", b"\x00", b"c00", b"wire", b"\r", b";")


@functools.cache
def record() -> bytes:
    fields = {"config": base.get_config("quick").to_dict(), "dataset": {"fingerprint": "f" * 64}}
    return json.dumps({**fields, "versions": {"jax": "1"}, "devices": ["cpu"]}).encode()


def override() -> st.SearchStrategy[str]:
    """Draw an override: a field's name, perhaps with an edit, and a value."""
    text = st.text(max_size=8)
    name = st.one_of(
        st.sampled_from(NAMES),
        st.builds(
            lambda n, t, k: n[:k] + t + n[k:], st.sampled_from(NAMES), text, st.integers(0, 30)
        ),
    )
    value = st.one_of(st.sampled_from(VALUES), text, st.integers().map(str), st.floats().map(str))
    whole = st.builds("--config.{}={}".format, name, value)
    return st.one_of(whole, whole, whole, st.builds("{}{}".format, name, value), text)


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    path = tmp_path_factory.mktemp("few") / "few.py"
    path.write_text(FEW)
    return str(path)


def overridden(few, arguments):
    found = flatten(read_config(few, arguments))
    for name in NAMES:
        assert isinstance(limits_of(every_field()[name]).problem(found[name]), str)


@fuzzed
@given(arguments=st.lists(override(), min_size=1, max_size=3))
def test_fuzzed_overrides_are_used_or_refused_in_one_line(few, arguments):
    try:
        overridden(few, arguments)
    except InputError as error:
        lines = str(error).splitlines()
    else:
        lines = ["used"]
    assert len(lines) == 1
    assert len(lines[0]) < 1000


def use_record(folder):
    found = read_record(folder)
    config = config_of(found)
    validate(config, base.get_config())
    simulation_spec(config.simulation)
    difference(found["config"], json.loads(record())["config"])


@fuzzed
@given(data=st.deferred(lambda: mutated([record()], IN_JSON)))
def test_a_fuzzed_configuration_of_a_run_is_used_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    (folder / "config.json").write_bytes(data)
    survives(lambda: use_record(folder))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("fuzz")
    folder = write_run(root, "joint", 0, rows_of(0.0, 0)[:4])
    return folder / "evaluation/test"


@fuzzed
@given(data=st.data())
def test_a_fuzzed_table_of_scores_is_used_or_refused(run, data):
    table = data.draw(mutated([(run / "cases.csv").read_bytes()], IN_TABLES))
    (run / "fuzzed.csv").write_bytes(table)
    survives(lambda: read_rows(run / "fuzzed.csv"))


@fuzzed
@given(data=st.data())
def test_a_fuzzed_summary_is_used_or_refused(run, data):
    summary = data.draw(mutated([(run / "summary.json").read_bytes()], IN_JSON))
    (run / "fuzzed.json").write_bytes(summary)
    survives(lambda: read_summary(run / "fuzzed.json"))


LINES = b"".join(
    json.dumps({"step": step, "split": split, "time": 1.5, "loss": 0.5, "skipped": None}).encode()
    + b"\n"
    for step in (1, 2)
    for split in ("train", "validation")
)


def resume(folder):
    is_logged(folder, 2, "validation")
    lines = Lines(folder / "metrics.jsonl", 2)
    lines.append({"step": 3, "split": "train", "loss": 0.5})
    lines.close()
    assert is_logged(folder, 3, "train")


@fuzzed
@given(data=mutated([LINES], (*IN_JSON, b"\n", b'"step": 2')))
def test_a_run_with_a_fuzzed_record_goes_on_or_is_refused(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    (folder / "metrics.jsonl").write_bytes(data)
    survives(lambda: resume(folder))
