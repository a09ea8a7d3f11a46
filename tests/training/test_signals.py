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
