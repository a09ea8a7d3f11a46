"""An export of each manifest format that can be read, as the code of its day wrote it, still gives
the probabilities that it gave then.

Of formats 2 and 3 the files were written by the last revision that wrote that format (the parents
of 898020c and aeb9c02), of 4 when this test was. Nothing of format 1 is read: it had neither
thresholds nor rules for masks.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import fluorojax
from fluorojax.core.errors import InputError
from fluorojax.inference import export
from fluorojax.inference.manifest import FORMAT, READABLE

FORMATS = Path(__file__).parent / "formats"


def test_there_is_one_of_each_format():
    kept = sorted(int(path.name) for path in FORMATS.iterdir())
    assert tuple(kept) == READABLE
    for number in kept:
        manifest = json.loads((FORMATS / str(number) / export.MANIFEST).read_text("utf-8"))
        assert manifest["format"] == number


@pytest.mark.parametrize("number", READABLE)
def test_it_gives_the_probabilities_that_it_gave(number):
    folder = FORMATS / str(number)
    model = fluorojax.load(folder)
    assert [c.name for c in model.classes] == ["scope", "wire"]
    assert model.rules.thresholds == (0.5, 0.35)
    assert model.rules.min_component_px == (0.0, 2.0)
    assert (model.rules.gap_closing.bridge_px, model.rules.tta.shifts) == (4.0, 2)
    expected = np.load(folder / "probabilities.npy")
    assert expected.std((0, 1)).min() > 0.02  # a network that says something
    np.testing.assert_allclose(model(np.load(folder / "frame.npy")), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("number", READABLE)
def test_it_can_be_scored_and_gets_a_card_and_the_format_of_today(number, tmp_path):
    for name in (export.MANIFEST, export.PARAMETERS):
        (tmp_path / name).write_bytes((FORMATS / str(number) / name).read_bytes())
    export.add_scores(tmp_path, "test", {"cases": 3})
    manifest = json.loads((tmp_path / export.MANIFEST).read_text("utf-8"))
    assert (manifest["format"], manifest["scores"]) == (FORMAT, {"test": {"cases": 3}})
    card = (tmp_path / "MODEL_CARD.md").read_text("utf-8")
    assert "# Model card: scope, wire" in card
    assert re.search(r"resampling \| (triangle|lanczos) \|", card)


def test_the_format_before_is_refused_by_its_number(tmp_path):
    (tmp_path / export.MANIFEST).write_text('{"format": 1}')
    with pytest.raises(InputError, match="format 1, and this version reads 2, 3, 4"):
        fluorojax.load(tmp_path)
