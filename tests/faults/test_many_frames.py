"""A thousand frames in one call, three of them damaged."""

import json
import os
import resource

import numpy as np
import pytest
from PIL import Image

from fluorojax.cli import main as cli
from fluorojax.inference.journal import FILE
from tests.faults.place import write_export

DAMAGED = ("0003", "0500", "0999")
LEAST_GROWTH = 64  # MiB


def write_frames(folder, count, damaged=()):
    """Write so many frames of 512 x 512, links to ten different ones."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for n in range(count):
        path = folder / f"{n:04d}.png"
        if n < 10:
            Image.fromarray(rng.integers(0, 4096, (512, 512)).astype(np.uint16)).save(path)
        else:
            os.link(folder / f"{n % 10:04d}.png", path)
    for name in damaged:
        whole = (folder / f"{name}.png").read_bytes()
        (folder / f"{name}.png").unlink()
        (folder / f"{name}.png").write_bytes(whole[: len(whole) // 2])
    return folder


def predict(export, frames, out):
    """Run the command; return its status and how much the process has grown (MiB)."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status = 0
    try:
        cli.main(["predict", str(export), str(frames), "--out", str(out)])
    except SystemExit as left:
        status = left.code
    return status, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def test_a_damaged_frame_is_named_and_the_others_are_written(tmp_path, capsys):
    export = write_export(tmp_path / "export")
    frames, out = write_frames(tmp_path / "frames", 5, ["0003"]), tmp_path / "out"
    assert predict(export, frames, out)[0] == 3
    said = capsys.readouterr()
    assert "4 masks" in said.out
    assert "failed: 0003: " in said.err
    assert "0003.png" in said.err
    assert "1 of 5 frames could not be predicted" in said.err
    assert not (out / "0003.png").exists()
    written = {path.name: path.stat().st_mtime_ns for path in out.glob("*.png")}
    (frames / "0003.png").unlink()
    os.link(frames / "0001.png", frames / "0003.png")
    assert predict(export, frames, out)[0] == 0  # and what was there was not made again
    assert "5 masks" in capsys.readouterr().out
    assert {name: (out / name).stat().st_mtime_ns for name in written} == written
    assert (out / "0003.png").read_bytes() == (out / "0001.png").read_bytes()


@pytest.mark.slow
def test_a_thousand_frames_with_three_damaged_ones(tmp_path, capsys):
    export = write_export(tmp_path / "export")
    predict(export, write_frames(tmp_path / "few", 50), tmp_path / "first")
    frames = write_frames(tmp_path / "frames", 1000, DAMAGED)
    status, growth = predict(export, frames, tmp_path / "out")
    assert status == 3
    said = capsys.readouterr().err
    assert [name for name in DAMAGED if f"failed: {name}: " in said] == list(DAMAGED)
    assert said.count("failed: ") == 3
    assert len(list((tmp_path / "out").glob("*_overlay.png"))) == 997
    lines = (tmp_path / "out" / FILE).read_text().splitlines()
    assert len(lines) == 998
    assert json.loads(lines[-1])["case"] == "0998"
    assert growth < LEAST_GROWTH
