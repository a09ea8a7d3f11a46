"""Runs one command again and again while its n-th write, fsync or rename fails; see test_disk.py.

python -m tests.faults.victim PLACE COMMAND MODE [FIRST LAST]

MODE is `once`, `on` (all that follow fail too) or `kill`. Prints a line of JSON for each n: what
the command said, and what was in its folder then and after the same command again, without fault.
"""

import contextlib
import ctypes
import io
import json
import shutil
import sys
from pathlib import Path

from fluorojax.cli import main as cli
from fluorojax.core import outputs
from tests.faults.place import calls, state

MODES = {"once": 0, "on": 1, "kill": 2}
disk = ctypes.CDLL(None)  # with what LD_PRELOAD names


def run(arguments: list[str]) -> tuple[int, str]:
    """Run a command; return its status and what it said of errors."""
    said = io.StringIO()
    status = 0
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            cli.main(arguments)
        except SystemExit as left:
            status = left.code
    return status, said.getvalue()


def faulty(arguments: list[str], out: Path, n: int, mode: str) -> tuple[int, str, bool]:
    disk.disk_arm(str(out).encode(), ctypes.c_long(n), MODES[mode])
    try:
        status, said = run(arguments)
    finally:
        fired = bool(disk.disk_disarm())
    return status, said, fired


def found(out: Path) -> dict[str, str]:
    """Return what is there: of a folder with contents whether it is whole, else all its files."""
    results = out / "results"
    if (results / outputs.CONTENTS).is_file():
        outputs.check_whole(results)
        return {"whole": sorted(outputs.read_contents(results)["files"])}
    files = state(out) if out.exists() else {}
    return {"files": sorted(n for n in files if not Path(n).name.startswith("."))}


def main(place: Path, command: str, mode: str, first: str = "0", last: str = "100000") -> None:
    out = place / "out"
    arguments = calls(place, out)[command]
    for n in range(int(first), int(last) + 1):
        shutil.rmtree(out, ignore_errors=True)
        if (place / "before").exists():
            shutil.copytree(place / "before", out)
        status, said, fired = faulty(arguments, out, n, mode)
        line = {"n": n, "fired": fired, "status": status, "said": said, "found": found(out)}
        line["writes"] = disk.disk_seen()
        line["again"], line["said_again"] = run(arguments)
        line["then"] = found(out)
        print(json.dumps(line), flush=True)
        if not fired:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
