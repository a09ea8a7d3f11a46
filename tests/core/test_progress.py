import io
from types import SimpleNamespace

import pytest
from rich.console import Console
from rich.table import Table

from fluorojax.core.progress import console, duration, progress


@pytest.mark.parametrize(
    ("seconds", "text"), [(3, "3 s"), (120, "2 min"), (5399, "90 min"), (7200, "2.0 h")]
)
def test_durations_are_said_in_the_unit_people_use(seconds, text):
    assert duration(seconds) == text


def test_without_a_terminal_the_end_is_a_plain_line(capsys):
    with progress("train", 3) as update:
        for n in range(3):
            update(n + 1, f"loss {n}")
    out = capsys.readouterr().out
    assert out.splitlines() == ["train 3/3, 0 s left  loss 2"]


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets: `clock.now`, in seconds."""
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    monkeypatch.setattr("fluorojax.core.progress.time", clock)
    return clock


def lines_of(clock, capsys, *, done=0, steps, total=1000):
    """The lines of work whose step n is made at the second given: (n, second)."""
    with progress("train", total, done) as update:
        for n, clock.now in steps:
            update(n)
    return capsys.readouterr().out.splitlines()


def test_the_time_left_does_not_count_what_the_first_step_waits_for(clock, capsys):
    """A compiler takes 45 s before the first step, and each step 1 s: 959 s are left, no 12 h."""
    steps = [(1, 45.0), *((n, 44.0 + n) for n in range(2, 42))]
    assert lines_of(clock, capsys, steps=steps) == [
        *("train 1/1000", "train 16/1000, 16 min left", "train 31/1000, 16 min left")
    ]


def test_nor_after_a_resume_nor_where_nothing_is_done_yet(clock, capsys):
    steps = [(500, 20.0), (501, 65.0), (516, 80.0)]
    assert lines_of(clock, capsys, done=500, steps=steps) == [
        *("train 500/1000", "train 501/1000", "train 516/1000, 8 min left")
    ]


def test_units_that_come_in_bunches_are_counted(clock, capsys):
    """The first bunch of a build waits, too: 16 units a bunch, one in 16 s."""
    steps = [(16, 60.0), (32, 76.0)]
    assert lines_of(clock, capsys, steps=steps, total=96) == [
        *("train 16/96", "train 32/96, 64 s left")
    ]


def test_nor_does_a_bar_count_it(clock, monkeypatch):
    seen = Console(file=io.StringIO(), force_terminal=True, width=200, get_time=lambda: clock.now)
    monkeypatch.setattr("fluorojax.core.progress.console", seen)
    with progress("train", 1000) as update:
        task = update._progress.tasks[0]
        clock.now = 45.0
        update(1)
        assert task.time_remaining is None
        for n in range(2, 30):
            clock.now += 1.0
            update(n)
        assert task.time_remaining == pytest.approx(971, abs=1)


NAMES = ("[/x]", "[bold]wire", "a:smile:b", "[link=http://x]y", "[red]")


@pytest.mark.parametrize("name", NAMES)
def test_what_users_name_is_no_markup(name, capsys):
    table = Table("class", name, title=name)
    table.add_row(name, f"{name} 1")
    console.print(f"report  {name}")
    console.print(table)
    out = capsys.readouterr().out
    assert f"report  {name}\n" in out
    assert out.count(name) == 5


@pytest.mark.parametrize("name", NAMES)
def test_nor_is_it_in_a_bar(name):
    seen = Console(file=io.StringIO(), force_terminal=True, markup=False, emoji=False, width=200)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fluorojax.core.progress.console", seen)
        with progress(name, 2) as update:
            update(2, f"at {name}")
    assert f"at {name}" in seen.file.getvalue()
