import json
import subprocess
import sys

import pytest

from benchmarks.studies import mutation

MODULE = '''"""A module."""


def larger(a, b):
    """Return the larger of two numbers."""
    return a if a >= b else b


def twice(a):
    """Return double the number."""
    return a + a
'''
TESTS = """from fluorojax.metrics.numbers import larger, twice


def test_larger():
    assert larger(2, 3) == 3 == larger(3, 2)


def test_twice():
    assert twice(0) == 0
"""


@pytest.fixture
def repository(tmp_path):
    """A repository of one module, whose tests let a mutant live."""
    for folder in ("fluorojax/metrics", "tests/metrics"):
        (tmp_path / folder).mkdir(parents=True)
        for package in (folder, folder.split("/")[0]):
            (tmp_path / package / "__init__.py").touch()
    (tmp_path / "fluorojax/metrics/numbers.py").write_text(MODULE)
    (tmp_path / "tests/metrics/test_numbers.py").write_text(TESTS)
    return tmp_path


def run(repository):
    options = ["--root", repository, "--only", "metrics", "--libraries", "pytest"]
    options += ["--out", repository / "found.json"]
    command = [sys.executable, "-m", "benchmarks.studies.mutation", *map(str, options)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads((repository / "found.json").read_text()), said


@pytest.mark.integration
def test_what_the_tests_notice_is_killed_and_a_second_run_tries_only_the_rest(repository):
    found, said = run(repository)
    outcomes = {record["after"]: record["outcome"] for record in found["mutants"]}
    assert outcomes == {
        "return a if not (a >= b) else b": "killed",
        "return a if a > b else b": "survived",
        "return a - a": "survived",
    }
    assert found["table"]["metrics"] == {
        "killed": 1,
        "timeout": 0,
        "survived": 2,
        "equivalent": 0,
    }
    assert "- return a + a\n  + return a - a" in said
    (killed,) = (record for record in found["mutants"] if record["outcome"] == "killed")
    assert killed["by"] == "tests/metrics/test_numbers.py::test_larger"
    assert (repository / "fluorojax/metrics/numbers.py").read_text() == MODULE

    tests = repository / "tests/metrics/test_numbers.py"
    tests.write_text(TESTS.replace("twice(0) == 0", "twice(1) == 2"))
    again, _ = run(repository)
    outcomes = {record["after"]: record["outcome"] for record in again["mutants"]}
    assert outcomes["return a - a"] == "killed"
    assert outcomes["return a if a > b else b"] == "survived"
    assert killed in again["mutants"]  # to the second: not tried again


def test_a_smaller_draw_is_the_beginning_of_a_larger_one(repository):
    few, all_of_them = (mutation.drawn(repository, "metrics", count, 3) for count in (2, 9))
    assert (len(few), len(all_of_them)) == (2, 3)
    assert all_of_them[:2] == few


def test_a_module_without_a_test_of_its_name_is_tried_by_all_of_its_package(repository):
    assert mutation.tests_of(repository, "fluorojax/metrics/numbers.py") == (
        "tests/metrics/test_numbers.py",
    )
    (repository / "tests/metrics/test_others.py").touch()
    assert mutation.tests_of(repository, "fluorojax/metrics/new.py") == (
        "tests/metrics/test_numbers.py",
        "tests/metrics/test_others.py",
    )


def test_a_mutant_that_no_test_can_tell_apart_is_not_tried(monkeypatch):
    about = {"file": "a.py", "line": 1, "before": "a", "after": "b", "module": "", "tests": ""}
    assert mutation.recall(about, {}) is None
    monkeypatch.setitem(mutation.EQUIVALENT, ("a.py", "a", "b"), "they are equal")
    assert mutation.recall(about, {})["outcome"] == "equivalent"


def test_every_equivalent_mutant_is_still_one_of_its_file():
    root = mutation.Path(__file__).parents[2]
    for file, before, after in mutation.EQUIVALENT:
        source = (root / file).read_bytes()
        found = [m.describe(source) for of in mutation.mutants_of(file, source) for m in of]
        assert (before, after) in {(f["before"], f["after"]) for f in found}, (file, before)
