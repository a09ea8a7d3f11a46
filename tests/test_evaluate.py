import json

import numpy as np
import pytest

from fluorojax import evaluate
from fluorojax.data.source import open_folder
from fluorojax.metrics.case import MetricSettings
from tests.folders import write_folder


class Oracle:
    """Stands where the network would: it returns masks made beforehand, frame by frame."""

    def __init__(self, dataset, masks):
        self.classes = dataset.info.classes
        self._masks = iter(masks)

    def __call__(self, frame):
        return next(self._masks).astype(np.float32)


def oracle_of(dataset, masks):
    return evaluate.by_network(Oracle(dataset, masks), 0.5)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("evaluate")
    folder = write_folder(root / "frames", cases=10)
    lines = (folder / "cases.csv").read_text().splitlines()
    lines.append("c10,images/0.png,,,p10,,test")  # no annotation
    (folder / "extra.png").write_bytes((folder / "images/0.png").read_bytes())
    lines[-1] = lines[-1].replace("images/0.png", "extra.png")
    (folder / "cases.csv").write_text("\n".join(lines) + "\n")
    return open_folder(folder, "cases.csv", root / "built")


def scoring(dataset):
    return {
        "info": dataset.info,
        "stored_classes": 2,
        "settings": MetricSettings(),
    }


def references(dataset):
    frames = dataset.split("test")
    return [
        evaluate.reference_of(example, dataset.info, 2) for example in frames if example["labelled"]
    ]


def test_a_perfect_prediction_of_every_labelled_case(dataset, tmp_path):
    oracle = oracle_of(dataset, references(dataset))
    summary = evaluate.write_evaluation(oracle, dataset.split("test"), tmp_path, **scoring(dataset))
    assert (summary["cases"], summary["unlabelled"]) == (2, 1)
    for name in ("scope", "wire"):
        assert summary["classes"][name]["metrics"]["dice"]["mean"] == 1.0
    assert json.loads((tmp_path / "summary.json").read_text()) == summary
    assert {p.stem for p in (tmp_path / "overlays").iterdir()} == {"c4", "c9"}


def test_rows_carry_the_case_and_its_patient(dataset):
    oracle = oracle_of(dataset, references(dataset))
    rows = evaluate.score_split(oracle, dataset.split("test"), **scoring(dataset))
    assert [(r["case"], r["patient"], r["class"]) for r in rows] == [
        (case, patient, name)
        for case, patient in (("c4", "p4"), ("c9", "p9"))
        for name in ("scope", "wire")
    ]


def test_nothing_found_is_a_missed_case_and_stays_in_the_table(dataset):
    nothing = [0 * r for r in references(dataset)]
    rows = evaluate.score_split(
        oracle_of(dataset, nothing), dataset.split("test"), **scoring(dataset)
    )
    assert {r["status"] for r in rows} == {"missed"}
    assert all(r["dice"] == 0.0 for r in rows)
