import dataclasses
import json
import math

import numpy as np
import pytest

from fluorojax.datasets.source import open_folder
from fluorojax.drawing import archive
from fluorojax.evaluation import evaluate
from fluorojax.evaluation.probabilities import read_thresholds
from fluorojax.inference.predictor import Prediction, choose
from fluorojax.metrics.presence import read_presence_csv
from fluorojax.metrics.saved import read_summary
from fluorojax.metrics.summary import read_cases_csv
from fluorojax.schema.info import ImageLabelInfo
from tests.folders import edit_csv, write_folder


class Oracle:
    """Stands where the network would: it returns what was made beforehand, frame by frame."""

    def __init__(self, found, thresholds):
        self._found, self._thresholds = iter(found), np.float32(thresholds)
        self.frames = []

    def predict(self, frame):
        self.frames.append(frame)
        probabilities = next(self._found).astype(np.float32)
        return Prediction(probabilities >= self._thresholds, probabilities)


def oracle_of(found, thresholds=(0.5, 0.5)):
    return evaluate.by_network(Oracle(found, thresholds))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("evaluate")
    folder = write_folder(root / "frames", cases=10)
    lines = (folder / "cases.csv").read_text().splitlines()
    lines.append("c10,images/0.png,,,p10,,test")  # no annotation
    (folder / "extra.png").write_bytes((folder / "images/0.png").read_bytes())
    lines[-1] = lines[-1].replace("images/0.png", "extra.png")
    (folder / "cases.csv").write_text("\n".join(lines) + "\n")
    spaced = {"row_spacing_mm": "0.2", "col_spacing_mm": "0.25"}
    edit_csv(folder / "cases.csv", lambda rows: [row | spaced for row in rows])
    return open_folder(folder, "cases.csv", root / "built")


def scoring(dataset):
    return evaluate.Scoring(dataset.info, 2)


def references(dataset):
    frames = dataset.split("test")
    return [
        evaluate.reference_of(example, dataset.info, 2) for example in frames if example["labelled"]
    ]


def test_a_perfect_prediction_of_every_labelled_case(dataset, tmp_path):
    oracle = oracle_of(references(dataset))
    summary = evaluate.write_evaluation(
        oracle, dataset.split("test"), tmp_path, scoring(dataset), thresholds=(0.5, 0.5)
    )
    assert (summary["cases"], summary["unlabelled"]) == (2, 1)
    for name in ("scope", "wire"):
        assert summary["classes"][name]["metrics"]["dice"]["mean"] == 1.0
    assert json.loads((tmp_path / "summary.json").read_text()) == summary
    for folder in ("overlays", "maps"):
        assert {p.name for p in (tmp_path / folder).iterdir()} == {"c4.png", "c9.png"}
    kept = archive.load(tmp_path / "maps" / "c9.png", 2)
    np.testing.assert_array_equal(kept.reference, references(dataset)[1])


def test_scores_without_pictures(dataset, tmp_path):
    oracle = oracle_of(references(dataset))
    given = {"thresholds": (0.5, 0.5), "draw": evaluate.draw_nothing}
    evaluate.write_evaluation(oracle, dataset.split("test"), tmp_path, scoring(dataset), **given)
    assert {p.name for p in tmp_path.iterdir()} == {
        *("cases.csv", "one_label.csv", "summary.json", "thresholds.csv", "calibration.csv"),
        "contents.json",
    }


def test_each_class_has_its_own_threshold(dataset):
    found = [0.4 * r for r in references(dataset)]
    oracle = oracle_of(found, thresholds=(0.5, 0.3))
    rows = evaluate.score_split(oracle, dataset.split("test"), scoring(dataset))
    assert [row["status"] for row in rows] == ["missed", "scored"] * 2


def test_a_network_gets_frames_with_their_spacing(dataset):
    oracle = Oracle(references(dataset), (0.5, 0.5))
    predict = evaluate.by_network(oracle)
    cases = list(evaluate.cases_of(predict, dataset.split("test"), scoring(dataset)))
    examples = [e for e in dataset.split("test") if e["labelled"]]
    assert [frame.source for frame in oracle.frames] == ["case c4", "case c9"]
    for frame, example, case in zip(oracle.frames, examples, cases, strict=True):
        np.testing.assert_array_equal(frame.pixels, example["image"])
        np.testing.assert_array_equal(frame.spacing_mm, example["spacing_mm"])
        np.testing.assert_array_equal(case.spacing, example["spacing_mm"])
    assert oracle.frames[0].spacing_known


