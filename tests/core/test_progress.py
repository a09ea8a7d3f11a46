import pytest

from fluorojax.core.progress import duration, progress


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
