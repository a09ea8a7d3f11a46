"""Every write, fsync and rename of each command fails in turn, and processes are killed there."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.place import write_place, write_run

SOURCE = Path(__file__).with_name("disk.c")
WHOLE = ("evaluate", "compare", "simulate", "measure", "export")
KILLED = ("predict", "evaluate", "compare", "prepare", "export")
KILLS = 10


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The library that lets writes fail."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs Linux and a C compiler")
    path = tmp_path_factory.mktemp("disk") / "disk.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(path), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return write_place(tmp_path_factory.mktemp("place"))


@pytest.fixture(scope="module")
def trained(place):
    """The same place, with a run in it."""
    write_run(place)
    return place


def victim(library, place, *arguments):
    """Run the victim; return its lines and its status."""
    command = [sys.executable, "-m", "tests.faults.victim", str(place), *map(str, arguments)]
    environment = os.environ | {"LD_PRELOAD": str(library)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1200)
    assert done.returncode in (0, -9), done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()], done.returncode


def check(lines, *, whole):
    """Check what each fault left: one line of message, the old state or the new, and a way on."""
    assert len(lines) > 2
    new = lines[-1]["found"]
    assert not lines[-1]["fired"]
    assert lines[-1]["status"] == 0
    for line in lines[:-1]:
        assert line["status"] in (0, 2), line
        if line["status"]:
            assert line["said"].startswith("error: "), line
            assert line["said"].count("\n") == 1, line
        if whole:
            assert line["found"] in ({"files": []}, new), line
        elif "files" in line["found"]:
            assert set(line["found"]["files"]) <= set(new["files"]), line
        # What has come to its end although a call failed may want a new folder.
        assert line["again"] == 0 or line["status"] == 0, line
        assert line["then"] == new, line


@pytest.mark.parametrize("mode", ["once", "on"])
@pytest.mark.parametrize("command", [pytest.param("predict", marks=pytest.mark.slow), "report"])
def test_a_fault_leaves_no_torn_file(library, place, command, mode):
    lines, _ = victim(library, place, command, mode)
    check(lines, whole=False)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["once", "on"])
@pytest.mark.parametrize("command", WHOLE)
def test_a_fault_leaves_nothing_or_everything(library, trained, command, mode):
    lines, _ = victim(library, trained, command, mode)
    check(lines, whole=True)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["once", "on"])
def test_after_a_fault_a_data_set_is_built_by_the_same_command(library, place, mode):
    lines, _ = victim(library, place, "prepare", mode)
    for line in lines[:-1]:
        assert line["status"] in (0, 2), line
        assert line["again"] == 0, line


@pytest.mark.slow
@pytest.mark.parametrize("command", KILLED)
def test_after_a_kill_the_same_command_goes_on(library, trained, command):
    place = trained
    clean, _ = victim(library, place, command, "once", 100_000)
    writes, new = clean[0]["writes"], clean[0]["found"]
    for n in random.Random(0).sample(range(writes), min(KILLS, writes)):
        shutil.rmtree(place / "out")
        lines, status = victim(library, place, command, "kill", n, n)
        assert (lines, status) == ([], -9)
        after, _ = victim(library, place, command, "once", 100_000)
        assert after[0]["found"] == new
