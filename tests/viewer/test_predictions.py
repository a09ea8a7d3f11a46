import time

import numpy as np
import pytest
from PIL import Image

from fluorojax.core.errors import InputError
from fluorojax.data.folder import load_case, read_cases
from fluorojax.inference.write import predict_cases
from fluorojax.metrics.overlap import dice
from fluorojax.viewer import shapes
from fluorojax.viewer.app import App, Asked
from fluorojax.viewer.predictions import OfCall, OfModel, OfRun, Ranking, unsureness
from fluorojax.viewer.sources import open_source
from tests.viewer.constructed import CLASSES, DarkPixels


@pytest.fixture
def read(folder):
    return read_cases(folder)


def drawn(found, label):
    return shapes.drawn([item for item in found if item["label"] == label], (64, 64))


def test_a_network_is_asked_once_a_frame(read):
    model = DarkPixels()
    predictions = OfModel(model)
    frame, mask, _ = load_case(read, read.cases[0])
    values, graded = predictions.planes(read.cases[0], frame)
    assert graded
    assert (values.shape, values.dtype) == ((2, 64, 64), np.uint8)
    found = predictions.shapes(read.cases[0], frame)
    assert predictions.unsureness(read.cases[0], frame) > 0
    assert len(model.asked) == 1
    assert {item["shape_type"] for item in found if item["label"] == "wire"} == {"linestrip"}
    assert dice(drawn(found, "scope"), mask[..., 0]) > 0.9
    assert dice(drawn(found, "wire"), mask[..., 1]) > 0.6


def test_only_the_last_predictions_are_kept(read, monkeypatch):
    monkeypatch.setattr("fluorojax.viewer.predictions.KEPT", 2)
    model = DarkPixels()
    predictions = OfModel(model)
    frames = [load_case(read, case)[0] for case in read.cases[:3]]
    for n in (0, 1, 2, 2, 1, 0):
        predictions.planes(read.cases[n], frames[n])
    assert len(model.asked) == 4


def test_a_call_of_predict_is_shown_as_it_was_written(read, folder, tmp_path):
    model, out = DarkPixels(), tmp_path / "predictions"
    predict_cases(model, read.cases[:4], out, {"made": "here"})
    predictions = OfCall(out, ())
    assert [(c.name, c.kind) for c in predictions.classes] == [
        ("scope", "region"),
        ("wire", "curve"),
    ]
    frame = load_case(read, read.cases[1])[0]
    values, graded = predictions.planes(read.cases[1], frame)
    assert not graded
    masks = np.moveaxis(model.predict(frame).masks, -1, 0)
    np.testing.assert_array_equal(values, 255 * masks.astype(np.uint8))
    found = predictions.shapes(read.cases[1], frame)
    by_model = OfModel(model).shapes(read.cases[1], frame)
    assert [item["label"] for item in found] == [item["label"] for item in by_model]
    np.testing.assert_allclose(found[-1]["points"], by_model[-1]["points"], atol=1e-3)
    # Of a frame that the call did not see nothing is known.
    assert predictions.planes(read.cases[4], frame) is None
    assert predictions.shapes(read.cases[4], frame) is None
    app = App(Asked(open_source(folder), predictions=predictions))
    assert app.planes(1)[1] is False
    with pytest.raises(InputError, match="c4"):
        app.planes(4)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(out / "c2.png")
    with pytest.raises(InputError, match="c2: 8 x 8"):
        predictions.planes(read.cases[2], frame)


def test_planes_stand_in_the_order_of_the_folders_classes(folder):
    class Other(DarkPixels):
        def __init__(self):
            super().__init__()
            self.classes = CLASSES[::-1]

        def predict(self, frame, *args):
            found = super().predict(frame)
            return type(found)(found.masks[..., ::-1], found.probabilities[..., ::-1])

    here, there = (
        App(Asked(open_source(folder), predictions=OfModel(m()))) for m in (DarkPixels, Other)
    )
    assert here.planes(0) == there.planes(0)
    assert [c["name"] for c in there.overview()["classes"]] == ["scope", "wire"]


def test_a_frame_without_annotation_begins_with_what_is_predicted(folder, tmp_path):
    for n in range(2):
        (tmp_path / f"{n}.png").write_bytes((folder / f"images/{n}.png").read_bytes())
    app = App(Asked(open_source(tmp_path), predictions=OfModel(DarkPixels())))
    found = app.opened(0)
    assert found["origin"] == "prediction"
    assert {shape["label"] for shape in found["shapes"]} == {"scope", "wire"}
    assert app.predicted(0)["shapes"] == found["shapes"]
    app.save(0, {"shapes": [], "revision": ""})
    assert app.opened(0)["shapes"] == []


def test_the_least_sure_frame_comes_first():
    sure = np.zeros((40, 40, 2), np.float32)
    sure[10:20, 10:20, 0] = 1
    doubtful = sure.copy()
    doubtful[25:27, 5:35, 1] = 0.5  # a thin wire
    half = sure * 0.9
    nothing = np.full((40, 40, 2), 1e-4, np.float32)
    scores = [unsureness(p) for p in (doubtful, half, sure, nothing)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.4
    assert scores[2] < 0.01


def test_frames_are_ranked_in_the_background_and_what_fails_is_left_out():
    def score(n):
        if n == 1:
            raise InputError("frame 1 cannot be read")
        return (0.2, None, 0.9, 0.5)[n]

    ranking = Ranking(4, score)
    assert ranking.order() == []
    ranking.start()
    for _ in range(500):
        if ranking.done == 4:
            break
        time.sleep(0.01)
    ranking.stop()
    assert ranking.order() == [(2, 0.9), (3, 0.5), (0, 0.2)]
    assert ranking.failed == {1: "frame 1 cannot be read"}


def test_the_app_ranks_its_frames(folder):
    app = App(Asked(open_source(folder), predictions=OfModel(DarkPixels())))
    assert app.order() == {"done": 0, "total": 5, "order": []}
    app.ranking.start()
    for _ in range(1000):
        if app.order()["done"] == 5:
            break
        time.sleep(0.01)
    app.ranking.stop()
    found = [entry["unsure"] for entry in app.order()["order"]]
    assert found == sorted(found, reverse=True)
    assert len(found) == 5


def test_a_run_shows_what_it_was_scored_with(run):
    source = open_source(run)
    predictions = OfRun(run)
    app = App(Asked(source, predictions=predictions))
    names = [frame["case"] for frame in app.overview()["frames"]]
    n = names.index("bad")
    found = app.opened(n)
    assert found["origin"] == "annotation"
    assert [item["label"] for item in found["shapes"]] == ["scope", "wire"]
    planes, graded = app.planes(n)
    assert graded
    assert len(planes) == 2 * 48 * 64
    assert {c["threshold"] for c in app.overview()["classes"]} == {0.5, 0.3}
    app.save(n, {"shapes": [], "revision": ""})
    assert (run / "labelme/bad.json").is_file()
