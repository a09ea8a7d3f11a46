import errno
import json
import os
import subprocess
import sys

import pytest

from fluorojax.core import outputs
from fluorojax.core.errors import InputError

HOLDS = """
import sys
from pathlib import Path
from fluorojax.core import outputs
with outputs.results(Path(sys.argv[1]), "evaluation"):
    print("in", flush=True)
    input()
"""


def failing_write(out, error):
    with outputs.results(out, "evaluation") as draft:
        (draft / "cases.csv").write_text("2")
        raise error


def write(out, *, text="1", kind="evaluation", reads=(), owned=False):
    with outputs.results(out, kind, reads, owned=owned) as draft:
        (draft / "maps").mkdir()
        (draft / "cases.csv").write_text(text)
        (draft / "maps" / "a.png").write_bytes(text.encode())


def state(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def refusal(*arguments, **options):
    with pytest.raises(InputError) as caught:
        write(*arguments, **options)
    return str(caught.value)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "deep" / "scores"


def test_results_are_in_their_place_only_when_they_are_whole(out):
    with outputs.results(out, "evaluation") as draft:
        (draft / "cases.csv").write_text("1")
        assert not out.exists()
    assert set(state(out)) == {"cases.csv", outputs.CONTENTS}
    assert os.listdir(out.parent) == ["scores"]
    outputs.check_whole(out)


@pytest.mark.parametrize("exchange", [True, False])
def test_an_earlier_calls_results_are_replaced_as_a_whole(out, exchange, monkeypatch):
    if not exchange:
        monkeypatch.setattr(outputs, "_try_exchange", lambda one, other: False)
    with outputs.results(out, "evaluation") as draft:
        (draft / "old.csv").write_text("old")
    write(out)
    assert set(state(out)) == {"cases.csv", "maps/a.png", outputs.CONTENTS}
    assert os.listdir(out.parent) == ["scores"]


def test_results_stay_where_the_second_move_fails(out, monkeypatch):
    write(out)
    before = state(out)
    monkeypatch.setattr(outputs, "_try_exchange", lambda one, other: False)
    rename, calls = outputs.Path.rename, []

    def second_fails(self, target):
        calls.append(self)
        if len(calls) == 2:
            raise OSError(errno.EACCES, "no", str(self))
        return rename(self, target)

    monkeypatch.setattr(outputs.Path, "rename", second_fails)
    assert "cannot be written" in refusal(out, text="2")
    assert state(out) == before
    assert os.listdir(out.parent) == ["scores"]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_an_error_in_the_middle_leaves_what_was_there(out, error):
    write(out)
    before = state(out)
    with pytest.raises(type(error)):
        failing_write(out, error)
    assert state(out) == before
    assert os.listdir(out.parent) == ["scores"]


def test_a_full_disk_is_told_with_the_folder_that_was_named(out):
    with pytest.raises(InputError, match=r"--out .*deep/scores cannot be written \(No space"):
        failing_write(out, OSError(errno.ENOSPC, "No space left on device"))
    assert not out.exists()


def test_an_error_of_a_file_that_is_read_is_not_called_one_of_writing(out):
    with pytest.raises(FileNotFoundError), outputs.results(out, "evaluation"):
        (out.parent / "gone.png").read_bytes()


@pytest.mark.parametrize(
    ("spoil", "pattern"),
    [
        (lambda out: (out / "notes.txt").write_text("x"), "notes.txt is no evaluation"),
        (lambda out: (out / "cases.csv").write_text("x"), "cases.csv was changed"),
        (lambda out: (out / outputs.CONTENTS).unlink(), "cases.csv is no evaluation"),
        (lambda out: (out / outputs.CONTENTS).write_text("{"), "not valid JSON"),
        (lambda out: (out / outputs.CONTENTS).write_text("[]"), "is damaged"),
    ],
)
def test_what_is_no_result_of_an_earlier_call_is_not_replaced(out, spoil, pattern):
    write(out)
    spoil(out)
    before = state(out)
    assert pattern in refusal(out)
    assert state(out) == before


def test_another_commands_results_and_files_are_refused(out, tmp_path):
    write(out, kind="comparison")
    assert "it holds another call's comparison" in refusal(out)
    assert "is no folder" in refusal(out / "cases.csv")
    linked = tmp_path / "link"
    linked.symlink_to(out)
    assert "it holds another call's comparison" in refusal(linked)


def test_a_part_of_a_run_is_nobodys_output(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    scored = tmp_path / "evaluation" / "test"
    write(scored, owned=True)
    before = state(tmp_path)
    assert "is a part of the run" in refusal(scored)
    assert "is a part of the run" in refusal(tmp_path / "evaluation" / "new" / "deep")
    assert state(tmp_path) == before
    write(tmp_path / "scores")


def test_hidden_files_of_a_file_system_are_not_somebodys(out):
    out.mkdir(parents=True)
    (out / ".DS_Store").write_text("x")
    write(out)
    assert "cases.csv" in state(out)


def test_what_is_read_may_not_lie_in_the_folder(out, tmp_path):
    write(out)
    (tmp_path / "link.csv").symlink_to(out / "cases.csv")
    assert "is read, and would be lost" in refusal(out, reads=[out / "cases.csv"])
    assert "is read, and would be lost" in refusal(out, reads=[tmp_path / "link.csv"])


def test_a_part_of_a_run_is_replaced_whatever_is_in_it(out):
    out.mkdir(parents=True)
    (out / "summary.json").write_text("{}")
    write(out, owned=True)
    assert set(state(out)) == {"cases.csv", "maps/a.png", outputs.CONTENTS}


def test_two_processes_cannot_write_at_once(out):
    code = "import sys; from fluorojax.core import outputs; from pathlib import Path\n"
    code += (
        "with outputs.results(Path(sys.argv[1]), 'evaluation'): print('in', flush=True); input()"
    )
    command = [sys.executable, "-c", code, str(out)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "in\n"
        assert "another process writes there" in refusal(out)
        other.kill()
    write(out)  # what the killed one left is cleared away
    assert os.listdir(out.parent) == ["scores"]


@pytest.mark.parametrize(
    ("tear", "pattern"),
    [
        (lambda out: (out / "maps" / "a.png").unlink(), "a.png is missing"),
        (lambda out: (out / "maps" / "a.png").write_text("longer"), "a.png is not as it was"),
        (lambda out: (out / "cases.csv").write_text("2"), "cases.csv is not as it was"),
    ],
)
def test_a_torn_folder_is_told_from_a_whole_one(out, tear, pattern):
    write(out)
    tear(out)
    with pytest.raises(InputError, match=pattern):
        outputs.check_whole(out)


def test_results_from_before_there_were_contents_pass(tmp_path):
    (tmp_path / "cases.csv").write_text("1")
    outputs.check_whole(tmp_path)


def test_contents_say_version_sizes_and_checksums(out):
    write(out)
    contents = json.loads((out / outputs.CONTENTS).read_text())
    assert contents["kind"] == "evaluation"
    digest = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"  # of '1'
    assert contents["files"]["cases.csv"] == {"bytes": 1, "sha256": digest}


def test_a_file_is_replaced_in_one_move_or_left(tmp_path):
    path = tmp_path / "deep" / "a.png"
    with outputs.written_aside(path) as draft:
        draft.write_text("1")
        assert not path.exists()
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(InputError, match="cannot be written"), outputs.written_aside(path):
        raise full
    assert path.read_text() == "1"
    assert os.listdir(path.parent) == ["a.png"]


def test_two_things_for_one_file_are_refused(tmp_path):
    files = [
        ("the overlay of f1", tmp_path / "a.png"),
        ("the mask of f1_overlay", tmp_path / "a.png"),
    ]
    with pytest.raises(InputError, match="overlay of f1 and the mask of f1_overlay would both"):
        outputs.refuse_clashes(files)
    outputs.refuse_clashes(files[:1])