def test_calibration_and_scores_by_threshold_are_kept(dataset, tmp_path):
    found = [0.4 * r for r in references(dataset)]
    given = {"points": {"scope": 0.3, "wire": 0.45}, "thresholds": (0.5, 0.5)}
    oracle, frames = oracle_of(found), dataset.split("test")
    summary = evaluate.write_evaluation(oracle, frames, tmp_path, scoring(dataset), **given)
    assert summary["thresholds"] == {"scope": 0.5, "wire": 0.5}
    scope, wire = summary["confidence"]["scope"], summary["confidence"]["wire"]
    assert scope["operating_point"] == 0.3
    assert scope["at_operating_point"]["dice"] == 1.0
    assert wire["at_operating_point"]["cldice"] == 0.0
    assert scope["calibration_error_found"] == pytest.approx(0.6)  # 0.4 where all are of the class
    table = read_thresholds(tmp_path)
    dice = {r["threshold"]: r["mean"] for r in table if (r["class"], r["metric"]) == PRIMARY_SCOPE}
    assert dice[0.35] == 1.0
    assert dice[0.45] == 0.0


PRIMARY_SCOPE = ("scope", "dice")


def test_several_classes_are_also_scored_as_one_label(dataset, tmp_path):
    found = [np.flip(r, -1) for r in references(dataset)]  # each class where the other is
    oracle = oracle_of(found)
    evaluate.write_evaluation(
        oracle, dataset.split("test"), tmp_path, scoring(dataset), thresholds=(0.5, 0.5)
    )
    rows = read_cases_csv(tmp_path / "one_label.csv")
    assert [(r["case"], r["class"], r["dice"]) for r in rows] == [
        ("c4", "instruments", 1.0),
        ("c9", "instruments", 1.0),
    ]


def test_masks_without_probabilities_have_no_calibration(dataset, tmp_path):
    masks = iter(references(dataset))
    frames = dataset.split("test")
    summary = evaluate.write_evaluation(
        lambda _: Prediction(next(masks)), frames, tmp_path, scoring(dataset)
    )
    assert summary["classes"]["wire"]["metrics"]["dice"]["mean"] == 1.0
    assert not {"confidence", "thresholds"} & summary.keys()
    assert not (tmp_path / "thresholds.csv").exists()


def test_probability_scores_alone_returns_the_best_thresholds(dataset, tmp_path):
    found = [np.array([0.4, 0.8]) * r for r in references(dataset)]
    oracle, frames = oracle_of(found), dataset.split("test")
    points = evaluate.write_probability_scores(oracle, frames, tmp_path, scoring(dataset))
    assert points == {"scope": 0.4, "wire": 0.5}
    assert {p.name for p in tmp_path.iterdir()} == {
        *("thresholds.csv", "calibration.csv", "contents.json")
    }


def test_rows_carry_the_case_and_its_patient(dataset):
    oracle = oracle_of(references(dataset))
    rows = evaluate.score_split(oracle, dataset.split("test"), scoring(dataset))
    assert [(r["case"], r["patient"], r["class"]) for r in rows] == [
        (case, patient, name)
        for case, patient in (("c4", "p4"), ("c9", "p9"))
        for name in ("scope", "wire")
    ]


def test_nothing_found_is_a_missed_case_and_stays_in_the_table(dataset):
    nothing = [0 * r for r in references(dataset)]
    rows = evaluate.score_split(oracle_of(nothing), dataset.split("test"), scoring(dataset))
    assert {r["status"] for r in rows} == {"missed"}
    assert all(r["dice"] == 0.0 for r in rows)


