import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fluorojax.core.errors import InputError
from fluorojax.training.signals import EXIT_CODE, SIGNALS, Stop, Stopped, leaving

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("number", SIGNALS)
def test_outside_the_loop_a_signal_stops_at_once(number):
    with pytest.raises(Stopped, match=number.name), Stop():
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_inside_it_is_only_noted_and_a_second_one_changes_nothing(number):
    with Stop() as stop, stop.deferred():
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.requested == number.name


def test_an_evaluation_inside_the_loop_stops_at_once_and_is_not_begun_after_a_signal():
    with Stop() as stop, stop.deferred():
        with pytest.raises(Stopped), stop.at_once():
            os.kill(os.getpid(), signal.SIGUSR1)
        with pytest.raises(Stopped), stop.at_once():
            raise AssertionError("it began")


def test_afterwards_the_signals_do_what_they_did_before():
    before = [signal.getsignal(number) for number in SIGNALS]
    with Stop():
        assert signal.getsignal(SIGNALS[0]) != before[0]
    assert [signal.getsignal(number) for number in SIGNALS] == before


TWO_INTERRUPTS = """
import os, signal
from fluorojax.training.signals import Stop
with Stop() as stop, stop.deferred():
    os.kill(os.getpid(), signal.SIGINT)
    print(stop.requested, flush=True)
    os.kill(os.getpid(), signal.SIGINT)
    print("still here")
"""


def test_a_second_interrupt_leaves_on_the_spot():
    done = subprocess.run(
        [sys.executable, "-c", TWO_INTERRUPTS], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.strip().splitlines()[0] == "SIGINT"
    assert "still here" not in done.stdout
    assert done.returncode == 128 + signal.SIGINT != EXIT_CODE


def test_leaving_says_so_and_ends_with_the_status_that_asks_for_another_start():
    script = "from fluorojax.training.signals import *; leave(Stopped('SIGTERM'))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == EXIT_CODE
    assert done.stderr == "stopped by SIGTERM; run the same command again to go on\n"


def test_what_the_user_can_mend_is_one_line_and_status_two(capsys):
    with pytest.raises(SystemExit) as left, leaving():
        raise InputError("mend it")
    assert left.value.code == 2
    assert capsys.readouterr().err == "error: mend it\n"


def test_other_errors_keep_their_traceback():
    with pytest.raises(KeyError), leaving():
        raise KeyError("x")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "out/1.png"), "out/1.png: No space left"),
        (OSError(errno.EXDEV, "Invalid cross-device link", "a", None, "b"), "a -> b: Invalid"),
        (MemoryError(), "the memory does not suffice; give smaller frames"),
        (RecursionError("maximum recursion depth exceeded"), "brackets or folders within hundreds"),
    ],
)
def test_what_the_system_refuses_is_one_line_and_status_two(error, line, capsys):
    with pytest.raises(SystemExit) as left, leaving():
        raise error
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1


def test_ctrl_c_in_a_command_without_a_state_is_one_line(capsys):
    with pytest.raises(SystemExit) as left, leaving():
        raise KeyboardInterrupt
    assert left.value.code == 130
    assert capsys.readouterr().err == "interrupted; what was finished stands\n"


def run(script, **options):
    lines = f"from fluorojax.training.signals import *\nwith leaving():\n {script}"
    return subprocess.run([sys.executable, "-c", lines], text=True, cwd=ROOT, **options)


def test_where_nobody_reads_nothing_is_said(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    done = run("print('x' * 100_000)", stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_the_output_is_one_line():
    with open("/dev/full", "w") as full:
        done = run("print('x' * 100_000)", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert done.stderr == (
        "error: No space left on device; make room, then run the same command again\n"
    )


def test_a_command_may_have_no_output_at_all():
    lines = "from fluorojax.training.signals import *\nwith leaving():\n print('x')"
    shell = f'"{sys.executable}" -c "{lines}" >&-'
    done = subprocess.run(shell, shell=True, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_name_that_is_no_text_can_be_printed():
    name = os.fsdecode(b"frame\xff.png")
    done = run(f"print({name!r})", capture_output=True)
    assert (done.returncode, done.stdout) == (0, "frame\\udcff.png\n")
