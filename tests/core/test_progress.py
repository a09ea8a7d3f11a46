import io

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
