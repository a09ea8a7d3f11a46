import numpy as np
import pytest
from PIL import Image

from fluorojax.cli import main as cli
from fluorojax.inference.export import export
from tests.runtimes.networks import PLAIN, predictor_of


def test_an_export_is_timed_in_a_table(tmp_path, capsys):
    export(predictor_of(PLAIN), tmp_path / "export", {"method": "multi"})
    pixels = np.random.default_rng(0).integers(0, 255, (40, 48)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "frame.png")
    command = ["latency", str(tmp_path / "export"), str(tmp_path / "frame.png"), "--rounds", "2"]
    cli.main(command)
    said = capsys.readouterr().out
    for part in ("probabilities", "masks", "p99 ms", "40 x 48 px", "32 x 32; 2 rounds"):
        assert part in said
    with pytest.raises(SystemExit) as left:
        cli.main([*command[:-1], "0"])
    assert left.value.code == 2
    assert "--rounds 0: write a number from 1 up" in capsys.readouterr().err
