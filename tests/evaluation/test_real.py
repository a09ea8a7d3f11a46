import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from fluorojax.core.errors import InputError
from fluorojax.data.folder import load_case
from fluorojax.evaluation.real import mean_dice, real_frames, scored
from fluorojax.inference.export import read_manifest
from fluorojax.inference.predictor import Prediction
from tests.folders import edit_csv, write_folder
from tests.integration.runs import run, small_config

NAMES = ("bone", "scope_of_metal", "wire")


class Darker:
    """Finds what is darker than the middle of the grey values, as each of its classes."""

    def predict(self, frame):
        found = frame.pixels < (int(frame.pixels.min()) + int(frame.pixels.max())) / 2
        return Prediction(np.stack([found] * len(NAMES), -1))


def test_the_validation_split_is_looked_at_or_all_of_a_folder_without_one(tmp_path):
    folder = write_folder(tmp_path / "frames")
    real = real_frames(str(folder), NAMES)
    assert [case.case for case in real.cases] == ["c3", "c8"]
    assert [(pair.name, pair.theirs) for pair in real.pairs] == [("scope_of_metal", 0), ("wire", 1)]
    assert str(real) == "2 frames of toy"
    edit_csv(folder / "cases.csv", lambda rows: [row | {"split": "test"} for row in rows])
    assert len(real_frames(str(folder), NAMES).cases) == 10
    with pytest.raises(
        InputError, match=r"has the classes scope, wire, and the network bone: none"
    ):
        real_frames(str(folder), ["bone"])
    edit_csv(folder / "cases.csv", lambda rows: [row | {"annotation": ""} for row in rows])
    with pytest.raises(InputError, match="no case has an annotation"):
        real_frames(str(folder), NAMES)


def test_dice_is_that_of_the_masks_without_what_is_ignored(tmp_path):
    real = real_frames(str(write_folder(tmp_path / "frames")), NAMES)
    model = Darker()
    sums = []
    for case in real.cases:
        frame, mask, ignore = load_case(real.folder, case)
        found = model.predict(frame).masks[..., 0] & ~ignore
        wanted = [mask[..., k].astype(bool) & ~ignore for k in (0, 1)]
        sums.append([2 * (found & w).sum() / (found.sum() + w.sum()) for w in wanted])
        one = scored(model, real, case)
        np.testing.assert_allclose(one.dice, sums[-1])
        assert one.found.shape == one.wanted.shape == (*frame.shape, 2)
    told = mean_dice(model, real)
    assert list(told) == ["scope_of_metal", "wire"]
    np.testing.assert_allclose(list(told.values()), np.mean(sums, axis=0))
    assert 0 < told["scope_of_metal"] < 1


def test_what_neither_shows_counts_as_found(tmp_path):
    real = real_frames(str(write_folder(tmp_path / "frames")), NAMES)
    nothing = SimpleNamespace(
        predict=lambda frame: Prediction(np.zeros((*frame.shape, len(NAMES)), bool))
    )
    frame = scored(nothing, real, real.cases[0])
    np.testing.assert_array_equal(frame.dice, ~frame.wanted.any((0, 1)))


@pytest.mark.integration
def test_training_keeps_what_does_best_on_the_real_frames(tmp_path):
    folder, real = (write_folder(tmp_path / name) for name in ("frames", "real"))
    config = small_config(
        "multi",
        *(folder, tmp_path / "built"),
        **{"evaluation.real_dir": str(real), "training.eval_every": 3},
    )
    workdir = run(config, tmp_path / "run")
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    told = {line["step"]: line for line in lines if line["split"] == "validation"}
    assert list(told) == [3, 6]
    values = {step: line["real/mean/dice"] for step, line in told.items()}
    for line in told.values():
        classes = [value for name, value in line.items() if re.fullmatch(r"real/\w+/dice", name)]
        assert "real/scope/dice" in line
        assert np.mean(classes[-2:]) == pytest.approx(line["real/mean/dice"])
    origin = read_manifest(workdir / "export")["origin"]
    assert origin["step"] == max(values, key=lambda step: (values[step], -step))
    assert origin["chosen_on"] == "2 frames of toy"
