"""`fluorojax view` as a process: what it prints, how it ends, and that a kill loses nothing."""

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
import webbrowser
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from fluorojax.cli.main import main
from fluorojax.cli.viewing import opened
from fluorojax.data.folder import load_case, read_folder
from fluorojax.viewer.app import TABLE, App, Asked
from fluorojax.viewer.guard import HEADER
from fluorojax.viewer.sources import open_source
from tests.chromium import browser
from tests.folders import write_folder

LINE = {"label": "wire", "shape_type": "linestrip", "width": 3.0, "points": [[0, 9], [40, 9]]}


@contextmanager
def viewing(*arguments):
    """Start the command, and give the process with the port and the token that it prints."""
    command = [sys.executable, "-u", "-m", "fluorojax", "view", *map(str, arguments)]
    process = subprocess.Popen(
        [*command, "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said = ""
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", said)):
            line = process.stdout.readline()
            assert line, said
            said += line
        yield process, int(found[1]), found[2]
    finally:
        process.kill()
        process.wait(30)
        process.stdout.close()


def save(port, token, n, shapes, revision):
    body = json.dumps({"shapes": shapes, "revision": revision})
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("PUT", f"/frames/{n}/shapes", body, {HEADER: token})
        reply = connection.getresponse()
        found = json.loads(reply.read())
    assert reply.status == 200, found
    return found["revision"]


def test_a_kill_while_it_saves_loses_nothing(tmp_path):
    folder = write_folder(tmp_path / "toy", cases=5)
    with viewing(folder) as (process, port, token):
        revision, last = "", -1
        threading.Timer(0.7, process.send_signal, (signal.SIGKILL,)).start()
        with suppress(OSError, http.client.HTTPException):
            for n in range(100_000):
                line = {**LINE, "points": [[0, 9], [40, 9 + n / 1000]]}
                revision = save(port, token, 2, [line] * (1 + n % 7), revision)
                last = n
        assert process.wait(30) == -signal.SIGKILL
    assert last >= 0
    written = json.loads((folder / "labelme/c2.json").read_text())
    height = written["shapes"][0]["points"][1][1]
    # What was acknowledged, or the one after it, of which the answer did not come through.
    assert round((height - 9) * 1000) in (last, last + 1)
    corrected = read_folder(folder, f"labelme/{TABLE}")
    assert load_case(corrected, corrected.cases[2])[1][..., 1].any()
    # The same command again goes on from there.
    frame = App(Asked(open_source(folder))).opened(2)
    assert frame["origin"] == "corrected"
    assert frame["shapes"][0]["points"][1][1] == height


@pytest.mark.slow
def test_ctrl_c_ends_it_and_the_page_says_what_is_not_saved(tmp_path):
    folder = write_folder(tmp_path / "toy", cases=5)
    with browser(tmp_path / "profile") as page, viewing(folder) as (process, port, token):
        page.open(f"http://127.0.0.1:{port}/?token={token}")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert "all corrections are saved" in process.stdout.read()
        page.key("Tab")
        page.key("Tab")
        page.key("e")
        page.until("!document.getElementById('told').hidden")
        assert "Not saved" in page.value("document.getElementById('told').textContent")
        page.key("ArrowRight")
        page.until("document.documentElement.dataset.state === 'saving'")
        assert page.value("view.n") == 0
        assert not (folder / "labelme").exists()


def test_the_browser_is_started_with_a_file_that_others_cannot_read(monkeypatch):
    asked = []
    monkeypatch.setattr(webbrowser, "open", asked.append)
    with opened("http://127.0.0.1:8000/?token=secret"):
        (address,) = asked
        assert address.startswith("file:///")
        assert "secret" not in address
        page = Path(unquote(urlsplit(address).path))
        assert "secret" in page.read_text()
        assert page.parent.stat().st_mode & 0o077 == 0
    assert not page.parent.exists()


@pytest.mark.parametrize(
    ("make", "arguments", "said"),
    [
        (lambda f: None, ["no_such"], "is no folder"),
        (lambda f: f.mkdir(), ["empty"], "no frame"),
        (lambda f: (f.mkdir(), (f / "predictions.jsonl").touch()), ["p"], "--predictions p"),
        (lambda f: write_folder(f), ["toy", "--export", "e", "--predictions", "p"], "one of them"),
        (lambda f: write_folder(f), ["toy", "--export", "nothing"], "manifest.json"),
        (lambda f: write_folder(f), ["toy", "--classes", "wire:line"], "--classes wire:line"),
        (lambda f: write_folder(f), ["toy", "--cases", "other.csv"], "other.csv"),
    ],
)
def test_what_cannot_be_shown_is_said(tmp_path, monkeypatch, capsys, make, arguments, said):
    monkeypatch.chdir(tmp_path)
    make(Path(arguments[0]))
    with pytest.raises(SystemExit) as ended:
        main(["view", *arguments, "--no-browser"])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