def test_attributes_are_scored_where_they_are_told_and_both_know_them(dataset):
    image_labels = (ImageLabelInfo("view", ("front", "side")), ImageLabelInfo("maker", ("a", "b")))
    info = dataclasses.replace(dataset.info, image_labels=image_labels)
    example = dataset.split("test")[0] | {"image_labels": np.int8([1, -1])}
    mask = evaluate.reference_of(example, info, 2)
    view, maker = (choose(a, np.float32([0.75, 0.25])) for a in image_labels)
    predicted = Prediction(mask, None, {}, {"view": view, "maker": maker, "mood": view})
    rows = evaluate.image_label_rows(evaluate.Case(example, predicted, mask), info)
    assert [tuple(row.values()) for row in rows] == [
        ("c4", "p4", "", "view", "side", "front", 0.75),
        ("c4", "p4", "", "maker", "", "a", 0.75),
    ]
    assert not evaluate.image_label_rows(evaluate.Case(example, Prediction(mask), mask), info)


def test_scores_of_presence_are_kept_and_summarised(dataset, tmp_path):
    masks, wires = references(dataset), iter([{"wire": 2.5}, {"wire": -np.inf, "catheter": 1.0}])
    masks[1][..., 1] = False  # nothing of the wire is found
    found = iter(masks)
    frames = dataset.split("test")
    summary = evaluate.write_evaluation(
        lambda _: Prediction(next(found), presence=next(wires)), frames, tmp_path, scoring(dataset)
    )
    assert read_presence_csv(tmp_path / "presence.csv") == [
        {"case": "c4", "patient": "p4", "class": "wire", "reference": 1, "score": 2.5},
        {"case": "c9", "patient": "p9", "class": "wire", "reference": 1, "score": -np.inf},
    ]
    nothing = dict.fromkeys(("auroc", "auroc_interval", "false_alarms_at_95"))
    assert summary["presence"] == {"wire": nothing | {"with": 2, "without": 0}}
    assert read_summary(tmp_path / "summary.json") == summary
    assert "presence.csv" in (tmp_path / "contents.json").read_text()


def test_masks_alone_have_no_scores_of_presence(dataset, tmp_path):
    masks = iter(references(dataset))
    summary = evaluate.write_evaluation(
        lambda _: Prediction(next(masks)), dataset.split("test"), tmp_path, scoring(dataset)
    )
    assert "presence" not in summary
    assert not (tmp_path / "presence.csv").exists()
    assert summary["classes"]["wire"]["false_alarm_rate"] is None


def test_a_class_is_there_where_its_reference_less_ignored_pixels_is(dataset):
    example = dataset.split("test")[0]
    mask = evaluate.reference_of(example, dataset.info, 2)
    scores = Prediction(mask, presence={"scope": np.float32(0.5), "wire": 0.25})

    def there(**changed):
        case = evaluate.Case(example | changed, scores, mask)
        return [row["reference"] for row in evaluate.presence_rows(case, dataset.info)]

    assert there() == [1, 1]
    assert there(ignore=mask[..., 1].astype(np.uint8)) == [1, 0]
    assert there(ignore=np.ones_like(example["ignore"])) == [0, 0]
    (scope, _) = evaluate.presence_rows(evaluate.Case(example, scores, mask), dataset.info)
    assert type(scope["score"]) is float


def least_of(dataset, monkeypatch, there, scores):
    """Return the least presence of scope and wire, of two frames with and without the wire."""
    masks = references(dataset)
    for mask, has in zip(masks, there, strict=True):
        mask[..., 1] &= has
    left, of = iter(masks), iter(scores)

    def predict(_):
        return Prediction(np.zeros_like(masks[0]), presence={"scope": 9.0, "wire": next(of)})

    with monkeypatch.context() as patch:
        patch.setattr(evaluate, "reference_of", lambda *_: next(left))
        return evaluate.least_presence(predict, dataset.split("test"), scoring(dataset))


def test_the_least_presence_lies_between_frames_with_a_class_and_without(dataset, monkeypatch):
    scope, wire = least_of(dataset, monkeypatch, (True, False), (99.0, 9.0))
    assert scope == 0  # it is in every frame
    assert wire == pytest.approx(math.expm1((math.log1p(99) + math.log1p(9)) / 2))
    assert 9 < wire < 54
    # Nothing at all speaks for it where it is not.
    scope, wire = least_of(dataset, monkeypatch, (False, True), (-math.inf, 8.0))
    assert (scope, wire) == (0, pytest.approx(2))


def test_nothing_is_asked_for_where_no_frame_lacks_a_class_or_none_has_it(dataset, monkeypatch):
    for there in ((True, True), (False, False)):
        assert least_of(dataset, monkeypatch, there, (99.0, 9.0)) == (0, 0)
