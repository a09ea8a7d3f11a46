"""The loop that the viewer is for: predict, correct, go on learning, and predict better."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fluorojax.data.folder import Folder, load_case, read_folder
from fluorojax.inference.export import load
from fluorojax.inference.predictor import Predictor
from fluorojax.metrics.overlap import dice
from fluorojax.viewer.app import TABLE, App, Asked
from fluorojax.viewer.predictions import OfModel
from fluorojax.viewer.shapes import of_mask
from fluorojax.viewer.sources import open_source
from tests.folders import edit_csv, write_folder
from tests.integration.runs import run, small_config

STEPS = {"training.steps": 120, "training.eval_every": 60, "training.checkpoint_every": 60}
FIELDS = STEPS | {"training.batch_size": 4, "augment.inversion_rate": 0.0, "model.width": 8}


def brighter(folder: Path) -> None:
    """Show scope and wire bright, as after a change of the detector's settings."""
    for path in (folder / "images").glob("*.png"):
        pixels = np.asarray(Image.open(path)).astype(np.int32)
        Image.fromarray((4000 - pixels).clip(0).astype(np.uint16)).save(path)


def score(model: Predictor, truth: Folder) -> float:
    """Return the mean Dice of the scope on the test frames; the wire takes longer to learn."""
    pairs = (load_case(truth, case)[:2] for case in truth.split("test"))
    return float(
        np.mean([dice(model.segment(frame)[..., 0], mask[..., 0]) for frame, mask in pairs])
    )


@pytest.mark.slow
def test_frames_that_are_corrected_make_the_next_predictions_better(tmp_path):
    first = write_folder(tmp_path / "first", cases=10)
    trained = run(small_config("multi", first, tmp_path / "built", **FIELDS), tmp_path / "run")
    new = write_folder(tmp_path / "new", cases=10)
    brighter(new)
    truth = read_folder(new)
    edit_csv(
        new / "cases.csv",
        lambda rows: [r | ({"annotation": ""} if r["split"] == "train" else {}) for r in rows],
    )
    model = load(trained / "export")
    before = score(model, truth)
    app = App(Asked(open_source(new), predictions=OfModel(model)))
    app.ranking.start()
    app.ranking.stop()
    for n, case in enumerate(truth.cases):
        if case.split == "train":
            opened = app.opened(n)
            assert opened["origin"] == "prediction"
            shapes = of_mask(load_case(truth, case)[1], app.classes)
            app.save(n, {"shapes": shapes, "revision": opened["revision"]})
    again = {"init_from": str(trained / "export"), "data.cases": f"labelme/{TABLE}"}
    config = small_config("multi", new, tmp_path / "built", **FIELDS, **again)
    after = score(load(run(config, tmp_path / "again") / "export"), truth)
    print(f"scope Dice {before:.3f} before, {after:.3f} after")
    assert before < 0.5
    assert after > before + 0.3
